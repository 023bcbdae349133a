# SPDX-License-Identifier: Apache-2.0
"""Runtime tflm on the emulated Cortex-M55 with CMSIS-NN, built by `gen-fw run` from the trees that
TFLM_ROOT and CMSIS_NN_ROOT name (FLATBUFFERS_ROOT, GEMMLOWP_ROOT, RUY_ROOT beside them)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import sdk_evidence
from sdk_trees import Tree, cmsis_nn, tree

from gen_fw.pipeline import generate
from gen_fw.request import request
from gen_fw.run import tools
from gen_fw.run.measure import run

pytestmark = pytest.mark.sdk

ROOT = Path(__file__).resolve().parents[2]
BOARD = "qemu-cortex-m55"
#: program -> model in the folder of real models; its golden vectors lie beside it
REAL = {
    "ad01": "mlperf_ad01_int8",
    "hello_world": "tflm_hello_world_int8",
    "kws": "mlperf_kws_ref_model",
    "micro_speech": "tflm_micro_speech_quantized",
    "okay_nabu": "esphome_okay_nabu",
    "person_detect": "tflm_person_detect",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "vww": "mlperf_vww_96_int8",
}
OWN = {
    "chirps": ROOT / "examples" / "models" / "chirps_int8",
    "digits": ROOT / "examples" / "models" / "digits_int8",
    "branches": ROOT / "tests" / "data" / "models" / "branches_int8",
}


@pytest.fixture(scope="module")
def trees() -> tuple[Tree, Tree]:
    found = (
        tree(
            "tflite-micro",
            "TFLM_ROOT",
            "tensorflow/lite/micro/micro_interpreter.h",
            "TFLITE_SCHEMA_VERSION",
        ),
        cmsis_nn(),
    )
    lacking = [t for t in map(tools.find, tools.needed("arm-none-eabi", cxx=True)) if not t.ok]
    if lacking:
        pytest.skip(tools.install_line(lacking))
    return found


def test_self_tests_pass_with_cmsis_nn(
    shared: Path,
    trees: tuple[Tree, Tree],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = {name: shared / "models" / f"{stem}.tflite" for name, stem in REAL.items()}
    goldens = {name: model.with_suffix(".npz") for name, model in models.items()}
    models |= {name: path.with_name(f"{path.name}.tflite") for name, path in OWN.items()}
    goldens |= {name: path.with_name(f"{path.name}_golden.npz") for name, path in OWN.items()}
    asked = request(
        list(models.values()),
        BOARD,
        names=list(models),
        goldens=list(goldens.values()),
        runtime="tflm",
        kernels="cmsis_nn",
        model_format="embed",
    )
    programs = generate(asked, tmp_path / "project").planned.firmware.programs
    predicted = {
        p.name: (p.report["arena_used"], p.adapter["arena_bytes"]["target"]) for p in programs
    }
    if shutil.which("ccache"):
        monkeypatch.setenv("CMAKE_C_COMPILER_LAUNCHER", "ccache")
        monkeypatch.setenv("CMAKE_CXX_COMPILER_LAUNCHER", "ccache")
    result = run(tmp_path / "project", environment=os.environ)
    failures = {p.program.name: p.difference for p in result.programs if p.selftest != "pass"}
    assert not failures
    rows = []
    for program in result.programs:
        # no byte more, no byte less
        assert (program.arena_used, program.arena_bytes) == predicted[program.program.name]
        rows.append(
            {
                "name": program.program.name,
                "model_sha256": sdk_evidence.sha256(models[program.program.name]),
                "line": f"SELFTEST {program.program.name} PASS",
                "instructions": program.instructions,
                "arena_used": program.arena_used,
                "arena_computed": program.arena_bytes,
                "elf_sha256": sdk_evidence.sha256(result.image),
            }
        )
    sdk_evidence.record(
        "native-tflm-m55",
        title="Runtime tflm with CMSIS-NN on an emulated Cortex-M55",
        method=(
            "one project for qemu-cortex-m55 with all models, built by CMake from the trees with "
            "newlib-nano, run by QEMU's mps3-an547; self-tests against TFLM's reference kernels; "
            "the arena that is used is the predicted one"
        ),
        command="TFLM_ROOT=... CMSIS_NN_ROOT=... FLATBUFFERS_ROOT=... GEMMLOWP_ROOT=... "
        "RUY_ROOT=... pytest -m sdk tests/sdk/test_native_tflm.py",
        trees=trees,
        tools={tool.command: tools.find(tool).version for tool in (tools.ARM_CC, tools.ARM_QEMU)},
        results=rows,
    )


#: its second RAM lies elsewhere, so that a section that is lost is a fault
TWO_RAMS = """
extends   = "qemu-cortex-m55"
title     = "AN547 with its DDR"
sources   = ["ddr-slow: an547_raminfo of hw/arm/mps2-tz.c (QEMU 7.2)"]
placement = { arena = ["ram", "ddr-slow"] }

[[memories]]
name  = "ddr-slow"
bytes = 16777216
rank  = 2
kind  = "ram"

[native_cmake]
origins = { ddr-slow = 0x60000000 }
"""


def test_two_arenas_in_two_memories(
    trees: tuple[Tree, Tree], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the interpreter keeps lies in the second RAM; what is used is what was predicted."""
    board = tmp_path / "two-rams.toml"
    board.write_text(TWO_RAMS)
    names = {"digits": OWN["digits"], "ring": OWN["branches"].with_name("ring_buffer_int8")}
    asked = request(
        [path.with_name(f"{path.name}.tflite") for path in names.values()],
        str(board),
        names=list(names),
        goldens=[path.with_name(f"{path.name}_golden.npz") for path in names.values()],
        runtime="tflm",
        kernels="cmsis_nn",
        place={"persistent": "ddr-slow"},
    )
    programs = generate(asked, tmp_path / "project").planned.firmware.programs
    if shutil.which("ccache"):
        monkeypatch.setenv("CMAKE_C_COMPILER_LAUNCHER", "ccache")
        monkeypatch.setenv("CMAKE_CXX_COMPILER_LAUNCHER", "ccache")
    result = run(tmp_path / "project", environment=os.environ)
    for program, real in zip(programs, result.programs, strict=True):
        assert real.selftest == "pass", real.difference
        assert real.arena_used == program.report["arena_used"]
        assert real.arena_bytes == sum(program.region(r).bytes for r in ("arena", "persistent"))
    symbols = subprocess.run(
        ["arm-none-eabi-nm", result.image], capture_output=True, text=True, check=True
    ).stdout
    where = [line.split()[0][:2] for line in symbols.splitlines() if line.endswith(" persistent")]
    arenas = [line.split()[0][:2] for line in symbols.splitlines() if line.endswith(" storage")]
    assert (where, arenas) == (["60", "60"], ["21", "21"])
