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
from collections.abc import Callable, Sequence

from gen_fw.memory.blocks import Blocks

#: blocks of a part at most: a step of the search is a call within the last one
MOST = 400
#: preorderings, as in MiniMalloc: Width of the life, Area, Total of the fullest section
RANKS = ("WAT", "TAW", "TWA")


class OutOfWorkError(Exception):
    """The search ended before it had an answer."""


class BoundSearch:
    """One part, searched for any capacity."""

    def __init__(self, part: Blocks) -> None:
        rows = _disjoint(part)
        rows.sort(key=lambda row: (row[0], row[1]))
        self._size = [row[2] for row in rows]
        self._fixed = [row[3] for row in rows]
        #: index in the part; -1 for pieces of fixed blocks
        self._index = [row[4] for row in rows]
        self._lo, self._hi, count = _sections([row[0] for row in rows], [row[1] for row in rows])
        everything = range(len(rows))
        self._meets = [
            [
                j
                for j in everything
                if j != i and self._lo[j] <= self._hi[i] and self._lo[i] <= self._hi[j]
            ]
            for i in everything
        ]
        live = [0] * count
        for i in everything:
            for section in range(self._lo[i], self._hi[i] + 1):
                live[section] += self._size[i]
        self._total = [max(live[self._lo[i] : self._hi[i] + 1]) for i in everything]
        self._sections = count
        self.steps = 0

    def fit(self, capacity: int, rank: str, steps: int) -> dict[int, int] | None:
        """Offsets of the blocks that are not fixed, by index; None when ``capacity`` is too small.

        Raises OutOfWorkError after ``steps`` blocks looked at; ``self.steps`` says how many were.
        """
        count = len(self._size)
        order = sorted(range(count), key=self._key(rank))
        self._by_rank, self._rank = order, [0] * count
        for place, i in enumerate(order):
            self._rank[i] = place
        self._capacity = capacity
        self._low = [max(0, offset) for offset in self._fixed]
        self._offset = [-1] * count
        self._found: dict[int, int] = {}
        self._load = [0] * self._sections
        self._limit = steps
        self.steps = 0
        if not self._solve(list(range(count)), 0):
            return None
        return self._found

    def _key(self, rank: str) -> Callable[[int], tuple[int, ...]]:
        def value(letter: str, i: int) -> int:
            width = self._hi[i] - self._lo[i] + 1
            return -{"W": width, "A": width * self._size[i], "T": self._total[i]}[letter]

        return lambda i: (*(value(letter, i) for letter in rank), i)

    def _solve(self, members: list[int], least: int) -> bool:
        """Places ``members``, in order of their first section, group by group.

        ``least`` is (offset, rank) of the last block placed, as one number.
        """
        hi, reached, start = self._hi, -1, 0
        for at, i in enumerate(members):
            if at and self._lo[i] > reached:
                if not self._place(members[start:at], least):
                    return False
                start = at
            reached = max(reached, hi[i])
        return self._place(members[start:] if start else members, least)

    def _place(self, members: list[int], least: int) -> bool:
        count, low, size, rank = len(self._size), self._low, self._size, self._rank
        self.steps += len(members)
        if self.steps > self._limit:
            raise OutOfWorkError
        if not members:
            return True
        keys = sorted([low[i] * count + rank[i] for i in members])
        if not self._stacks(keys, least // count):
            return False
        lowest_end = min([low[i] + size[i] for i in members])
        for key in keys:
            if key < least:
                continue
            start = key // count
            if start >= lowest_end:
                return False
            i = self._by_rank[key % count]
            end = start + size[i]
            if end > self._capacity:
                continue
            outcome = self._try(i, start, end, key, members)
            if outcome is None:
                return False
            if outcome:
                return True
        return False

    def _try(self, i: int, start: int, end: int, key: int, members: list[int]) -> bool | None:
        """One block at one place; None when no other choice at this point can do better."""
        low, fixed, size, offset = self._low, self._fixed, self._size, self._offset
        offset[i] = start
        raised: list[tuple[int, int]] = []
        possible, alone = True, True
        for j in self._meets[i]:
            if offset[j] >= 0:
                continue
            alone = False
            if low[j] < end:
                raised.append((j, low[j]))
                low[j] = end
                if end + size[j] > self._capacity or 0 <= fixed[j] < end:
                    possible = False
                    break
        if possible and self._solve([j for j in members if j != i], key):
            if self._index[i] >= 0:
                self._found[self._index[i]] = start
            offset[i] = -1
            for j, before in raised:
                low[j] = before
            return True
        offset[i] = -1
        for j, before in raised:
            low[j] = before
        # a block under nothing hinders nobody: what failed above it fails without it
        return None if possible and alone else False

    def _stacks(self, keys: list[int], floor: int) -> bool:
        """Whether every section can hold what is not placed, by lowest offset, highest first."""
        count, load, size = len(self._size), self._load, self._size
        lo, hi, capacity, by_rank = self._lo, self._hi, self._capacity, self._by_rank
        touched: list[int] = []
        looked, possible = 0, True
        for key in reversed(keys):
            start = key // count
            i = by_rank[key % count]
            room = capacity - (start if start > floor else floor) - size[i]
            sections = range(lo[i], hi[i] + 1)
            looked += len(sections)
            for section in sections:
                if load[section] > room:
                    possible = False
                    break
                load[section] += size[i]
            touched.append(i)
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
