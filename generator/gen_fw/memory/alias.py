# SPDX-License-Identifier: Apache-2.0
"""Buffers that share their bytes: views, results written over their operands.

The caller knows which pairs may share (kernels that read an element before they write it, reshapes
that copy nothing); here the lives are checked, and those pairs are chosen that make the plan
smaller. Not all of them do: a merged buffer lives longer and is as large as the larger one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from gen_fw.memory.best import EFFORT, Solution, solve
from gen_fw.memory.buffers import Buffer, Plan, align, lower_bound

#: evaluations of a set of pairs times buffers, at most
_CLIMB = 100_000


class Share(NamedTuple):
    """``destination`` may have the bytes of ``source``, both indices of buffers.

    A view has the same contents, so both may be alive. Otherwise ``destination`` is written over
    ``source``, which must have its last use when ``destination`` has its first.
    """

    source: int
    destination: int
    view: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """Fewer buffers, each for one or more of the original ones."""

    buffers: tuple[Buffer, ...]
    #: original index -> index in ``buffers``
    owner: tuple[int, ...]
    original: tuple[Buffer, ...]

    def expand(self, plan: Plan) -> Plan:
        """The plan of the original buffers, where those of a group have the same offset."""
        offsets = tuple(plan.offsets[owner] for owner in self.owner)
        return Plan(self.original, offsets, plan.bytes)


@dataclass(frozen=True, slots=True)
class Shared:
    """A plan of the original buffers and the pairs that share bytes in it."""

    plan: Plan
    #: pairs that were taken, as given
    taken: tuple[Share, ...]
    merged: Merged
    #: of the merged buffers
    solution: Solution


def merge(buffers: Sequence[Buffer], groups: Iterable[Sequence[int]]) -> Merged:
    """One buffer for every group: the union of the lives, the largest size, the first label.

    Raises ValueError when groups share a buffer, or one has buffers fixed at different offsets.
    """
    owner = [-1] * len(buffers)
    members: list[list[int]] = []
    for group in groups:
        for i in group:
            if owner[i] >= 0:
                raise ValueError(f"buffers[{i}] is in two groups")
            owner[i] = len(members)
        members.append(sorted(group))
    for i in range(len(buffers)):
        if owner[i] < 0:
            owner[i] = len(members)
            members.append([i])
    # a set of buffers without groups stays as it is: TFLM's order of ties depends on it
    order = sorted(range(len(members)), key=lambda at: members[at])
    rank = {at: place for place, at in enumerate(order)}
    joined = [_join([buffers[i] for i in members[at]]) for at in order if members[at]]
    return Merged(tuple(joined), tuple(rank[at] for at in owner), tuple(buffers))


def _join(group: Sequence[Buffer]) -> Buffer:
    offsets = {b.offline_offset for b in group if b.offline_offset is not None}
    if len(offsets) > 1:
        name = group[0].label or "a buffer"
        raise ValueError(f"{name} shares bytes with one fixed elsewhere: {sorted(offsets)}")
    return Buffer(
        max(buffer.bytes for buffer in group),
        min(buffer.first_use for buffer in group),
        max(buffer.last_use for buffer in group),
        group[0].label,
        next(iter(offsets), None),
    )


def choose_merges(
    buffers: Sequence[Buffer], candidates: Sequence[Share], *, effort: int = EFFORT
) -> Shared:
    """The smallest plan found with any of the ``candidates`` taken, or none.

    Sets of pairs are compared by the lower bound, then by how long it is reached; the best ones
    are planned. Of equal plans the one with fewer pairs is taken. Candidates that cannot be taken
    (their lives overlap, or both are fixed) are left out.
    """
    state = _Sets(buffers, candidates)
    every = state.extend(frozenset(), range(len(candidates)))
    views = state.extend(frozenset(), [i for i, c in enumerate(candidates) if c.view])
    best = _solution(state, frozenset(), effort)
    seen = {frozenset[int]()}
    for start in (state.climb(every), state.climb(views), state.climb(frozenset())):
        taken = state.fewest(start)
        if taken in seen or state.score(taken)[0] > best.plan.bytes:
            continue
        seen.add(taken)
        found = _solution(state, taken, effort)
        if (found.plan.bytes, len(found.taken)) < (best.plan.bytes, len(best.taken)):
            best = found
    return best


def _solution(state: _Sets, taken: frozenset[int], effort: int) -> Shared:
    merged = state.merged(taken)
    solution = solve(merged.buffers, effort=effort)
    pairs = tuple(state.candidates[i] for i in sorted(taken))
    return Shared(merged.expand(solution.plan), pairs, merged, solution)


class _Sets:
    """Sets of candidates: which are valid, and what they are worth."""

    def __init__(self, buffers: Sequence[Buffer], candidates: Sequence[Share]) -> None:
        for share in candidates:
            if not all(0 <= i < len(buffers) for i in share[:2]):
                raise ValueError(f"{share} names a buffer that is not there")
        self.buffers, self.candidates = buffers, candidates
        self._left = max(8, _CLIMB // max(1, len(buffers)))
        self._scores: dict[frozenset[int], tuple[int, int]] = {}

    def extend(self, taken: frozenset[int], more: Iterable[int]) -> frozenset[int]:
        """``taken`` with those of ``more``, in order, that keep it valid."""
        groups = _Groups(self.buffers)
        for i in sorted(taken):
            groups.add(self.candidates[i])
        kept = set(taken)
        for i in more:
            if i not in kept and groups.add(self.candidates[i]):
                kept.add(i)
        return frozenset(kept)

    def merged(self, taken: frozenset[int]) -> Merged:
        groups = _Groups(self.buffers)
        for i in sorted(taken):
            groups.add(self.candidates[i])
        return merge(self.buffers, groups.members())

    def score(self, taken: frozenset[int]) -> tuple[int, int]:
        """The lower bound, and the number of beginnings at which it is reached."""
        if taken not in self._scores:
            self._left -= 1
            buffers = self.merged(taken).buffers
            bound = lower_bound(buffers)
            full = [row for row in _profile(buffers) if row[1] >= bound]
            self._scores[taken] = (bound, len(full))
        return self._scores[taken]

    def climb(self, taken: frozenset[int]) -> frozenset[int]:
        """Takes or drops one pair at a time, as long as that helps and the work allows it."""
        better = True
        while better and self._left > 0:
            better = False
            for i in self._near(taken):
                if self._left <= 0:
                    break
                if i in taken:
                    # what was added after it may count on it, so all is checked again
                    flipped = self.extend(frozenset(), sorted(taken - {i}))
                else:
                    flipped = self.extend(taken, [i])
                if flipped != taken and self.score(flipped) < self.score(taken):
                    taken, better = flipped, True
                    break
        return taken

    def fewest(self, taken: frozenset[int]) -> frozenset[int]:
        """Without the pairs that nothing is lost without."""
        for i in sorted(taken, reverse=True):
            if self._left <= 0:
                break
            fewer = self.extend(frozenset(), sorted(taken - {i}))
            if self.score(fewer) <= self.score(taken):
                taken = fewer
        return taken

    def _near(self, taken: frozenset[int]) -> list[int]:
        """Candidates whose buffers are alive when the bound is reached."""
        merged = self.merged(taken)
        bound = self.score(taken)[0]
        full = {time for time, live in _profile(merged.buffers) if live >= bound}
        found = []
        for i, share in enumerate(self.candidates):
            both = [merged.buffers[merged.owner[at]] for at in share[:2]]
            if any(b.first_use <= time <= b.last_use for b in both for time in full):
                found.append(i)
        return found


class _Groups:
    """Buffers that share bytes, built pair by pair.

    A value is a class of views: one content, alive while any of them is. The values of a group
    are alive one after the other; two may touch, at the step that reads the one and writes the
    other, when a pair says so.
    """

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self._buffers = buffers
        self._value = list(range(len(buffers)))
        self._group = list(range(len(buffers)))
        self._members: dict[int, list[int]] = {}
        #: pairs that were taken and are no views, by group
        self._written: dict[int, list[Share]] = {}

    def members(self) -> list[list[int]]:
        return list(self._members.values())

    def add(self, share: Share) -> bool:
        """Takes a pair unless lives or fixed offsets forbid it."""
        source, destination, view = share
        one, other = self._group[source], self._group[destination]
        if one == other:
            return False
        together = [*self._members.get(one, [one]), *self._members.get(other, [other])]
        fixed = {self._buffers[i].offline_offset for i in together} - {None}
        written = [*self._written.get(one, []), *self._written.get(other, [])]
        values = {i: self._value[i] for i in together}
        if view:
            gone = values[destination]
            values = {i: values[source] if v == gone else v for i, v in values.items()}
        else:
            written.append(share)
        if len(fixed) > 1 or not self._follow(values, written):
            return False
        for i in together:
            self._value[i] = values[i]
            self._group[i] = one
        self._members.pop(other, None)
        self._members[one] = together
        self._written[one] = written
        return True

    def _follow(self, values: dict[int, int], written: Sequence[Share]) -> bool:
        """Whether the values are alive one after the other, touching as ``written`` only."""
        lives: dict[int, tuple[int, int]] = {}
        for i, value in values.items():
            buffer = self._buffers[i]
            first, last = lives.get(value, (buffer.first_use, buffer.last_use))
            lives[value] = min(first, buffer.first_use), max(last, buffer.last_use)
        touching = set()
        for share in written:
            before, after = values[share.source], values[share.destination]
            # the one is older and is not used after the step that writes the other
            if not lives[before][0] < lives[before][1] == lives[after][0]:
                return False
            touching.add((before, after))
        order = sorted(lives, key=lambda value: lives[value])
        return all(
            lives[before][1] < lives[after][0]
            or (lives[before][1] == lives[after][0] and (before, after) in touching)
            for before, after in pairwise(order)
        )


def _profile(buffers: Sequence[Buffer]) -> list[tuple[int, int]]:
    """(beginning, bytes alive); fixed buffers count in full."""
    changes: dict[int, int] = {}
    for buffer in buffers:
        size = align(buffer.bytes)
        changes[buffer.first_use] = changes.get(buffer.first_use, 0) + size
        changes[buffer.last_use + 1] = changes.get(buffer.last_use + 1, 0) - size
    found, live = [], 0
    for time in sorted(changes):
        live += changes[time]
        found.append((time, live))
    return found
