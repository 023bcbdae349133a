# SPDX-License-Identifier: Apache-2.0
"""The flow, in one direction: read, compile, lower, place, render, then write or show.

Nothing here prints, exits or reads the environment; ``progress`` is called with a stage's name
before each stage that can take long.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from gen_fw.boards.board import Board
from gen_fw.errors import ConflictError, Diagnostic, GenFwError, ToolMissingError, UsageError
from gen_fw.inputs import Input, read_inputs
from gen_fw.program import Firmware, Golden, Program
from gen_fw.project.check import CheckResult
from gen_fw.project.intent import FILE as SETTINGS
from gen_fw.project.intent import Intent, merge, read_intent
from gen_fw.project.plan import ProjectPlan
from gen_fw.project.survey import Changes
from gen_fw.request import ModelRequest, Request, settled
from gen_fw.runtimes.vectors import Kept, vectors

Progress = Callable[[str], None]


_TEMPLATES_OUTSIDE = Diagnostic(
    f"{SETTINGS} cannot name the templates, since they lie outside the project",
    why="without them `gen-fw check` finds drift, and a regeneration uses the original templates",
    hint="keep them in a folder of the project, or give --template-dir every time",
)


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
    planned = plan(request, folder, force=force, progress=progress)
    if dry_run:
        changes = survey(planned.project, folder, force=force)
    else:
        progress("writing files")
        changes = write(planned.project, folder, force=force)
    return Result(folder, planned, changes, dry_run)


def plan(
    request: Request, out: Path, *, force: bool = False, progress: Progress = _quiet
) -> Planned:
    """Reads, lowers, places and renders; writes nothing. ``out`` is read for what a regeneration
    keeps: ``gen-fw.toml``, labels and the test vectors. ``force`` gives up edited vectors."""
    from gen_fw.boards.layouts import for_layout
    from gen_fw.boards.load import all_boards, load_board
    from gen_fw.candidates import oracle_of, prepared
    from gen_fw.project.assemble import assemble  # loads numpy and Jinja, which inspect needs not

    stored = read_intent(out)
    as_it_is = not request.models
    request = settled(merge(request, stored, out), request)
    if not request.models:
        raise UsageError(
            "no model given",
            why=f"{out / SETTINGS} names none" if stored else f"there is no {out / SETTINGS}",
            hint="gen-fw model.tflite --board esp32s3 -o proj/",
        )
    if not request.board:
        raise UsageError("no board given", hint="add --board NAME; `gen-fw boards` lists them")
    options = request.options
    board = for_layout(load_board(request.board, options.layout), options.layout)
    inputs = read_inputs(request.models, options.io, progress)
    if options.runtime == "tvm":
        from gen_fw.tvm_programs import compiled

        inputs = compiled(inputs, board, options, progress)
    named = [(one.name, one.source) for one in inputs]
    chosen = prepared(named, board, options, progress, all_boards)
    # labels of the last generation may serve new models
    project = out if stored and not as_it_is else None
    labelled = [
        _labelled(program, one, project)
        for program, one in zip(chosen.programs, inputs, strict=True)
    ]
    programs = tuple(program for program, _ in labelled)
    request = replace(request, models=tuple(wanted for _, wanted in labelled))
    goldens: list[Golden | None] = []
    diagnostics = [note for program in programs for note in program.diagnostics]
    for program, wanted in zip(programs, request.models, strict=True):
        progress(f"test vectors of {program.name}")
        golden, notes = vectors(
            program,
            golden=wanted.golden,
            sample=wanted.sample,
            kept=None
            if wanted.golden or wanted.sample
            else _kept(program, stored, out, as_it_is=as_it_is, force=force),
            oracle=oracle_of(program),
        )
        goldens.append(golden)
        diagnostics.extend(notes)
    firmware = Firmware(
        programs, chosen.tried[-1], chosen.tried, tuple(goldens), options.shared_arena
    )
    progress("rendering")
    made = assemble(firmware, board, request, out)
    if options.template_dir and "template_dir" not in made.intent.options:
        diagnostics.append(_TEMPLATES_OUTSIDE)
    return Planned(board, firmware, made.plan, made.intent, made.overridden, tuple(diagnostics))


def _kept(
    program: Program, stored: Intent | None, out: Path, *, as_it_is: bool, force: bool
) -> Kept | None:
    """The test vectors that the project in ``out`` has for this program.

    Raises ConflictError when they were edited, unless ``force``.
    """
    from gen_fw.project.assemble import REFERENCE, input_file

    intents = [model for model in stored.models if model.name == program.name] if stored else []
    if not intents:
        return None
    folder = out / "gen" / program.name
    path, pinned = folder / "golden.npz", intents[0].golden_sha256
    npz = _pinned(path, pinned)
    if pinned and not npz:
        if force or not path.exists():
            return None
        raise ConflictError(
            "the test vectors are not those of gen-fw.toml; nothing was written",
            where=f"gen/{program.name}/golden.npz",
            hint=f"--force --golden {path} takes them as they are, --force alone makes new ones",
        )
    same = bool(_pinned(folder / input_file(program), program.constants[0].sha256))
    if intents[0].golden_origin != "golden file":
        # outputs that TFLM computed are those of the model that an archive was compiled from
        for reference in (one for one in program.constants if one.label == "reference"):
            same = same and bool(_pinned(folder / REFERENCE, reference.sha256))
    return Kept(npz, intents[0].golden_origin, same_model=same, as_it_is=as_it_is)


def _pinned(path: Path, sha256: str) -> bytes:
    """The file's content if it is a regular file with that hash, else nothing."""
    try:
        if path.is_symlink() or not path.is_file():
            return b""
        data = path.read_bytes()
    except OSError:
        return b""
    return data if hashlib.sha256(data).hexdigest() == sha256 else b""


def _labelled(program: Program, one: Input, project: Path | None) -> tuple[Program, ModelRequest]:
    """``program`` with class labels: of the file that was given, else of the model itself, else
    those that the application was made with."""
    from gen_fw.model.metadata import read_labels as labels_inside
    from gen_fw.project.labels import FILE, read_labels

    wanted, model = one.wanted, one.model
    file = wanted.labels
    if file is None:
        inside = () if model is None else labels_inside(model)
        last = project / "gen" / program.name / FILE if project else None
        if inside or last is None or not last.is_file():
            return replace(program, labels=inside), wanted
        file = last
    labels = read_labels(file)
    sizes = {tensor.elements for tensor in program.outputs}
    notes = program.diagnostics
    if len(labels) not in sizes:
        note = Diagnostic(
            f"{len(labels)} labels for outputs of {sorted(sizes)} elements",
            where=file.name,
            hint="give one label a line, in the order of the classes",
        )
        notes = (*notes, note)
    return replace(program, labels=labels, diagnostics=notes), replace(wanted, labels=file)


def check(out: str | PathLike[str], *, progress: Progress = _quiet) -> CheckResult:
    """Compares the project in ``out`` with its lock and with what would be generated now.

    Where a damaged project cannot be regenerated, only hashes are compared. Raises UsageError when
    ``out`` is no project of gen-fw, ConflictError when its lock is damaged.
    """
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
    try:
        project = plan(Request(models=(), board=""), folder, progress=progress).project
    except ToolMissingError as error:
        result = compare(folder)
        return replace(result, notes=(*result.notes, f"only hashes were compared: {error}"))
    except GenFwError as error:
        # a damaged project is drift; only one that holds its hashes has an error of its own
        damaged = compare(folder)
        if damaged.ok:
            raise
        return replace(damaged, notes=(*damaged.notes, f"cannot be regenerated: {error}"))
    return compare(folder, project)
