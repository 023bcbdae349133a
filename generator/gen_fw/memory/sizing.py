# SPDX-License-Identifier: Apache-2.0
"""What the user says about an arena: ``--arena-size``, ``--arena-margin``, ``--max-arena``."""

from __future__ import annotations

from dataclasses import replace

from gen_fw.errors import Diagnostic, DoesNotFitError, UsageError
from gen_fw.memory.buffers import align
from gen_fw.program import Item, Program, Region


def sized(
    program: Program,
    *,
    arena_size: int | None = None,
    allow_small: bool = False,
    max_arena: int | None = None,
    margin: int | str = 0,
) -> Program:
    """``program`` with the arena of ``arena_size`` bytes (rounded up to 16), or with ``margin``
    more than it needs (bytes, or a share such as "10%"; rounded up to 16), or as it is.

    Raises UsageError when the size is below what the program needs and ``allow_small`` is not
    set, DoesNotFitError when the arena, as computed or as asked, is above ``max_arena`` bytes.
    """
    program = _with_margin(program, margin)
    region = program.region("arena")
    size = region.bytes if arena_size is None else align(arena_size)
    if arena_size is not None and size < region.bytes and not allow_small:
        raise UsageError(
            f"--arena-size {arena_size} is below what {program.name} needs: {region.bytes} bytes",
            why=f"computed: {region.bytes} ({region.confidence})",
            hint="add --allow-small-arena when you know better, for example from "
            f"{program.name}_arena_used() on the target",
        )
    if max_arena is not None and size > max_arena:
        needs = "; ".join(f"{item.label}: {item.bytes}" for item in region.items)
        raise DoesNotFitError(
            f"the arena of {program.name} has {size} bytes, --max-arena allows {max_arena}",
            why=needs if arena_size is None else f"--arena-size {arena_size}",
            hint="use a smaller model, or allow more",
            detail={"needed": size, "confidence": region.confidence, "allowed": max_arena},
        )
    if arena_size is None:
        return program
    note: tuple[Diagnostic, ...] = ()
    if size < region.bytes:
        note = (
            Diagnostic(
                f"the arena of {program.name} is smaller than computed",
                why=f"{size} of {region.bytes} bytes ({region.confidence})",
                hint=f"{program.name}_init() tells whether it is enough",
            ),
        )
    # pointers are wider on the 64-bit host, so its arena never shrinks below what it needs
    bound = program.adapter["arena_bytes"]
    arena_bytes = {"target": size, "host64": max(size, int(bound["host64"]))}
    asked = replace(
        region, bytes=size, items=(Item("as asked", size, region.confidence, "--arena-size"),)
    )
    return replace(
        _with_arena(program, asked, arena_bytes), diagnostics=(*program.diagnostics, *note)
    )


def _with_margin(program: Program, margin: int | str) -> Program:
    """The arena and its 64-bit twin, each larger by ``margin``."""

    def extra(size: int) -> int:
        if isinstance(margin, int):
            return align(margin)
        return align(-(-size * int(margin.removesuffix("%")) // 100))

    region = program.region("arena")
    added = extra(region.bytes)
    if not added:
        return program
    item = Item("margin, as asked", added, "exact", f"--arena-margin {margin}")
    larger = replace(region, bytes=region.bytes + added, items=(*region.items, item))
    sizes = {key: int(size) for key, size in program.adapter["arena_bytes"].items()}
    return _with_arena(program, larger, {key: size + extra(size) for key, size in sizes.items()})


def _with_arena(program: Program, region: Region, arena_bytes: dict[str, int]) -> Program:
    return replace(
        program,
        regions=tuple(region if r.role == "arena" else r for r in program.regions),
        adapter={**program.adapter, "arena_bytes": arena_bytes},
    )
