# SPDX-License-Identifier: Apache-2.0
"""A planning problem as columns of integers, made smaller without making it easier.

Two reductions keep every optimum: blocks that fit below the bound wherever the others lie are left
for last, and times at which nothing is alive across split what is left into parts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from gen_fw.memory.buffers import ALIGNMENT, Buffer, align


@dataclass(frozen=True, slots=True)
class Blocks:
    """Bytes, lives (inclusive) and given offsets; sizes and offsets are multiples of 16."""

    sizes: list[int]
    firsts: list[int]
    lasts: list[int]
    fixed: list[int | None]

    def __len__(self) -> int:
        return len(self.sizes)

    def select(self, indices: Sequence[int]) -> Blocks:
        """These blocks only, in this order."""
        return Blocks(
            [self.sizes[i] for i in indices],
            [self.firsts[i] for i in indices],
            [self.lasts[i] for i in indices],
            [self.fixed[i] for i in indices],
        )


def blocks(buffers: Sequence[Buffer]) -> Blocks:
    """One block a buffer. A fixed buffer that is not aligned takes all 16-byte units it touches."""
    sizes, fixed = [], []
    for buffer in buffers:
        offset, size = buffer.offline_offset, align(buffer.bytes)
        if offset is not None:
            start = offset // ALIGNMENT * ALIGNMENT
            offset, size = start, align(offset + size) - start
        sizes.append(size)
        fixed.append(offset)
    return Blocks(sizes, [b.first_use for b in buffers], [b.last_use for b in buffers], fixed)


def split_easy(part: Blocks, capacity: int) -> tuple[list[int], list[int]]:
    """Indices of blocks to search for, and of those that always fit into ``capacity`` afterwards
    when they are placed in this order.

    A block of ``s`` units fails to fit only when all gaps between the ``n`` blocks that it meets
    have less than ``s`` units, so at most ``(n + 1) (s - 1)`` units are free. With more than that
    it fits wherever they lie. Leaving it out relieves the others, so this is repeated; what goes
    in a later round counted on those of earlier rounds being absent, and is placed before them.
    """
    units = capacity // ALIGNMENT
    hard = [i for i, size in enumerate(part.sizes) if size > 0]
    rounds = [[i for i, size in enumerate(part.sizes) if size <= 0 and part.fixed[i] is None]]
    while rounds[-1] or len(rounds) == 1:
        met = _met(part, hard)
        again: list[int] = []
        rounds.append([])
        for i, (count, total) in zip(hard, met, strict=True):
            size = part.sizes[i] // ALIGNMENT
            free = units - total // ALIGNMENT
            movable = part.fixed[i] is None
            (rounds[-1] if movable and free > (count + 1) * (size - 1) else again).append(i)
        hard = again
    return hard, [i for group in reversed(rounds) for i in group]


def _met(part: Blocks, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Of every block: how many others it meets in time, and their bytes."""
    by_first = sorted((part.firsts[i], part.sizes[i]) for i in indices)
    by_last = sorted((part.lasts[i], part.sizes[i]) for i in indices)
    begun = [0, *accumulate(size for _, size in by_first)]
    ended = [0, *accumulate(size for _, size in by_last)]
    starts, ends = [first for first, _ in by_first], [last for last, _ in by_last]
    found = []
    for i in indices:
        before = bisect_right(starts, part.lasts[i])
        gone = bisect_left(ends, part.firsts[i])
        found.append((before - gone - 1, begun[before] - ended[gone] - part.sizes[i]))
    return found


def components(part: Blocks, indices: Sequence[int]) -> list[list[int]]:
    """Groups of blocks whose lives never meet those of another group."""
    groups: list[list[int]] = []
    reached: int | None = None
    for i in sorted(indices, key=lambda i: (part.firsts[i], i)):
        if reached is None or part.firsts[i] > reached:
            groups.append([])
            reached = part.lasts[i]
        groups[-1].append(i)
        reached = max(reached, part.lasts[i])
    return groups


def height(part: Blocks, offsets: Sequence[int]) -> int:
    """The end of the last block."""
    return max((o + s for o, s in zip(offsets, part.sizes, strict=True)), default=0)


def peak(part: Blocks) -> int:
    """The largest sum of bytes alive at one time; fixed blocks that share bytes count twice."""
    changes: dict[int, int] = {}
    for size, first, last in zip(part.sizes, part.firsts, part.lasts, strict=True):
        changes[first] = changes.get(first, 0) + size
        changes[last + 1] = changes.get(last + 1, 0) - size
    return max(accumulate(changes[time] for time in sorted(changes)), default=0)
