# SPDX-License-Identifier: Apache-2.0
"""Model -> Program: what the templates and reports get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.errors import ModelError, UsageError
from gen_fw.model.reader import read_model
from gen_fw.program import Program
from gen_fw.runtimes.tflm import TflmOptions, lower
from tflite_writer import edited, write

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"
RUNNABLE = sorted(path.stem.removesuffix("_golden") for path in MODELS.glob("*_golden.npz"))
CHIP = load_board("esp32s3")


def lowered(name: str, board: str = "esp32s3", **options: object) -> Program:
    model = read_model(MODELS / f"{name}.tflite")
    return lower(model, name, load_board(board), TflmOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_model_lowers(name: str) -> None:
    program = lowered(name)
    adapter = program.adapter
    calls = [row["call"] for row in adapter["resolver"]]
    assert len(calls) == len(set(calls)) > 0
    assert adapter["arena_bytes"]["target"] == program.region("arena").bytes
    assert adapter["arena_bytes"]["host64"] >= adapter["arena_bytes"]["target"]
    assert program.region("model").bytes >= len(program.constants[0].data)
    for region in program.regions:
        assert sum(item.bytes for item in region.items) == region.bytes > 0
        assert region.bytes % region.alignment == 0 or region.role == "code"
    assert len(adapter["kernel_sources"]) == len(set(adapter["kernel_sources"])) > 0
    # templates and reports take plain data only
    assert json.loads(json.dumps(dict(adapter))) == dict(adapter)
    json.dumps(dict(program.report))


def test_resolver_in_order_of_first_use() -> None:
    program = lowered("cnn_int16x8")
    model = read_model(MODELS / "cnn_int16x8.tflite")
    names = list(dict.fromkeys(op.name for op in model.subgraphs[0].operators))
    assert [row["operator"] for row in program.adapter["resolver"]] == names


def test_state_and_resource_variables() -> None:
    ring = lowered("ring_buffer_int8")
    assert ring.stateful
    assert ring.adapter["resource_variables"] >= 1
    assert lowered("svdf_int8").stateful
    plain = lowered("cnn_float32")
    assert not plain.stateful
    assert plain.adapter["resource_variables"] == 0


def test_control_flow() -> None:
    program = lowered("if_square_double")
    assert program.adapter["has_control_flow"]
    assert program.adapter["subgraphs"] == 3
    assert program.adapter["resolver"][0]["call"] == "AddIf"


def test_inputs_and_outputs_have_c_types() -> None:
    program = lowered("multi_io")
    assert len(program.inputs) > 1 or len(program.outputs) > 1
    for io in (*program.inputs, *program.outputs):
        assert io.bytes == io.elements * {"i8": 1, "f32": 4, "i32": 4, "i64": 8}[io.suffix]
    quantized = lowered("branches_int8").inputs[0]
    assert (quantized.scale is None) == (quantized.dtype == "float32")


def test_the_chip_decides_the_scratch() -> None:
    sizes = {}
    for board in ("esp32c3", "esp32s3", "esp32p4"):
        plan = lowered("branches_int8", board).arena_plan
        assert plan is not None
        sizes[board] = sum(block.bytes for block in plan.blocks if block.scratch)
    assert sizes["esp32s3"] > sizes["esp32c3"]
    assert sizes["esp32p4"] > sizes["esp32c3"]


def test_kernels_of_another_board_are_refused() -> None:
    with pytest.raises(UsageError, match="cmsis_nn"):
        lowered("cnn_float32", kernels="cmsis_nn")


def test_unsupported_is_one_error_with_all_reasons() -> None:
    with pytest.raises(ModelError) as caught:
        lowered("uint8_dense")
    error = caught.value
    assert error.exit_code == 3
    assert error.what == "TensorFlow Lite Micro cannot execute this model"
    distinct = {(r["subgraph"], r["label"], r["why"]) for r in error.detail["reasons"]}
    assert len(error.why.splitlines()) == len(distinct)
    assert error.hint
    json.dumps(error.detail)


def test_a_custom_operator_of_the_application() -> None:
    model = read_model(MODELS / "custom_operator.tflite")
    code = next(op.custom_code for op in model.subgraphs[0].operators if op.custom_code)
    name = code.decode()
    with pytest.raises(ModelError, match="cannot execute"):
        lower(model, "m", CHIP, TflmOptions())
    program = lower(model, "m", CHIP, TflmOptions(custom_ops={name: "my_op", "Other": "x"}))
    (row,) = program.adapter["custom_ops"]
    assert row == {"call": "AddCustom", "arguments": "my_op", "operator": "CUSTOM", "custom": name}
    assert any(item.confidence == "estimate" for item in program.region("arena").items)
    texts = [note.what for note in program.diagnostics]
    assert any("Other" in text for text in texts)
    assert any("guess" in text for text in texts)


def test_string_input_is_refused(shared: Path) -> None:
    model = read_model(shared / "models" / "litert_string_input_model.tflite")
    with pytest.raises(ModelError, match="cannot execute"):
        lower(model, "m", CHIP, TflmOptions())


def test_a_half_precision_interface_is_refused() -> None:
    tensors = [{"name": b"t", "shape": [4], "type": 1} for _ in range(2)]
    operator = {"opcode_index": 0, "inputs": [0], "outputs": [1]}
    subgraph = {"inputs": [0], "outputs": [1], "tensors": tensors, "operators": [operator]}
    codes = [{"deprecated_builtin_code": 22, "builtin_code": 22}]
    edits = {"operator_codes": codes, "subgraphs": [subgraph], "signature_defs": []}
    with pytest.raises(ModelError, match="float16"):
        lower(read_model(write(edited(edits))), "m", CHIP, TflmOptions())


def test_acceptance_on_real_models(shared: Path) -> None:
    """33 of the shared models lower; a second lowering gives the same program."""
    count = 0
    for path in sorted((shared / "models").glob("*.tflite")):
        try:
            model = read_model(path)
            program = lower(model, "m", CHIP, TflmOptions())
        except ModelError:
            continue
        count += 1
        again = lower(model, "m", CHIP, TflmOptions())
        assert again.adapter == program.adapter
        assert again.regions == program.regions
    assert count == 34
