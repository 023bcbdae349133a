# SPDX-License-Identifier: Apache-2.0
"""The planner that searches: valid, never below the bound, never worse than TFLM's greedy one."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_fw.memory import fit, greedy
from gen_fw.memory.best import Solution, plan, solve
from gen_fw.memory.blocks import blocks, split_easy
from gen_fw.memory.bound_search import RANKS, BoundSearch, OutOfWorkError
from gen_fw.memory.buffers import Buffer, align, lower_bound
from planner_instances import chain, check_plan, few, perfect, scattered, smallest, tight


def check(wanted: list[Buffer], effort: int) -> Solution:
    found = solve(wanted, effort=effort)
    check_plan(found.plan)
    assert found.plan.buffers == tuple(wanted)
    assert lower_bound(wanted) <= found.lower_bound <= found.plan.bytes
    assert found.plan.bytes <= greedy.plan(wanted).bytes
    assert found.optimal == (found.gap == 0)
    return found


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, 1_500), pytest.param(1_500, 10_000, marks=pytest.mark.full)],
)
def test_random_graphs(first: int, last: int) -> None:
    """10 000 in all: some with fixed buffers, some up to 60 buffers."""
    for seed in range(first, last):
        rng = random.Random(seed)
        count = rng.randint(1, 60 if seed % 10 == 0 else 20)
        check(few(rng, count, rng.choice([0.0, 0.0, 0.2])), effort=20_000)


@pytest.mark.parametrize("seed", range(150))
def test_tiny_problems_are_solved(seed: int) -> None:
    """Against first fit in all orders, which has every canonical plan."""
    rng = random.Random(seed)
    wanted = few(rng, rng.randint(1, 6), rng.choice([0.0, 0.25]))
    found = check(wanted, effort=1_000_000)
    assert found.optimal
    assert found.plan.bytes == smallest(wanted)


@given(st.integers(0, 1 << 30))
def test_a_plan_depends_on_the_buffers_only(seed: int) -> None:
    wanted = few(random.Random(seed), 14)
    assert solve(wanted) == solve(list(wanted))
    assert plan(wanted) == solve(wanted).plan


def test_a_chain_reaches_the_bound() -> None:
    sizes = [490, 8000, 8000, 8000, 8000, 64, 12]
    wanted = [Buffer(size, time, time + 1) for time, size in enumerate(sizes)]
    wanted.append(Buffer(512, 2, 2))
    assert plan(wanted).bytes == lower_bound(wanted) == 16512


def test_search_beats_first_fit_by_size() -> None:
    """An order by size leaves a hole here; another order does not."""
    wanted = [Buffer(*row) for row in [(64, 1, 3), (32, 4, 5), (48, 4, 7), (48, 3, 5)]]
    assert greedy.plan(wanted).bytes == 144
    assert plan(wanted).bytes == lower_bound(wanted) == 128


def test_a_proof_above_the_fullest_moment() -> None:
    """Two fixed buffers leave gaps of 16 bytes; 32 bytes fit above them only."""
    wanted = [Buffer(16, 0, 4, "", 16), Buffer(32, 1, 2)]
    wanted += [Buffer(16, 3, 4, "", 32), Buffer(16, 3, 4)]
    found = check(wanted, effort=100_000)
    assert lower_bound(wanted) == 48
    assert found.optimal and found.lower_bound == found.plan.bytes == smallest(wanted) == 64


def test_fixed_buffers_that_are_not_aligned_are_avoided() -> None:
    wanted = [Buffer(20, 0, 3, "", 8), Buffer(40, 1, 2), Buffer(16, 0, 0), Buffer(24, 2, 3, "", 8)]
    check_plan(solve(wanted).plan)


def test_nothing_and_no_bytes() -> None:
    assert solve([]).plan.bytes == 0 and solve([]).optimal
    assert solve([Buffer(0, 0, 3), Buffer(0, 1, 2)]).plan.bytes == 0


@pytest.mark.parametrize("seed", range(40))
def test_the_tree_gives_the_offsets_of_the_list(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    wanted = few(rng, 60, 0.2)
    wanted = [replace(b, bytes=rng.choice([0, b.bytes, b.bytes])) for b in wanted]
    wanted = [replace(b, first_use=b.first_use * 3, last_use=b.last_use * 3) for b in wanted]
    listed = greedy.plan(wanted)
    monkeypatch.setattr(fit, "FEW", 0)
    monkeypatch.setattr(fit, "DENSE", 2.0)
    assert greedy.plan(wanted) == listed


@pytest.mark.parametrize("seed", range(200))
def test_what_is_put_aside_always_fits(seed: int) -> None:
    """Wherever the others lie below the capacity: here, in orders made at random."""
    rng = random.Random(seed)
    whole = blocks(few(rng, 20))
    capacity = sum(whole.sizes) * 2 // 3
    hard, easy = split_easy(whole, capacity)
    rng.shuffle(hard)
    offsets = fit.first_fit(whole.sizes, whole.firsts, whole.lasts, [*hard, *easy])
    ends = [offset + size for offset, size in zip(offsets, whole.sizes, strict=True)]
    if max((ends[i] for i in hard), default=0) <= capacity:
        assert max((ends[i] for i in easy), default=0) <= capacity


@pytest.mark.parametrize(("rank", "seed"), list(product(RANKS, range(3))))
def test_branch_and_bound_packs_without_a_gap(rank: str, seed: int) -> None:
    """Perfect packings: the capacity is what every moment needs; one unit less is refused."""
    wanted = perfect(seed, 24, units=64, times=40)
    search = BoundSearch(blocks(wanted), rank)
    offsets = search.fit(1024, 20_000_000)
    assert offsets is not None and sorted(offsets) == list(range(len(wanted)))
    assert max(offsets[i] + buffer.bytes for i, buffer in enumerate(wanted)) == 1024
    assert search.fit(1008, 20_000_000) is None
    with pytest.raises(OutOfWorkError):
        search.fit(1024, 30)


def test_work_is_bounded_by_the_effort() -> None:
    wanted = tight(1, 150)
    for effort in (0, 10_000, 1_000_000):
        found = check(wanted, effort)
        assert found.steps <= effort * 1.1 + 100_000


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("make", [perfect, tight])
def test_hard_instances(make: object, seed: int) -> None:
    assert callable(make)
    wanted = make(seed, 150)
    found = check(wanted, 10_000_000)
    assert found.plan.bytes <= 65_536 * 1.2
    assert found.plan.bytes < greedy.plan(wanted).bytes


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(chain(1, 10_000), id="chain"),
        pytest.param(scattered(2, 10_000, 40), id="scattered"),
        pytest.param(scattered(2, 10_000, 400), id="long lives", marks=pytest.mark.full),
    ],
)
def test_ten_thousand_operators(wanted: list[Buffer]) -> None:
    """Seconds of this process, so that a busy computer does not fail it."""
    begin = time.process_time()
    found = solve(wanted)
    assert time.process_time() - begin < 20
    check_plan(found.plan)
    assert found.lower_bound <= found.plan.bytes <= found.lower_bound * 1.01


_CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
sys.path.insert(0, sys.argv[1])
from planner_instances import chain
from gen_fw.memory.best import solve
print(solve(chain(3, 10_000), effort=1_000_000).plan.bytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS is Linux's")
def test_ten_thousand_operators_in_a_gigabyte() -> None:
    tests = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", _CHILD, str(tests)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= lower_bound(chain(3, 10_000))


def test_greedy_is_at_least_as_large_as_its_largest_buffer() -> None:
    assert greedy.plan([Buffer(33, 0, 0)]).bytes == align(33) == 48
