# SPDX-License-Identifier: Apache-2.0
"""What an Alif project has in gen/, run on an emulated Cortex-M55: its own CMake file compiles TFLM
and CMSIS-NN from the trees (TFLM_ROOT, CMSIS_NN_ROOT, ...); board/ is that of the emulated board.

Without the NPU the self-test must pass, bit for bit TFLM's results. With it there is no NPU to
execute anything: the driver's functions do nothing, and what is judged is that AllocateTensors
succeeds in the arena of exactly the generated size, uses what was predicted, and fails in less.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sdk_evidence
from sdk_alif import built, made, needed, npu_driver, runtime_trees
from sdk_trees import Tree, tree

from gen_fw.run import machine, tools
from gen_fw.run.project import load

pytestmark = pytest.mark.sdk

NO_NPU = Path(__file__).resolve().parent / "arena" / "no_npu.c"
#: what runs: board, program, options
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "e7-hp, kws, CMSIS-NN": ("alif-e7-hp", "kws", {"compiler": "none"}),
    "e7-hp, person_detect, CMSIS-NN": ("alif-e7-hp", "person_detect", {"compiler": "none"}),
    # operators of TFLM's signal library
    "e7-hp, audio_preprocessor, CMSIS-NN": (
        "alif-e7-hp",
        "audio_preprocessor",
        {"compiler": "none"},
    ),
    "e7-hp, person_detect": ("alif-e7-hp", "person_detect", {}),
    "e7-hp, person_detect, --max-arena 32000": (
        "alif-e7-hp",
        "person_detect",
        {"max_arena": 32000},
    ),
    "e7-he, person_detect": ("alif-e7-he", "person_detect", {}),
    "e8-hp, person_detect": ("alif-e8-hp", "person_detect", {}),
    "e8-hp-u85, person_detect": ("alif-e8-hp-u85", "person_detect", {}),
}
MAIN = """\
#include <stdalign.h>
#include <stdio.h>
#include "NAME/NAME.h"
#include "NAME/NAME_arena.h"
#include "NAME/NAME_selftest.h"

int main(void) {
  size_t bytes;
  uint8_t *const storage = NAME_arena(&bytes);
  printf("less %d\\n", (int)NAME_init_with(storage, bytes - 16));
  printf("exact %d, arena %lu, used %lu\\n", (int)NAME_init_with(storage, bytes),
         (unsigned long)bytes, (unsigned long)NAME_arena_used());
  printf("invoke %d\\n", (int)NAME_invoke());
  return RUN_SELFTEST ? (int)NAME_selftest() : 0;
}
"""
RESULTS: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="module")
def trees() -> tuple[Tree, ...]:
    needed()
    if not tools.find(tools.ARM_QEMU).ok:
        pytest.skip(tools.install_line([tools.find(tools.ARM_QEMU)]))
    return (*runtime_trees(), tree("kissfft", "KISSFFT_ROOT", "kiss_fft.h", "."), npu_driver())


def emulated(project: Path, shared: Path, name: str, *, npu: bool, beside: Path) -> list[str]:
    """The project with the emulated board's console and start-up code; the command that runs it."""
    native = beside / "native"
    made(shared, native, "qemu-cortex-m55", name, {"runtime": "tflm", "kernels": "cmsis_nn"})
    for part in ("board", "cmake"):
        shutil.rmtree(project / part)
        shutil.copytree(native / part, project / part)
    if npu:
        shutil.copyfile(NO_NPU, project / "board" / NO_NPU.name)
        with (project / "board" / "CMakeLists.txt").open("a") as text:
            text.write(
                f"add_library(ethosu STATIC {NO_NPU.name})\n"
                "target_include_directories(ethosu SYSTEM PUBLIC\n"
                "                           $ENV{ETHOS_U_DRIVER_ROOT}/include)\n"
            )
    (project / "app" / "CMakeLists.txt").write_text(
        f"add_executable(app main.c)\nset_target_properties(app PROPERTIES OUTPUT_NAME {name})\n"
        f"target_compile_definitions(app PRIVATE RUN_SELFTEST={int(not npu)})\n"
        "target_link_libraries(app PRIVATE models board)\n"
    )
    (project / "app" / "main.c").write_text(MAIN.replace("NAME", name))
    return machine.command(load(native), built(project))


@pytest.mark.parametrize("case", CASES)
def test_runs_in_exactly_its_arena(
    case: str, shared: Path, trees: tuple[Tree, ...], tmp_path: Path
) -> None:
    board, name, options = CASES[case]
    npu = options.get("compiler") != "none"
    project = tmp_path / "project"
    program = made(shared, project, board, name, options)
    command = emulated(project, shared, name, npu=npu, beside=tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    arena, used = program.region("arena").bytes, program.report["arena_used"]
    assert f"exact 0, arena {arena}, used {used}" in lines
    less = re.search(r"^less (-?\d+)$", done.stdout, re.M)
    assert less and int(less[1]) < 0
    assert "invoke 0" in lines
    assert (f"SELFTEST {name} PASS" in lines) == (not npu)
    RESULTS[case] = {
        "name": case,
        "arena_bytes": arena,
        "arena_used": used,
        **({"scratch_bytes": program.adapter["npu"]["scratch_bytes"]} if npu else {}),
        "line": "" if npu else f"SELFTEST {name} PASS",
    }
    if len(RESULTS) == len(CASES):
        sdk_evidence.record(
            "alif-emulated",
            title="gen/ of Alif projects on an emulated Cortex-M55",
            method="gen/ as generated for the Alif board, with the emulated board's console and "
            "start-up code. CMSIS-NN alone: the self-test compares with TFLM's reference kernels. "
            "With the NPU: QEMU has none, the driver does nothing, and only memory is judged: "
            "AllocateTensors and Invoke succeed in the generated arena, use what was predicted, "
            "and AllocateTensors fails in one of 16 bytes less",
            command="TFLM_ROOT=... CMSIS_NN_ROOT=... ETHOS_U_DRIVER_ROOT=... FLATBUFFERS_ROOT=... "
            "GEMMLOWP_ROOT=... RUY_ROOT=... KISSFFT_ROOT=... "
            "pytest -m sdk tests/sdk/test_alif_emulated.py",
            trees=trees,
            tools={
                tools.ARM_CC.command: tools.find(tools.ARM_CC).version,
                tools.ARM_QEMU.command: tools.find(tools.ARM_QEMU).version,
                "vela": importlib.metadata.version("ethos-u-vela"),
            },
            results=RESULTS.values(),
        )
