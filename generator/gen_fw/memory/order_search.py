# SPDX-License-Identifier: Apache-2.0
"""The search of ``order`` within one segment: sets of steps, shortest first, the best of each."""

from __future__ import annotations

from dataclasses import dataclass

#: sets of one length that are kept, first and at most
_WIDTHS = (8, 64, 512, 4096, 32768)


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps and buffers by number; sets of steps are bit masks."""

    #: per step: which must come before, buffers it touches, bytes of scratch, pairs (from, to)
    before: list[int]
    touches: list[list[int]]
    scratch: list[int]
    in_place: list[list[tuple[int, int]]]
    #: per buffer: bytes, steps that touch it, made here, over after its last user here
    sizes: list[int]
    users: list[int]
    born: list[bool]
    dies: list[bool]
    #: bytes alive when the segment begins
    live: int


@dataclass(frozen=True, slots=True)
class Found:
    """An order below the peak that was given, or None; and what is proven for every order."""

    order: list[int] | None
    bytes: int
    lower_bound: int
    tried: int


@dataclass(frozen=True, slots=True)
class _State:
    """How a set of steps was reached: what it needed at most, what is alive now."""

    need: int
    live: int
    ready: int
    last: int
    previous: _State | None


def cheapest(segment: Segment, given: int, wanted: int, effort: int) -> Found:
    """An order that needs less than ``given`` bytes; ``wanted`` are good enough.

    The beam widens until it holds every set that matters, which proves the result, or until
    ``effort`` steps were tried.
    """
    bound = min(given, max(wanted, floor(segment)))
    best: list[int] | None = None
    tried = 0
    for width in _WIDTHS:
        if given <= bound or tried >= effort:
            break
        order, need, complete, steps = _beam(segment, given, bound, width, effort - tried)
        tried += steps
        if order is not None:
            best, given = order, need
        if complete:
            bound = given
    return Found(best, given, bound, tried)


def floor(segment: Segment) -> int:
    """What the most demanding step needs when nothing else is alive."""
    through = segment.live - sum(
        size
        for size, born, dies in zip(segment.sizes, segment.born, segment.dies, strict=True)
        if not born and dies
    )
    lasting = [not born and not dies for born, dies in zip(segment.born, segment.dies, strict=True)]
    return max(
        through
        + scratch
        + sum(segment.sizes[buffer] for buffer in touches if not lasting[buffer])
        - sum(min(segment.sizes[a], segment.sizes[b]) for a, b in pairs)
        for touches, scratch, pairs in zip(
            segment.touches, segment.scratch, segment.in_place, strict=True
        )
    )


def _beam(
    segment: Segment, given: int, bound: int, width: int, effort: int
) -> tuple[list[int] | None, int, bool, int]:
    """An order below ``given``, what it needs, whether no set was dropped, steps tried."""
    count = len(segment.before)
    follow = _followers(segment)
    ready = sum(1 << step for step in range(count) if not segment.before[step])
    layer = {0: _State(segment.live, segment.live, ready, -1, None)}
    complete, tried = True, 0
    for _ in range(count):
        following: dict[int, _State] = {}
        for mask, state in layer.items():
            choices = []
            rest = state.ready
            while rest:
                step = (rest & -rest).bit_length() - 1
                rest &= rest - 1
                tried += 1
                need, live = _cost(segment, mask, state.live, step)
                if need >= given:
                    continue
                choices.append((step, need, live))
                if live <= state.live and need <= max(state.need, bound):
                    # costs nothing and only frees: no order is worse when it comes now
                    choices = [(step, need, live)]
                    break
            for step, need, live in choices:
                need = max(need, state.need)
                after = mask | 1 << step
                other = following.get(after)
                if other is None or need < other.need:
                    ready = state.ready & ~(1 << step)
                    for child in follow[step]:
                        if not segment.before[child] & ~after:
                            ready |= 1 << child
                    following[after] = _State(need, live, ready, step, state)
        if tried > effort:
            return None, given, False, tried
        if len(following) > width:
            kept = sorted(following.items(), key=lambda row: (row[1].need, row[1].live, row[0]))
            following, complete = dict(kept[:width]), False
        layer = following
        if not layer:
            return None, given, complete, tried
    (state,) = layer.values()
    need, order = state.need, []
    walk: _State | None = state
    while walk is not None and walk.last >= 0:
        order.append(walk.last)
        walk = walk.previous
    return order[::-1], need, complete, tried


def _followers(segment: Segment) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in segment.before]
    for step, before in enumerate(segment.before):
        while before:
            found[(before & -before).bit_length() - 1].append(step)
            before &= before - 1
    return found


def _cost(segment: Segment, mask: int, live: int, step: int) -> tuple[int, int]:
    """Bytes alive during ``step`` after the steps of ``mask``, and after it."""
    after = mask | 1 << step
    made: list[int] = []
    dying: list[int] = []
    for buffer in segment.touches[step]:
        users = segment.users[buffer]
        if segment.born[buffer] and not users & mask:
            made.append(buffer)
            live += segment.sizes[buffer]
        if segment.dies[buffer] and not users & ~after:
            dying.append(buffer)
    need = live + segment.scratch[step]
    taken: set[int] = set()
    for source, target in segment.in_place[step]:
        if source in dying and target in made and not {source, target} & taken:
            need -= min(segment.sizes[source], segment.sizes[target])
            taken |= {source, target}
    return need, live - sum(segment.sizes[buffer] for buffer in dying)
