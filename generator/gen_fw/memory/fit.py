# SPDX-License-Identifier: Apache-2.0
"""First fit: blocks, one after the other, each at the lowest offset that is free during its life.

Both TensorFlow Lite Micro's planner and ours are first fit in some order. Placed blocks are kept in
one list by offset, as in TFLM; or, when they are many and most of them never meet, in a tree over
time whose nodes hold the union of what lies there. The two give the same offsets.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

#: blocks above which the tree may be faster than the list
FEW = 800
#: part of the other blocks that a block meets, on average, above which the list is faster again
DENSE = 0.1


def first_fit(
    sizes: Sequence[int],
    firsts: Sequence[int],
    lasts: Sequence[int],
    order: Sequence[int],
    fixed: Sequence[int | None] | None = None,
) -> list[int]:
    """The offset of every block; those that ``order`` leaves out stay at -1 and take no space.

    A block lives from ``firsts[i]`` to ``lasts[i]``, inclusive. One with an offset in ``fixed``
    goes there, whatever lies there already.
    """
    offsets = [-1] * len(sizes)
    space: _List | _Tree = _List()
    if _sparse(firsts, lasts, order):
        space = _Tree([firsts[i] for i in order])
    for i in order:
        size, first, last = sizes[i], firsts[i], lasts[i]
        offset = None if fixed is None else fixed[i]
        if offset is None:
            offset = space.lowest(size, first, last)
        offsets[i] = offset
        space.add(offset, offset + size, first, last)
    return offsets


def cost(firsts: Sequence[int], lasts: Sequence[int], order: Sequence[int]) -> int:
    """Blocks that a first fit in ``order`` looks at, about."""
    count = len(order)
    return count * (FEW if _sparse(firsts, lasts, order) else count) // 2 + count


def _sparse(firsts: Sequence[int], lasts: Sequence[int], order: Sequence[int]) -> bool:
    """Whether the blocks are many and few pairs of them are alive at the same time."""
    count = len(order)
    if count <= FEW:
        return False
    starts, ends = sorted(firsts[i] for i in order), sorted(lasts[i] for i in order)
    apart = sum(bisect_left(ends, start) for start in starts)
    return count * (count - 1) // 2 - apart < DENSE * count * (count - 1) / 2


class _List:
    """Blocks by offset: a place costs a look at all of them."""

    def __init__(self) -> None:
        self._blocks: list[tuple[int, int, int, int]] = []

    def lowest(self, size: int, first: int, last: int) -> int:
        offset = 0
        for start, end, a, b in self._blocks:
            if a <= last and first <= b:
                if start - offset >= size:
                    break
                if end > offset:
                    offset = end
        return offset

    def add(self, start: int, end: int, first: int, last: int) -> None:
        insort(self._blocks, (start, end, first, last))


class _Tree:
    """A segment tree over the times at which a block begins.

    Times between two beginnings add nothing: two lives that meet share the later beginning. A node
    has the union of the blocks that meet its times (``within``) and of those that last through all
    of them (``across``), as a flat list start, end, start, end ... in order.
    """

    def __init__(self, firsts: Sequence[int]) -> None:
        self._times = sorted(set(firsts))
        self._leaves = 1 << max(0, len(self._times) - 1).bit_length()
        self._within: list[list[int]] = [[] for _ in range(2 * self._leaves)]
        self._across: list[list[int]] = [[] for _ in range(2 * self._leaves)]

    def _ends(self, first: int, last: int) -> tuple[int, int]:
        times = self._times
        return (
            bisect_left(times, first) + self._leaves,
            bisect_right(times, last) - 1 + self._leaves,
        )

    def lowest(self, size: int, first: int, last: int) -> int:
        within, across = self._within, self._across
        left, right = self._ends(first, last)
        unions: list[list[int]] = []
        low, high = left, right + 1
        while low < high:
            if low & 1:
                if within[low]:
                    unions.append(within[low])
                low += 1
            if high & 1:
                high -= 1
                if within[high]:
                    unions.append(within[high])
            low >>= 1
            high >>= 1
        left >>= 1
        right >>= 1
        while left:
            if across[left]:
                unions.append(across[left])
            if right != left and across[right]:
                unions.append(across[right])
            left >>= 1
            right >>= 1
        blocks = [pair for union in unions for pair in zip(union[::2], union[1::2], strict=True)]
        if len(unions) > 1:
            blocks.sort()
        offset = 0
        for start, end in blocks:
            if start - offset >= size:
                break
            if end > offset:
                offset = end
        return offset

    def add(self, start: int, end: int, first: int, last: int) -> None:
        within, across = self._within, self._across
        left, right = self._ends(first, last)
        low, high = left, right + 1
        while low < high:
            if low & 1:
                _join(within[low], start, end)
                _join(across[low], start, end)
                low += 1
            if high & 1:
                high -= 1
                _join(within[high], start, end)
                _join(across[high], start, end)
            low >>= 1
            high >>= 1
        left >>= 1
        right >>= 1
        while left:
            _join(within[left], start, end)
            if right != left:
                _join(within[right], start, end)
            left >>= 1
            right >>= 1


def _join(union: list[int], start: int, end: int) -> None:
    """Adds [start, end] to a union; intervals that touch become one.

    An even index is outside of all intervals, so the bound becomes one of the union; an odd index
    is inside of one, which swallows it.
    """
    low, high = bisect_left(union, start), bisect_right(union, end)
    edges = [] if low & 1 else [start]
    if not high & 1:
        edges.append(end)
    union[low:high] = edges
