# SPDX-License-Identifier: Apache-2.0
"""From models to programs for xcore.ai: a memory mode is tried after the other, xformer compiles
for each, and the first whose tiles hold everything is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.compilers.xformer import Xformed, check_model, xform
from gen_fw.compilers.xformer_options import (
    PARALLEL_THREADS,
    Weights,
    XformerSettings,
    checked,
)
from gen_fw.compilers.xmos_wheel import Wheel, find_wheel
from gen_fw.errors import Diagnostic, DoesNotFitError, ModelError, UsageError
from gen_fw.memory.document import candidate_document
from gen_fw.memory.place import Chosen, shortage
from gen_fw.memory.sizing import sized
from gen_fw.model.types import Model
from gen_fw.program import Candidate, Constant, Program
from gen_fw.request import Options
from gen_fw.runtimes.xcore import oracle
from gen_fw.runtimes.xcore.budget import flash_engines, placement, uses
from gen_fw.runtimes.xcore.flash import verified
from gen_fw.runtimes.xcore.lower import Made, lower, prefix
from gen_fw.runtimes.xcore.modes import LPDDR, Mode, first_choice
from gen_fw.runtimes.xcore.vectors import Oracle
from gen_fw.xcore_steps import RUNTIME, advice, check_options, steps

Progress = Callable[[str], None]
#: operators that are split, first to last, and the number of parts; the tool's own choice first.
#: Which is best no rule tells, so a few are tried
_SPLITS = (
    None,
    ("0", "4", "4"),
    ("0", "4", "8"),
    ("0", "6", "4"),
    ("0", "2", "4"),
    ("0", "8", "8"),
)
#: how the parameters of each kind of mode are written
_WEIGHTS: Mapping[str, Weights] = {
    "inside": "inside",
    "flash": "server",
    "tile": "server",
    "external": "external",
}
_UNTESTED = Diagnostic(
    "gen-fw was tested with other releases of XMOS's AI tools",
    hint="pip install xmos-ai-tools==1.4.2 in case of trouble",
)


def prepared(
    models: Sequence[tuple[str, Model]], board: Board, options: Options, progress: Progress
) -> Chosen:
    """The programs of ``models`` (name, model) in the first memory mode that fits.

    Raises UsageError for options that the board cannot follow, ModelError, ToolMissingError, and
    DoesNotFitError with the table of what was tried and the advice.
    """
    check_options(len(models), board, options)
    compiler_options = checked(options.compiler_options)
    for name, model in models:
        check_model(model, name)
    search = _Search(models, board, options, compiler_options, find_wheel(), progress)
    tried: list[Candidate] = []
    for step in steps(board, options, len(models)):
        found = search.attempt(*step)
        if found is None:
            continue
        programs, candidate, over = found
        tried.append(candidate)
        if candidate.fits and not over:
            return Chosen(with_image(search.noted(programs, step[0])), tuple(tried))
    raise search.failure(tried)


def with_image(programs: tuple[Program, ...]) -> tuple[Program, ...]:
    """The programs, the first one in flash with the image of the flash's data partition, which was
    read back and compared."""
    engines = flash_engines(programs)
    if not engines:
        return programs
    image = Constant("flash.bin", memoryview(verified(engines)))
    first = next(i for i, p in enumerate(programs) if p.adapter["xcore"]["kind"] == "flash")
    adapter = programs[first].adapter
    bearer = replace(
        programs[first],
        constants=(*programs[first].constants, image),
        adapter={**adapter, "flags": [*adapter["flags"], "flash-image"]},
    )
    return (*programs[:first], bearer, *programs[first + 1 :])


def oracle_of(program: Program) -> Oracle | None:
    """What computes the expected outputs of a program for xcore.ai; None for any other program."""
    if program.runtime != RUNTIME:
        return None
    return partial(oracle.run, python=find_wheel().python)


class _Search:
    """Compiles, lowers and judges; what was compiled once is kept."""

    def __init__(
        self,
        models: Sequence[tuple[str, Model]],
        board: Board,
        options: Options,
        compiler_options: Mapping[str, str],
        wheel: Wheel,
        progress: Progress,
    ) -> None:
        self.models, self.board, self.options = models, board, options
        self.compiler_options, self.wheel, self.progress = compiler_options, wheel, progress
        self.made: dict[object, Xformed] = {}

    def attempt(
        self, modes: tuple[Mode, ...], split: bool
    ) -> tuple[tuple[Program, ...], Candidate, bool] | None:
        """The programs under these modes, how they fill the memories, and whether an arena is
        larger than ``--max-arena``. With ``split`` the best of several; None when none compiles."""
        found = None
        for parts in _SPLITS if split else ((),):
            try:
                programs = self.programs(modes, parts)
            except ModelError:
                if not split:
                    raise
                continue
            filled = uses(
                programs, modes, self.board, self.options.reserve, self.options.shared_arena
            )
            candidate = Candidate(placement(modes), filled)
            over = any(self.over(program) for program in programs)
            if found is None or _size(programs) < _size(found[0]):
                found = programs, candidate, over
            if candidate.fits and not over:
                return found
        return found

    def over(self, program: Program) -> bool:
        limit = self.options.max_arena
        return isinstance(limit, int) and program.region("arena").bytes > limit

    def programs(
        self, modes: tuple[Mode, ...], parts: tuple[str, ...] | None
    ) -> tuple[Program, ...]:
        """``parts``: how operators are split; empty: as asked, None: as the tool wants."""
        programs = []
        for (name, model), mode in zip(self.models, modes, strict=True):
            program = lower(model, name, self.compiled(name, model, mode, parts), mode)
            programs.append(
                sized(
                    program,
                    arena_size=self.options.arena_size,
                    allow_small=False,
                    margin=self.options.arena_margin,
                )
            )
        return tuple(programs)

    def compiled(self, name: str, model: Model, mode: Mode, parts: tuple[str, ...] | None) -> Made:
        options = dict(self.compiler_options)
        settings = XformerSettings(_WEIGHTS[mode.kind], options)
        if mode.kind == "tile" and settings.threads < PARALLEL_THREADS:
            raise UsageError(
                f"--compiler-option xcore-thread-count: {settings.threads} threads",
                why=f"reading from the other tile's RAM takes {PARALLEL_THREADS} at least",
            )
        if settings.asynchronous and mode.kind != "flash":
            raise UsageError(
                "--compiler-option xcore-async-load-weights: parameters are not in flash",
                hint="--place model=flash",
            )
        if parts:
            settings = settings.splitting(*parts)
        elif parts is None:
            settings = replace(settings, options={**options, "xcore-op-split-tensor-arena": "true"})
        result = self.once(name, model, settings)
        twin = result
        if settings.asynchronous:  # the interpreter is wrong there; the chip computes the same
            plain = {k: v for k, v in settings.options.items() if k != "xcore-async-load-weights"}
            twin = self.once(name, model, replace(settings, options=plain))
        return Made(
            cpp=result.text.cpp,
            header=result.text.header,
            parameters=result.parameters,
            arena_bytes=result.arena_bytes,
            table_bytes=result.text.table_bytes,
            kernels=result.text.kernels,
            dispatched=result.text.dispatched,
            asynchronous=settings.asynchronous,
            threads=settings.threads,
            compiled=twin.tflite,
            compiled_parameters=twin.parameters,
            report=result.report,
        )

    def once(self, name: str, model: Model, settings: XformerSettings) -> Xformed:
        key = (name, settings.weights, tuple(sorted(settings.options.items())))
        if key not in self.made:
            self.made[key] = xform(
                model,
                name,
                settings,
                self.wheel,
                self.progress,
                prefix=prefix(name),
                arena="gen_fw_xcore_arena" if self.options.shared_arena else f"{prefix(name)}arena",
                several=len(self.models) > 1,
            )
        return self.made[key]

    def noted(self, programs: tuple[Program, ...], modes: tuple[Mode, ...]) -> tuple[Program, ...]:
        """The programs with what a user should know of them."""
        result = []
        for program, mode in zip(programs, modes, strict=True):
            notes = list(program.diagnostics)
            if not self.wheel.tested:
                notes.append(replace(_UNTESTED, why=f"installed is {self.wheel.version}"))
            if mode.kind != "inside" and not program.adapter["xcore"]["parameters"]:
                notes.append(
                    Diagnostic(
                        f"{program.name} has no parameters outside its tile",
                        why="none is larger than xcore-load-externally-if-larger, 96 bytes unless "
                        "--compiler-option says otherwise",
                    )
                )
            if program.report["xcore"]["overflows"]:
                notes.append(
                    Diagnostic(
                        f"SOFTMAX of {program.name} overflows on xcore.ai: where a logit is large, "
                        "its probability is wrong",
                        why="xformer's table of exponentials has "
                        f"{program.report['xcore']['overflows']} infinite entries",
                        hint="end the model before SOFTMAX, and compute it in postprocess.cpp",
                    )
                )
            if program.adapter["xcore"]["asynchronous"]:
                notes.append(
                    Diagnostic(
                        f"SELFTEST {program.name} is skipped where it is built natively",
                        why="XMOS's library computes wrongly there with asynchronous loading",
                    )
                )
            first = first_choice(self.board, self.options.place)
            if mode.kind != first.kind or mode.arena != (
                first.arena if first.arena == LPDDR else mode.tile
            ):
                notes.append(
                    Diagnostic(
                        f"{program.name}: {mode.title}, since it does not fit as asked",
                        why="--max-arena auto",
                        hint=f"{mode.words} says that this is meant",
                    )
                )
            result.append(replace(program, diagnostics=tuple(notes)))
        return tuple(result)

    def failure(self, tried: list[Candidate]) -> DoesNotFitError:
        """The error, with what would help: every further step of the advice is tried."""
        names = " and ".join(name for name, _ in self.models)
        options, board = self.options, self.board
        limit = (
            f", --max-arena {options.max_arena}" if options.max_arena not in (None, "auto") else ""
        )
        best = min(tried, key=shortage)
        why = "; ".join(
            f"{use.memory} has {use.available} bytes, {use.needed} are needed "
            f"({use.needed - use.available} too many)"
            for use in best.uses
            if not use.fits
        )
        advice: list[dict[str, Any]] = []
        if options.max_arena != "auto":
            advice = self.advice(tried)
        fitting = [row for row in advice if row["fits"]]
        hints = [f"{row['step']} ({row['place']}): {row['text']}" for row in advice]
        if fitting:
            hints.append("--max-arena auto takes the first that fits")
        else:
            hints.append("a smaller model" + ("" if advice else ", or a board with LPDDR"))
        return DoesNotFitError(
            f"{names} does not fit {board.name}{limit}",
            where=", ".join(use.memory for use in best.uses if not use.fits) or "arena",
            why=why or "the arena is larger than allowed",
            hint="; ".join(hints),
            detail={
                "board": board.name,
                "tried": [candidate_document(candidate) for candidate in tried],
                "alternatives": [],
                "advice": advice,
            },
        )

    def advice(self, tried: list[Candidate]) -> list[dict[str, Any]]:
        """What each further step would need, in order; split operators only where nothing else
        fits without LPDDR."""
        rows: list[dict[str, Any]] = []
        free = replace(self.options, place={})
        for step, split in advice(self.board, free, len(self.models)):
            far = LPDDR in (step[0].arena, step[0].model)
            if split and (far or any(row["fits"] or row["split"] for row in rows)):
                continue
            try:
                found = self.attempt(step, split)
            except (ModelError, UsageError):
                continue
            if found is None:
                continue
            programs, candidate, over = found
            tried.append(candidate)
            tile = next(use for use in candidate.uses if use.memory == step[0].tile)
            fits = candidate.fits and not over
            rows.append(
                {
                    "step": step[0].title + (", operators split" if split else ""),
                    "place": step[0].words,
                    "split": split,
                    "fits": fits,
                    "arena_bytes": [program.region("arena").bytes for program in programs],
                    "text": f"{'fits' if fits else 'does not fit'}, {tile.memory} needs "
                    f"{tile.needed} of {tile.available} bytes",
                }
            )
        return rows


def _size(programs: Sequence[Program]) -> int:
    return sum(program.region("arena").bytes for program in programs)
