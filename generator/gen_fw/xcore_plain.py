# SPDX-License-Identifier: Apache-2.0
"""Plain C for xcore.ai: generated C (aot) and archives of TVM, without XMOS's AI tools. A tile's
RAM holds all that the tile executes; the arena and weights of generated C can lie in LPDDR."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.errors import Diagnostic, DoesNotFitError, UsageError
from gen_fw.inputs import Source
from gen_fw.lowering import lowering
from gen_fw.memory.document import candidate_document
from gen_fw.memory.place import Chosen, shortage
from gen_fw.model.types import Model
from gen_fw.program import Candidate, Program
from gen_fw.request import Options
from gen_fw.runtimes.aot.section import in_section
from gen_fw.runtimes.xcore.budget import placement, uses
from gen_fw.runtimes.xcore.modes import LPDDR, Mode, first_choice
from gen_fw.xcore_steps import TILES, advice, check_project, first_modes

Progress = Callable[[str], None]
RUNTIMES = ("aot", "tvm")
#: where a tile reads weights without a server
_READ = ("inside", "external")
#: XTC's linker puts it into LPDDR, filled
_SECTION = ".ExtMem.data"


def is_plain(models: Sequence[tuple[str, Source]], board: Board, options: Options) -> bool:
    """Whether a firmware of these inputs (name, what it is made of) is plain C."""
    return _runtime(models, board, options) in RUNTIMES


def _runtime(models: Sequence[tuple[str, Source]], board: Board, options: Options) -> str:
    """What was asked for, else the board's default; archives are nothing else than plain C."""
    if not options.runtime and not any(isinstance(source, Model) for _, source in models):
        return "tvm"
    return options.runtime or board.default_runtime


def prepared(
    models: Sequence[tuple[str, Source]], board: Board, options: Options, progress: Progress
) -> Chosen:
    """The programs of ``models`` in the first memory mode that fits.

    Raises UsageError for options that plain C cannot follow, ModelError, and DoesNotFitError with
    the table of what was tried.
    """
    programs = lowered(models, board, options)
    progress("placing memory")
    first = _first(programs, board, options)
    tried: list[Candidate] = []
    more = _others(programs, board, options, first) if options.max_arena == "auto" else ()
    steps = [first, *more]
    for step in steps:
        placed, candidate = _placed(programs, step, board, options)
        tried.append(candidate)
        if candidate.fits:
            return Chosen(placed if step == first else _noted(placed, step), tuple(tried))
    raise _failure(programs, tried, first, board, options)


def fitted(
    models: Sequence[tuple[str, Source]], board: Board, options: Options
) -> tuple[tuple[Program, ...], tuple[Candidate, ...]]:
    """The programs in the first memory mode, and how every mode fills the memories, up to the first
    that fits. Raises what ``prepared`` raises, but for DoesNotFitError of memories."""
    programs = lowered(models, board, options)
    first = _first(programs, board, options)
    tried: list[Candidate] = []
    for step in (first, *_others(programs, board, options, first)):
        tried.append(_placed(programs, step, board, options)[1])
        if tried[-1].fits:
            break
    return _placed(programs, first, board, options)[0], tuple(tried)


def lowered(
    models: Sequence[tuple[str, Source]], board: Board, options: Options
) -> tuple[Program, ...]:
    """The programs, on no tile yet. Raises UsageError and ModelError."""
    # portable kernels are all there are; archives bring their own
    asked = replace(options, runtime=_runtime(models, board, options), kernels="")
    _check_options(len(models), board, replace(options, runtime=asked.runtime))
    lower = lowering(asked, board)
    return tuple(lower(source, name) for name, source in models)


def _check_options(count: int, board: Board, options: Options) -> None:
    """Raises UsageError for what a firmware of plain C does not do."""
    if options.compiler not in ("", "none"):
        raise UsageError(
            f"--compiler {options.compiler:.80}: no compiler runs for plain C",
            why=f"runtime {options.runtime} executes C that is compiled by XTC alone",
            hint="leave it out, or --runtime xcore for xformer",
        )
    if options.compiler_options:
        raise UsageError(
            "--compiler-option: no compiler runs for plain C",
            hint="leave it out, or --runtime xcore for xformer",
        )
    if options.kernels not in ("", "auto", "portable"):
        raise UsageError(
            f"--kernels {options.kernels!r:.80}: plain C for xcore.ai has portable kernels",
            why="kernels for the vector unit are in XMOS's library",
            hint="leave it out, or --runtime xcore for the vector unit",
        )
    if options.custom_ops:
        raise UsageError("--custom-op: it is for --runtime tflm", hint="leave it out")
    check_project(count, board, options)


