# SPDX-License-Identifier: Apache-2.0
"""One archive of TVM, explained before anything is generated: what is in it, what it needs, and
what stands in the way of a board."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gen_fw.archive.types import Archive, Module
from gen_fw.boards.board import Board
from gen_fw.errors import ModelError, UsageError
from gen_fw.program import Program

Progress = Callable[[str], None]


def inspect_archive(path: Path, board: str, *, progress: Progress) -> Mapping[str, Any]:
    """The document gen-fw/inspect-archive/1. ``board`` is a name, empty for this computer.

    Raises ModelError if the archive is unreadable, UsageError for a board that does not exist.
    """
    from gen_fw.archive.reader import read_archive
    from gen_fw.boards.load import load_board
    from gen_fw.report.archive import document

    judge = load_board(board or "host")
    progress(f"reading {path.name}")
    archive = read_archive(path)
    modules = [_module(archive, module, judge) for module in archive.modules]
    return document(archive, path.name, judge.name, modules)


def _module(archive: Archive, module: Module, board: Board) -> dict[str, Any]:
    from gen_fw.runtimes.mlf.headers import libraries_of
    from gen_fw.runtimes.mlf.lower import misfits

    missing = [{"why": why, "hint": hint} for why, hint in misfits(module, board)]
    program: Program | None = None
    if not missing:
        try:
            program = _lowered(archive, module, board)
        except (ModelError, UsageError) as error:
            why = f"{error.what}: {error.why}" if error.why else error.what
            missing = [{"why": why, "hint": error.hint}]
    return {
        "module": module,
        "program": program,
        "missing": missing,
        "libraries": [library.title for library in libraries_of(module)],
    }


def _lowered(archive: Archive, module: Module, board: Board) -> Program:
    from gen_fw.runtimes.mlf.imported import Imported
    from gen_fw.runtimes.mlf.lower import lower

    return lower(Imported(archive, module), "model", board)
