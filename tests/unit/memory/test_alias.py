# SPDX-License-Identifier: Apache-2.0
"""Shared bytes: only where lives allow it, only where it helps."""

from __future__ import annotations

import random

import pytest

from gen_fw.memory.alias import Share, Shared, choose_merges, merge
from gen_fw.memory.best import solve
from gen_fw.memory.buffers import Buffer, align
from planner_instances import check_plan


def check(buffers: list[Buffer], found: Shared) -> None:
    """Bytes meet only within a value (views), or at the step of a pair that was taken."""
    check_plan(found.solution.plan)
    assert found.plan.buffers == tuple(buffers)
    assert found.plan.bytes == found.solution.plan.bytes
    value = list(range(len(buffers)))
    for share in found.taken:
        if share.view:
            gone, kept = value[share.destination], value[share.source]
            value = [kept if v == gone else v for v in value]
    for i, a in enumerate(buffers):
        for j, b in enumerate(buffers[:i]):
            if value[i] == value[j] or not a.overlaps(b):
                continue
            start, other = found.plan.offsets[i], found.plan.offsets[j]
            if start + align(a.bytes) <= other or other + align(b.bytes) <= start:
                continue
            assert max(a.first_use, b.first_use) == min(a.last_use, b.last_use)
            assert any(
                not share.view
                and {value[share.source], value[share.destination]} == {value[i], value[j]}
                for share in found.taken
            )


@pytest.mark.parametrize("seed", range(150))
def test_merges_are_valid_and_never_hurt(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.randint(2, 14)
    buffers = [
        Buffer(rng.randint(1, 300), time, time + rng.choice([1, 1, 1, 2, 3]))
        for time in range(count)
    ]
    candidates = []
    for late in range(1, count):
        for early in range(late):
            meets = buffers[early].last_use == buffers[late].first_use
            if rng.random() < (0.7 if meets else 0.1):
                candidates.append(Share(early, late, rng.random() < 0.2))
    found = choose_merges(buffers, candidates, effort=200_000)
    check(buffers, found)
    assert found.plan.bytes <= solve(buffers, effort=200_000).plan.bytes
    assert set(found.taken) <= set(candidates)


def test_a_chain_in_place_needs_one_buffer() -> None:
    buffers = [Buffer(1600, time, time + 1) for time in range(5)]
    found = choose_merges(buffers, [Share(i, i + 1) for i in range(4)])
    assert found.plan.bytes == 1600 and len(set(found.plan.offsets)) == 1


def test_a_merge_that_lives_too_long_is_left_out() -> None:
    """The view would keep 1600 bytes alive while another 1600 are."""
    buffers = [Buffer(1600, 0, 1), Buffer(16, 1, 3), Buffer(1600, 2, 3)]
    found = choose_merges(buffers, [Share(0, 1)])
    assert found.taken == () and found.plan.bytes == solve(buffers).plan.bytes == 1616


def test_an_operand_that_is_read_again_is_kept() -> None:
    buffers = [Buffer(160, 0, 3), Buffer(160, 1, 2)]
    assert choose_merges(buffers, [Share(0, 1)]).taken == ()
    assert choose_merges(buffers, [Share(0, 1, view=True)]).plan.bytes == 160


def test_writing_over_a_view_needs_all_of_its_value_to_be_over() -> None:
    """1 shows 0, which is read at time 4; 2 may not be written over 1 at time 2."""
    buffers = [Buffer(160, 0, 4), Buffer(160, 1, 2), Buffer(160, 2, 3)]
    found = choose_merges(buffers, [Share(0, 1, view=True), Share(1, 2)])
    check(buffers, found)
    assert found.plan.bytes == 320


def test_groups_become_one_buffer() -> None:
    buffers = [Buffer(10, 2, 3, "a"), Buffer(40, 0, 1, "b"), Buffer(20, 3, 5, "c", 64)]
    merged = merge(buffers, [[0, 2]])
    assert merged.buffers == (Buffer(20, 2, 5, "a", 64), buffers[1])
    assert merged.owner == (0, 1, 0)
    plan = merged.expand(solve(merged.buffers).plan)
    assert plan.offsets == (64, 0, 64) and plan.buffers == tuple(buffers)
    with pytest.raises(ValueError, match="two groups"):
        merge(buffers, [[0, 1], [1, 2]])
    with pytest.raises(ValueError, match="fixed elsewhere"):
        merge([*buffers, Buffer(4, 6, 7, "d", 0)], [[2, 3]])
    with pytest.raises(ValueError, match="not there"):
        choose_merges(buffers, [Share(0, 3)])
