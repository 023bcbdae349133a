# SPDX-License-Identifier: Apache-2.0
"""Plans whose buffers may overlap: never against the rules, never below the bound, never worse."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.memory.best import solve
from gen_fw.memory.buffers import Buffer, Plan, lower_bound
from gen_fw.memory.overlay import Inside, Over, faults, overlay, separate


def _chain(*sizes: int) -> list[Buffer]:
    """Each is written by the step that reads the one before."""
    return [Buffer(size, at, at + 1, f"b{at}") for at, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "overs", "expected"),
    [
        ((160, 160), [], 320),
        ((160, 160), [Over(0, 1)], 160),
        ((160, 160), [Over(0, 1, below=20)], 192),
        # the input at the end of the larger output
        ((160, 320), [Over(0, 1, below=160)], 320),
        ((160, 320), [Over(0, 1, below=300)], 464),
        # every result lower than the one before; with whole pixels of 48 bytes it need not be
        ((160, 160, 160), [Over(0, 1, below=32), Over(1, 2, below=32)], 224),
        ((160, 160, 160), [Over(0, 1, below=32), Over(1, 2, every=48)], 192),
        ((160, 160, 160, 160), [Over(0, 1, 32), Over(1, 2, every=48), Over(2, 3, 32)], 224),
    ],
)
def test_distances(sizes: tuple[int, ...], overs: list[Over], expected: int) -> None:
    found = overlay(_chain(*sizes), overs)
    assert found.plan.bytes == expected
    assert not list(faults(found.plan, overs))
    assert found.lower_bound <= expected


def test_a_source_that_is_read_again_stays() -> None:
    buffers = [Buffer(160, 0, 2, "x"), Buffer(160, 1, 2, "y")]
    assert overlay(buffers, [Over(0, 1)]).plan.bytes == 320


def test_parts_lie_in_their_whole() -> None:
    buffers = [Buffer(100, 0, 3, "a"), Buffer(60, 1, 2, "b"), Buffer(160, 2, 4, "ab")]
    insides = [Inside(0, 2, 0), Inside(1, 2, 100)]
    assert overlay(buffers).plan.bytes >= 320
    found = overlay(buffers, (), insides)
    assert found.plan.bytes == found.lower_bound == 160
    assert not list(faults(found.plan, (), insides))
    assert list(faults(found.plan))  # the same without the permission
    # another buffer may use the rest of the whole until that begins
    early = [*buffers, Buffer(48, 0, 0, "early")]
    assert overlay(early, (), insides).plan.bytes == 160


@pytest.mark.parametrize(
    "insides",
    [
        [Inside(0, 1, 0), Inside(0, 2, 0)],
        [Inside(0, 1, 32)],
        [Inside(0, 1, -16)],
        [Inside(0, 1, 0), Inside(1, 0, 0)],
        [Inside(0, 2, 0), Inside(1, 2, 0)],
    ],
)
def test_parts_that_cannot_be(insides: list[Inside]) -> None:
    with pytest.raises(ValueError, match=r"part"):
        overlay([Buffer(160, 0, 1), Buffer(160, 0, 1), Buffer(160, 0, 1)], (), insides)


def test_faults_are_found() -> None:
    buffers = _chain(160, 160)
    assert list(faults(Plan(tuple(buffers), (0, 0), 160), []))
    assert not list(faults(Plan(tuple(buffers), (0, 0), 160), [Over(0, 1)]))
    assert list(faults(Plan(tuple(buffers), (0, 16), 176), [Over(0, 1)]))
    assert list(faults(Plan(tuple(buffers), (16, 0), 176), [Over(0, 1, below=32)]))
    assert list(faults(Plan(tuple(buffers), (0, 32), 192), [Over(0, 1, every=48)]))
    assert not list(faults(Plan(tuple(buffers), (0, 48), 208), [Over(0, 1, every=48)]))
    assert list(faults(Plan(tuple(buffers), (0, 160), 300), []))


@st.composite
def _instances(draw: st.DrawFn) -> tuple[list[Buffer], list[Over], list[Inside]]:
    count = draw(st.integers(1, 10))
    sizes = draw(st.lists(st.integers(1, 120), min_size=count, max_size=count))
    spans = [sorted(draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))) for _ in range(count)]
    buffers = [
        Buffer(size, first, last, f"b{i}")
        for i, (size, (first, last)) in enumerate(zip(sizes, spans, strict=True))
    ]
    overs = [
        Over(i, j, draw(st.integers(0, 150)), draw(st.sampled_from((0, 0, 0, 1, 8, 24, 48))))
        for i, j in product(range(count), repeat=2)
        if i != j and buffers[i].first_use < buffers[i].last_use == buffers[j].first_use
        if draw(st.booleans())
    ]
    insides, used = [], [0] * count
    for part in range(count - 1):
        whole = draw(st.integers(part + 1, count - 1))
        room = buffers[whole].bytes - used[whole] - buffers[part].bytes
        if room >= 0 and draw(st.booleans()):
            insides.append(Inside(part, whole, used[whole] + draw(st.integers(0, room))))
            used[whole] = insides[-1].at + buffers[part].bytes
    return buffers, overs, insides


@settings(max_examples=150, deadline=None)
@given(_instances())
def test_plans_are_safe_and_never_worse(
    instance: tuple[list[Buffer], list[Over], list[Inside]],
) -> None:
    buffers, overs, insides = instance
    found = overlay(buffers, overs, insides, effort=20_000)
    assert not list(faults(found.plan, overs, insides))
    assert found.lower_bound <= found.plan.bytes
    assert overlay(buffers, overs, insides, effort=20_000) == found
    apart = solve(buffers, effort=20_000).plan
    better = overlay(buffers, overs, start=apart, effort=20_000)
    assert better.lower_bound <= better.plan.bytes <= apart.bytes
    assert not list(faults(better.plan, overs))
    assert overlay(buffers).lower_bound == lower_bound(buffers)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 48), min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from((0, 0, 16, 48))), min_size=3),
)
def test_no_plan_of_a_short_chain_is_below_the_bound(
    sizes: list[int], distances: list[tuple[int, int]]
) -> None:
    buffers = _chain(*sizes)
    overs = [Over(i, i + 1, *distances[i]) for i in range(len(sizes) - 1)]
    bound = overlay(buffers, overs).lower_bound
    for offsets in product(range(0, bound, 16), repeat=len(sizes)):
        plan = Plan(tuple(buffers), offsets, bound - 16)
        assert list(faults(plan, overs)), offsets


@pytest.mark.parametrize(
    ("insides", "fits"),
    [
        ([Inside(1, 0, 0), Inside(2, 0, 40)], True),
        # the second begins in the first, while both are alive
        ([Inside(1, 0, 0), Inside(2, 0, 20)], False),
        # the same place after the first one's last use
        ([Inside(1, 0, 0), Inside(3, 0, 0)], True),
        # a part of a part
        ([Inside(1, 0, 0), Inside(2, 1, 8)], True),
        # a second whole, outside, itself
        ([Inside(1, 0, 0), Inside(1, 2, 0)], False),
        ([Inside(1, 0, 80)], False),
        ([Inside(1, 2, 0), Inside(2, 1, 0)], False),
    ],
)
def test_parts_that_meet_are_found(insides: list[Inside], fits: bool) -> None:
    buffers = [Buffer(100, 0, 9), Buffer(32, 1, 4), Buffer(24, 2, 6), Buffer(32, 5, 8)]
    assert separate(buffers, insides) is fits
    if fits:
        laid = overlay(buffers, insides=insides)
        assert laid.plan.bytes == 144  # the whole, and what is no part of it
        assert not list(faults(laid.plan, insides=insides))
    else:
        with pytest.raises(ValueError, match=r"buffers\[|part"):
            overlay(buffers, insides=insides)
