# SPDX-License-Identifier: Apache-2.0
"""Every Alif board with every model: the project is generated, for the NPU and for the CPU alone,
and what is not Alif's is compiled for the core with warnings as errors. Of the glue (alif_build.py
lists it) only the syntax is checked."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest

from alif_build import compile_project
from gen_fw.boards.load import all_boards, load_board
from gen_fw.pipeline import generate
from gen_fw.program import Program
from gen_fw.request import request
from sample_models import ROOT, shared_root

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(
        shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
    ),
    pytest.mark.skipif(importlib.util.find_spec("ethosu") is None, reason="needs the extra vela"),
]
#: models from elsewhere; their golden vectors lie beside them
REAL = {
    "kws": "mlperf_kws_ref_model",
    "vww": "mlperf_vww_96_int8",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "ad01": "mlperf_ad01_int8",
    "person_detect": "tflm_person_detect",
    "keyword_scrambled": "tflm_keyword_scrambled",
    "hello_world_float": "tflm_hello_world_float",
}
#: ours, as far as TFLM runs them: those that have golden vectors
OWN = {
    path.stem: path
    for folder in ("examples/models", "tests/data/models")
    for path in sorted((ROOT / folder).glob("*.tflite"))
    if path.with_name(f"{path.stem}_golden.npz").is_file()
}
#: what the NPU has no part of: floating point, several subgraphs, resource variables
ON_CPU = ("float", "double", "ring_buffer", "multi_io")
#: CMSIS-NN has no kernel for its channels' scales with int16 activations
REFERENCE = ("cnn_int16x8",)
BOARDS = [board.name for board in all_boards() if board.family == "alif_cmake"]


def made(board: str, name: str, folder: Path, **options: Any) -> Program:
    model = OWN.get(name)
    golden = model.with_name(f"{name}_golden.npz") if model else None
    if model is None:
        shared = shared_root()
        if shared is None:
            pytest.skip("no folder of real models: GEN_FW_SHARED or ../shared")
        model = shared / "models" / f"{REAL[name]}.tflite"
        golden = model.with_suffix(".npz")
    asked = request([model], board, names=[name], goldens=[golden], **options)
    (program,) = generate(asked, folder).planned.firmware.programs
    return program


@pytest.mark.parametrize("name", [*REAL, *OWN])
@pytest.mark.parametrize("board", BOARDS)
def test_everything_compiles(board: str, name: str, tmp_path: Path) -> None:
    program = made(board, name, tmp_path / "npu")
    npu = program.kernels == "ethos_u"
    assert npu != any(word in name for word in ON_CPU)
    accelerator = load_board(board).accelerator
    assert accelerator is not None
    if npu:
        assert program.adapter["npu"]["name"] == accelerator.name
    assert compile_project(tmp_path / "npu", tmp_path, npu=npu) >= 8
    kernels = "reference" if name in REFERENCE else "cmsis_nn"
    alone = made(board, name, tmp_path / "cpu", compiler="none", kernels=kernels)
    assert alone.kernels == kernels
    assert (alone.inputs, alone.outputs) == (program.inputs, program.outputs)
    # without Vela gen/ is the same on all of these boards: that of one is compiled
    if npu and board == BOARDS[0]:
        assert compile_project(tmp_path / "cpu", tmp_path, npu=False) >= 8
