# SPDX-License-Identifier: Apache-2.0
"""A plan of buffers that is as small as a search of bounded, repeatable work finds.

First fit in several orders, then hill climbing over the order (as in TensorFlow's and Ethos-U
Vela's planners: the order of first fit decides the size). Stops at the lower bound, which most
networks reach at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gen_fw.memory.buffers import Buffer, Plan, align, lower_bound

#: first-fit runs of the hill climb at most; one costs the square of the number of buffers
MAX_STEPS = 400
#: buffers times buffers times steps at most
MAX_WORK = 40_000_000


def plan(buffers: Sequence[Buffer]) -> Plan:
    """The best plan found: never below ``lower_bound``, sizes rounded up to 16 bytes.

    Fixed offsets are not supported. The result depends on the buffers only.
    """
    floor = lower_bound(buffers)
    orders = [sorted(range(len(buffers)), key=key) for key in _keys(buffers)]
    plans = [(first_fit(buffers, order), order) for order in orders]
    best, order = min(plans, key=lambda pair: pair[0].bytes)
    steps = min(MAX_STEPS, MAX_WORK // max(1, len(buffers) ** 2))
    return best if best.bytes == floor else _climb(buffers, best, order, floor, steps)


def first_fit(buffers: Sequence[Buffer], order: Sequence[int]) -> Plan:
    """Each buffer, in ``order``, at the lowest offset that is free during its life."""
    offsets = [0] * len(buffers)
    placed: list[int] = []
    top = 0
    for index in order:
        buffer, size = buffers[index], align(buffers[index].bytes)
        taken = sorted(
            (offsets[other], align(buffers[other].bytes))
            for other in placed
            if buffer.overlaps(buffers[other])
        )
        offset = 0
        for start, length in taken:
            if start - offset >= size:
                break
            offset = max(offset, start + length)
        offsets[index] = offset
        placed.append(index)
        top = max(top, offset + size)
    return Plan(tuple(buffers), tuple(offsets), top)


def _keys(buffers: Sequence[Buffer]) -> tuple[Callable[[int], tuple[int, ...]], ...]:
    def life(i: int) -> int:
        return buffers[i].last_use - buffers[i].first_use + 1

    return (
        lambda i: (-buffers[i].bytes, i),
        lambda i: (-buffers[i].bytes * life(i), i),
        lambda i: (-life(i), -buffers[i].bytes, i),
        lambda i: (buffers[i].first_use, -buffers[i].bytes, i),
        lambda i: (-buffers[i].last_use, -buffers[i].bytes, i),
    )


def _climb(
    buffers: Sequence[Buffer], best: Plan, order: Sequence[int], floor: int, steps: int
) -> Plan:
    """Swaps two buffers in the order and keeps what is not worse."""
    current = list(order)
    state = 1
    for _ in range(steps):
        state = (1103515245 * state + 12345) % (1 << 31)  # C's example generator: repeatable
        a, b = (state >> 8) % len(current), (state >> 16) % len(current)
        current[a], current[b] = current[b], current[a]
        candidate = first_fit(buffers, current)
        if candidate.bytes <= best.bytes:
            best = candidate
            if best.bytes == floor:
                break
        else:
            current[a], current[b] = current[b], current[a]
    return best
