# SPDX-License-Identifier: Apache-2.0
"""The greedy planner: what every plan must hold, and the tie order that TFLM has."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.memory.buffers import Buffer, align, lower_bound
from gen_fw.memory.greedy import placement_order, plan

online = st.builds(
    lambda size, first, length: Buffer(size, first, first + length),
    st.integers(1, 400),
    st.integers(-1, 20),
    st.integers(0, 12),
)
fixed = st.builds(
    lambda size, first, length, offset: Buffer(size, first, first + length, "", 16 * offset),
    st.integers(1, 200),
    st.integers(0, 20),
    st.integers(0, 12),
    st.integers(0, 40),
)


@given(st.lists(online, max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_overlap_and_not_below_the_bound(buffers: list[Buffer]) -> None:
    found = plan(buffers)
    for (i, a), (j, b) in combinations(enumerate(buffers), 2):
        if a.overlaps(b):
            start_a, start_b = found.offsets[i], found.offsets[j]
            assert start_a + a.bytes <= start_b or start_b + b.bytes <= start_a
    assert found.bytes >= lower_bound(buffers)
    assert found.bytes <= sum(align(buffer.bytes) for buffer in buffers)
    assert all(offset % 16 == 0 for offset in found.offsets)


@given(st.lists(st.one_of(online, fixed), max_size=30))
@settings(max_examples=200, deadline=None)
def test_fixed_buffers_stay_and_others_avoid_them(buffers: list[Buffer]) -> None:
    found = plan(buffers)
    for i, a in enumerate(buffers):
        if a.offline_offset is not None:
            assert found.offsets[i] == a.offline_offset
            continue
        for j, b in enumerate(buffers):
            if i != j and a.overlaps(b):
                start_a, start_b = found.offsets[i], found.offsets[j]
                assert start_a + a.bytes <= start_b or start_b + b.bytes <= start_a
    assert found.bytes >= lower_bound(buffers)


@given(st.lists(online, min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_the_bound_is_the_fullest_moment(buffers: list[Buffer]) -> None:
    times = range(min(b.first_use for b in buffers), max(b.last_use for b in buffers) + 1)
    fullest = max(
        sum(align(b.bytes) for b in buffers if b.first_use <= time <= b.last_use) for time in times
    )
    assert lower_bound(buffers) == fullest


def test_equal_sizes_are_placed_in_reverse_order() -> None:
    """greedy_memory_planner.cc fills its list from the back before a stable sort."""
    buffers = [Buffer(16, 0, 1), Buffer(32, 0, 1), Buffer(10, 0, 1), Buffer(16, 0, 1, "", 64)]
    assert placement_order(buffers) == [3, 1, 2, 0]
    assert plan(buffers).offsets == (48, 0, 32, 64)


def test_a_gap_is_used_first() -> None:
    """The 32 bytes at the end of time fit where the 112 bytes of the start were."""
    buffers = [
        Buffer(112, 0, 1),
        Buffer(64, 0, 2),
        Buffer(48, 1, 2),
        Buffer(32, 2, 3),
        Buffer(16, 0, 3),
    ]
    found = plan(buffers)
    assert found.offsets == (0, 112, 176, 0, 224)
    assert found.bytes == 240
    assert lower_bound(buffers) == 240


def test_nothing_to_plan() -> None:
    assert plan([]).bytes == lower_bound([]) == 0
