# SPDX-License-Identifier: Apache-2.0
"""Scripts of the reference kernels: one for every registration, and the events of some of them
worked out by hand from the C++ of tflite-micro 90b983c2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gen_fw.model.operators import BUILTIN_OPERATORS
from gen_fw.model.reader import read_model
from gen_fw.model.types import DType, Model
from gen_fw.runtimes.tflm import abi
from gen_fw.runtimes.tflm.abi import Abi, Build
from gen_fw.runtimes.tflm.arena.account import account
from gen_fw.runtimes.tflm.arena.allocator import Allocator, Event
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Resources
from gen_fw.runtimes.tflm.arena.kernels.reference import REFERENCE
from gen_fw.runtimes.tflm.support import check
from gen_fw.runtimes.tflm.table import load, releases
from tflite_writer import Fields, write

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"
#: "release.abi" of every table of structure sizes
ABI_TABLES = sorted(path.stem for path in Path(abi.__file__).parent.glob("data/abi/*.json"))
UPSTREAM = "tflite-micro-90b983c2"

# sizes of a 32-bit ABI, and op data of made-up sizes
DOCUMENT: dict[str, Any] = {
    "pointer": 4,
    "computed": False,
    "source": "by hand",
    "structs": {
        "TfLiteTensor": [32, 4],
        "TfLiteAffineQuantization": [12, 4],
        "TfLiteEvalTensor": [12, 4],
    },
    "params": {},
    "constants": {},
    "kernels": {
        "reference": {
            "op_data": {
                "Register_MEAN": 44,
                "Register_TRANSPOSE_CONV": 72,
                "Register_BATCH_MATMUL": 16,
                "Register_ADD_N": 0,
                "Register_FULLY_CONNECTED": 48,
            },
            "types": {"add_n.cc:OpData": 40},
        }
    },
}


@pytest.mark.parametrize("release", releases())
def test_every_registration_has_a_script(release: str) -> None:
    table = load(release)
    assert {*table.builtin, *table.custom} <= set(REFERENCE)


def test_every_script_has_a_registration() -> None:
    tables = [load(release) for release in releases()]
    assert set(REFERENCE) <= {name for table in tables for name in (*table.builtin, *table.custom)}


@pytest.mark.parametrize("table", ABI_TABLES)
def test_every_model_has_an_account(table: str) -> None:
    """What holds whatever a script does: as TFLM demands it, each temporary buffer is freed when
    the next operator is prepared (MicroAllocator::ResetTempAllocations)."""
    release, _, name = table.rpartition(".")
    build = Build(release, name, "reference")
    counted = 0
    for path in sorted(MODELS.glob("*.tflite")):
        model = read_model(path)
        if check(model, release):
            continue
        counted += 1
        arena = account(model, build)
        assert arena.used == arena.head + arena.tail <= arena.minimum, path.name
        assert arena.minimum % 16 == 0 and arena.lower_bound <= arena.head, path.name
        assert sum(item.bytes for item in arena.items) == arena.minimum, path.name
        assert _unfreed(arena.events) == 0, path.name
        kept = {event.operator for event in arena.events if event.group == "operator data"}
        assert kept, path.name
    assert counted >= 10


def _unfreed(events: Sequence[Event]) -> int:
    """The most temporary buffers that are in use at a reset."""
    live = most = 0
    for event in events:
        live += {"temp": 1, "free": -1}.get(event.kind, 0)
        if event.kind == "reset":
            most = max(most, live)
    return most


def tensor(shape: Sequence[int], dtype: DType, scales: int = 1, data: bytes = b"") -> Fields:
    """A tensor with that many scales; 0 for no quantization."""
    fields: Fields = {"shape": list(shape), "type": int(dtype), "name": b"t", "data": data}
    if scales:
        fields["quantization"] = {"scale": [0.5] * scales, "zero_point": [0] * scales}
    return fields


def single(
    name: str, inputs: Sequence[Fields | None], output: Fields, options: str = "", **values: int
) -> Model:
    """A model of one operator. Inputs with data are constants, None is omitted."""
    present = [dict(fields) for fields in inputs if fields is not None]
    buffers: list[Fields] = [{}]
    for fields in (*present, output := dict(output)):
        if data := fields.pop("data"):
            buffers.append({"data": data})
            fields["buffer"] = len(buffers) - 1
    indices = iter(range(len(present)))
    code = BUILTIN_OPERATORS.index(name)
    operator: Fields = {
        "inputs": [-1 if fields is None else next(indices) for fields in inputs],
        "outputs": [len(present)],
    }
    if options:
        operator["builtin_options"] = (options, values)
    graph = {
        "tensors": [*present, output],
        "inputs": [index for index, fields in enumerate(present) if "buffer" not in fields],
        "outputs": [len(present)],
        "operators": [operator],
    }
    return read_model(
        write(
            {
                "version": 3,
                "operator_codes": [
                    {"deprecated_builtin_code": min(code, 127), "builtin_code": code}
                ],
                "buffers": buffers,
                "subgraphs": [graph],
            }
        )
    )


def prepared(model: Model, release: str = UPSTREAM) -> tuple[list[str], list[int]]:
    """(calls of Init and Prepare, scratch requests) of the only operator.

    Calls: ``keep N``, ``plain`` and ``quantized`` for a temporary tensor, ``free N`` for N of its
    buffers freed in a row.
    """
    build = Build(release, "arm-eabi", "reference")
    arena = Allocator()
    operator = model.subgraphs[0].operators[0]
    registration = load(release).builtin[operator.name]
    kernel = Kernel(
        model,
        model.subgraphs[0],
        operator,
        build,
        Abi(build, DOCUMENT),
        arena,
        Resources(set()),
        registration.register,
    )
    script = REFERENCE[operator.name]
    script.init(kernel)
    script.prepare(kernel)
    calls: list[str] = []
    for event in arena.events:
        if event.kind == "persistent":
            assert event.alignment == 16
            calls.append(f"keep {event.bytes}")
        elif event.kind == "free":
            count = int(calls.pop().split()[1]) if calls[-1].startswith("free") else 0
            calls.append(f"free {count + 1}")
        elif event.bytes == 32:
            calls.append("plain")
        elif event.bytes == 12:
            assert calls.pop() == "plain"
            calls.append("quantized")
        else:
            assert event.alignment == 4 and calls[-1] == "quantized"
    return calls, kernel.requests


def axes(*values: int) -> Fields:
    data = b"".join(value.to_bytes(4, "little") for value in values)
    return tensor((len(values),), DType.INT32, 0, data)


def test_mean_of_int8() -> None:
    """reduce_common.cc: PrepareMeanOrSumHelper, which calls PrepareSimple at its end."""
    model = single(
        "MEAN",
        [tensor((1, 4, 4, 8), DType.INT8), axes(1, 2)],
        tensor((1, 8), DType.INT8),
        "ReducerOptions",
    )
    takes = ["quantized", "quantized", "plain"]
    simple = ["quantized", "plain", "quantized", "free 14"]
    assert prepared(model) == (["keep 44", *takes, *simple], [4 * 8, 4 * 4, 4 * 2])
    # the index and the axes are on the stack there
    assert prepared(model, "esp-tflite-micro-1.3.5")[1] == [4 * 8]


def test_transposed_convolution_of_int16() -> None:
    """transpose_conv.cc: sums of 64 bits; CalculateOpData takes all tensors again."""
    model = single(
        "TRANSPOSE_CONV",
        [
            axes(1, 4, 4, 5),
            tensor((5, 2, 2, 3), DType.INT8, 5, bytes(60)),
            tensor((1, 2, 2, 3), DType.INT16),
            None,
        ],
        tensor((1, 4, 4, 5), DType.INT16),
        "TransposeConvOptions",
        stride_w=2,
        stride_h=2,
    )
    takes = ["quantized"] * 3
    keeps = ["keep 20", "keep 20"]
    expected = ["keep 72", *takes, *keeps, *takes, "free 18"]
    assert prepared(model) == (expected, [8 * 4 * 4 * 5])


def test_matrix_product_of_int8() -> None:
    """batch_matmul.cc: the quantization, then for each operand that is to be transposed a tensor,
    its shape and its data, then the output's shape."""
    operands = [tensor((2, 3, 4), DType.INT8), tensor((4, 5), DType.INT8)]
    output = tensor((2, 3, 5), DType.INT8)
    plain = single("BATCH_MATMUL", operands, output, "BatchMatMulOptions")
    takes = ["keep 16", *["quantized"] * 3, "keep 28"]
    right = ["keep 12", "keep 12", "keep 20"]
    assert prepared(plain) == ([*takes, *right, "keep 16", "free 9"], [])
    operands = [tensor((2, 4, 3), DType.INT8), tensor((5, 4), DType.INT8)]
    both = single("BATCH_MATMUL", operands, output, "BatchMatMulOptions", adj_x=1, adj_y=1)
    left = ["keep 12", "keep 16", "keep 24"]
    assert prepared(both) == ([*takes, *left, "keep 16", "free 9"], [])


