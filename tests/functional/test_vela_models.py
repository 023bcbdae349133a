# SPDX-License-Identifier: Apache-2.0
"""Real models through Vela and into TFLite Micro's accounting."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.candidates import prepared
from gen_fw.model.reader import read_model
from gen_fw.program import Program
from gen_fw.request import Options

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None, reason="needs the extra vela"
)
#: model -> operators on the NPU and on the CPU (Vela 5.2.0, ethos-u55-256)
MODELS = {
    "mlperf_kws_ref_model": (49, 0),
    "mlperf_vww_96_int8": (85, 0),
    "mlperf_pretrainedResnet_quant": (50, 0),
    "mlperf_ad01_int8": (19, 0),
    "tflm_person_detect": (85, 0),
    "tflm_keyword_scrambled": (36, 8),
    "tflm_hello_world_float": (0, 3),
}
#: model -> scratch, arena_used_bytes() of TFLM on an emulated Cortex-M55 (Vela 5.2.0)
MEASURED = {
    "tflm_person_detect": (74480, 74932),
    "tflm_hello_world_int8": (32, 484),
    "tflm_micro_speech_quantized": (7008, 7460),
    "mlperf_ad01_int8": (768, 1220),
}


def made(path: Path, board: str, options: Options | None = None) -> Program:
    models = [("model", read_model(path))]
    chosen = prepared(models, load_board(board), options or Options(), lambda _stage: None)
    return chosen.programs[0]


def test_person_detect_within_32000_bytes(shared: Path) -> None:
    path = shared / "models" / "tflm_person_detect.tflite"
    program = made(path, "alif-e7-hp", Options(max_arena=32000))
    assert program.adapter["npu"]["scratch_bytes"] == 30720
    assert program.region("arena").bytes <= 31200
    assert program.region("arena").confidence == "exact"


@pytest.mark.parametrize("name", MEASURED)
def test_the_arena_is_what_tflm_took(shared: Path, name: str) -> None:
    program = made(shared / "models" / f"{name}.tflite", "alif-e7-hp")
    scratch, used = MEASURED[name]
    assert program.adapter["npu"]["scratch_bytes"] == scratch
    rows = program.region("arena").items
    on_top = ("rounding up", "start-up")  # what AllocateTensors needs besides
    assert sum(row.bytes for row in rows if not row.label.startswith(on_top)) == used


@pytest.mark.parametrize("name", MODELS)
def test_operators_on_npu_and_cpu(shared: Path, name: str) -> None:
    program = made(shared / "models" / f"{name}.tflite", "alif-e7-hp")
    report = program.report["npu"]
    assert (report["operators"]["npu"], report["operators"]["cpu"]) == MODELS[name]
    assert all(row["reason"] for row in report["on_cpu"])
    assert (program.kernels == "ethos_u") == (MODELS[name][0] > 0)
