# SPDX-License-Identifier: Apache-2.0
"""Reordering: valid orders, the peak by its definition, the best order of tiny graphs."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import permutations

import pytest

from gen_fw.memory.buffers import align
from gen_fw.memory.order import Step, peak, reorder, search
from planner_instances import graph


def valid(steps: Sequence[Step], order: Sequence[int]) -> bool:
    """Two steps keep their order when one writes what the other touches, or must follow it."""
    place = {step: at for at, step in enumerate(order)}
    for late, step in enumerate(steps):
        for early, other in enumerate(steps[:late]):
            conflict = (
                set(step.writes) & {*other.reads, *other.writes}
                or set(step.reads) & set(other.writes)
                or early in step.after
            )
            if conflict and place[early] > place[late]:
                return False
    return sorted(order) == list(range(len(steps)))


def expected(
    steps: Sequence[Step],
    sizes: Sequence[int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    order: Sequence[int],
) -> int:
    """The peak from lives; time 0 is before the first step."""
    first, last = dict.fromkeys(inputs, 0), dict.fromkeys(inputs, 0)
    for at, step in enumerate(order, 1):
        for buffer in (*steps[step].reads, *steps[step].writes):
            first.setdefault(buffer, at)
            last[buffer] = at
    last.update({buffer: len(order) + 1 for buffer in outputs if buffer in first})
    found = [sum(align(sizes[buffer]) for buffer in inputs)]
    for at, step in enumerate(order, 1):
        live = sum(align(sizes[b]) for b in first if first[b] <= at <= last[b])
        for source, target in steps[step].in_place:
            if last[source] == at == first[target]:
                live -= min(align(sizes[source]), align(sizes[target]))
        found.append(live + align(steps[step].scratch))
    return max(found)


@pytest.mark.parametrize("seed", range(120))
def test_tiny_graphs_get_their_best_order(seed: int) -> None:
    rng = random.Random(seed)
    wanted = graph(rng, rng.randint(1, 6))
    steps = wanted[0]
    found = search(*wanted)
    orders = [order for order in permutations(range(len(steps))) if valid(steps, order)]
    best = min(expected(*wanted, order) for order in orders)
    assert found.order in orders and found.optimal
    assert found.bytes == expected(*wanted, found.order) == best == found.lower_bound
    assert found.bytes == peak(*wanted, found.order)


@pytest.mark.parametrize("seed", range(40))
def test_larger_graphs_never_get_worse(seed: int) -> None:
    wanted = graph(random.Random(seed), 30)
    given = tuple(range(30))
    for effort in (0, 200, 20_000):
        found = search(*wanted, effort=effort)
        assert valid(wanted[0], found.order)
        assert found.lower_bound <= found.bytes == expected(*wanted, found.order)
        assert found.bytes <= expected(*wanted, given) == peak(*wanted)
        if found.bytes == peak(*wanted):
            assert found.order == given
    assert found == search(*wanted, effort=20_000)


def test_a_branch_that_shrinks_goes_first() -> None:
    """Both branches expand the input; running one to its small end first saves its large middle."""
    sizes = [160, 1600, 16, 1600, 16, 16]
    steps = [Step((0,), (1,)), Step((0,), (3,)), Step((1,), (2,)), Step((3,), (4,))]
    steps.append(Step((2, 4), (5,)))
    assert peak(steps, sizes, [0], [5]) == 160 + 1600 + 1600
    order = reorder(steps, sizes, [0], [5])
    assert peak(steps, sizes, [0], [5], order) == 160 + 16 + 1600


def test_a_step_that_must_follow_does() -> None:
    sizes = [160, 1600, 16, 1600, 16, 16]
    steps = [Step((0,), (1,)), Step((0,), (3,)), Step((1,), (2,), after=(1,)), Step((3,), (4,))]
    steps.append(Step((2, 4), (5,)))
    order = reorder(steps, sizes, [0], [5])
    assert order.index(1) < order.index(2)


@pytest.mark.parametrize(
    "steps",
    [
        [Step((1,), (2,))],
        [Step((0,), (1,), after=(0,))],
        [Step((0,), (1,), after=(1,)), Step((1,), (2,))],
    ],
)
def test_what_is_no_order_is_refused(steps: list[Step]) -> None:
    with pytest.raises(ValueError, match=r"steps\[0\]"):
        search(steps, [16] * 3, [0], [2])


def test_ten_thousand_operators() -> None:
    """Blocks of branches that meet again: the worst of them decides, and is found."""
    rng = random.Random(1)
    steps: list[Step] = []
    sizes, current = [1600], 0
    while len(steps) < 10_000:
        ends = []
        for _ in range(rng.randint(1, 3)):
            result = current
            for _ in range(rng.randint(1, 4)):
                sizes.append(16 * rng.randint(1, 200))
                steps.append(Step((result,), (len(sizes) - 1,), rng.choice([0, 320])))
                result = len(sizes) - 1
            ends.append(result)
        sizes.append(16 * rng.randint(1, 200))
        steps.append(Step(tuple(ends), (len(sizes) - 1,)))
        current = len(sizes) - 1
    begin = time.process_time()
    found = search(steps, sizes, [0], [current])
    assert time.process_time() - begin < 15
    assert found.optimal and found.bytes < peak(steps, sizes, [0], [current])
