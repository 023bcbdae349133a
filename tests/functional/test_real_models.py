# SPDX-License-Identifier: Apache-2.0
"""Every real model: generated for a bare ESP32-S3, or refused for a reason that can be checked."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gen_fw import generate
from gen_fw.errors import DoesNotFitError, GenFwError, ModelError

#: a model that the bare chip holds only with a memory plan of ours
LARGE = "mlperf_vww_96_float"
#: refused models -> words that the reason must hold
REFUSED = {
    "tflm_person_detect_vela": ["ethos-u", "Vela"],
    "derived_kws_ref_model_vela": ["ethos-u", "Vela"],
    "derived_kws_ref_model_xcore": ["XC_"],
    "coral_split_concat_edgetpu": ["edgetpu-custom-op"],
    "mlperf_kws_ref_model_float32": ["hybrid"],
    "litert_unidirectional_sequence_lstm": ["UNIDIRECTIONAL_SEQUENCE_LSTM"],
    "litert_dynamic_shapes": ["TILE"],
    "litert_string_input_model": ["STRING"],
    "litert_sparse_tensor": ["FakeOp", "sparse"],
    "litert_0_subgraphs": ["subgraph"],
    "litert_empty_model": ["no operators"],
    "litert_test_model_broken": [],
    "litert_segment_sum_invalid_buffer": [],
    "litert_test_custom_node_with_init_data": ["the_custom_code"],
    "litert_qwen_fc_blockwise_quantized": ["blockwise"],
    "mlonmcu_model_with_detection_postprocess": ["uint8"],
    "coral_model_invoking_error": [],
    "derived_bad_recursive_if": ["subgraph"],
}


def manifest(shared: Path) -> list[dict[str, str]]:
    with (shared / "models" / "MANIFEST.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_model_has_its_verdict(shared: Path, tmp_path: Path) -> None:
    verdicts: dict[str, str] = {}
    for row in manifest(shared):
        name = Path(row["name"]).stem
        golden = shared / "models" / f"{name}.npz"
        goldens = [golden] if golden.exists() and row["tflm_ok"] == "yes" else []
        expect = row["tflm_ok"] == "yes" and name not in REFUSED
        out = tmp_path / name
        try:
            result = generate([shared / "models" / row["name"]], "esp32s3", out, goldens=goldens)
        except GenFwError as error:
            text = f"{error.what} {error.where} {error.why} {error.hint}"
            assert not out.exists(), name
            assert not expect and isinstance(error, ModelError), f"{name}: {text}"
            assert all(w.lower() in text.lower() for w in REFUSED[name]), f"{name}: {text}"
            verdicts[name] = f"{type(error).__name__} {error.exit_code}"
        else:
            assert expect, f"{name} was generated, but TFLM cannot run it"
            assert result.planned.firmware.chosen.fits
            assert (golden in goldens) == (result.planned.firmware.golden[0] is not None)
            verdicts[name] = "generated"
    assert len(verdicts) == 52
    assert sum(verdict == "generated" for verdict in verdicts.values()) == 34


def test_a_plan_makes_the_large_one_fit(shared: Path, tmp_path: Path) -> None:
    """226 240 bytes of arena with a plan that reaches the bound, 299 968 with TFLM's own."""
    model = shared / "models" / f"{LARGE}.tflite"
    golden = model.with_suffix(".npz")
    kit = "esp32-s3-devkitc-n8r8"
    with pytest.raises(DoesNotFitError) as caught:
        generate([model], "esp32s3", tmp_path / "b", goldens=[golden], offline_plan=False)
    assert kit in caught.value.hint
    for out, plan, memory in (("p", True, "internal"), ("q", False, "psram")):
        result = generate([model], kit, tmp_path / out, goldens=[golden], offline_plan=plan)
        assert result.planned.firmware.chosen.placement.memories["arena"] == memory


@pytest.mark.full
def test_every_model_on_the_kit(shared: Path, tmp_path: Path) -> None:
    generated = 0
    for row in manifest(shared):
        golden = shared / "models" / f"{Path(row['name']).stem}.npz"
        goldens = [golden] if golden.exists() and row["tflm_ok"] == "yes" else []
        try:
            generate(
                [shared / "models" / row["name"]],
                "esp32-s3-devkitc-n8r8",
                tmp_path / row["name"],
                goldens=goldens,
            )
            generated += 1
        except GenFwError:
            pass
    assert generated == 34
