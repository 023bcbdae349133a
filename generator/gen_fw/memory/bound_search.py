# SPDX-License-Identifier: Apache-2.0
"""Branch and bound: does a part fit into a capacity? An answer, a proof, or out of work.

In the spirit of MiniMalloc (Moffitt, "MiniMalloc: A Lightweight Memory Allocator for Hardware-
Accelerated Machine Learning", ASPLOS 2023; github.com/google/minimalloc, src/solver.cc):

* Only canonical plans: blocks are placed from the bottom up, by offset and then by a fixed rank,
  each resting on one that is placed or on the floor. Every plan can be let down into such a one.
* Dominance: no block goes to or above the lowest end that another one could have.
* Inference per section (a time at which a maximal set of blocks is alive): blocks that are not
  placed must still be stacked there, none below the lowest offset that it can have.
  We stack them by that offset (one machine with release dates), which bounds more than one floor.
* After each step, groups of blocks that no longer meet in time are searched on their own.
* Several static ranks (preorderings), each with its share of the work.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from gen_fw.memory.blocks import Blocks

#: blocks of a part at most: what meets what takes the square of their number
MOST = 1000
#: preorderings, most significant letter first, all descending (MiniMalloc's are WAT, TAW, TWA):
#: Area, Size, Total of the fullest section, Width of the life
RANKS = ("WAT", "TAW", "TWA", "WT")


class OutOfWorkError(Exception):
    """The search ended before it had an answer."""


@dataclass(slots=True)
class _Node:
    """A point of the search: one group of blocks that are not placed."""

    #: by first section
    members: list[int]
    #: lowest offset and rank of every member as one number, ascending
    keys: list[int]
    #: no block goes to or above it
    lowest_end: int
    #: the next of ``keys``
    at: int = 0
    #: what is placed now, what that did, and the groups that must still follow
    placed: int = -1
    raised: list[tuple[int, int]] = field(default_factory=list)
    alone: bool = False
    groups: list[list[int]] = field(default_factory=list)


class BoundSearch:
    """One part, searched for any capacity. Blocks are numbered by rank."""

    def __init__(self, part: Blocks, rank: str) -> None:
        rows = _disjoint(part)
        lo, hi, self._sections = _sections([row[0] for row in rows], [row[1] for row in rows])
        live = [0] * self._sections
        for row, first, last in zip(rows, lo, hi, strict=True):
            for section in range(first, last + 1):
                live[section] += row[2]

        def key(i: int) -> tuple[int, ...]:
            width, size = hi[i] - lo[i] + 1, rows[i][2]
            total = max(live[lo[i] : hi[i] + 1])
            value = {"A": width * size, "S": size, "T": total, "W": width}
            return (*(-value[letter] for letter in rank), i)

        order = sorted(range(len(rows)), key=key)
        self._count = len(order)
        self._size = [rows[i][2] for i in order]
        self._fixed = [rows[i][3] for i in order]
        #: index in the part; -1 for pieces of fixed blocks
        self._index = [rows[i][4] for i in order]
        self._lo, self._hi = [lo[i] for i in order], [hi[i] for i in order]
        self._meets = self._meetings()
        self.steps = 0

    def _meetings(self) -> list[list[int]]:
        lo, hi, everything = self._lo, self._hi, range(self._count)
        return [
            [j for j in everything if j != i and lo[j] <= hi[i] and lo[i] <= hi[j]]
            for i in everything
        ]

    def fit(self, capacity: int, steps: int) -> dict[int, int] | None:
        """Offsets of the blocks that are not fixed, by index; None when ``capacity`` is too small.

        Raises OutOfWorkError after ``steps`` blocks looked at; ``self.steps`` says how many were.
        """
        self._capacity, self._limit, self.steps = capacity, steps, 0
        self._low = [max(0, offset) for offset in self._fixed]
        self._placed = [False] * self._count
        self._load = [0] * self._sections
        everything = sorted(range(self._count), key=lambda i: (self._lo[i], i))
        found: dict[int, int] = {}
        for group in self._groups(everything):
            if not self._search(group, found):
                return None
        return found

    def _search(self, group: list[int], found: dict[int, int]) -> bool:
        """Depth first over one group, with a stack of its own: parts are deeper than Python's."""
        root = self._open(group, 0)
        stack = [root] if root is not None else []
        answer: bool | None = None if stack else False
        while stack:
            node = stack[-1]
            if answer is None:
                if not self._advance(node):
                    stack.pop()
                    answer = False
                    continue
            elif not answer:
                self._undo(node)
                if node.alone:
                    # a block under nothing hinders nobody: what fails above it fails without it
                    stack.pop()
                else:
                    answer = None
                continue
            if node.groups:
                child = self._open(node.groups.pop(), node.keys[node.at - 1])
                answer = None if child is not None else False
                if child is not None:
                    stack.append(child)
                continue
            if self._index[node.placed] >= 0:
                found[self._index[node.placed]] = node.keys[node.at - 1] // self._count
            self._undo(node)
            stack.pop()
            answer = True
        return bool(answer)

    def _open(self, members: list[int], least: int) -> _Node | None:
        """A node, or None when its blocks cannot fit. ``least`` is the key of the last block."""
        count, low, size = self._count, self._low, self._size
        self.steps += len(members)
        if self.steps > self._limit:
            raise OutOfWorkError
        keys = sorted([low[i] * count + i for i in members])
        if not self._stacks(keys, least // count):
            return None
        first = 0
        while first < len(keys) and keys[first] < least:
            first += 1
        return _Node(members, keys, min([low[i] + size[i] for i in members]), first)

    def _advance(self, node: _Node) -> bool:
        """Places the next block that may come first; False when there is none."""
        low, fixed, size, placed = self._low, self._fixed, self._size, self._placed
        count, capacity, keys = self._count, self._capacity, node.keys
        while node.at < len(keys):
            start, i = divmod(keys[node.at], count)
            if start >= node.lowest_end:
                return False
            node.at += 1
            end = start + size[i]
            raised: list[tuple[int, int]] = []
            alone, possible = True, end <= capacity
            if possible:
                for j in self._meets[i]:
                    if placed[j]:
                        continue
                    alone = False
                    if low[j] < end:
                        if end + size[j] > capacity or 0 <= fixed[j] < end:
                            possible = False
                            break
                        raised.append((j, low[j]))
                        low[j] = end
            if possible:
                placed[i] = True
                node.placed, node.raised, node.alone = i, raised, alone
                node.groups = self._groups([j for j in node.members if j != i])
                return True
            for j, before in raised:
                low[j] = before
        return False

    def _undo(self, node: _Node) -> None:
        self._placed[node.placed] = False
        for j, before in node.raised:
            self._low[j] = before

    def _groups(self, members: list[int]) -> list[list[int]]:
        """``members``, ordered by their first section, cut where no two of them meet."""
        lo, hi, reached, start = self._lo, self._hi, -1, 0
        groups: list[list[int]] = []
        for at, i in enumerate(members):
            if at and lo[i] > reached:
                groups.append(members[start:at])
                start = at
            if hi[i] > reached:
                reached = hi[i]
        if members:
            groups.append(members[start:] if start else members)
        return groups

    def _stacks(self, keys: list[int], floor: int) -> bool:
        """Whether every section can hold what is not placed, by lowest offset, highest first."""
        count, load, size = self._count, self._load, self._size
        lo, hi, capacity = self._lo, self._hi, self._capacity
        looked, possible = 0, True
        touched: list[int] = []
        for key in reversed(keys):
            start, i = divmod(key, count)
            room = capacity - (start if start > floor else floor) - size[i]
            first, end = lo[i], hi[i] + 1
            looked += end - first
            touched.append(i)
            for section in range(first, end):
                if load[section] > room:
                    possible = False
                    break
                load[section] += size[i]
            if not possible:
                break
        for i in touched:
            load[lo[i] : hi[i] + 1] = [0] * (hi[i] - lo[i] + 1)
        self.steps += looked
        return possible


def _sections(firsts: Sequence[int], lasts: Sequence[int]) -> tuple[list[int], list[int], int]:
    """Lives as ranges of sections: beginnings after which something ends before the next one.

    At any other beginning the set that is alive is part of that of the next one.
    """
    starts, ends = sorted(set(firsts)), sorted(set(lasts))
    kept: list[int] = []
    at = 0
    for place, start in enumerate(starts):
        following = starts[place + 1] if place + 1 < len(starts) else None
        while at < len(ends) and ends[at] < start:
            at += 1
        if following is None or (at < len(ends) and ends[at] < following):
            kept.append(start)
    lo = [bisect_left(kept, first) for first in firsts]
    hi = [bisect_right(kept, last) - 1 for last in lasts]
    return lo, hi, len(kept)


def _disjoint(part: Blocks) -> list[tuple[int, int, int, int, int]]:
    """Rows (first, last, size, fixed offset or -1, index or -1).

    Fixed blocks may share bytes; they become pieces that do not.
    """
    rows: list[tuple[int, int, int, int, int]] = []
    fixed: list[tuple[int, int, int, int]] = []
    for i, offset in enumerate(part.fixed):
        if offset is None:
            rows.append((part.firsts[i], part.lasts[i], part.sizes[i], -1, i))
        else:
            fixed.append((part.firsts[i], part.lasts[i], offset, offset + part.sizes[i]))
    moments = sorted({row[0] for row in fixed} | {row[1] + 1 for row in fixed})
    open_pieces: dict[tuple[int, int], int] = {}
    for moment in moments:
        union: list[tuple[int, int]] = []
        for start, end in sorted(row[2:] for row in fixed if row[0] <= moment <= row[1]):
            if union and start <= union[-1][1]:
                union[-1] = (union[-1][0], max(union[-1][1], end))
            else:
                union.append((start, end))
        for piece in [piece for piece in open_pieces if piece not in union]:
            begun = open_pieces.pop(piece)
            rows.append((begun, moment - 1, piece[1] - piece[0], piece[0], -1))
        for piece in union:
            open_pieces.setdefault(piece, moment)
    return rows
