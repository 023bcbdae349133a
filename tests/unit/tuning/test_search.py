# SPDX-License-Identifier: Apache-2.0
"""The search of a kernel's schedule, and which kernels get trials."""

from __future__ import annotations

import math
from itertools import product

import pytest

from gen_fw.tuning.allotment import PATIENCE, Standing, allot
from gen_fw.tuning.search import Point, Search

SIZES = (1, 2, 3, 4, 5, 6, 8)
SPACE = {"pixels": SIZES, "channels": SIZES, "unroll": (1, 2, 4, 8)}
DEFAULT = {"pixels": 2, "channels": 5, "unroll": 2}


def cost(point: Point) -> float:
    """Loads and products of a tile, loop overhead, and spills beyond 13 registers, with steps that
    no smooth model has."""
    pixels, channels, unroll = point
    registers = pixels * channels + channels + 1
    tile = pixels * channels
    spilled = max(0, registers - 13) * (0.3 + 0.02 * ((7 * pixels + 3 * channels + unroll) % 5))
    rest = 0.2 * bool(125 % pixels) + 0.2 * bool(64 % channels)
    return 1e6 * (1 + (pixels + channels) / tile + 2 / (tile * unroll) + spilled + rest)


def searched(seed: int, rounds: int = 5, each: int = 12) -> Search:
    search = Search(SPACE, DEFAULT, seed)
    search.tell(search.default, cost(search.default))
    for _ in range(rounds):
        for point in search.propose(each):
            assert point not in search.measured
            search.tell(point, cost(point))
    return search


def test_the_best_schedule_is_nearly_found_in_a_third_of_the_space() -> None:
    everything = sorted(cost(point) for point in product(*SPACE.values()))
    found = [searched(seed).best[1] for seed in range(20)]
    assert sorted(found)[10] <= everything[2], "one of the best three, mostly"
    assert max(found) <= everything[0] * 1.22 < cost(searched(0).default)
    assert searched(0).left == 7 * 7 * 4 - 61


def test_the_search_is_repeatable_and_ends() -> None:
    first, second = searched(3), searched(3)
    assert list(first.measured) == list(second.measured) != list(searched(4).measured)
    while points := first.propose(50):
        for point in points:
            first.tell(point, None)  # none of them can be used
    assert first.left == 0 and first.best == second.best
    assert len(first.measured) == 7 * 7 * 4


def test_schedules_of_similar_kernels_come_first() -> None:
    search = Search(SPACE, DEFAULT, 0)
    search.tell(search.default, 100)
    hints = [
        {"pixels": 3, "channels": 2, "unroll": 8},
        {"pixels": 7, "channels": 20, "unroll": 8},  # the nearest that there is
        DEFAULT,  # measured
        {"columns": 3},  # another kind of kernel
    ]
    assert search.propose(4, hints)[:2] == [(3, 2, 8), (6, 8, 8)]
    assert len(search.propose(1, hints)) == 1


def test_large_spaces_are_sampled() -> None:
    space = {f"knob{i}": tuple(range(16)) for i in range(6)}
    search = Search(space, dict.fromkeys(space, 0), 1)
    assert 10_000 < search.left < 20_000
    for _ in range(3):
        for point in search.propose(16):
            search.tell(point, 1 + sum(abs(value - 9) for value in point))
    assert search.best[1] < 30
    empty = Search({"only": (4,)}, {"only": 4}, 0)
    empty.tell((4,), 10)
    assert empty.propose(5) == [] and empty.best == ((4,), 10.0)


def test_nothing_is_known_at_first() -> None:
    search = Search(SPACE, DEFAULT, 0)
    assert search.best == ((2, 5, 2), math.inf)
    assert len(search.propose(7)) == 7


@pytest.mark.parametrize("trials", [1, 5, 12, 40, 1000])
def test_no_more_trials_are_given_than_there_are(trials: int) -> None:
    standings = {
        "large": Standing(1e6, 100),
        "small": Standing(1e3, 100),
        "nearly done": Standing(1e5, 3),
        "done": Standing(1e7, 0),
        "in vain": Standing(1e7, 100, idle=PATIENCE),
    }
    given = allot(standings, trials, 12)
    assert sum(given.values()) <= trials and all(count > 0 for count in given.values())
    assert not given.keys() & {"done", "in vain"}
    assert all(count <= standings[name].left for name, count in given.items())
    assert next(iter(given)) == "large"
    if trials == 1000:
        assert given == {"large": 100, "nearly done": 3, "small": 100}


def test_a_kernel_in_vain_gives_way() -> None:
    first, second = Standing(100, 50), Standing(60, 50)
    assert allot({"a": first, "b": second}, 12, 12) == {"a": 12}
    first.idle = 1
    assert allot({"a": first, "b": second}, 12, 12) == {"b": 12}
