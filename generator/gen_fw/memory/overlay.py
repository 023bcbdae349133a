# SPDX-License-Identifier: Apache-2.0
"""Plans in which a result may lie over the operand that its kernel reads for the last time.

A kernel that goes through its input from the first byte to the last needs no second buffer: when it
writes a byte of the output it may destroy what it has read already. So the output may begin some
bytes before the input, and the two overlap (Blacker, Bridges and Hadfield, "Diagonal Memory
Optimisation for Machine Learning on Micro-controllers", arXiv 2010.01668). In place is the case of
distance 0. And a buffer may be a part of another one: an operand of a concatenation whose place is
inside the result.

Both only relax what ``memory.best`` must keep, so its plan is where this search begins: first fit
in several orders, then hill climbing over the order. The work is counted, never timed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from gen_fw.memory.buffers import ALIGNMENT, Buffer, Plan, align

#: rules that a search may look at: a part of a second on a desktop
EFFORT = 300_000


class Over(NamedTuple):
    """``result`` may lie over ``source``, both indices of buffers, if ``source`` has its last use
    at the step that is the first one of ``result``: when it begins ``below`` bytes or more before
    ``source``, or ``above`` bytes or more behind it (a kernel that can go from the last byte to the
    first); with ``every``, at any distance that is a multiple of it instead."""

    source: int
    result: int
    below: int = 0
    every: int = 0
    above: int | None = None

    def allows(self, distance: int) -> bool:
        """Whether ``result`` may begin so many bytes behind ``source``."""
        if self.every:
            return distance % self.every == 0
        return distance <= -self.below or (self.above is not None and distance >= self.above)


class Inside(NamedTuple):
    """Buffer ``part`` is bytes ``at`` and following of buffer ``whole``."""

    part: int
    whole: int
    at: int


@dataclass(frozen=True, slots=True)
class Overlaid:
    """A plan of the buffers as given, and what no plan with the same freedom can beat."""

    plan: Plan
    lower_bound: int


def overlay(
    buffers: Sequence[Buffer],
    overs: Sequence[Over] = (),
    insides: Sequence[Inside] = (),
    *,
    start: Plan | None = None,
    effort: int = EFFORT,
) -> Overlaid:
    """The smallest plan found. Offsets are multiples of 16, but those of parts follow their whole.

    ``start`` is a plan to begin with, which need not use the freedom; never a larger one is
    returned. Raises ValueError when a part has two wholes, leaves its whole, is its own, or meets
    another part of it.
    """
    rules = _Rules(buffers, overs, insides)
    bound = rules.bound()
    best = None
    if start is not None and not insides:
        best = list(start.offsets), align(start.bytes)
    left = effort
    orders: list[tuple[int, int, list[int]]] = []
    for order in rules.orders():
        offsets, looks = rules.first_fit(order)
        left -= looks
        size = rules.height(offsets)
        orders.append((size, len(orders), order))
        if best is None or size < best[1]:
            best = rules.expand(offsets), size
        if best[1] <= bound or left <= 0:
            break
    if best is None:
        return Overlaid(Plan((), (), 0), 0)
    if best[1] > bound and left > 0:
        found, size = _climb(rules, min(orders)[2], bound, left)
        if size < best[1]:
            best = rules.expand(found), size
    return Overlaid(Plan(tuple(buffers), tuple(best[0]), best[1]), bound)


def faults(plan: Plan, overs: Sequence[Over] = (), insides: Sequence[Inside] = ()) -> Iterator[str]:
    """Buffers that share bytes without being allowed to, or leave the plan; found by looking at
    every pair, without the planner's structures."""
    buffers, offsets = plan.buffers, plan.offsets
    allowed = {(over.source, over.result): over for over in overs}
    wholes = {inside.part: inside for inside in insides}
    for inside in insides:
        if offsets[inside.part] != offsets[inside.whole] + inside.at:
            yield f"{buffers[inside.part].label} is not inside {buffers[inside.whole].label}"
    for i, buffer in enumerate(buffers):
        if offsets[i] < 0 or offsets[i] + buffer.bytes > plan.bytes:
            yield f"{buffer.label} ends behind the arena"
    for first, second in _meeting(buffers):
        distance = offsets[second] - offsets[first]
        if not -buffers[second].bytes < distance < buffers[first].bytes:
            continue
        if second in _path(wholes, first) or first in _path(wholes, second):
            continue
        over = allowed.get((first, second))
        if over is None and (second, first) in allowed:
            over, distance = allowed[second, first], -distance
        legal = (
            over is not None
            and buffers[over.source].last_use == buffers[over.result].first_use
            and over.allows(distance)
        )
        if not legal:
            yield f"{buffers[first].label} and {buffers[second].label} share bytes"


def separate(buffers: Sequence[Buffer], insides: Sequence[Inside]) -> bool:
    """Whether ``overlay`` takes these parts: each lies in one whole, and none meets another part of
    it while both are alive."""
    try:
        body, place = _bodies(buffers, insides)
    except ValueError:
        return False
    return not any(_collisions(buffers, insides, body, place))


