# SPDX-License-Identifier: Apache-2.0
"""Candidates, best first: a placement and, for a board with an NPU, its compiler's settings. Each
is compiled, lowered and placed until one fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from gen_fw.boards.board import Accelerator, Board, SystemConfig
from gen_fw.errors import Diagnostic, DoesNotFitError, ModelError, UsageError
from gen_fw.inputs import Source, models_alone
from gen_fw.lowering import as_asked, compiling, lowering, not_compiled
from gen_fw.memory.place import Chosen, check_wanted, choose, placements, roles_of
from gen_fw.model.types import Model
from gen_fw.program import Placement, Program, RegionRole
from gen_fw.request import Options

if TYPE_CHECKING:
    from gen_fw.compilers.vela import VelaSettings
    from gen_fw.runtimes.xcore.vectors import Oracle

Progress = Callable[[str], None]
#: what a program for an NPU places
_ROLES: tuple[RegionRole, ...] = ("arena", "model", "code")


def _roles(options: Options) -> tuple[RegionRole, ...]:
    """``_ROLES``, and the arena of what interpreters keep when it is to lie apart."""
    return (*_ROLES, "persistent") if "persistent" in options.place else _ROLES


def prepared(
    models: Sequence[tuple[str, Source]],
    board: Board,
    options: Options,
    progress: Progress,
    alternatives: Callable[[], Iterable[Board]] = tuple,
) -> Chosen:
    """The programs of ``models`` (name, what it is made of) under the first candidate that fits.

    Raises UsageError for options that the board cannot follow, ModelError, ToolMissingError, and
    DoesNotFitError with the table of what was tried.
    """
    archives = not any(isinstance(model, Model) for _, model in models)
    if archives and options.runtime not in ("", "tvm"):
        raise UsageError(
            f"--runtime {options.runtime}: an archive of TVM is code, and has no model",
            hint="leave --runtime out, or generate from the .tflite",
        )
    if board.family == "xmos_xcommon":
        return _on_xcore(models, board, options, progress)
    wanted: dict[str, Any] = {
        "wanted": options.place,
        "reserve": options.reserve,
        "shared_arena": options.shared_arena,
        "alternatives": alternatives,
    }
    lower = lowering(options, board)
    accelerator = None if archives else compiling(options, board)
    if accelerator is None:
        not_compiled(models, board, options)
        programs = tuple(lower(model, name) for name, model in models)
        progress("placing memory")
        return choose(lambda _placement: programs, roles_of(programs), board, **wanted)
    _served(board, accelerator, options)
    roles = _roles(options)
    try:
        return choose(
            _Npu(models, board, accelerator, options, progress).programs, roles, board, **wanted
        )
    except DoesNotFitError as error:
        if not _may_shrink(options, error):
            raise
        npu = _Npu(models, board, accelerator, options, progress, goal="size")
        chosen = choose(npu.programs, roles, board, **wanted)
        note = Diagnostic(
            f"compiled for a small arena: it fits {board.name} in no other way",
            why=f"{accelerator.compiler} was asked for speed first",
            hint="--optimise size says that this is meant",
        )
        first, *others = chosen.programs
        noted = replace(first, diagnostics=(*first.diagnostics, note))
        return replace(chosen, programs=(noted, *others))


def _on_xcore(
    models: Sequence[tuple[str, Source]], board: Board, options: Options, progress: Progress
) -> Chosen:
    """Tiles have RAM of their own, so that a placement is more than a memory for each role."""
    from gen_fw import xcore_plain, xcore_programs

    if xcore_plain.is_plain(models, board, options):
        return xcore_plain.prepared(models, board, options, progress)
    return xcore_programs.prepared(models_alone(models, board), board, options, progress)


def oracle_of(program: Program) -> Oracle | None:
    """What computes the expected outputs of ``program``; None: TFLite Micro."""
    if program.runtime != "xcore":
        return None
    from gen_fw.xcore_programs import oracle_of as on_xcore

    return on_xcore(program)


def _served(board: Board, npu: Accelerator, options: Options) -> None:
    """Raises UsageError when no placement that was asked for is one that the NPU can serve."""
    check_wanted(board, options.place, options.reserve)
    if any(
        _entry(board, npu, placement)
        for placement in placements(_roles(options), board, options.place)
    ):
        return
    asked = " ".join(f"{role}={name}" for role, name in options.place.items() if role != "code")
    pairs = dict.fromkeys(f"arena={one.arena} model={one.model}" for one in npu.system_configs)
    raise UsageError(
        f"--place {asked}: {npu.name} of {board.name} cannot reach that placement",
        why=f"it serves {', '.join(pairs)}",
        hint="choose one of these, or --compiler none",
    )


def _entry(board: Board, npu: Accelerator, placement: Placement) -> SystemConfig | None:
    kept = placement.memories.get("persistent")
    if kept is not None and not board.memory(kept).npu_visible:
        return None  # variables of the model lie there
    return npu.system_config(placement.memories["arena"], placement.memories["model"])


def _may_shrink(options: Options, error: DoesNotFitError) -> bool:
    """Whether the compiler was asked for speed, and a smaller arena might help."""
    short = any(
        use["kind"] == "ram" and not use["fits"]
        for candidate in error.detail.get("tried", ())
        for use in candidate["memories"]
    )
    return short and options.optimise == "speed" and options.arena_size is None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One compilation: its program, unsized, and what the report says of it."""

    program: Program
    row: Mapping[str, Any]