def _first(programs: Sequence[Program], board: Board, options: Options) -> tuple[Mode, ...]:
    """What ``--place`` says. Raises UsageError for weights that a tile could not read."""
    mode = first_choice(board, options.place)
    if mode.kind not in _READ:
        raise UsageError(
            f"--place model={mode.model}: plain C reads weights where they lie",
            why="only servers of XMOS's library read the flash and the other tile's RAM",
            hint=f"--place model={mode.tile}, or --runtime xcore",
        )
    archives = [program.name for program in programs if program.runtime != "aot"]
    if mode.kind == "external" and archives:
        raise UsageError(
            f"--place model={mode.model}: the constants of {' and '.join(archives)} are in code of "
            "another compiler",
            why="they lie where the linker puts all constants, in the tile's RAM",
            hint=f"--place model={mode.tile}, or generate from the .tflite",
        )
    return first_modes(mode, board, options, len(programs))


def _others(
    programs: Sequence[Program], board: Board, options: Options, first: tuple[Mode, ...]
) -> Iterator[tuple[Mode, ...]]:
    """What else could be, best first: weights in LPDDR, or the arena, or both."""
    own = all(program.runtime == "aot" for program in programs)
    kinds = _READ if own else _READ[:1]
    for step, split in advice(board, options, len(first)):
        if not split and step != first and all(mode.kind in kinds for mode in step):
            yield step


def _placed(
    programs: Sequence[Program], step: Sequence[Mode], board: Board, options: Options
) -> tuple[tuple[Program, ...], Candidate]:
    """The programs on the tiles of ``step``, and how they fill the memories."""
    placed = tuple(_on(program, mode) for program, mode in zip(programs, step, strict=True))
    filled = uses(placed, step, board, options.reserve, options.shared_arena)
    return placed, Candidate(placement(step), filled)


def _on(program: Program, mode: Mode) -> Program:
    """The program with the words that templates of the family have for every runtime."""
    outside = program.region("model").bytes if mode.kind == "external" else 0
    if outside:
        program = in_section(program, _SECTION, "__xcore__")
    words = {
        "tile": mode.tile,
        "arena": mode.arena,
        "model": mode.model,
        "kind": mode.kind,
        "parameters": outside,
        "array_bytes": 0,
        "dispatched": False,
        "asynchronous": False,
        "version": "",
    }
    return replace(program, adapter={**program.adapter, "xcore": words})


def _noted(programs: tuple[Program, ...], step: Sequence[Mode]) -> tuple[Program, ...]:
    note = Diagnostic(
        f"{' and '.join(program.name for program in programs)}: {_outside(step)} in LPDDR, since "
        "the tile is too small",
        why="--max-arena auto",
        hint=f"{step[0].words} says that this is meant",
    )
    first, *others = programs
    return (replace(first, diagnostics=(*first.diagnostics, note)), *others)


def _outside(step: Sequence[Mode]) -> str:
    """What lies outside the tiles."""
    words = {"arena": step[0].arena, "weights": step[0].model}
    return " and ".join(word for word, memory in words.items() if memory == LPDDR)


def _failure(
    programs: Sequence[Program],
    tried: Sequence[Candidate],
    first: tuple[Mode, ...],
    board: Board,
    options: Options,
) -> DoesNotFitError:
    best = min(tried, key=shortage)
    rows: list[dict[str, Any]] = []
    if options.max_arena != "auto":
        free = replace(options, place={})
        for step in _others(programs, board, free, first):
            fits = _placed(programs, step, board, options)[1].fits
            rows.append({"step": _outside(step), "place": step[0].words, "fits": fits})
    hints = [f"with {row['place']} it fits" for row in rows if row["fits"]][:1]
    if hints:
        hints.append("--max-arena auto takes what fits")
    if len(programs) == len(board.placement["code"]) > 1 and options.layout != TILES:
        hints.append("--layout tiles gives each model a tile")
    if len(programs) > 1 and not options.shared_arena and options.layout != TILES:
        hints.append("--shared-arena, when the models run one after the other")
    if all(program.runtime == "aot" for program in programs):
        hints.append("--runtime xcore can keep weights in flash")
    return DoesNotFitError(
        f"{' and '.join(program.name for program in programs)} does not fit {board.name}",
        where=", ".join(use.memory for use in best.uses if not use.fits),
        why="; ".join(
            f"{use.memory} has {use.available} bytes, {use.needed} are needed "
            f"({use.needed - use.available} too many)"
            for use in best.uses
            if not use.fits
        ),
        hint="; ".join([*hints, "a smaller model"]),
        detail={
            "board": board.name,
            "tried": [candidate_document(candidate) for candidate in tried],
            "alternatives": [],
            "advice": rows,
        },
    )
