# SPDX-License-Identifier: Apache-2.0
"""Alif projects linked from the real trees: Alif's DFP (ALIF_DFP_ROOT), Arm's NPU driver
(ETHOS_U_DRIVER_ROOT) and headers (CMSIS_6_ROOT), TFLM and CMSIS-NN (TFLM_ROOT, CMSIS_NN_ROOT;
FLATBUFFERS_ROOT, GEMMLOWP_ROOT, RUY_ROOT beside them). Nothing is run: there is no emulator."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sdk_evidence
from elftools.elf.elffile import ELFFile
from sdk_alif import alif_dfp, built, made, needed, npu_driver, runtime_trees
from sdk_trees import Tree, tree

from alif_elf import check_placement
from gen_fw.boards.load import load_board
from gen_fw.run import tools

pytestmark = pytest.mark.sdk

#: what is built: board, program, options, arena, model
CASES: dict[str, tuple[str, str, dict[str, Any], str, str]] = {
    "e7-hp": ("alif-e7-hp", "person_detect", {}, "sram0", "mram"),
    "e7-he": (
        "alif-e7-he",
        "person_detect",
        {"place": {"arena": "sram1", "model": "sram0"}},
        "sram1",
        "sram0",
    ),
    "e8-hp": ("alif-e8-hp", "person_detect", {"place": {"arena": "dtcm"}}, "dtcm", "mram"),
    "e8-hp-u85": (
        "alif-e8-hp-u85",
        "person_detect",
        {"place": {"model": "ospi"}, "model_format": "embed"},
        "sram0",
        "ospi",
    ),
    "e7-hp, CMSIS-NN": ("alif-e7-hp", "kws", {"compiler": "none"}, "sram0", "mram"),
    "e7-he, CMSIS-NN": (
        "alif-e7-he",
        "kws",
        {"compiler": "none", "place": {"arena": "dtcm"}},
        "dtcm",
        "mram",
    ),
    "e8-hp, CMSIS-NN": (
        "alif-e8-hp",
        "kws",
        {"compiler": "none", "place": {"arena": "sram1", "model": "sram0"}},
        "sram1",
        "sram0",
    ),
    "e1c-he, aot": ("alif-e1c-he", "kws", {"runtime": "aot"}, "dtcm", "mram"),
}
#: what the memories have when start-up code runs before it has copied: it may call these at its end
LATE = {"___start_veneer", "__sys_busy_loop_init_veneer"}
RESULTS: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="module")
def trees() -> tuple[Tree, ...]:
    needed()
    headers = "CMSIS/Core/Include/cmsis_version.h"
    return (
        alif_dfp(),
        npu_driver(),
        tree("CMSIS_6", "CMSIS_6_ROOT", headers, "CM_CMSIS_VERSION"),
        *runtime_trees(),
    )


@pytest.mark.parametrize("case", CASES)
def test_links_with_everything_in_its_place(
    case: str, shared: Path, trees: tuple[Tree, ...], tmp_path: Path
) -> None:
    board, program, options, arena, model = CASES[case]
    project = tmp_path / "project"
    made(shared, project, board, program, options)
    elf = built(project)
    check_placement(elf, load_board(board), arena, model)
    symbols = defined(elf)
    npu = (project / "board/ethosu.c").is_file()
    assert npu == (program == "person_detect")
    if npu:
        # one device file, our overrides, and the interrupt's place in the vector table
        assert {"ethosu_dev_init", "ethosu_address_remap", "ethosu_flush_dcache"} <= set(symbols)
        number = 366 if board.endswith("u85") else 55
        handler = {"alif-e7-he": "NPU_HE_IRQHandler"}.get(board, "NPU_HP_IRQHandler")
        handler = "IRQ366_Handler" if number == 366 else handler
        assert vector(elf, 16 + number) == symbols[handler] | 1
    assert early_calls(elf) <= LATE
    image = elf.with_suffix(".bin")
    assert image.stat().st_size % 16 == 0
    assert image.read_bytes()[4:8] == (symbols["Reset_Handler"] | 1).to_bytes(4, "little")
    if model == "ospi":
        external = elf.with_name(f"{program}-ospi.bin").read_bytes()
        assert (project / f"gen/{program}/model_vela.tflite").read_bytes() in external
        assert b"TFL3" not in image.read_bytes()
    RESULTS[case] = {
        "name": case,
        "board": board,
        "program": program,
        "arena": arena,
        "model": model,
        **sizes(elf),
        "image_bytes": image.stat().st_size,
        "elf_sha256": sdk_evidence.sha256(elf),
    }
    if len(RESULTS) == len(CASES):
        sdk_evidence.record(
            "alif-elf",
            title="Alif projects linked with Alif's DFP, Arm's NPU driver, TFLM and CMSIS-NN",
            method="generated, built by CMake as the README says; sections, vectors, copy "
            "table and calls of start-up code are read from the ELF file; not executed",
            command="ALIF_DFP_ROOT=... ETHOS_U_DRIVER_ROOT=... CMSIS_6_ROOT=... TFLM_ROOT=... "
            "CMSIS_NN_ROOT=... FLATBUFFERS_ROOT=... GEMMLOWP_ROOT=... RUY_ROOT=... "
            "pytest -m sdk tests/sdk/test_alif.py",
            trees=trees,
            tools={tools.ARM_CC.command: tools.find(tools.ARM_CC).version},
            results=RESULTS.values(),
        )


def test_the_debug_preset_links(shared: Path, trees: tuple[Tree, ...], tmp_path: Path) -> None:
    """CMSIS-NN's assembly does not compile without optimisation."""
    project = tmp_path / "project"
    made(shared, project, "alif-e7-hp", "kws", {"compiler": "none"})
    check_placement(built(project, "debug"), load_board("alif-e7-hp"), "sram0", "mram")


def defined(elf: Path) -> dict[str, int]:
    """Address of each function and object, the Thumb bit cleared."""
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        return {
            s.name: s["st_value"] & ~1 for s in table.iter_symbols() if s["st_shndx"] != "SHN_UNDEF"
        }


def sizes(elf: Path) -> dict[str, int]:
    """Bytes of each section."""
    parts = ("vectors", "startup", "code", "data", "model", "rodata", "arena", "bss")
    with elf.open("rb") as stream:
        file = ELFFile(stream)
        return {f"{part}_bytes": file.get_section_by_name(f".{part}")["sh_size"] for part in parts}


def vector(elf: Path, index: int) -> int:
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".vectors").data()
    return int.from_bytes(table[4 * index : 4 * index + 4], "little")


def early_calls(elf: Path) -> set[str]:
    """Names beyond the start-up code's own that it branches to."""
    done = subprocess.run(
        ["arm-none-eabi-objdump", "-d", "-j", ".startup", str(elf)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"\t(?:bl|b\.w|b\.n|b)\t[0-9a-f]+ <(\w+_veneer)>", done.stdout))
