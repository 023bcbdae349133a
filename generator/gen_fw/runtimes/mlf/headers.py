# SPDX-License-Identifier: Apache-2.0
"""Which libraries the sources of an archive need: judged by the headers that they include."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gen_fw.archive.types import Module
from gen_fw.boards.board import Board

_TABLE = Path(__file__).resolve().parent / "headers.toml"


@dataclass(frozen=True, slots=True)
class Library:
    """A library that kernels of an archive call. ``isa``: beginnings of the CPUs that can."""

    name: str
    title: str
    headers: frozenset[str]
    isa: tuple[str, ...]
    why: str
    hint: str

    def missing(self, board: Board) -> str:
        """Why projects for this board cannot link it; empty when they can."""
        if not board.cpu.isa.startswith(self.isa):
            return self.why
        # native and Alif projects know where the library's tree is
        if board.family in ("native_cmake", "alif_cmake"):
            return ""
        return f"{board.family} projects do not link {self.title} for archives"


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why an archive's source cannot be built: ``why`` is a line, ``hint`` what to do."""

    why: str
    hint: str


@cache
def _table() -> tuple[frozenset[str], tuple[Library, ...]]:
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    libraries = tuple(
        Library(
            row["name"],
            row["title"],
            frozenset(row["headers"]),
            tuple(row["isa"]),
            row["why"],
            row["hint"],
        )
        for row in table["library"]
    )
    return frozenset(table["plain"]), libraries


def libraries_of(module: Module) -> tuple[Library, ...]:
    """The libraries whose headers the module's sources include."""
    included = {header for source in module.sources for header in source.includes}
    return tuple(library for library in _table()[1] if library.headers & included)


def unusable(module: Module, board: Board) -> list[Unusable]:
    """Headers that nothing provides for ``board``, a reason each."""
    plain, libraries = _table()
    own = {module.header.file} if module.header else set()
    found: list[Unusable] = []
    for library in libraries_of(module):
        missing = library.missing(board)
        if missing:
            files = _files(module, library.headers)
            found.append(Unusable(f"{files} calls {library.title}: {missing}", library.hint))
    known = plain.union(own, *(library.headers for library in libraries))
    strange = sorted({h for source in module.sources for h in source.includes} - known)
    if strange:
        names = ", ".join(strange[:8])
        found.append(
            Unusable(
                f"{_files(module, frozenset(strange))} includes {names}, which gen-fw does not "
                "have",
                "compile for the CPU alone: tvmc compile ... --target=c",
            )
        )
    return found


def _files(module: Module, headers: frozenset[str]) -> str:
    files = [source.file for source in module.sources if headers & set(source.includes)]
    more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
    return f"{files[0]}{more}"
