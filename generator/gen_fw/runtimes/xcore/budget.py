# SPDX-License-Identifier: Apache-2.0
"""What every memory of an xcore.ai board must hold: each tile's RAM has the arena, the constants,
the kernels and the stacks of what it executes or serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gen_fw.boards.board import Board
from gen_fw.memory.buffers import align
from gen_fw.memory.place import demands, uses_of
from gen_fw.program import Item, Placement, Program, Use
from gen_fw.runtimes.xcore.flash import Engine, build
from gen_fw.runtimes.xcore.kernels import server_item
from gen_fw.runtimes.xcore.modes import FLASH, LPDDR, Mode

#: threads of a server: one for the flash, four to the other tile, 1024 words each
_FLASH_STACK, _TILE_STACK = 4096, 16384


def uses(
    programs: Sequence[Program],
    modes: Sequence[Mode],
    board: Board,
    reserve: Mapping[str, int],
    shared_arena: bool,
) -> tuple[Use, ...]:
    """One Use a memory, tiles first. ``modes[i]`` belongs to ``programs[i]``; programs on one tile
    run in sequence."""
    needs: dict[str, list[Item]] = {memory.name: [] for memory in board.memories}
    pairs = list(zip(programs, modes, strict=True))
    for tile in board.placement["code"]:
        needs[tile].extend(_executed([pair for pair in pairs if pair[1].tile == tile], tile))
    for memory in (*board.placement["code"], LPDDR):
        mine = [program for program, mode in pairs if mode.arena == memory]
        if mine:
            needs[memory][:0] = demands(mine, "arena", shared_arena)
    for program, mode in pairs:
        kind, size = program.adapter["xcore"]["kind"], int(program.adapter["xcore"]["parameters"])
        label = f"{program.name}: parameters"
        if kind == "external":
            needs[LPDDR].append(Item(label, align(size, 8), "exact"))
        elif kind == "tile":
            served = int(program.adapter["xcore"]["array_bytes"])
            needs[mode.model] += [
                Item(label, served, "exact"),
                server_item("tile"),
                Item(f"{program.name}: server's stacks", _TILE_STACK, "estimate"),
            ]
    engines = flash_engines(programs)
    if engines:
        needs["tile0"] += [
            server_item("flash"),
            Item("flash server's stack", _FLASH_STACK, "estimate"),
        ]
        size = len(build(engines))
        needs[FLASH].append(Item("image of the data partition", size, "exact"))
    return uses_of(board, needs, reserve)


def flash_engines(programs: Sequence[Program]) -> list[Engine]:
    """The clients of the flash server, in the order of programs."""
    return [
        Engine(bytes(part.data))
        for program in programs
        if program.adapter["xcore"]["kind"] == "flash"
        for part in program.constants
        if part.label == "parameters"
    ]


def placement(modes: Sequence[Mode]) -> Placement:
    """That of the first program, which stands for the firmware."""
    return modes[0].placement


def _executed(pairs: Sequence[tuple[Program, Mode]], tile: str) -> list[Item]:
    """What the tile that executes these programs has beside arenas."""
    if not pairs:
        return []
    programs = [program for program, _ in pairs]
    items = [
        Item(f"{program.name}: {region.label}", align(region.bytes), region.confidence)
        for program, mode in pairs
        for region in program.regions
        if region.role == "model" and mode.kind == "inside"
    ]
    items += demands(programs, "code")
    items += [
        Item(
            f"{program.name}: vectors of the self-test",
            align(sum(io.bytes for io in (*program.inputs, *program.outputs))),
            "exact",
        )
        for program in programs
    ]
    stack = max(program.stack_bytes for program in programs)
    return [*items, Item("stacks of the model's threads", stack, "estimate", tile)]
