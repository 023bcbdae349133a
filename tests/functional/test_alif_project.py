# SPDX-License-Identifier: Apache-2.0
"""Alif projects without Alif's software: everything of gen/ and app/ compiles for the core, the
glue is checked against declarations of ours, and the linker script puts things where they were
asked for. tests/sdk/test_alif.py builds the same with the real trees."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alif_build import ALIF, CORE, NPU_GLUE, compile_project
from alif_elf import check_placement
from gen_fw.boards.board import Board
from gen_fw.boards.load import all_boards, load_board
from gen_fw.pipeline import generate
from gen_fw.request import request
from host_firmware import run

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples" / "models"
SECTIONS = ["-ffunction-sections", "-fdata-sections"]
VELA = importlib.util.find_spec("ethosu") is not None
BOARDS = {board.name: board for board in all_boards() if board.family == "alif_cmake"}

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)


@dataclass(frozen=True)
class Case:
    """What a project is generated from, and what its glue must and must not have."""

    board: str
    options: dict[str, Any]
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    npu: bool = True


CASES = {
    "gen 1, sram0": Case(
        "alif-e7-hp",
        {},
        ("if (address >= 0x58000000u)", "SCB_CleanInvalidateDCache", "IRQ55_Handler", "__DSB"),
        ("SCB_CleanDCache",),
    ),
    "gen 1, sram1": Case(
        "alif-e7-he",
        {"place": {"arena": "sram1"}},
        ("if (address >= 0x60000000u)", "SCB_CleanDCache"),
    ),
    "ospi": Case("alif-e7-hp", {"place": {"model": "ospi"}}),
    "dtcm, gen 2": Case(
        "alif-e1c-he", {}, ("LocalToGlobal",), ("ethosu_config_select", "SCB_Clean")
    ),
    "u85": Case(
        "alif-e8-hp-u85",
        {"model_format": "embed"},
        ("address & 0xa0000000u", "IRQ366_Handler", "0x49042000u"),
    ),
    "cpu": Case("alif-e7-hp", {"compiler": "none"}, npu=False),
    "aot": Case("alif-e4-he", {"runtime": "aot"}, npu=False),
}


def made(board: str, folder: Path, **options: Any) -> Path:
    """The project of a small image model of ours."""
    model = MODELS / "digits_int8.tflite"
    asked = request(
        [model],
        board,
        names=["digits"],
        goldens=[model.with_name("digits_int8_golden.npz")],
        labels=[model.with_name("digits_labels.txt")],
        **options,
    )
    generate(asked, folder)
    return folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_everything_compiles_for_the_core(case: Case, tmp_path: Path) -> None:
    if case.npu and not VELA:
        pytest.skip("needs the extra vela")
    project = made(case.board, tmp_path / "project", **case.options)
    assert compile_project(project, tmp_path, npu=case.npu) >= 8
    if case.npu:
        text = (project / "board" / NPU_GLUE).read_text()
        assert [word for word in case.has if word not in text] == []
        assert [word for word in case.lacks if word in text] == []
        assert (project / "gen/digits/vela.ini").is_file()
    flash = json.loads((project / "app-cfg.json").read_text())
    (image,) = [entry for key, entry in flash.items() if key != "DEVICE"]
    board = BOARDS[case.board].family_data
    assert int(image["mramAddress"], 16) == board["origins"]["mram"]
    assert image["cpu_id"] == board["core"]


def test_console_polls(tmp_path: Path) -> None:
    """The DFP's console does not compile unless its UART is in polling mode."""
    project = made("alif-e7-hp", tmp_path / "project", runtime="aot")
    source = tmp_path / "uart.c"
    source.write_text(
        '#include "RTE_Device.h"\n_Static_assert(RTE_UART4_BLOCKING_MODE_ENABLE == 1, "");\n'
    )
    include = [f"-I{project / 'board'}", f"-I{ALIF / 'include'}"]
    run(["arm-none-eabi-gcc", "-std=gnu11", *include, "-fsyntax-only", source])


def pairs(board: Board) -> list[tuple[str, str, str]]:
    """All placements of a board that its linker script may have to do."""
    return [
        (board.name, arena, model)
        for arena in board.placement["arena"]
        for model in board.placement["model"]
    ]


#: the first board of each shape of memories: name, origin and size
SHAPES = {
    tuple((m.name, board.family_data["origins"][m.name], m.bytes) for m in board.memories): board
    for board in reversed(BOARDS.values())
}
#: the others only in `make test-full`
_ALWAYS = {"alif-e1c-he", "alif-e3-hp"}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Program and start-up code, compiled once: the placement is the linker script's."""
    folder = tmp_path_factory.mktemp("objects")
    project = made("alif-e7-hp", folder / "project", runtime="aot")
    include = [f"-I{project / 'gen'}", f"-I{project / 'board'}"]
    command = ["arm-none-eabi-gcc", "-std=c11", *CORE, *SECTIONS, "-Os", *include]
    for source in [*(project / "gen").rglob("*.c"), *(project / "app").glob("*.c")]:
        run([*command, "-c", source, "-o", folder / f"{source.name}.obj"])
    stub = folder / "board.c"
    stub.write_text(
        '#include "board.h"\nbool board_init(void) { return true; }\n'
        "uint64_t board_count(void) { return 0; }\nuint32_t board_clock_hz(void) { return 1; }\n"
    )
    for source in (stub, ALIF / "start.c"):
        name = "startup.c" if source.name == "start.c" else source.name
        run([*command, "-c", source, "-o", folder / f"{name}.obj"])
    return folder


@pytest.mark.parametrize(
    ("name", "arena", "model"),
    [
        pytest.param(*pair, marks=() if board.name in _ALWAYS else pytest.mark.full)
        for board in SHAPES.values()
        for pair in pairs(board)
    ],
)
def test_linker_script_places(
    name: str, arena: str, model: str, objects: Path, tmp_path: Path
) -> None:
    place = {"arena": arena, "model": model}
    project = made(name, tmp_path / "project", runtime="aot", place=place)
    elf = tmp_path / "app.elf"
    options = ["--specs=nano.specs", "--specs=nosys.specs", "-nostartfiles"]
    options += ["-Wl,-n,--gc-sections,--no-warn-rwx-segments", f"-T{project / 'board/linker.ld'}"]
    inputs = sorted(objects.glob("*.obj"))
    run(["arm-none-eabi-gcc", *CORE, *options, *inputs, "-o", elf])
    check_placement(elf, load_board(name), arena, model)


def test_model_is_a_file_of_its_own_for_external_flash(objects: Path, tmp_path: Path) -> None:
    project = made("alif-e7-hp", tmp_path / "project", runtime="aot", place={"model": "ospi"})
    cmake = (project / "board/CMakeLists.txt").read_text()
    assert "--only-section=.model" in cmake
    assert "--remove-section=.model" in cmake
    assert "ospi_xip/source/issi_flash/issi_flash.c" in cmake
    assert "setup_flash_xip()" in (project / "board/board.c").read_text()
