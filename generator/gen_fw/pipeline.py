# SPDX-License-Identifier: Apache-2.0
"""The flow, in one direction: read, lower, place, render, then write or show.

Nothing here prints, exits or reads the environment; ``progress`` is called with a stage's name
before each stage that can take long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.errors import Diagnostic, UsageError
from gen_fw.program import Firmware, Golden, Program
from gen_fw.project.check import CheckResult
from gen_fw.project.intent import Intent, merge, read_intent
from gen_fw.project.plan import ProjectPlan
from gen_fw.project.writer import Changes
from gen_fw.request import ModelRequest, Request

Progress = Callable[[str], None]


def _quiet(_stage: str) -> None:
    """The default progress callback."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Everything that is known before the first byte is written."""

    board: Board
    firmware: Firmware
    project: ProjectPlan
    intent: Intent
    #: overridden template names, for the user to see
    overridden: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What ``generate`` did (or would do, when ``dry_run``)."""

    out: Path
    planned: Planned
    changes: Changes
    dry_run: bool


def generate(
    request: Request,
    out: str | PathLike[str],
    *,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress = _quiet,
) -> Result:
    """Generates or regenerates the project in ``out``.

    Raises ModelError, UsageError, DoesNotFitError, ConflictError or ToolMissingError; in every
    such case nothing was written.
    """
    from gen_fw.project.writer import recover, survey, write

    folder = Path(out)
    recover(folder)
    planned = plan(request, folder, progress=progress)
    if dry_run:
        changes = survey(planned.project, folder, force=force)
    else:
        progress("writing files")
        changes = write(planned.project, folder, force=force)
    return Result(folder, planned, changes, dry_run)


def plan(request: Request, out: Path, *, progress: Progress = _quiet) -> Planned:
    """Reads, lowers, places and renders; writes nothing. ``out`` is read for what a regeneration
    keeps: ``gen-fw.toml`` and the test vectors."""
    from gen_fw.boards.load import load_board
    from gen_fw.memory.place import place
    from gen_fw.project.names import check_name, check_unique, slug

    stored = read_intent(out)
    request = merge(request, stored, out)
    if not request.models:
        raise UsageError("no model given", hint="gen-fw model.tflite --board esp32s3 -o proj/")
    if not request.board:
        raise UsageError("no board given", hint="add --board NAME; `gen-fw boards` lists them")
    board = load_board(request.board)
    names = [
        check_name(model.name) if model.name else slug(model.path.stem) for model in request.models
    ]
    check_unique(names)

    programs: list[Program] = []
    goldens: list[Golden | None] = []
    diagnostics: list[Diagnostic] = []
    for name, wanted in zip(names, request.models, strict=True):
        progress(f"reading {wanted.path.name}")
        program = _lower(wanted, name, board, request)
        programs.append(program)
        diagnostics.extend(program.diagnostics)
    progress("placing memory")
    options = request.options
    chosen, tried = place(
        tuple(programs),
        board,
        wanted=options.place,
        reserve=options.reserve,
        shared_arena=options.shared_arena,
        alternatives=_alternatives(board),
    )
    for program, wanted in zip(programs, request.models, strict=True):
        golden, notes = _golden(program, wanted, stored, out, progress)
        goldens.append(golden)
        diagnostics.extend(notes)
    firmware = Firmware(tuple(programs), chosen, tried, tuple(goldens), options.shared_arena)

    progress("rendering")
    from gen_fw.assemble import assemble

    project, intent, overridden = assemble(firmware, board, request, out)
    return Planned(board, firmware, project, intent, overridden, tuple(diagnostics))


def check(out: str | PathLike[str], *, progress: Progress = _quiet) -> CheckResult:
    """Compares the project in ``out`` with its lock and with what would be generated now."""
    from gen_fw.project.check import check as compare
    from gen_fw.project.writer import recover

    folder = Path(out)
    recover(folder)
    if not (folder / "gen-fw.lock").is_file():
        raise UsageError(
            "this folder is no gen-fw project",
            where=str(folder),
            why="it has no gen-fw.lock",
            hint="gen-fw MODEL --board B -o DIR makes one",
        )
    planned = plan(Request(models=(), board=""), folder, progress=progress)
    return compare(folder, planned.project)


def inspect(path: Path, board: str = "", *, progress: Progress = _quiet) -> dict[str, Any]:
    """The report on one model: schema gen-fw/inspect/1. Raises ModelError if unreadable."""
    from gen_fw.boards.load import load_board
    from gen_fw.model.reader import read_model
    from gen_fw.report.inspect import document
    from gen_fw.runtimes import tflm

    progress(f"reading {path.name}")
    model = read_model(path)
    release = load_board(board).sdk.tflm if board else ""
    reasons = tflm.check(model, release)
    supported = {"tflm": {"ok": not reasons, "reasons": [str(reason) for reason in reasons]}}
    return document(model, str(path), supported, tflm.resolver_call(release))
