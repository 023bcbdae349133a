# SPDX-License-Identifier: Apache-2.0
"""Alif's ML Embedded Evaluation Kit (ALIF_MLEK_ROOT), copied, with its submodules put where it
looks for them: those that lie in MLEK_DEPENDENCIES, Alif's DFP (ALIF_DFP_ROOT), and for what no
tree has something empty of ours."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from sdk_trees import Tree, tree

HERE = Path(__file__).resolve().parent
#: submodules of the kit that must lie in MLEK_DEPENDENCIES; flatbuffers is the one that TFLM wants
DEPENDENCIES = ("tensorflow", "core-driver", "cmsis-nn", "cmsis-6", "cortex-dfp")
_DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"


def kit_trees() -> dict[str, Tree]:
    """The kit, Alif's DFP, the dependencies by name; the test is skipped where one is missing."""
    found = {
        "kit": tree("MLEK", "ALIF_MLEK_ROOT", "CMakeLists.txt", r"VERSION\s+(\d+\.\d+\.\d+)"),
        "cmsis-alif": tree(
            "alif-dfp",
            "ALIF_DFP_ROOT",
            "AlifSemiconductor.Ensemble.pdsc",
            r'<release version="([\w.-]+)"',
        ),
    }
    for name, variable, file in (
        ("gemmlowp", "GEMMLOWP_ROOT", "fixedpoint/fixedpoint.h"),
        ("ruy", "RUY_ROOT", "ruy/profiler/instrumentation.h"),
        ("kissfft", "KISSFFT_ROOT", "kiss_fft.h"),
    ):
        found[name] = tree(name, variable, file, "")
    folder = Path(os.environ.get("MLEK_DEPENDENCIES", ""))
    for name in (*DEPENDENCIES, "cmsis-dsp", "flatbuffers"):
        if not os.environ.get("MLEK_DEPENDENCIES") or not (folder / name).is_dir():
            pytest.skip(f"MLEK_DEPENDENCIES does not name a folder that has {name}")
        found[name] = Tree(name, "MLEK_DEPENDENCIES", (folder / name).resolve(), "as the kit's")
    return found


def assemble(trees: dict[str, Tree], folder: Path) -> Path:
    """A kit in ``folder`` that can be configured: its root. Trees are linked, not changed."""
    kit = folder / "kit"
    shutil.copytree(trees["kit"].root, kit, ignore=shutil.ignore_patterns(".git"))
    place = kit / "dependencies"
    for name in (*DEPENDENCIES, "cmsis-alif"):
        if (place / name).is_dir():
            shutil.rmtree(place / name)
        if name == "tensorflow":  # its headers of others lie inside
            shutil.copytree(trees[name].root, place / name, ignore=shutil.ignore_patterns(".git"))
        else:
            (place / name).symlink_to(trees[name].root)
    downloads = place / "tensorflow" / _DOWNLOADS
    downloads.mkdir(parents=True, exist_ok=True)
    for name in ("flatbuffers", "gemmlowp", "ruy", "kissfft"):
        (downloads / name).symlink_to(trees[name].root)
    # use cases without a display, sound or spectra take nothing of these but headers
    dsp = place / "cmsis-dsp"
    dsp.mkdir(exist_ok=True)
    for part in ("Include", "PrivateInclude"):
        (dsp / part).symlink_to(trees["cmsis-dsp"].root / part)
    for file, text in {
        "cmsis-dsp/Source/CommonTables/arm_empty.c": "int cmsis_dsp_is_empty;\n",
        "lvgl/CMakeLists.txt": "add_library(lvgl STATIC empty.c)\n",
        "lvgl/empty.c": "int lvgl_is_empty;\n",
        "Arm-2D/Library/Source/empty.c": "int arm_2d_is_empty;\n",
        "Arm-2D/Library/Include/.keep": "",
        "core-platform/drivers/timing_adapter/.keep": "",
        "core-platform/drivers/uart/.keep": "",
    }.items():
        path = place / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return kit


def resources(kit: Path, folder: Path) -> Path:
    """What set_up_default_resources.py leaves, without its downloads: a Python with Jinja2, and the
    hash of the script."""
    env = folder / "env" / "bin"
    env.mkdir(parents=True)
    # not a link: a virtual environment knows itself by the path that it is called by
    python = env / "python3"
    empty = folder / "empty"
    empty.mkdir()
    for module in ("resampy", "soundfile"):  # for use cases with sound
        (empty / f"{module}.py").touch()
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{empty}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    digest = hashlib.md5((kit / "set_up_default_resources.py").read_bytes()).hexdigest()
    metadata = folder / "resources_downloaded_metadata.json"
    metadata.write_text(json.dumps({"set_up_script_md5sum": digest}))
    return folder


def configure_options(build: Path, resources_: Path, kernels: list[str]) -> list[str]:
    """Options that spare the kit its downloads; ``kernels`` are all that the use case needs."""
    build.mkdir(parents=True)
    shutil.copy(HERE / "mlek" / "tflite_micro.cmake", build)
    wrapper = "FETCHCONTENT_SOURCE_DIR_TENSORFLOW_LITE_MICRO_CMAKE_WRAPPER"
    return [
        f"-DRESOURCES_PATH={resources_}",
        f"-D{wrapper}={HERE / 'mlek'}",
        f"-DKERNELS={';'.join(kernels)}",
        f"-DCMAKE_CXX_FLAGS=-include {HERE / 'mlek' / 'formats.h'}",
    ]