@pytest.mark.parametrize(
    ("dtype", "calls"),
    [
        (DType.INT8, ["quantized"] * 3 + ["free 3", "quantized", "free 3", "keep 40", "free 6"]),
        (DType.FLOAT32, ["plain"] * 3 + ["free 1", "plain", "free 3"]),
    ],
)
def test_sum_of_three_tensors(dtype: DType, calls: list[str]) -> None:
    """add_n.cc: no Init, op data in Prepare for int8 only; a pointer per input is scratch."""
    each = tensor((2, 3), dtype, int(dtype is DType.INT8))
    assert prepared(single("ADD_N", [each] * 3, each)) == (calls, [12])


def test_dense_layer_without_bias() -> None:
    """fully_connected.cc: 4-bit weights are unpacked into scratch; per-channel scales of 8-bit
    ones are kept (fully_connected_common.cc)."""
    source, output = tensor((1, 6), DType.INT8), tensor((1, 3), DType.INT8)
    takes = ["keep 48", *["quantized"] * 3]
    narrow = tensor((3, 6), DType.INT4, 1, bytes(9))
    model = single("FULLY_CONNECTED", [source, narrow, None], output, "FullyConnectedOptions")
    assert prepared(model) == ([*takes, "free 9"], [18])
    wide = tensor((3, 6), DType.INT8, 3, bytes(18))
    model = single("FULLY_CONNECTED", [source, wide, None], output, "FullyConnectedOptions")
    assert prepared(model) == ([*takes, "keep 12", "keep 12", "free 9"], [])