class _Npu:
    """Programs per placement. ``goal`` is what the compiler optimises for, empty: as asked."""

    def __init__(
        self,
        models: Sequence[tuple[str, Source]],
        board: Board,
        accelerator: Accelerator,
        options: Options,
        progress: Progress,
        *,
        goal: Literal["", "speed", "size"] = "",
    ) -> None:
        self.models, self.board, self.npu, self.progress = models, board, accelerator, progress
        self.goal: Literal["speed", "size"] = goal or options.optimise
        self.options = options
        #: programs by all that they depend on: pairs of memories share settings
        self.made: dict[tuple[str, str], tuple[Program, ...]] = {}

    def programs(self, placement: Placement) -> tuple[Program, ...] | None:
        entry = _entry(self.board, self.npu, placement)
        if entry is None:
            return None
        key = (entry.system_config, entry.memory_mode)
        if key not in self.made:
            self.made[key] = tuple(self.program(name, model, entry) for name, model in self.models)
        return self.made[key]

    def program(self, name: str, source: Source, entry: SystemConfig) -> Program:
        from gen_fw.compilers.vela import settings_for
        from gen_fw.npu_programs import as_given, compiled_program, row_of

        if not isinstance(source, Model):
            return lowering(self.options, self.board)(source, name)
        model = source
        settings = settings_for(self.npu, entry, self.options.compiler_options, self.goal)
        given = as_given(model, name, self.board, self.options)
        if given is not None:
            return as_asked(given, self.options)

        def attempt(settings: VelaSettings) -> _Attempt:
            program = compiled_program(
                model, name, self.board, self.options, settings, self.progress
            )
            return _Attempt(program, row_of(program, self.options))

        first = attempt(settings)
        limit = self.options.arena_limit
        if limit is None or not first.row or first.row["arena_bytes"] <= limit:
            return as_asked(first.program, self.options)
        best, rows = self.search(first, limit, attempt, settings)
        npu = {**best.program.report["npu"], "tried": rows}
        program = replace(best.program, report={**best.program.report, "npu": npu})
        return as_asked(program, self.options)

    def search(
        self,
        first: _Attempt,
        limit: int,
        attempt: Callable[[VelaSettings], _Attempt],
        settings: VelaSettings,
    ) -> tuple[_Attempt, list[dict[str, Any]]]:
        """The fastest plan within ``limit`` bytes of arena, and all that were tried.

        Raises DoesNotFitError when there is none.
        """
        head = limit - (first.row["arena_bytes"] - first.row["scratch_bytes"])
        asked = [settings]
        if settings.arena_cache_size is None and head > 0:
            sizes = dict.fromkeys(head * share // 8 // 16 * 16 for share in (8, 7, 6, 5, 4))
            if settings.optimise == "Performance":
                asked += [replace(settings, arena_cache_size=size) for size in sizes if size]
        if settings.optimise != "Size":
            asked.append(replace(settings, optimise="Size"))
        attempts = [first, *(self.tried(one, limit, attempt) for one in asked[1:])]
        made = [one for one in attempts if isinstance(one, _Attempt)]
        fitting = [one for one in made if one.row["arena_bytes"] <= limit]
        best = min(made, key=lambda one: one.row["arena_bytes"])
        if fitting:
            best = min(fitting, key=_rank)
        rows = [
            {**one.row, "fits": one.row["arena_bytes"] <= limit, "chosen": one is best}
            if isinstance(one, _Attempt)
            else {**one, "fits": False, "chosen": False}
            for one in attempts
        ]
        if not fitting:
            from gen_fw.npu_programs import over_budget

            raise over_budget(best.program, best.row["arena_bytes"], limit, rows)
        return best, rows

    def tried(
        self, settings: VelaSettings, limit: int, attempt: Callable[[VelaSettings], _Attempt]
    ) -> _Attempt | dict[str, Any]:
        """An attempt, or its row when the compiler finds no plan under these settings."""
        try:
            made = attempt(settings)
            why = "" if made.row else "all operators on the CPU"
        except ModelError as error:
            why = error.why or error.what
        if not why:
            row = made.row
            self.progress(
                f"arena {row['arena_bytes']} of {limit} bytes, {row['cycles']} cycles (estimate)"
            )
            return made
        self.progress(f"no plan: {why}")
        return {
            "optimise": settings.optimise,
            "arena_cache_size": settings.arena_cache_size,
            **dict.fromkeys(("scratch_bytes", "arena_bytes", "model_bytes", "cycles")),
            "inference_ms": None,
            "why": why,
        }


def _rank(attempt: _Attempt) -> tuple[int, int, int]:
    """The fastest first, then the smallest."""
    row = attempt.row
    return row["cycles"], row["arena_bytes"], row["model_bytes"]
