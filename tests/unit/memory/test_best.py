# SPDX-License-Identifier: Apache-2.0
"""The planner that searches: valid, never below the bound, never worse than TFLM's greedy one."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gen_fw.memory import greedy
from gen_fw.memory.best import plan
from gen_fw.memory.buffers import Buffer, Plan, align, lower_bound


@st.composite
def buffers(draw: st.DrawFn) -> list[Buffer]:
    found = []
    for _ in range(draw(st.integers(1, 14))):
        first = draw(st.integers(0, 12))
        found.append(Buffer(draw(st.integers(1, 5000)), first, first + draw(st.integers(0, 4))))
    return found


def check(found: Plan) -> None:
    for (a, start), (b, other) in combinations(zip(found.buffers, found.offsets, strict=True), 2):
        apart = start + align(a.bytes) <= other or other + align(b.bytes) <= start
        assert apart or not a.overlaps(b)
    ends = [o + align(b.bytes) for b, o in zip(found.buffers, found.offsets, strict=True)]
    assert found.bytes == max(ends)
    assert all(offset >= 0 and offset % 16 == 0 for offset in found.offsets)


@given(buffers())
def test_a_plan_is_valid_small_and_repeatable(wanted: list[Buffer]) -> None:
    found = plan(wanted)
    check(found)
    assert lower_bound(wanted) <= found.bytes <= greedy.plan(wanted).bytes
    assert found == plan(wanted)


def test_a_chain_reaches_the_bound() -> None:
    sizes = [490, 8000, 8000, 8000, 8000, 64, 12]
    chain = [Buffer(size, time, time + 1) for time, size in enumerate(sizes)]
    chain.append(Buffer(512, 2, 2))
    assert plan(chain).bytes == lower_bound(chain) == 16512


def test_search_beats_first_fit_by_size() -> None:
    """An order by size leaves a hole here; another order does not."""
    wanted = [Buffer(*row) for row in [(64, 0, 1), (48, 1, 2), (48, 2, 3), (32, 3, 4), (80, 4, 4)]]
    assert plan(wanted).bytes == lower_bound(wanted)
