# SPDX-License-Identifier: Apache-2.0
"""What TFLM can execute: verdicts on real models, and each refusal with its true reason."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from gen_fw.errors import ModelError, UsageError
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model
from gen_fw.runtimes.tflm.abi import Build, load_abi
from gen_fw.runtimes.tflm.signatures import slots
from gen_fw.runtimes.tflm.support import check
from gen_fw.runtimes.tflm.table import facts, load, releases
from tflite_writer import DENSE, edited, write

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"
UPSTREAM = "tflite-micro-90b983c2"


def reasons(model: Model, release: str = "", **custom_ops: str) -> str:
    return "\n".join(str(reason) for reason in check(model, release, custom_ops=custom_ops))


def dense(**edits: Any) -> Model:
    return read_model(write(edited({key.replace("__", "."): v for key, v in edits.items()})))


def custom(code: bytes) -> Model:
    """One operator with that custom code, one float input and output."""
    tensors = [{"name": b"t", "shape": [4], "type": 0} for _ in range(2)]
    operator = {"opcode_index": 0, "inputs": [0], "outputs": [1]}
    subgraph = {"inputs": [0], "outputs": [1], "tensors": tensors, "operators": [operator]}
    fields = {
        **DENSE,
        "operator_codes": [
            {"deprecated_builtin_code": 32, "builtin_code": 32, "custom_code": code}
        ],
        "subgraphs": [subgraph],
        "signature_defs": [],
        "metadata": [],
    }
    return read_model(write(fields))


def test_verdicts_on_real_models(shared: Path) -> None:
    """MANIFEST.csv says what the real interpreter did; alloc_only fails at the first run."""
    wrong = []
    for row in csv.DictReader((shared / "models" / "MANIFEST.csv").open(encoding="utf-8")):
        try:
            found = check(read_model(shared / "models" / row["name"]), UPSTREAM)
            runs = not found
            assert all(reason.why and reason.hint for reason in found)
        except ModelError:
            runs = False
        expected = row["tflm_ok"] == "yes" and row["ops"] != ""  # an empty model is refused
        if runs != expected:
            wrong.append(row["name"])
    assert not wrong


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.tflite")), ids=lambda path: path.stem)
def test_verdicts_on_our_models(path: Path) -> None:
    """Those with recorded answers run; the others are refused on every release."""
    for release in releases():
        assert (
            bool(check(read_model(path), release))
            != path.with_name(f"{path.stem}_golden.npz").is_file()
        ), release


def test_the_lstm_is_refused_for_what_it_has(shared: Path) -> None:
    text = reasons(read_model(shared / "models" / "litert_unidirectional_sequence_lstm.tflite"))
    assert "projection" in text
    assert "layer norm" in text


def test_hybrid_says_hybrid() -> None:
    text = reasons(read_model(MODELS / "hybrid_dense.tflite"))
    assert "float32 activations with int8 weights" in text
    assert "representative data set" in text


def test_uint8_says_uint8_and_not_hybrid() -> None:
    text = reasons(read_model(MODELS / "uint8_dense.tflite"))
    assert "uint8 quantization" in text
    assert "hybrid" not in text


def test_every_reason_is_reported(shared: Path) -> None:
    model = read_model(shared / "models" / "mlperf_kws_ref_model_float32.tflite")
    found = check(model)
    hybrid = [op for op in model.subgraphs[0].operators if _has_narrow_weights(model, op.index)]
    assert [reason.operator for reason in found] == [operator.index for operator in hybrid]


def _has_narrow_weights(model: Model, index: int) -> bool:
    operator = model.subgraphs[0].operators[index]
    weights = slots(model.subgraphs[0], operator).get("in1")
    return weights is not None and weights.dtype.name == "INT8"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (b"ethos-u", "Vela"),
        (b"XC_conv2d_v2", "XMOS"),
        (b"edgetpu-custom-op", "Edge TPU"),
        (b"FlexErf", "Select TF ops"),
        (b"mine", "--custom-op"),
        (b"\xff\xfe\n", "--custom-op"),
        (b"SignalWindow", "inputs, the kernel takes 2"),
    ],
)
def test_custom_operators(code: bytes, text: str) -> None:
    found = reasons(custom(code))
    assert text in found
    assert all(line.isprintable() for line in found.splitlines())


def test_models_of_vela_run_where_the_kernels_are_those_of_the_npu(shared: Path) -> None:
    model = read_model(shared / "models" / "derived_kws_ref_model_vela.tflite")
    assert not check(model, UPSTREAM, kernels="ethos_u")
    assert "Vela" in str(check(model, UPSTREAM, kernels="cmsis_nn")[0])
    (empty,) = check(custom(b"ethos-u"), UPSTREAM, kernels="ethos_u")
    assert "no options" in empty.why


def test_a_custom_operator_can_be_registered() -> None:
    assert check(custom(b"mine"))
    assert not check(custom(b"mine"), custom_ops={"mine": "register_mine"})


def test_per_channel_int4_is_refused() -> None:
    text = reasons(dense(subgraphs__0__tensors__1__type=17, buffers__1__data=b"\1\2\3"))
    assert "int4 weights with one scale per channel" in text


def test_shuffled_weights_are_refused() -> None:
    options = ("FullyConnectedOptions", {"weights_format": 1})
    assert "shuffled" in reasons(dense(subgraphs__0__operators__0__builtin_options=options))


def test_esp_nn_int16_bias() -> None:
    """esp_nn/fully_connected.cc reads every int16 bias as int64; upstream takes int32 as well."""
    bias = {"name": b"b", "shape": [3], "type": 2, "buffer": 2}
    sixteen = {"type": 7, "quantization": {"scale": [0.5], "zero_point": [0]}}
    tensors = edited({})["subgraphs"][0]["tensors"]
    model = dense(
        subgraphs__0__tensors=[
            {**tensors[0], **sixteen},
            tensors[1],
            {**tensors[2], **sixteen},
            bias,
        ],
        buffers=[{}, {"data": bytes(6)}, {"data": bytes(12)}],
        subgraphs__0__operators__0__inputs=[0, 1, 3],
    )
    assert not check(model, UPSTREAM)
    assert "input 2 is int32, not int64" in reasons(model)


def softmax(shape: list[int]) -> Model:
    tensor = {"name": b"t", "shape": shape, "type": 9}
    logits = {**tensor, "quantization": {"scale": [0.1], "zero_point": [0]}}
    odds = {**tensor, "quantization": {"scale": [1 / 256], "zero_point": [-128]}}
    operator = {
        "opcode_index": 0,
        "inputs": [0],
        "outputs": [1],
        "builtin_options": ("SoftmaxOptions", {"beta": 1.0}),
    }
    subgraph = {"inputs": [0], "outputs": [1], "tensors": [logits, odds], "operators": [operator]}
    codes = [{"deprecated_builtin_code": 25, "builtin_code": 25}]
    edits = {"operator_codes": codes, "subgraphs": [subgraph], "signature_defs": []}
    return read_model(write(edited(edits)))


@pytest.mark.parametrize(
    ("shape", "fits"),
    [([1, 10], True), ([4, 12, 10], True), ([1, 1, 1, 10], False), ([10], False)],
)
def test_esp_nn_softmax_scratch(shape: list[int], fits: bool) -> None:
    """esp_nn/softmax.cc sizes its scratch by dimension 1, whatever the rank."""
    model = softmax(shape)
    assert not check(model, UPSTREAM)
    assert (not check(model)) == fits


def test_unknown_release() -> None:
    with pytest.raises(UsageError) as caught:
        load("esp-tflite-micro-9.9.9")
    assert "esp-tflite-micro-1.4.0" in caught.value.hint


def test_the_tables_agree_with_each_other() -> None:
    """Each operator of each release has its types, its parameters and its kernel's code size."""
    types, code = facts("types"), facts("code")
    for release in releases():
        table = load(release)
        abi = load_abi(Build(table.release, "x86-64", table.kernels, "generic"))
        assert set(table.builtin) <= set(types["operators"])
        assert set(table.custom) - {"ethos-u"} <= set(types["custom"])
        for registration in (*table.builtin.values(), *table.custom.values()):
            assert registration.call.startswith("Add")
            assert registration.params is None or abi.params(registration.params)[0] > 0
            if table.kernels == "esp_nn":
                assert registration.source in code["kernels"]


def test_case_traps_of_resolver_names() -> None:
    builtin = load().builtin
    calls = {name: builtin[name].call for name in ("AVERAGE_POOL_2D", "SPLIT_V", "ADD_N", "SVDF")}
    assert calls == {
        "AVERAGE_POOL_2D": "AddAveragePool2D",
        "SPLIT_V": "AddSplitV",
        "ADD_N": "AddAddN",
        "SVDF": "AddSvdf",
    }
    assert builtin["UNIDIRECTIONAL_SEQUENCE_LSTM"].call == "AddUnidirectionalSequenceLSTM"
    assert builtin["BATCH_TO_SPACE_ND"].call == "AddBatchToSpaceNd"


def test_cmsis_nn_takes_one_scale_for_int16() -> None:
    """cmsis_nn/fully_connected.cc; the reference kernel takes a scale for each channel."""
    model = read_model(MODELS / "cnn_int16x8.tflite")
    assert not check(model, UPSTREAM)
    reasons = check(model, UPSTREAM, kernels="cmsis_nn")
    assert {reason.label for reason in reasons} == {"FULLY_CONNECTED"}
    assert all("--kernels reference" in reason.hint for reason in reasons)
