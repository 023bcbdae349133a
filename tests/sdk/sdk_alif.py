# SPDX-License-Identifier: Apache-2.0
"""Alif projects of the real models, and how they are built."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sdk_trees import Tree, cmsis_nn, tree

from gen_fw.pipeline import generate
from gen_fw.program import Program
from gen_fw.request import request
from gen_fw.run import tools

#: program -> model in the folder of real models; its golden vectors lie beside it
MODELS = {
    "person_detect": "tflm_person_detect",
    "kws": "mlperf_kws_ref_model",
    "audio_preprocessor": "tflm_audio_preprocessor_int8",
}


def needed() -> None:
    """Skips the test unless the compiler and Vela are here."""
    lacking = [t for t in map(tools.find, tools.needed("arm-none-eabi", cxx=True)) if not t.ok]
    if lacking:
        pytest.skip(tools.install_line(lacking))
    if importlib.util.find_spec("ethosu") is None:
        pytest.skip("needs the extra vela")


def alif_dfp() -> Tree:
    """Alif's device family pack, from ALIF_DFP_ROOT."""
    version = r'<release version="([\d.]+)"'
    return tree("alif-dfp", "ALIF_DFP_ROOT", "AlifSemiconductor.Ensemble.pdsc", version)


def npu_driver() -> Tree:
    """Arm's driver, from ETHOS_U_DRIVER_ROOT."""
    version = r"VERSION_MAJOR (\d+).*?VERSION_MINOR (\d+).*?VERSION_PATCH (\d+)"
    return tree("ethos-u-core-driver", "ETHOS_U_DRIVER_ROOT", "include/ethosu_driver.h", version)


def runtime_trees() -> tuple[Tree, ...]:
    """TFLM and CMSIS-NN, from TFLM_ROOT and CMSIS_NN_ROOT."""
    file = "tensorflow/lite/micro/micro_interpreter.h"
    return tree("tflite-micro", "TFLM_ROOT", file, "TFLITE_SCHEMA_VERSION"), cmsis_nn()


def made(shared: Path, folder: Path, board: str, name: str, options: dict[str, Any]) -> Program:
    """The program of a project in ``folder`` for one of ``MODELS``."""
    model = shared / "models" / f"{MODELS[name]}.tflite"
    golden = model.with_suffix(".npz")
    asked = request([model], board, names=[name], goldens=[golden], **options)
    (program,) = generate(asked, folder).planned.firmware.programs
    return program


def built(project: Path, preset: str = "release") -> Path:
    """The ELF file of a project, built as its README says, without a warning."""
    environment = dict(os.environ)
    if shutil.which("ccache"):
        environment |= {"CMAKE_C_COMPILER_LAUNCHER": "ccache"}
        environment |= {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache"}
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    for command in (
        ["cmake", "--preset", preset, *generator],
        ["cmake", "--build", "--preset", preset, "-j", "2"],
    ):
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
        talk = done.stdout + done.stderr
        assert done.returncode == 0, talk[-4000:]
        assert "warning: " not in talk
    (elf,) = (project / "build" / preset / "app").glob("*.elf")
    return elf
