# SPDX-License-Identifier: Apache-2.0
"""Which blocks of an arena's plan share bytes, and when most bytes are in use."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.memory.buffers import align
from gen_fw.program import Block


def shared(blocks: Sequence[Block]) -> frozenset[int]:
    """Indices of the blocks that use a byte of another one while both are alive."""
    found: set[int] = set()
    alive: list[int] = []
    for i in sorted(range(len(blocks)), key=lambda i: blocks[i].first):
        one = blocks[i]
        alive = [j for j in alive if blocks[j].last >= one.first]
        for j in alive:
            other = blocks[j]
            if one.offset < other.offset + other.bytes and other.offset < one.offset + one.bytes:
                found |= {i, j}
        alive.append(i)
    return frozenset(found)


def most_in_use(blocks: Sequence[Block]) -> tuple[int, int]:
    """(step, bytes) of the first step at which most bytes are in use. (0, 0) without blocks.

    A byte that two blocks share counts once, and sizes are rounded up to 16. No plan of the same
    blocks, with the same sharing, is smaller.
    """
    best = (0, 0)
    order = sorted(range(len(blocks)), key=lambda i: blocks[i].first)
    alive: list[Block] = []
    for position, i in enumerate(order):
        step = blocks[i].first
        alive.append(blocks[i])
        if position + 1 < len(order) and blocks[order[position + 1]].first == step:
            continue
        alive = [block for block in alive if block.last >= step]
        used = end = 0
        for start, stop in sorted((b.offset, b.offset + align(b.bytes)) for b in alive):
            used += max(0, stop - max(start, end))
            end = max(end, stop)
        if used > best[1]:
            best = (step, used)
    return best
