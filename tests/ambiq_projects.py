# SPDX-License-Identifier: Apache-2.0
"""Generates projects for Ambiq boards, runs make in them, and looks into what was linked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from gen_fw.boards.board import Board
from gen_fw.boards.load import all_boards
from gen_fw.pipeline import generate
from gen_fw.request import request

BOARDS = {board.name: board for board in all_boards() if board.family == "ambiq_make"}
#: sections whose content no image has
_NOT_LOADED = ("tcm_arena", "bss", "sram_bss", "psram_bss", "stack", "heap")


def made(models: list[Path] | Path, board: str, folder: Path, **options: Any) -> Path:
    """A project; ``names``, ``goldens`` and all other options as for ``request``."""
    paths = models if isinstance(models, list) else [models]
    generate(request(paths, board, **options), folder)
    return folder


def make(folder: Path, *arguments: str, ok: bool = True, **environment: str) -> str:
    """What ``make`` says, both streams; it must succeed, or fail when not ``ok``."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_ROOT") and k != "MAKEFLAGS"}
    result = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**kept, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1500,
        check=False,
    )
    assert (result.returncode == 0) == ok, result.stdout[-6000:]
    return result.stdout


class Image:
    """A linked firmware."""

    def __init__(self, elf: Path) -> None:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            self.sections = {
                s.name.lstrip("."): (s["sh_addr"], s["sh_size"], s["sh_type"])
                for s in file.iter_sections()
                if s["sh_flags"] & 2 and s["sh_size"]
            }
            self.symbols: dict[str, list[tuple[int, int]]] = {}
            for symbol in file.get_section_by_name(".symtab").iter_symbols():
                place = (symbol["st_value"], symbol["st_size"])
                self.symbols.setdefault(symbol.name, []).append(place)
            #: (address in memory, address in the image, bytes) of what is loaded
            self.loads = [
                (s["p_vaddr"], s["p_paddr"], s["p_filesz"])
                for s in file.iter_segments()
                if s["p_type"] == "PT_LOAD" and s["p_filesz"]
            ]

    def address(self, symbol: str) -> int:
        """The only symbol of that name."""
        ((address, _),) = self.symbols[symbol]
        return address


def memory_of(board: Board, address: int) -> str:
    """The board's memory that has this address."""
    for memory in board.memories:
        if 0 <= address - board.family_data["origins"][memory.name] < memory.bytes:
            return memory.name
    stack = board.family_data["stack"]
    inside = stack and 0 <= address - stack["origin"] < stack["bytes"]
    return "stack" if inside else f"nowhere: {address:#x}"


def check_placement(elf: Path, board: Board, arena: str, model: str, constants: list[str]) -> None:
    """Arena and model (symbols ``constants``) are where they were asked for, nothing that is not
    loaded takes room in the image, and the image is in the read-only memory."""
    image = Image(elf)
    rom = next(memory.name for memory in board.memories if memory.kind == "rom")
    for address, size in image.symbols["storage"]:
        assert memory_of(board, address) == memory_of(board, address + size - 1) == arena
        assert address % 16 == 0
    for symbol in constants:
        assert memory_of(board, image.address(symbol)) == model, symbol
    assert memory_of(board, image.sections["isr_vector"][0]) == rom
    assert image.sections["isr_vector"][0] == board.family_data["jlink"]["address"]
    assert memory_of(board, image.address("Reset_Handler") & ~1) == rom
    assert memory_of(board, image.address("main") & ~1) == rom
    for name in _NOT_LOADED:
        if name in image.sections:
            assert image.sections[name][2] == "SHT_NOBITS", name
    for _, place, size in image.loads:
        assert memory_of(board, place) == memory_of(board, place + size - 1) == rom
    # the .bin holds what is loaded, to the byte, without the arena
    end = max(place + size for _, place, size in image.loads)
    binary = elf.with_suffix(".bin").stat().st_size
    assert binary <= end - board.family_data["jlink"]["address"] <= binary + 16
