# SPDX-License-Identifier: Apache-2.0
"""Which boards hold these models: the lowering and the placing of ``generate``, for many boards.

No compiler runs, so nothing must be installed: what an NPU would execute is counted as the CPU
would execute it, an estimate. The size of code is an estimate everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from gen_fw.boards.board import Board
from gen_fw.errors import DoesNotFitError, GenFwError, UsageError
from gen_fw.inputs import Source, models_alone
from gen_fw.model.types import Model
from gen_fw.program import Candidate, Item, Program
from gen_fw.request import ModelRequest, Options

Progress = Callable[[str], None]
#: "fits elsewhere": in another memory than the board's first choice, such as PSRAM
Verdict = Literal["fits", "fits elsewhere", "does not fit", "not supported"]


def _quiet(_stage: str) -> None:
    """The default progress callback."""


@dataclass(frozen=True, slots=True)
class BoardFit:
    """One board. ``arena``, ``model`` and ``code`` are what the roles need, a line a program; they
    are empty when the board's runtime cannot execute a model."""

    board: Board
    runtime: str
    verdict: Verdict
    kernels: str = ""
    #: why it does not fit, or not where it would fit best
    reason: str = ""
    hint: str = ""
    arena: tuple[Item, ...] = ()
    model: tuple[Item, ...] = ()
    code: tuple[Item, ...] = ()
    #: the placement that fits, or that lacks least: what ``candidate_document`` makes
    candidate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        return self.verdict in ("fits", "fits elsewhere")


@dataclass(frozen=True, slots=True)
class Fit:
    """``boards`` in the order of their names; ``smallest`` is one of them."""

    #: (name, file name, bytes) of each model
    models: tuple[tuple[str, str, int], ...]
    boards: tuple[BoardFit, ...]
    smallest: BoardFit | None


def fit(
    paths: Sequence[Path],
    boards: Sequence[str] = (),
    options: Options | None = None,
    *,
    progress: Progress = _quiet,
) -> Fit:
    """Tries the models, all together, on each of ``boards`` (names or files; empty: all).

    Raises ModelError for an unreadable model, UsageError for a board that does not exist and for
    options that no board can follow.
    """
    from gen_fw.boards.load import all_boards, load_board
    from gen_fw.inputs import read_inputs

    if not paths:
        raise UsageError("no model given", hint="gen-fw fit model.tflite")
    options = options or Options()
    judged = [load_board(name) for name in dict.fromkeys(boards)] or list(all_boards())
    inputs = read_inputs([ModelRequest(path) for path in paths], options.io, progress)
    trial = _Trial([(one.name, one.source) for one in inputs], options)
    rows = []
    for board in sorted(judged, key=lambda board: board.name):
        progress(f"trying {board.name}")
        rows.append(trial.on(board))
    if trial.refusals and len(trial.refusals) == len(rows):
        raise trial.refusals[0]
    return Fit(
        tuple((one.name, one.wanted.path.name, one.bytes) for one in inputs),
        tuple(rows),
        _smallest(rows),
    )


