# SPDX-License-Identifier: Apache-2.0
"""What the reader returns, and every kind of file it refuses, on hand-built models."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from gen_fw.errors import ExitCode, ModelError, UsageError
from gen_fw.model import options
from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.reader import Limits, read_model
from gen_fw.model.types import DType, Quantization
from tflite_writer import DENSE, Fields, edited, write

T = "subgraphs.0.tensors"
OP = "subgraphs.0.operators.0"


def test_every_field_of_the_model() -> None:
    model = read_model(write(DENSE), name="dense")
    (subgraph,) = model.subgraphs
    (operator,) = subgraph.operators
    source, weights, result = subgraph.tensors

    assert (model.version, model.description, subgraph.name) == (3, b"dense", b"main")
    assert (subgraph.inputs, subgraph.outputs) == ((0,), (2,))
    assert (operator.name, operator.code, operator.version) == ("FULLY_CONNECTED", 9, 2)
    assert (operator.inputs, operator.outputs) == ((0, 1, -1), (2,))
    assert operator.options == options.FullyConnectedOptions(
        fused_activation_function=ActivationFunctionType.RELU6
    )
    assert source.shape_signature == (-1, 2)
    assert source.quantization == Quantization((0.5,), (-3,))
    assert weights.quantization == Quantization((0.5, 0.25, 1.0), (0, 0, 0), 0)
    assert weights.quantization is not None and weights.quantization.per_channel
    assert (result.dtype, result.shape, result.bytes) == (DType.INT8, (1, 3), 3)
    assert model.is_constant(weights) and not model.is_constant(source)
    assert [entry.name for entry in model.metadata] == [b"min_runtime_version"]
    (signature,) = model.signatures
    assert (signature.key, signature.inputs) == (b"serving_default", ((b"x", 0),))
    assert model.diagnostics == ()


def test_buffers_are_views_into_the_file() -> None:
    content = write(DENSE)
    model = read_model(content)
    data = model.buffers[1].data
    assert data.obj is content and bytes(data) == bytes(range(6))
    assert content[model.buffers[1].offset :][:6] == bytes(range(6))


def test_data_behind_the_flatbuffer() -> None:
    size = len(write(edited({"buffers.1": {"offset": 2, "size": 6}})))
    content = write(edited({"buffers.1": {"offset": size, "size": 6}})) + b"abcdef"
    buffer = read_model(content).buffers[1]
    assert (bytes(buffer.data), buffer.offset, buffer.outside) == (b"abcdef", size, True)
    with pytest.raises(ModelError, match="pass the end"):
        read_model(content[:-1])

    custom = {
        "operator_codes.0": {"builtin_code": 32, "custom_code": b"mine"},
        f"{OP}.builtin_options": None,
        f"{OP}.large_custom_options_offset": 4,
        f"{OP}.large_custom_options_size": 4,
    }
    operator = read_model(write(edited(custom))).subgraphs[0].operators[0]
    assert (operator.custom_code, bytes(operator.custom_options)) == (b"mine", b"TFL3")


def test_options_of_the_second_union_and_custom_data() -> None:
    edits = {
        "operator_codes.0": {"deprecated_builtin_code": 127, "builtin_code": 204},
        f"{OP}.builtin_options": None,
        f"{OP}.builtin_options_2": ("StablehloRngBitGeneratorOptions", {"algorithm": 2}),
        f"{OP}.inputs": [0],
    }
    operator = read_model(write(edited(edits))).subgraphs[0].operators[0]
    assert operator.name == "STABLEHLO_RNG_BIT_GENERATOR"
    assert dataclasses.asdict(operator.options) == {"algorithm": 2}  # type: ignore[call-overload]


def _calls(*callees: int) -> Fields:
    """One subgraph per callee; subgraph i calls callees[i] through CALL_ONCE (-1: calls nobody)."""
    call = {"opcode_index": 0, "inputs": [], "outputs": []}
    subgraphs = [
        {
            "operators": [
                {**call, "builtin_options": ("CallOnceOptions", {"init_subgraph_index": callee})}
            ]
            if callee >= 0
            else []
        }
        for callee in callees
    ]
    return {
        "version": 3,
        "operator_codes": [{"deprecated_builtin_code": 127, "builtin_code": 129}],
        "buffers": [{}],
        "subgraphs": subgraphs,
    }


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"version": 2}, "version", "schema version 2"),
    ({"subgraphs": []}, "subgraphs", "no subgraphs"),
    ({"buffers": None}, "buffers", "no buffers"),
    ({"operator_codes.0.builtin_code": 210}, "operator_codes[0]", "no builtin operator 210"),
    (
        {"operator_codes.0": {"builtin_code": 32}, f"{OP}.builtin_options": None},
        "operator_codes[0].custom_code",
        "has no name",
    ),
    ({"operator_codes.0.version": 0}, "operator_codes[0].version", "impossible version"),
    ({f"{OP}.opcode_index": 1}, "subgraphs[0].operators[0].opcode_index", "no operator code 1"),
    ({f"{OP}.inputs": None}, "subgraphs[0].operators[0].inputs", "has no inputs"),
    ({f"{OP}.inputs.0": 3}, "subgraphs[0].operators[0].inputs[0]", "no tensor 3"),
    ({f"{OP}.inputs.0": -2}, "subgraphs[0].operators[0].inputs[0]", "no tensor -2"),
    ({f"{OP}.inputs.1": -1}, "subgraphs[0].operators[0].inputs[1]", "needs its input 1"),
    ({f"{OP}.outputs.0": -1}, "subgraphs[0].operators[0].outputs[0]", "no tensor -1"),
    ({"subgraphs.0.inputs.0": -1}, "subgraphs[0].inputs[0]", "no tensor -1"),
    ({f"{OP}.builtin_options": ("AddOptions", {})}, "builtin_options", "has AddOptions"),
    (
        {f"{OP}.builtin_options": ("FullyConnectedOptions", {"fused_activation_function": 9})},
        "builtin_options.fused_activation_function",
        "does not know",
    ),
    ({f"{T}.1.buffer": 2}, "subgraphs[0].tensors[1].buffer", "no buffer 2"),
    ({f"{T}.0.type": 60}, "subgraphs[0].tensors[0].type", "no element type 60"),
    ({f"{T}.0.external_buffer": 1}, "tensors[0].external_buffer", "another file"),
    ({f"{T}.0.shape": [1, -2]}, "subgraphs[0].tensors[0].shape", "negative"),
    ({f"{T}.0.shape": [1 << 16, 1 << 16]}, "subgraphs[0].tensors[0].shape", "overflows"),
    ({f"{T}.0.shape": [0, 1 << 16, 1 << 16]}, "subgraphs[0].tensors[0].shape", "overflows"),
    ({f"{T}.0.shape": [1] * 33}, "subgraphs[0].tensors[0].shape", "33 dimensions"),
    ({"buffers.1.data": b"12345"}, "tensors[1].buffer", "needs 6 bytes and its buffer has 5"),
    ({f"{T}.1.type": 17}, "tensors[1].buffer", "needs 3 bytes and its buffer has 6"),
    ({f"{T}.1.is_variable": 1}, "tensors[1].buffer", "variable"),
    ({f"{T}.0.quantization.zero_point": []}, "quantization.zero_point", "1 scales and 0 zero"),
    ({f"{T}.0.quantization.zero_point": [128]}, "quantization.zero_point", "out of range for INT8"),
    ({f"{T}.0.quantization.scale": [0.0]}, "quantization.scale", "a scale is 0"),
    ({f"{T}.0.quantization.scale": [-1.0]}, "quantization.scale", "positive"),
    ({f"{T}.0.quantization.scale": [float("nan")]}, "quantization.scale", "positive"),
    ({f"{T}.1.quantization.quantized_dimension": 1}, "quantization.scale", "3 scales for 2"),
    ({f"{T}.1.quantization.quantized_dimension": 2}, "quantized_dimension", "no dimension 2"),
    ({"subgraphs.0.inputs": []}, "operators[0].inputs[0]", "read before anything writes it"),
    ({f"{OP}.outputs.0": 1}, "operators[0].outputs[0]", "it is a constant"),
    ({f"{OP}.outputs.0": 0}, "operators[0].outputs[0]", "it is a subgraph input"),
    ({f"{OP}.outputs": [2, 2]}, "operators[0].outputs[1]", "the output of operator 0"),
    ({f"{T}.2.is_variable": 1}, "operators[0].outputs[0]", "it is a variable"),
    ({f"{OP}.outputs": []}, "subgraphs[0].outputs[0]", "nothing writes tensor 2"),
    ({"metadata.0.buffer": 2}, "metadata[0].buffer", "no buffer 2"),
    ({"signature_defs.0.subgraph_index": 1}, "signature_defs[0]", "no subgraph 1"),
    ({"signature_defs.0.inputs.0.tensor_index": 3}, "inputs[0].tensor_index", "no tensor 3"),
    ({"subgraphs.0.operators": []}, "", "no operators"),
    (
        {
            "operator_codes.0": {"builtin_code": 3, "deprecated_builtin_code": 3},
            f"{OP}.builtin_options": ("Conv2DOptions", {"stride_w": 0, "stride_h": 1}),
        },
        "builtin_options.stride_w",
        "stride_w is 0",
    ),
    (
        {"operator_codes.0": {"builtin_code": 143}, f"{OP}.builtin_options": None},
        "operators[0].inputs[0]",
        "no resource handle",
    ),
]


@pytest.mark.parametrize(("edits", "path", "words"), REFUSED)
def test_refused(edits: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(write(edited(edits)), name="m.tflite")
    assert words in caught.value.what
    assert path in caught.value.where and "m.tflite" in caught.value.where
    assert caught.value.exit_code is ExitCode.MODEL


def test_errors_name_file_path_and_offset() -> None:
    content = write(edited({f"{T}.0.shape": [1, -2]}))
    with pytest.raises(ModelError) as caught:
        read_model(content, name="m.tflite")
    detail = caught.value.detail
    assert detail["file"] == "m.tflite" and detail["path"] == "subgraphs[0].tensors[0].shape"
    assert content[detail["offset"] :][:8] == b"\1\0\0\0\xfe\xff\xff\xff"


@pytest.mark.parametrize("callees", [(0,), (1, 0), (1, 2, 1), (-1, 1)])
def test_call_cycles_are_refused(callees: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="call each other"):
        read_model(write(_calls(*callees)))


def _branch(condition_and: int, inputs: int, outputs: int) -> bytes:
    """IF with ``condition_and`` further inputs, between two equal subgraphs of ADD."""
    callee = {
        "tensors": [{"shape": [1]}] * 3,
        "inputs": [0, 1][:inputs],
        "outputs": [2][:outputs],
        "operators": [{"opcode_index": 1, "inputs": [0, 0], "outputs": [2]}],
    }
    caller = {
        "opcode_index": 0,
        "inputs": list(range(1 + condition_and)),
        "outputs": [3],
        "builtin_options": ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}),
    }
    main = {
        "tensors": [{"type": 6, "shape": [1]}, *[{"shape": [1]}] * 3],
        "inputs": [0, 1, 2],
        "outputs": [3],
        "operators": [caller],
    }
    return write(
        {
            "version": 3,
            "operator_codes": [{"builtin_code": 118, "deprecated_builtin_code": 118}, {}],
            "buffers": [{}],
            "subgraphs": [main, callee, callee],
        }
    )


def test_callers_and_callees_agree() -> None:
    assert len(read_model(_branch(2, 2, 1)).subgraphs) == 3
    for condition_and, inputs, outputs in ((1, 2, 1), (2, 1, 1), (2, 2, 0)):
        with pytest.raises(ModelError, match="IF does not fit subgraph 1"):
            read_model(_branch(condition_and, inputs, outputs))


def test_call_graphs_without_cycles() -> None:
    assert len(read_model(write(_calls(1, 2, -1))).subgraphs) == 3
    with pytest.raises(ModelError, match="calls subgraph 7"):
        read_model(write(_calls(7)))
    deep = _calls(*range(1, 5000), -1)
    assert len(read_model(write(deep)).subgraphs) == 5000


TOLERATED: list[tuple[dict[str, Any], str]] = [
    ({f"{T}.0.quantization.quantized_dimension": 3}, "quantized_dimension 3 is out of range"),
    ({f"{T}.0.shape_signature": [-1]}, "another rank"),
    ({f"{T}.1.quantization": {"scale": [0.0], "zero_point": [0]}}, "a scale is 0"),
    ({"subgraphs.0.inputs": [0, 1]}, "input is a constant"),
]


@pytest.mark.parametrize(("edits", "words"), TOLERATED)
def test_oddities_are_notes(edits: dict[str, Any], words: str) -> None:
    (note,) = read_model(write(edited(edits))).diagnostics
    assert words in note.what and note.where.startswith("subgraphs[0]")


def test_strings() -> None:
    def model(data: bytes) -> bytes:
        edits = {f"{T}.1": {"shape": [2], "type": 5, "buffer": 1}, "buffers.1.data": data}
        return write(edited(edits))

    good = b"".join(n.to_bytes(4, "little") for n in (2, 16, 18, 19)) + b"abc"
    assert read_model(model(good)).subgraphs[0].tensors[1].dtype is DType.STRING
    for bad in (good[:-1], good + b"d", good[:7], b"\xff" * 19, good.replace(b"\x12", b"\x09")):
        with pytest.raises(ModelError, match="string constant is damaged"):
            read_model(model(bad))


def test_sparse_constants() -> None:
    """A [2, 4] matrix with dense rows and CSR columns, three elements stored."""

    def model(segments: list[int], indices: list[int], rows: int = 2) -> bytes:
        sparsity = {
            "traversal_order": [0, 1],
            "dim_metadata": [
                {"dense_size": rows},
                {
                    "format": 1,
                    "array_segments": ("Uint8Vector", {"values": segments}),
                    "array_indices": ("Uint16Vector", {"values": indices}),
                },
            ],
        }
        weights = {"shape": [2, 4], "type": 9, "buffer": 1, "sparsity": sparsity}
        return write(edited({f"{T}.1": weights, "buffers.1.data": b"abc"}))

    sparsity = read_model(model([0, 1, 3], [3, 0, 2])).subgraphs[0].tensors[1].sparsity
    assert sparsity is not None and (sparsity.traversal_order, sparsity.dimensions) == ((0, 1), 2)
    for segments, indices, rows in (
        ([0, 1, 3], [3, 0, 4], 2),
        ([0, 1, 2], [3, 0, 2], 2),
        ([1, 0, 3], [3, 0, 2], 2),
        ([0, 3], [3, 0, 2], 2),
        ([0, 1, 3], [3, 0, 2], 3),
        ([0, 1, 2], [3, 0], 2),
    ):
        with pytest.raises(ModelError):
            read_model(model(segments, indices, rows))


def test_names_are_bytes() -> None:
    name = b'\xff\n"*/ ${x}\0z'
    tensor = read_model(write(edited({f"{T}.0.name": name}))).subgraphs[0].tensors[0]
    assert tensor.name == name
    assert tensor.display_name.isprintable() and len(tensor.display_name) == len(name)


FORMATS = [
    (b"", "an empty file"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
    (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", "PyTorch"),
    (b"PK\x03\x04" + bytes(26) + b"model.tflite", "zip"),
    (b"\x08\x07\x12\x07pytorch\x1a\x051.9.0", "ONNX"),
    (b"\n<!DOCTYPE html><html>", "HTML"),
    (b'{"format": "graph-model"}', "JSON"),
    (b"\x1f\x8b\x08\0" + bytes(20), "gzip"),
    (bytes(257) + b"ustar" + bytes(250), "tar"),
    (b"\x89HDF\r\n\x1a\n" + bytes(20), "Keras"),
    (b"const unsigned char g_model[] = {0x1c, 0x00};", "C source"),
    (b"hello, this is a readme", "text"),
    (b"\0" * 64, "not a TFLite model"),
    (b"\x80\x02}q\x00(X\x04\0\0\0", "pickle"),
]


@pytest.mark.parametrize(("content", "words"), FORMATS)
def test_other_formats_are_named(content: bytes, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_model(content, name="x")
    assert words in caught.value.what and caught.value.hint


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "no extension"
    file.write_bytes(write(DENSE))
    assert read_model(file).subgraphs
    with pytest.raises(ModelError, match="more than the limit of 100"):
        read_model(file, limits=Limits(file_bytes=100))
    with pytest.raises(UsageError, match="no such file"):
        read_model(tmp_path / "absent.tflite")
    with pytest.raises(UsageError, match="a folder"):
        read_model(tmp_path)
    with pytest.raises(UsageError, match="cannot read"):
        read_model(tmp_path / "nul\0byte")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_fifos_and_devices_never_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path(os.devnull)):
        with pytest.raises(UsageError, match="not a regular file"):
            read_model(path)
