# SPDX-License-Identifier: Apache-2.0
"""Which memory modes of xcore.ai are tried for a firmware, best first, and what options a board
with xcore.ai does not follow. No compiler runs here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gen_fw.boards.board import Board
from gen_fw.compilers.xformer import check_model
from gen_fw.errors import UsageError
from gen_fw.memory.place import check_wanted
from gen_fw.model.types import Model
from gen_fw.program import Candidate, Program
from gen_fw.request import Options
from gen_fw.runtimes.xcore.budget import placement, uses
from gen_fw.runtimes.xcore.estimate import estimated
from gen_fw.runtimes.xcore.modes import LPDDR, Mode, check_tiles, first_choice, modes

RUNTIME = "xcore"
#: values of --layout: one tile executes all models in sequence, or each tile one
SEQUENCE, TILES = "sequence", "tiles"


def fitted(
    models: Sequence[tuple[str, Model]], board: Board, options: Options
) -> tuple[tuple[Program, ...], tuple[Candidate, ...]]:
    """Estimates: the programs under the first choice, and how every mode fills the memories, up to
    the first that fits. Raises UsageError and ModelError."""
    check_options(len(models), board, options)
    for name, model in models:
        check_model(model, name)
    tried: list[Candidate] = []
    first: tuple[Program, ...] = ()
    chosen = first_choice(board, options.place)
    for step in (
        first_modes(chosen, board, options, len(models)),
        *_others(board, options, models),
    ):
        pairs = zip(models, step, strict=True)
        programs = tuple(estimated(model, name, mode) for (name, model), mode in pairs)
        first = first or programs
        filled = uses(programs, step, board, options.reserve, options.shared_arena)
        tried.append(Candidate(placement(step), filled))
        if tried[-1].fits:
            break
    return first, tuple(tried)


def _others(
    board: Board, options: Options, models: Sequence[tuple[str, Model]]
) -> list[tuple[Mode, ...]]:
    return [step for step, split in advice(board, options, len(models)) if not split]


def steps(board: Board, options: Options, count: int) -> Iterator[tuple[tuple[Mode, ...], bool]]:
    """What is tried, best first: a mode for each of ``count`` programs, and whether operators are
    split. Without ``--max-arena auto`` it is only what ``--place`` says."""
    first = first_modes(first_choice(board, options.place), board, options, count)
    yield first, False
    if options.max_arena is None:
        return
    if options.max_arena != "auto":
        yield first, True
        return
    yield from advice(board, options, count)


def advice(board: Board, options: Options, count: int) -> Iterator[tuple[tuple[Mode, ...], bool]]:
    """The order of advice behind the first choice: flash, RAM of the other tile, split operators,
    LPDDR."""
    first = first_choice(board, options.place)
    found = [mode for mode in modes(board, options.place) if mode.tile == first.tile]
    if options.layout == TILES:
        found = [
            mode for mode in found if mode.kind in ("inside", "flash") and mode.arena == mode.tile
        ]
    sets = [first_modes(mode, board, options, count) for mode in found]
    near = [one for one in sets if LPDDR not in (one[0].arena, one[0].model)]
    far = [one for one in sets if one not in near]
    external = [one for one in near if one[0].kind != "inside"]
    yield from ((one, False) for one in near if one[0] != first)
    yield from ((one, True) for one in [*external, *(one for one in near if one not in external)])
    yield from ((one, False) for one in far if one[0] != first)
    yield from ((one, True) for one in far)


def first_modes(mode: Mode, board: Board, options: Options, count: int) -> tuple[Mode, ...]:
    """The mode of each program: all alike, or one tile each. Raises UsageError for a mode that two
    tiles cannot have."""
    if options.layout != TILES:
        return (mode,) * count
    result = []
    for tile in board.placement["code"][:count]:
        model = tile if mode.kind == "inside" else mode.model
        result.append(Mode(tile, tile if mode.arena == mode.tile else mode.arena, model))
    check_tiles(result)
    if any(mode.kind == "tile" for mode in result):
        raise UsageError(
            f"--place model={mode.model}: with --layout {TILES} both tiles execute",
            why="the other tile's RAM holds the other model",
            hint="--place model=flash",
        )
    return tuple(result)


def check_options(count: int, board: Board, options: Options) -> None:
    """Raises UsageError for what this runtime does not do."""
    runtime = options.runtime or board.default_runtime
    if runtime != RUNTIME:
        raise UsageError(
            f"board {board.name} has no runtime {runtime!r:.80}",
            why="XMOS's AI tools execute models there, or plain C",
            hint=f"--runtime {RUNTIME}, --runtime aot, or leave it out",
        )
    if options.compiler == "none":
        raise UsageError(
            "--compiler none: the runtime xcore executes what xformer compiles", hint="leave it out"
        )
    if options.compiler not in ("", "xformer"):
        raise UsageError(
            f"board {board.name} has no compiler {options.compiler!r:.80}",
            hint="--compiler xformer, or leave it out",
        )
    if options.kernels not in ("", board.kernels):
        raise UsageError(
            f"--kernels {options.kernels!r:.80}: the runtime {RUNTIME} has its own",
            hint="leave it out",
        )
    if options.custom_ops:
        raise UsageError("--custom-op: xformer takes no custom operators", hint="leave it out")
    check_project(count, board, options)


def check_project(count: int, board: Board, options: Options) -> None:
    """Raises UsageError for what projects of the family do not do, whatever their runtime."""
    if options.model_format == "embed":
        raise UsageError("--model-format embed: the model is code here", hint="leave it out")
    check_wanted(board, options.place, options.reserve)
    if "persistent" in options.place:
        raise UsageError(
            "--place persistent=...: what the kernels keep lies in the arena here",
            hint="it is for --runtime tflm",
        )
    if options.layout == TILES:
        tiles = board.placement["code"]
        if count != len(tiles) or len(tiles) < 2:
            raise UsageError(
                f"--layout {TILES} puts one model on each of the board's {len(tiles)} tiles",
                why=f"there is {count} model" + "s" * (count != 1),
                hint=f"--layout {SEQUENCE} runs any number of models on one tile",
            )
        if options.shared_arena:
            raise UsageError(f"--shared-arena and --layout {TILES} exclude each other")
        if "code" in options.place or options.place.get("arena") in tiles:
            raise UsageError(f"--layout {TILES} decides the tiles", hint="leave out --place code")