class _Trial:
    def __init__(self, models: Sequence[tuple[str, Source]], options: Options) -> None:
        self.models, self.options = models, options
        #: programs by all that lowering takes from a board; kits of one chip share them
        self.lowered: dict[object, tuple[Program, ...]] = {}
        #: options that a board cannot follow
        self.refusals: list[UsageError] = []

    def on(self, board: Board) -> BoardFit:
        from gen_fw.memory.document import candidate_document
        from gen_fw.memory.place import demands, place

        options = self.options
        row = BoardFit(board, options.runtime or board.default_runtime, "not supported")
        tried: tuple[Candidate, ...] = ()
        try:
            if board.family == "xmos_xcommon":
                programs, tried = self.on_xcore(board)
            else:
                programs = self.programs(board)
        except DoesNotFitError as error:  # --max-arena
            return replace(row, verdict="does not fit", reason=_text(error), hint=error.hint)
        except GenFwError as error:
            if isinstance(error, UsageError):
                self.refusals.append(error)
            reason = _text(error).replace(f"board {board.name} has", "has")
            return replace(row, reason=reason, hint=error.hint)
        shared = options.shared_arena
        row = replace(
            row,
            runtime=programs[0].runtime,
            kernels=programs[0].kernels,
            arena=tuple(demands(programs, "arena", shared)),
            model=tuple(demands(programs, "model", shared)),
            code=tuple(demands(programs, "code", shared)),
        )
        if not tried:
            try:
                _, tried = place(
                    programs,
                    board,
                    wanted=options.place,
                    reserve=options.reserve,
                    shared_arena=shared,
                )
            except DoesNotFitError as error:
                best = min(error.detail["tried"], key=_shortage)
                return replace(row, verdict="does not fit", reason=error.why, candidate=best)
        elif not tried[-1].fits:
            best = min(map(candidate_document, tried), key=_shortage)
            return replace(row, verdict="does not fit", reason=_missing(best), candidate=best)
        made = candidate_document(tried[-1])
        if len(tried) == 1:
            return replace(row, verdict="fits", candidate=made)
        reason = _missing(candidate_document(tried[0]))
        return replace(row, verdict="fits elsewhere", reason=reason, candidate=made)

    def on_xcore(self, board: Board) -> tuple[tuple[Program, ...], tuple[Candidate, ...]]:
        """Tiles have RAM of their own, so that a placement is more than a memory for each role."""
        from gen_fw import xcore_plain, xcore_steps

        if xcore_plain.is_plain(self.models, board, self.options):
            return xcore_plain.fitted(self.models, board, self.options)
        return xcore_steps.fitted(models_alone(self.models, board), board, self.options)

    def programs(self, board: Board) -> tuple[Program, ...]:
        from gen_fw.lowering import estimating

        lower = estimating(self.options, board)
        key = self.key(board)
        if key not in self.lowered:
            self.lowered[key] = tuple(lower(model, name) for name, model in self.models)
        return self.lowered[key]

    def key(self, board: Board) -> object:
        from gen_fw.lowering import compiling
        from gen_fw.runtimes.aot.target import target_on
        from gen_fw.runtimes.tflm.abi import build_of

        options = self.options
        runtime = options.runtime or board.default_runtime
        if any(not isinstance(model, Model) for _, model in self.models):
            return board.name  # whether an archive can be built depends on all of it
        if runtime == "aot":
            return runtime, target_on(board, options.optimise, options.kernels)
        npu = compiling(options, board)
        build = build_of(board, options.kernels, options.optimise)
        return runtime, build, npu.name if npu else "", board.sdk.prebuilt


def _smallest(rows: Sequence[BoardFit]) -> BoardFit | None:
    """The board with the least usable RAM, then read-only memory, that holds the models. Emulated
    boards and the host count only where no board that one can buy holds them."""
    fitting = [row for row in rows if row.fits]
    real = [row for row in fitting if row.board.vendor != "native"]

    def size(row: BoardFit) -> tuple[int, int, str]:
        usable = {"ram": 0, "rom": 0}
        for memory in row.board.memories:
            usable[memory.kind] += memory.bytes - memory.reserved
        return usable["ram"], usable["rom"], row.board.name

    return min(real or fitting, key=size, default=None)


def _text(error: GenFwError) -> str:
    return f"{error.what}: {error.why}" if error.why else error.what


def _shortage(candidate: Mapping[str, Any]) -> int:
    return sum(max(0, use["needed"] - use["available"]) for use in candidate["memories"])


def _missing(candidate: Mapping[str, Any]) -> str:
    """What the first choice lacks."""
    return "; ".join(
        f"{use['name']} has {use['available']} bytes, {use['needed']} would be needed"
        for use in candidate["memories"]
        if not use["fits"]
    )
