# SPDX-License-Identifier: Apache-2.0
"""Sizes from ELF files: of the whole image, and of the part that came from given object files.

Which input sections the linker kept is told by symbols, not by a map file: a section is in the
image when one of its symbols is, or when a section that is refers to it (strings and tables without
names). Local symbols are told apart by the source file that STT_FILE names. So this works with
every linker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_fw.errors import GenFwError, ToolMissingError

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_WRITE, _ALLOC, _EXECUTE = 0x1, 0x2, 0x4
#: for debuggers and exceptions, which no kernel has; not code, not constants
_UNWINDING = (".eh_frame", ".ARM.ex", ".note", ".sframe", ".riscv.attributes")
#: written by the dynamic linker only, before main
_READ_ONLY_AFTER_START = ".data.rel.ro"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes by kind. ``ram`` counts initialised data too, whose values also lie in flash."""

    code: int = 0
    constants: int = 0
    ram: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """Names in a linked image: global ones, and local ones by their source file's name."""

    globals: frozenset[str]
    locals: frozenset[tuple[str, str]]


class Image:
    """A linked executable. Raises GenFwError when the file is no readable ELF, ToolMissingError
    when pyelftools is not installed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opened(path) as elf:
            sections = list(elf.iter_sections())
            #: bytes that are loaded: code, constants and the values of initialised data
            self.bytes = sum(
                section["sh_size"]
                for section in sections
                if section["sh_flags"] & _ALLOC and section["sh_type"] != "SHT_NOBITS"
            )
            #: bytes of RAM that the linker has given away, stacks and heap not counted
            self.ram = sum(section["sh_size"] for section in sections if _kind(section) == "ram")
            self._kept = _kept(elf)

    def part(self, objects: Iterable[Path]) -> Sizes:
        """What the image has of these object files."""
        code = constants = ram = 0
        seen: set[str] = set()
        for path in objects:
            with _opened(path) as elf:
                for section in _live(elf, self._kept, seen):
                    kind, size = _kind(section), section["sh_size"]
                    code += size if kind == "code" else 0
                    constants += size if kind == "constants" else 0
                    ram += size if kind == "ram" else 0
        return Sizes(code, constants, ram)


class _opened:  # noqa: N801  (reads like open)
    """An ELF file for the length of a ``with``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> ELFFile:
        try:
            from elftools.common.exceptions import ELFError
            from elftools.elf.elffile import ELFFile
        except ImportError:
            raise ToolMissingError(
                "the Python package pyelftools is not installed",
                hint="pip install pyelftools",
            ) from None
        try:
            self._file = self._path.open("rb")
            return ELFFile(self._file)
        except (ELFError, OSError) as error:
            raise GenFwError("no ELF file", where=str(self._path), why=str(error)) from None

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _kind(section: Any) -> str:
    """ "code", "constants", "ram", or "" for what is not counted."""
    flags = section["sh_flags"]
    if not flags & _ALLOC or section.name.startswith(_UNWINDING):
        return ""
    if flags & _EXECUTE:
        return "code"
    if flags & _WRITE and not section.name.startswith(_READ_ONLY_AFTER_START):
        return "ram"
    return "constants"


def _symbols(elf: ELFFile) -> Iterator[tuple[int, Any, str]]:
    """Index, symbol, and the source file that locals belong to."""
    table: Any = elf.get_section_by_name(".symtab")
    file = ""
    if table is None:
        return
    for index, symbol in enumerate(table.iter_symbols()):
        if symbol["st_info"]["type"] == "STT_FILE":
            file = symbol.name
        yield index, symbol, file


def _named(symbol: Any) -> bool:
    """Not a mapping symbol such as $t, a temporary label, or a section."""
    return (
        bool(symbol.name)
        and symbol["st_info"]["type"] != "STT_SECTION"
        and (symbol.name[0] not in "$" and not symbol.name.startswith(".L"))
    )


def _kept(elf: ELFFile) -> _Kept:
    globals_: set[str] = set()
    locals_: set[tuple[str, str]] = set()
    for _, symbol, file in _symbols(elf):
        if symbol["st_shndx"] == "SHN_UNDEF" or not _named(symbol):
            continue
        if symbol["st_info"]["bind"] == "STB_LOCAL":
            locals_.add((file, symbol.name))
        else:
            globals_.add(symbol.name)
    # hidden functions become local in an executable, under no file or another one
    return _Kept(frozenset(globals_), frozenset(locals_))


def _live(elf: ELFFile, kept: _Kept, seen: set[str]) -> Iterator[Any]:
    """The sections of one object that are in the image, each once.

    ``seen`` collects global names, as inline functions of C++ are in several objects.
    """
    home: dict[int, int] = {}
    live: set[int] = set()
    doubles: set[int] = set()
    anywhere = {name for _, name in kept.locals}
    for index, symbol, file in _symbols(elf):
        section = symbol["st_shndx"]
        if not isinstance(section, int):
            continue
        home[index] = section
        if not _named(symbol):
            continue
        if symbol["st_info"]["bind"] == "STB_LOCAL":
            present = (file, symbol.name) in kept.locals
        else:
            hidden = symbol["st_other"]["visibility"] == "STV_HIDDEN"
            present = symbol.name in kept.globals or (hidden and symbol.name in anywhere)
            if present and symbol.name in seen:
                doubles.add(section)
            elif present:
                seen.add(symbol.name)
        if present:
            live.add(section)
    _follow(elf, home, live)
    for index in sorted(live - doubles):
        yield elf.get_section(index)


def _follow(elf: ELFFile, home: dict[int, int], live: set[int]) -> None:
    """Adds the sections that live ones refer to."""
    targets: dict[int, set[int]] = {}
    section: Any
    for section in elf.iter_sections():
        if section["sh_type"] in ("SHT_REL", "SHT_RELA"):
            found = targets.setdefault(section["sh_info"], set())
            for relocation in section.iter_relocations():
                target = home.get(relocation["r_info_sym"])
                if target is not None:
                    found.add(target)
    todo = list(live)
    while todo:
        for target in targets.get(todo.pop(), ()):
            if target not in live:
                live.add(target)
                todo.append(target)
