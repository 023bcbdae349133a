# SPDX-License-Identifier: Apache-2.0
"""The search for one part: orders of first fit, hill climbing, branch and bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gen_fw.memory.blocks import Blocks, height
from gen_fw.memory.bound_search import MOST, RANKS, BoundSearch, OutOfWorkError
from gen_fw.memory.buffers import ALIGNMENT
from gen_fw.memory.fit import cost, first_fit

#: how many results back a late acceptance compares with
_MEMORY = 40
#: looks a block that one try of branch and bound has at first
_FIRST_SHARE = 2000


@dataclass(slots=True)
class Work:
    """How many blocks may be looked at, and how many were."""

    limit: int
    done: int = 0

    @property
    def left(self) -> int:
        return self.limit - self.done


@dataclass(frozen=True, slots=True)
class Packed:
    """A part with offsets, and what found them."""

    offsets: list[int]
    bytes: int
    #: nothing below is wanted; more than was asked for when that is proven to be too little
    target: int
    method: str


def pack(part: Blocks, start: list[int] | None, target: int, work: Work, limit: int) -> Packed:
    """The best offsets found with ``limit`` looks; done as soon as ``target`` bytes suffice.

    ``start`` is a plan to begin with. ``target`` may be a bound, or what another part needs.
    """
    stop = work.done + limit
    best = Packed(start, height(part, start), target, "greedy") if start else None
    orders: list[tuple[int, list[int]]] = []
    each = cost(part.firsts, part.lasts, range(len(part)))
    for order in _orders(part):
        if best is not None and (best.bytes <= target or work.done + each > stop):
            break
        work.done += each
        offsets = _first_fit(part, order)
        size = height(part, offsets)
        orders.append((size, order))
        if best is None or size < best.bytes:
            best = Packed(offsets, size, target, "first fit")
    assert best is not None  # there is an order
    if best.bytes <= target or not orders:
        return best
    searches = [BoundSearch(part, rank) for rank in RANKS] if len(part) <= MOST else []
    best = _prove(part, searches, best, work, work.done + (stop - work.done) // 8)
    if best.bytes > best.target:
        share = 4 if searches else 1
        order = min(orders)[1]
        best = _climb(part, best, order, work, work.done + (stop - work.done) // share)
    return _prove(part, searches, best, work, stop)


def _first_fit(part: Blocks, order: Sequence[int]) -> list[int]:
    return first_fit(part.sizes, part.firsts, part.lasts, order, part.fixed)


def _orders(part: Blocks) -> list[list[int]]:
    """Orders of first fit; fixed blocks first, as obstacles."""
    sizes, firsts, lasts = part.sizes, part.firsts, part.lasts
    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-sizes[i], i),
        lambda i: (-sizes[i] * (lasts[i] - firsts[i] + 1), i),
        lambda i: (firsts[i] - lasts[i], -sizes[i], i),
        lambda i: (firsts[i], -sizes[i], i),
        lambda i: (-lasts[i], -sizes[i], i),
    )
    fixed = [i for i in range(len(part)) if part.fixed[i] is not None]
    free = [i for i in range(len(part)) if part.fixed[i] is None]
    return [fixed + sorted(free, key=key) for key in keys]


def _climb(part: Blocks, best: Packed, order: list[int], work: Work, stop: int) -> Packed:
    """Moves blocks that end too high to an earlier place of the order.

    Late acceptance: a result is kept when it is not worse than the last one or the one of
    ``_MEMORY`` steps before.
    """
    fixed = sum(offset is not None for offset in part.fixed)
    target, each = best.target, cost(part.firsts, part.lasts, order)
    if len(part) - fixed < 2:
        return best
    current, offsets = list(order), _first_fit(part, order)
    score = _score(part, offsets, target)
    history = [score] * _MEMORY
    state, step = 1, 0
    while work.done + each <= stop and best.bytes > target:
        work.done += each
        state = (6364136223846793005 * state + 1442695040888963407) % (1 << 64)
        pick, place = (state >> 33) & 0xFFFF, state >> 49
        high = [
            at
            for at in range(fixed + 1, len(current))
            if offsets[current[at]] + part.sizes[current[at]] > target
        ] or [len(current) - 1]
        at = high[pick % len(high)]
        to = fixed + place % (at - fixed)
        candidate = list(current)
        if state >> 32 & 1:
            candidate.insert(to, candidate.pop(at))
        else:
            candidate[at], candidate[to] = candidate[to], candidate[at]
        tried = _first_fit(part, candidate)
        tried_score = _score(part, tried, target)
        if tried_score <= score or tried_score <= history[step % _MEMORY]:
            current, offsets, score = candidate, tried, tried_score
            size = height(part, offsets)
            if size < best.bytes:
                best = Packed(offsets, size, target, "hill climb")
        history[step % _MEMORY] = score
        step += 1
    return best


def _score(part: Blocks, offsets: Sequence[int], target: int) -> int:
    """What is above the target: the height first, then how much."""
    high = [o + s - target for o, s in zip(offsets, part.sizes, strict=True) if o + s > target]
    return max(high, default=0) * 4 + sum(high) // max(1, len(high))


def _prove(
    part: Blocks, searches: Sequence[BoundSearch], best: Packed, work: Work, stop: int
) -> Packed:
    """Branch and bound between the target and the best plan.

    Every preordering tries the target, then the middle; without any answer all get twice the work.
    """
    share = _FIRST_SHARE * len(part)
    while searches and best.target < best.bytes and work.done < stop:
        answered = False
        middle = (best.target + best.bytes) // 2 // ALIGNMENT * ALIGNMENT
        for capacity in (best.target, min(max(middle, best.target), best.bytes - ALIGNMENT)):
            for search in searches:
                if work.done >= stop:
                    return best
                try:
                    found = search.fit(capacity, min(share, stop - work.done))
                except OutOfWorkError:
                    work.done += search.steps
                    continue
                work.done += search.steps
                answered = True
                if found is None:
                    best = Packed(best.offsets, best.bytes, capacity + ALIGNMENT, best.method)
                else:
                    offsets = [found.get(i, o or 0) for i, o in enumerate(part.fixed)]
                    size = height(part, offsets)
                    best = Packed(offsets, size, best.target, "branch and bound")
                break
            if answered:
                break
        if not answered:
            share *= 2
    return best
