# SPDX-License-Identifier: Apache-2.0
"""Alif projects without Alif's software: everything of gen/ and app/ compiles for the core, the glue
is checked against declarations of ours, and the linker script puts things where they were asked for.
tests/sdk/test_alif.py builds the same with the real trees."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from gen_fw.boards.board import Board
from gen_fw.boards.load import all_boards, load_board
from gen_fw.pipeline import generate
from gen_fw.request import request
from host_firmware import HOST, WARNINGS, run

ROOT = Path(__file__).resolve().parents[2]
ALIF = Path(__file__).resolve().parent / "alif"
MODELS = ROOT / "examples" / "models"
CORE = ["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"]
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
        "alif-e7-he", {"place": {"arena": "sram1"}}, ("if (address >= 0x60000000u)", "SCB_CleanDCache")
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
    gen = [f"-I{project / 'gen'}"]
    tflm = [f"-I{HOST / 'tflm_names'}", "-DGEN_FW_SKIP_ABI_CHECK", "-fno-exceptions", "-fno-rtti"]
    object_file = tmp_path / "out.o"
    sources = [path for part in ("gen", "app") for path in sorted((project / part).rglob("*.*"))]
    compiled = 0
    for source in sources:
        command = {
            ".c": ["arm-none-eabi-gcc", "-std=c11", f"-I{project / 'board'}"],
            ".S": ["arm-none-eabi-gcc"],
            ".cc": ["arm-none-eabi-g++", "-std=c++17", *tflm],
        }.get(source.suffix)
        if command is None:
            continue
        run([*command, *CORE, *WARNINGS, "-O2", *gen, "-c", source, "-o", object_file])
        compiled += 1
    assert compiled >= 8
    include = [f"-I{project / 'board'}", f"-I{ALIF / 'include'}", *gen]
    glue = {path.name: path for path in sorted((project / "board").glob("*.c"))}
    assert set(glue) == {"board.c", "fault.c", "libc.c"} | ({"ethosu.c"} if case.npu else set())
    for source in glue.values():
        check = ["-std=gnu11", *CORE, *WARNINGS, "-fsyntax-only"]
        run(["arm-none-eabi-gcc", *check, *include, source])
    if case.npu:
        text = glue["ethosu.c"].read_text()
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


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Program and start-up code, compiled once: the placement is the linker script's."""
    folder = tmp_path_factory.mktemp("objects")
    project = made("alif-e7-hp", folder / "project", runtime="aot")
    include = [f"-I{project / 'gen'}", f"-I{project / 'board'}"]
    for source in [*(project / "gen").rglob("*.c"), *(project / "app").glob("*.c")]:
        run(
            ["arm-none-eabi-gcc", "-std=c11", *CORE, *SECTIONS, "-Os", *include, "-c", source]
            + ["-o", folder / f"{source.name}.obj"]
        )
    stub = folder / "board.c"
    stub.write_text(
        '#include "board.h"\nbool board_init(void) { return true; }\n'
        "uint64_t board_count(void) { return 0; }\nuint32_t board_clock_hz(void) { return 1; }\n"
    )
    for source in (stub, ALIF / "start.c"):
        name = "startup.c" if source.name == "start.c" else source.name
        run(
            ["arm-none-eabi-gcc", "-std=c11", *CORE, *SECTIONS, *include, "-c", source]
            + ["-o", folder / f"{name}.obj"]
        )
    return folder


@pytest.mark.parametrize(
    ("name", "arena", "model"), [pair for board in SHAPES.values() for pair in pairs(board)]
)
def test_linker_script_places(
    name: str, arena: str, model: str, objects: Path, tmp_path: Path
) -> None:
    place = {"arena": arena, "model": model}
    project = made(name, tmp_path / "project", runtime="aot", place=place)
    elf = tmp_path / "app.elf"
    run(
        ["arm-none-eabi-gcc", *CORE, "--specs=nano.specs", "--specs=nosys.specs", "-nostartfiles"]
        + [f"-T{project / 'board/linker.ld'}", "-Wl,-n,--gc-sections,--no-warn-rwx-segments"]
        + [*sorted(objects.glob("*.obj")), "-o", elf]
    )
    check_placement(elf, load_board(name), arena, model, "digits")


def check_placement(elf: Path, board: Board, arena: str, model: str, program: str) -> None:
    """Sections and symbols of a linked project are in the memories that were asked for."""
    with elf.open("rb") as stream:
        file = ELFFile(stream)
        symbols = {s.name: s.entry for s in file.get_section_by_name(".symtab").iter_symbols()}
        sections = {s.name: s for s in file.iter_sections()}
        loads = [s for s in file.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
        origins = board.family_data["origins"]

        def inside(address: int, memory: str, size: int = 0) -> bool:
            return 0 <= address - origins[memory] <= board.memory(memory).bytes - size

        def loaded_from(address: int) -> int:
            (load,) = [s for s in loads if 0 <= address - s["p_vaddr"] < s["p_filesz"]]
            return int(load["p_paddr"] + address - load["p_vaddr"])

        assert sections[".vectors"]["sh_addr"] == origins["mram"]
        assert inside(symbols["Reset_Handler"]["st_value"] & ~1, "mram")
        main = symbols["main"]["st_value"] & ~1
        assert inside(main, "itcm")
        assert main != 0
        assert inside(loaded_from(main), "mram")
        for part, memory, kind in (
            (".arena", arena, "SHT_NOBITS"),
            (".model", model, "SHT_PROGBITS"),
            (".bss", "dtcm", "SHT_NOBITS"),
            (".data", "dtcm", "SHT_PROGBITS"),
            (".rodata", "mram", "SHT_PROGBITS"),
            (".code", "itcm", "SHT_PROGBITS"),
        ):
            section = sections[part]
            assert section["sh_type"] == kind, part
            assert section["sh_size"], part
            assert section["sh_addr"] % 16 == 0, part
            assert inside(section["sh_addr"], memory, section["sh_size"]), part
        size = sections[".arena"]["sh_size"]
        storage = symbols["storage"]
        assert (storage["st_value"], storage["st_size"]) == (sections[".arena"]["sh_addr"], size)
        kept = loaded_from(sections[".model"]["sh_addr"])
        assert inside(kept, "ospi" if model == "ospi" else "mram")
        # what start-up code copies: from, to, words
        table = sections[".copy.table"].data()
        words = [int.from_bytes(table[i : i + 4], "little") for i in range(0, len(table), 4)]
        copies = list(zip(words[::3], words[1::3], words[2::3], strict=True))
        moved = [".code", ".data", *([".model"] if board.memory(model).kind == "ram" else [])]
        assert copies == [
            (loaded_from(s["sh_addr"]), s["sh_addr"], s["sh_size"] // 4)
            for s in (sections[part] for part in moved)
        ]
        assert symbols["__StackTop"]["st_value"] == origins["dtcm"] + board.memory("dtcm").bytes
        constants = sections[".model"].data()
        assert len(constants) > 1000, program


def test_model_is_a_file_of_its_own_for_external_flash(objects: Path, tmp_path: Path) -> None:
    project = made(
        "alif-e7-hp", tmp_path / "project", runtime="aot", place={"model": "ospi"}
    )
    cmake = (project / "board/CMakeLists.txt").read_text()
    assert "--only-section=.model" in cmake
    assert "--remove-section=.model" in cmake
    assert "ospi_xip/source/issi_flash/issi_flash.c" in cmake
    assert "setup_flash_xip()" in (project / "board/board.c").read_text()
