# SPDX-License-Identifier: Apache-2.0
"""Which NPU a compiled model was made for, from its command stream."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from gen_fw.boards.accelerator import ETHOS_U
from gen_fw.compilers.command_stream import compiled_for, damage, is_compiled, scratch_bytes
from gen_fw.model.reader import read_model
from gen_fw.model.types import Buffer, DType, Model, Operator, Subgraph, Tensor
from sample_models import ROOT

#: config words of Vela 5.2.0's streams
CONFIGS = {
    "ethos-u55-32": 0x00001005,
    "ethos-u55-64": 0x00001006,
    "ethos-u55-128": 0x00001807,
    "ethos-u55-256": 0x00003008,
    "ethos-u65-256": 0x10003008,
    "ethos-u65-512": 0x10006009,
    "ethos-u85-128": 0x20000117,
    "ethos-u85-256": 0x20000118,
    "ethos-u85-512": 0x20001119,
    "ethos-u85-1024": 0x2000251A,
    "ethos-u85-2048": 0x2000261B,
}


def stream(config: int, *, fourcc: bytes = b"COP1", nops: int = 0) -> bytes:
    actions = [5] * nops + [0x00100001, config, 0x10066001]
    return fourcc + struct.pack(f"<{len(actions)}I", *actions)


def compiled(*streams: bytes) -> Model:
    """A model with one ethos-u operator for each command stream."""
    buffers = [Buffer(0, memoryview(b"")), *(Buffer(0, memoryview(data)) for data in streams)]
    count = len(streams)
    tensors = [
        Tensor(i, b"", DType.UINT8, (len(data),), None, i + 1) for i, data in enumerate(streams)
    ]
    tensors.append(Tensor(count, b"scratch", DType.UINT8, (320,), None, 0))
    operators = [
        Operator(i, "CUSTOM", 32, 1, (i, -1, count), (), custom_code=b"ethos-u")
        for i in range(count)
    ]
    graph = Subgraph(0, b"", tuple(tensors), tuple(operators), (), ())
    return Model(memoryview(b""), "", 3, b"", (graph,), tuple(buffers))


def test_every_accelerator_is_recognised() -> None:
    assert set(CONFIGS) == set(ETHOS_U)
    for name, config in CONFIGS.items():
        assert compiled_for(compiled(stream(config))) == name
        assert compiled_for(compiled(stream(config, fourcc=b"COP2", nops=3))) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"COP1",
        stream(CONFIGS["ethos-u55-256"])[:11],
        stream(CONFIGS["ethos-u55-256"], fourcc=b"COP9"),
        stream(CONFIGS["ethos-u55-256"], nops=17),
        stream(0x30003008),
        b"COP1" + struct.pack("<3I", 2, 0, 0),
    ],
    ids=["empty", "four bytes", "cut off", "fourcc", "only nops", "product", "no config first"],
)
def test_a_damaged_stream_tells_nothing(data: bytes) -> None:
    model = compiled(data)
    assert compiled_for(model) == "" and is_compiled(model)


def whole(config: int) -> bytes:
    """A stream as Vela makes it: the NPU's commands, two words here, are aligned to 16 bytes."""
    actions = [0x00100001, config, 0x10066001, 5, 5, 5, 0x00020002, 0, 0]
    return b"COP1" + struct.pack(f"<{len(actions)}I", *actions)


def test_a_whole_stream_is_accepted() -> None:
    assert damage(compiled(whole(CONFIGS["ethos-u55-256"]))) == ""
    given = read_model(ROOT / "tests" / "data" / "compiled" / "svdf_int8_vela.tflite")
    assert damage(given) == "" and compiled_for(given) == "ethos-u55-256"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: b"COP9" + data[4:], "does not begin with COP1"),
        (lambda data: b"COP2" + data[4:], "--cop-format COP1"),
        (lambda data: data[:-2], "no multiple of 4"),
        (lambda data: data[:-4], "cut off: 36 of 40 bytes"),
        (lambda data: data[:4] + b"\x09" + data[5:], "no driver action 9"),
        (lambda data: data[:24] + data[28:], "not aligned"),
        (lambda data: data[:28], "0 parts with commands"),
    ],
)
def test_what_the_driver_would_refuse(spoil: Callable[[bytes], bytes], says: str) -> None:
    good = whole(CONFIGS["ethos-u55-256"])
    assert says in damage(compiled(good, spoil(good)))


def test_an_operator_without_scratch() -> None:
    model = compiled(whole(CONFIGS["ethos-u55-256"]))
    graph = model.subgraphs[0]
    bare = replace(graph.operators[0], inputs=(0,))
    assert "no scratch" in damage(replace(model, subgraphs=(replace(graph, operators=(bare,)),)))


def test_streams_for_two_accelerators_tell_nothing() -> None:
    both = compiled(stream(CONFIGS["ethos-u55-256"]), stream(CONFIGS["ethos-u55-128"]))
    assert compiled_for(both) == ""
    same = compiled(stream(CONFIGS["ethos-u55-256"]), stream(CONFIGS["ethos-u55-256"]))
    assert compiled_for(same) == "ethos-u55-256" and scratch_bytes(same) == 320


def test_operators_without_inputs_are_survived() -> None:
    model = compiled(stream(CONFIGS["ethos-u55-256"]))
    graph = model.subgraphs[0]
    bare = replace(graph.operators[0], inputs=())
    empty = replace(model, subgraphs=(replace(graph, operators=(bare,)),))
    assert compiled_for(empty) == "" and scratch_bytes(empty) == 0


def test_an_ordinary_model_is_not_compiled() -> None:
    model = read_model(ROOT / "examples" / "models" / "sine_int8.tflite")
    assert compiled_for(model) is None and not is_compiled(model)
