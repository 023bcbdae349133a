# SPDX-License-Identifier: Apache-2.0
"""Looks into a linked Alif project: what lies where, and what start-up code copies."""

from __future__ import annotations

from pathlib import Path

from elftools.elf.elffile import ELFFile

from gen_fw.boards.board import Board


def check_placement(elf: Path, board: Board, arena: str, model: str) -> None:
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
