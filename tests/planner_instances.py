# SPDX-License-Identifier: Apache-2.0
"""Buffers to plan: hard ones whose optimum is known, long ones; and checks of their plans."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import permutations

from gen_fw.memory.buffers import Buffer, Plan, align
from gen_fw.memory.fit import first_fit
from gen_fw.memory.order import Step


def perfect(seed: int, count: int, units: int = 4096, times: int = 400) -> list[Buffer]:
    """A full rectangle of 16 * ``units`` bytes and ``times`` moments, cut into ``count`` buffers.

    The optimum is 16 * ``units``: every moment is full. Some cuts are pinwheels, which no sequence
    of straight cuts gives.
    """
    rng = random.Random(seed)
    pieces = [(0, times, 0, units)]
    while len(pieces) < count:
        pieces.sort(key=lambda p: (p[1] - p[0]) * (p[3] - p[2]))
        at = rng.randrange(len(pieces) // 2, len(pieces))
        start, end, low, high = pieces.pop(at)
        if rng.random() < 0.3 and end - start >= 8 and high - low >= 8:
            a, b = sorted(rng.sample(range(start + 1, end), 2))
            c, d = sorted(rng.sample(range(low + 1, high), 2))
            pieces += [(start, b, low, c), (b, end, low, d), (a, end, d, high)]
            pieces += [(start, a, c, high), (a, b, c, d)]
        elif high - low > 1 and (rng.random() < 0.5 or end - start < 2):
            cut = rng.randint(low + 1, high - 1)
            pieces += [(start, end, low, cut), (start, end, cut, high)]
        elif end - start > 1:
            cut = rng.randint(start + 1, end - 1)
            pieces += [(start, cut, low, high), (cut, end, low, high)]
        else:
            pieces.append((start, end, low, high))
    rng.shuffle(pieces)
    return [Buffer(16 * (high - low), start, end - 1) for start, end, low, high in pieces]


def tight(seed: int, count: int) -> list[Buffer]:
    """A perfect packing of which a tenth is missing: at most 65 536 bytes are needed, and rarely
    much less."""
    rng = random.Random(seed)
    buffers = perfect(seed, count * 10 // 9)
    return sorted(rng.sample(buffers, count), key=lambda b: (b.first_use, b.last_use, b.bytes))


def chain(seed: int, operators: int) -> list[Buffer]:
    """A long network: one result an operator, some with skips, half with scratch."""
    rng = random.Random(seed)
    buffers = []
    for time in range(operators):
        life = 1 if rng.random() < 0.8 else rng.randint(2, 60)
        last = min(operators, time + life)
        buffers.append(Buffer(rng.randint(16, 60_000), time, last))
        if rng.random() < 0.7:
            buffers.append(Buffer(rng.randint(16, 5_000), time, time))
    return buffers


def scattered(seed: int, operators: int, life: int) -> list[Buffer]:
    """Results with sizes and lives of all magnitudes; ``life`` is the mean."""
    rng = random.Random(seed)
    return [
        Buffer(
            int(rng.lognormvariate(9, 1.5)) + 1,
            time,
            min(operators, time + int(rng.expovariate(1 / life)) + 1),
        )
        for time in range(operators)
    ]


def few(rng: random.Random, count: int, fixed: float = 0.0) -> list[Buffer]:
    """Any buffers, small numbers so that lives and sizes meet often."""
    found = []
    for _ in range(count):
        first = rng.randint(-1, 9)
        size = rng.choice([16, 32, 48, 112, rng.randint(1, 300)])
        offset = 16 * rng.randint(0, 12) if rng.random() < fixed else None
        found.append(Buffer(size, first, first + rng.randint(0, 5), "", offset))
    return found


def graph(rng: random.Random, count: int) -> tuple[list[Step], list[int], list[int], list[int]]:
    """Steps with skips, several results, scratch and effects: steps, sizes, inputs, outputs."""
    sizes = [16 * rng.randint(1, 40) for _ in range(rng.randint(1, 2))]
    inputs, back = list(range(len(sizes))), rng.randint(2, 6)
    steps: list[Step] = []
    for index in range(count):
        recent = range(max(0, len(sizes) - back), len(sizes))
        reads = tuple(sorted({rng.choice(recent) for _ in range(rng.randint(1, 2))}))
        writes = tuple(range(len(sizes), len(sizes) + rng.choice([1, 1, 1, 2])))
        sizes += [rng.choice([16, 64, rng.randint(1, 900)]) for _ in writes]
        after = (rng.randrange(index),) if index and rng.random() < 0.1 else ()
        in_place = ((reads[0], writes[0]),) if rng.random() < 0.3 else ()
        steps.append(Step(reads, writes, rng.choice([0, rng.randint(0, 500)]), after, in_place))
    outputs = [len(sizes) - 1, *(rng.randrange(len(sizes)) for _ in range(rng.randint(0, 2)))]
    return steps, sizes, inputs, outputs


def check_plan(plan: Plan) -> None:
    """Nothing that is alive at the same time overlaps, fixed buffers are where they were put."""
    assert plan.bytes == max(
        (o + align(b.bytes) for b, o in zip(plan.buffers, plan.offsets, strict=True)), default=0
    )
    alive: list[tuple[Buffer, int]] = []
    for buffer, start in sorted(
        zip(plan.buffers, plan.offsets, strict=True), key=lambda row: row[0].first_use
    ):
        end = start + align(buffer.bytes)
        if buffer.offline_offset is not None:
            assert start == buffer.offline_offset
        else:
            assert start >= 0 and start % 16 == 0
        alive = [row for row in alive if row[0].last_use >= buffer.first_use]
        for other, low in alive:
            if buffer.offline_offset is None or other.offline_offset is None:
                assert end <= low or low + align(other.bytes) <= start
        alive.append((buffer, start))


def smallest(buffers: Sequence[Buffer]) -> int:
    """The optimum: first fit in every order."""
    sizes = [align(buffer.bytes) for buffer in buffers]
    firsts = [buffer.first_use for buffer in buffers]
    lasts = [buffer.last_use for buffer in buffers]
    fixed = [buffer.offline_offset for buffer in buffers]
    obstacles = [i for i, offset in enumerate(fixed) if offset is not None]
    free = [i for i, offset in enumerate(fixed) if offset is None]
    return min(
        max(
            offset + size
            for offset, size in zip(
                first_fit(sizes, firsts, lasts, [*obstacles, *order], fixed), sizes, strict=True
            )
        )
        for order in permutations(free)
    )