def _collisions(
    buffers: Sequence[Buffer], insides: Sequence[Inside], body: Sequence[int], place: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Pairs of one body that are alive and share bytes, though none is a part of the other."""
    wholes = {inside.part: inside for inside in insides}
    bodies: dict[int, list[int]] = {}
    for i, root in enumerate(body):
        bodies.setdefault(root, []).append(i)
    for members in bodies.values():
        for first, second in _meeting([buffers[member] for member in members]):
            i, j = members[first], members[second]
            meet = -buffers[j].bytes < place[j] - place[i] < buffers[i].bytes
            if meet and j not in _path(wholes, i) and i not in _path(wholes, j):
                yield i, j


def _path(wholes: Mapping[int, Inside], part: int) -> Iterator[int]:
    while part in wholes:
        part = wholes[part].whole
        yield part


def _meeting(buffers: Sequence[Buffer]) -> Iterator[tuple[int, int]]:
    """Pairs that are alive at one time."""
    alive: list[int] = []
    for i in sorted(range(len(buffers)), key=lambda i: buffers[i].first_use):
        alive = [j for j in alive if buffers[j].last_use >= buffers[i].first_use]
        yield from ((j, i) for j in alive)
        alive.append(i)


class _Rule(NamedTuple):
    """The distance x from one body to another must not be in (low, high), unless x + shift is a
    multiple of ``every``."""

    low: int
    high: int
    every: int
    shift: int

    def mirrored(self) -> _Rule:
        return _Rule(-self.high, -self.low, self.every, -self.shift)


class _Rules:
    """Bodies: buffers that move together, each a whole with its parts; and how far apart."""

    def __init__(
        self, buffers: Sequence[Buffer], overs: Sequence[Over], insides: Sequence[Inside]
    ) -> None:
        self.buffers = buffers
        self.body, self.place = _bodies(buffers, insides)
        count = max(self.body, default=-1) + 1
        self.members: list[list[int]] = [[] for _ in range(count)]
        for i, body in enumerate(self.body):
            self.members[body].append(i)
        self.overs = [
            over
            for over in overs
            if buffers[over.source].last_use == buffers[over.result].first_use
            and self.body[over.source] != self.body[over.result]
        ]
        #: body -> other body -> rules for the distance of the first from the other
        self.rules: list[dict[int, list[_Rule]]] = [{} for _ in range(count)]
        allowed = {(over.source, over.result): over for over in self.overs}
        for i, j in _collisions(buffers, insides, self.body, self.place):
            raise ValueError(f"buffers[{i}] and buffers[{j}]: parts that overlap")
        for i, j in _meeting(buffers):
            if not buffers[i].bytes or not buffers[j].bytes or self.body[i] == self.body[j]:
                continue
            over, source, result = allowed.get((i, j)), i, j
            if over is None:
                over, source, result = allowed.get((j, i)), j, i
            self._apart(source, result, over)

    def _apart(self, source: int, result: int, over: Over | None) -> None:
        """The rule of a pair, on the distance of the result from the source."""
        low, high, every = -self.buffers[result].bytes, self.buffers[source].bytes, 0
        if over is not None and over.every:
            every = over.every
        elif over is not None:
            low = max(low, -over.below)
            high = high if over.above is None else min(high, over.above)
        shift = self.place[result] - self.place[source]
        rule = _Rule(low - shift, high - shift, every, shift)
        one, other = self.body[source], self.body[result]
        self.rules[other].setdefault(one, []).append(rule)
        self.rules[one].setdefault(other, []).append(rule.mirrored())

    def bound(self) -> int:
        """The least that the steps need, one by one: what is alive, less what a result of the step
        can share with its operands; parts count inside their whole only."""
        saved: dict[int, dict[int, int]] = {}
        for over in self.overs:
            source, result = self._size(over.source), self._size(over.result)
            below = 0 if over.every else over.below // ALIGNMENT * ALIGNMENT
            both = max(0, min(source, result, result - below))
            if over.above is not None:
                above = over.above // ALIGNMENT * ALIGNMENT
                both = max(both, min(source, result, source - above))
            time = self.buffers[over.result].first_use
            row = saved.setdefault(time, {})
            row[over.result] = min(row.get(over.result, 0) + both, result)
        changes: dict[int, int] = {}
        for members in self.members:
            for first, last, size in self._lives(members):
                changes[first] = changes.get(first, 0) + size
                changes[last + 1] = changes.get(last + 1, 0) - size
        most = live = 0
        times = sorted(changes.keys() | saved.keys() | {time + 1 for time in saved})
        for time in times:
            live += changes.get(time, 0)
            most = max(most, live - sum(saved.get(time, {}).values()))
        return align(most)

    def _size(self, i: int) -> int:
        """Aligned; but a part that is alive without its whole may begin anywhere, and lie in the
        rest of another buffer's last 16 bytes, so with parts the bare bytes count."""
        size = self.buffers[i].bytes
        return align(size) if len(self.members) == len(self.buffers) else size

    def _lives(self, members: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """(first use, last use, bytes) of a body; several when bytes in use change."""
        if len(members) == 1:
            buffer = self.buffers[members[0]]
            yield buffer.first_use, buffer.last_use, self._size(members[0])
            return
        edges = sorted(
            {self.buffers[i].first_use for i in members}
            | {self.buffers[i].last_use + 1 for i in members}
        )
        for first, following in pairwise(edges):
            used = end = 0
            alive = [
                i for i in members if self.buffers[i].first_use <= first <= self.buffers[i].last_use
            ]
            for start, stop in sorted(
                (self.place[i], self.place[i] + self.buffers[i].bytes) for i in alive
            ):
                used += max(0, stop - max(start, end))
                end = max(end, stop)
            yield first, following - 1, used

    def orders(self) -> Iterator[list[int]]:
        """Orders of first fit over the bodies."""
        firsts = [min(self.buffers[i].first_use for i in m) for m in self.members]
        lasts = [max(self.buffers[i].last_use for i in m) for m in self.members]
        sizes = [max(self.buffers[i].bytes for i in m) for m in self.members]
        every = range(len(self.members))
        yield sorted(every, key=lambda b: (-sizes[b], b))
        yield sorted(every, key=lambda b: (-sizes[b], -b))
        yield sorted(every, key=lambda b: (-lasts[b], -sizes[b], b))
        yield sorted(every, key=lambda b: (firsts[b], -sizes[b], b))
        yield sorted(every, key=lambda b: (firsts[b] - lasts[b], -sizes[b], b))
        yield sorted(every, key=lambda b: (-sizes[b] * (lasts[b] - firsts[b] + 1), b))

    def first_fit(self, order: Sequence[int]) -> tuple[list[int], int]:
        """The lowest offset that the rules allow, body by body; and how many rules were seen."""
        offsets = [-1] * len(self.members)
        looks = 0
        for body in order:
            near = [
                (offsets[other], rule)
                for other, rules in self.rules[body].items()
                if offsets[other] >= 0
                for rule in rules
            ]
            near.sort(key=lambda row: row[0] + row[1].high)
            at, moved = 0, True
            while moved:
                moved = False
                for base, rule in near:
                    at, before = _beyond(at, base, rule), at
                    moved |= at != before
                looks += len(near) + 1
            offsets[body] = at
        return offsets, looks

    def height(self, offsets: Sequence[int]) -> int:
        """The end of the highest buffer, rounded up to 16."""
        ends = (
            offsets[body] + self.place[i] + self.buffers[i].bytes
            for i, body in enumerate(self.body)
        )
        return align(max(ends, default=0))

    def highest(self, offsets: Sequence[int], limit: int) -> list[int]:
        """Bodies that end above ``limit``."""
        return [
            body
            for body, members in enumerate(self.members)
            if any(offsets[body] + self.place[i] + self.buffers[i].bytes > limit for i in members)
        ]

    def expand(self, offsets: Sequence[int]) -> list[int]:
        """Offsets of the buffers."""
        return [offsets[body] + place for body, place in zip(self.body, self.place, strict=True)]


def _beyond(at: int, base: int, rule: _Rule) -> int:
    """The next offset from ``at`` on that the rule allows."""
    distance = at - base
    while rule.low < distance < rule.high:
        if not rule.every:
            return align(base + rule.high)
        if (distance + rule.shift) % rule.every == 0:
            break
        distance += ALIGNMENT
    return base + distance


def _bodies(buffers: Sequence[Buffer], insides: Sequence[Inside]) -> tuple[list[int], list[int]]:
    """By buffer: its body, and its offset there."""
    whole: dict[int, Inside] = {}
    for inside in insides:
        if inside.part in whole:
            raise ValueError(f"buffers[{inside.part}] is a part of two others")
        end = inside.at + buffers[inside.part].bytes
        if inside.at < 0 or end > buffers[inside.whole].bytes:
            raise ValueError(f"{inside}: the part leaves its whole")
        whole[inside.part] = inside
    body: list[int] = []
    place: list[int] = []
    numbers: dict[int, int] = {}
    for i in range(len(buffers)):
        root, at, steps = i, 0, 0
        while root in whole:
            root, at, steps = whole[root].whole, at + whole[root].at, steps + 1
            if steps > len(whole):
                raise ValueError(f"buffers[{i}] is a part of itself")
        body.append(numbers.setdefault(root, len(numbers)))
        place.append(at)
    return body, place


def _climb(rules: _Rules, order: list[int], bound: int, effort: int) -> tuple[list[int], int]:
    """Moves bodies that end too high to an earlier place of the order; keeps what is not worse."""
    best, looks = rules.first_fit(order)
    low = rules.height(best)
    state = 1
    while low > bound and looks < effort and len(order) > 1:
        state = (6364136223846793005 * state + 1442695040888963407) % (1 << 64)
        pick, place = (state >> 33) & 0xFFFF, state >> 49
        high = set(rules.highest(best, bound))
        places = [at for at in range(1, len(order)) if order[at] in high] or [len(order) - 1]
        at = places[pick % len(places)]
        candidate = list(order)
        candidate.insert(place % at, candidate.pop(at))
        tried, seen = rules.first_fit(candidate)
        looks += seen + len(order)
        size = rules.height(tried)
        if size <= low:
            order, best, low = candidate, tried, size
    return best, low
