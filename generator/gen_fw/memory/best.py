# SPDX-License-Identifier: Apache-2.0
"""The smallest plan that a bounded, repeatable search finds, and what no plan can beat.

1. TFLM's greedy plan. Most networks that are plain chains are done here: it meets the bound.
2. What is easy is put aside and the rest is split into parts (``blocks``).
3. A part: first fit in several orders, hill climbing over the order, then branch and bound in the
   spirit of MiniMalloc (``bound_search``), which also proves that a capacity is too small.

The search stops when a plan meets the bound. Its work is counted in blocks looked at, never in
seconds, so a result depends on the buffers and the effort only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gen_fw.memory import greedy
from gen_fw.memory.blocks import Blocks, blocks, components, height, peak, split_easy
from gen_fw.memory.buffers import ALIGNMENT, Buffer, Plan, align, lower_bound
from gen_fw.memory.fit import first_fit
from gen_fw.memory.part import Work, pack

#: blocks that a search may look at: a second or two on a desktop when nothing reaches the bound
EFFORT = 30_000_000
_METHODS = ("greedy", "first fit", "hill climb", "branch and bound")


@dataclass(frozen=True, slots=True)
class Solution:
    """The best plan found and what is known about it."""

    plan: Plan
    #: bytes that every plan needs, proven
    lower_bound: int
    #: what found the plan, the last of ``_METHODS`` that one of its parts needed
    method: str
    #: blocks looked at
    steps: int

    @property
    def optimal(self) -> bool:
        """True when no plan is smaller."""
        return self.plan.bytes <= self.lower_bound

    @property
    def gap(self) -> int:
        """Bytes between the plan and the bound."""
        return self.plan.bytes - self.lower_bound


def plan(buffers: Sequence[Buffer], *, effort: int = EFFORT) -> Plan:
    """The plan of ``solve``."""
    return solve(buffers, effort=effort).plan


def solve(buffers: Sequence[Buffer], *, effort: int = EFFORT) -> Solution:
    """The best plan found with at most about ``effort`` blocks looked at.

    Sizes are rounded up to 16 bytes and offsets are multiples of 16. Buffers with an
    ``offline_offset`` stay there and the others avoid them. Never larger than TFLM's greedy plan
    (when that has aligned offsets, as it has when those that are fixed are aligned).
    """
    floor = lower_bound(buffers)
    tflm = greedy.plan(buffers)
    aligned = all(
        offset % ALIGNMENT == 0
        for offset, buffer in zip(tflm.offsets, buffers, strict=True)
        if buffer.offline_offset is None
    )
    if aligned and tflm.bytes == floor:
        return Solution(tflm, floor, "greedy", 0)
    work = Work(effort)
    offsets, proven, method = _search(
        blocks(buffers), tflm.offsets if aligned else None, floor, work
    )
    for i, buffer in enumerate(buffers):
        if buffer.offline_offset is not None:
            offsets[i] = buffer.offline_offset
    ends = (offset + align(buffer.bytes) for offset, buffer in zip(offsets, buffers, strict=True))
    found = Plan(tuple(buffers), tuple(offsets), max(ends, default=0))
    if aligned and tflm.bytes <= found.bytes:
        found, method = tflm, "greedy"
    return Solution(found, max(floor, proven), method, work.done)


def _search(
    whole: Blocks, start: Sequence[int] | None, floor: int, work: Work
) -> tuple[list[int], int, str]:
    """Offsets, a proven bound, and the method that found the part that decides the size."""
    hard, easy = split_easy(whole, floor)
    offsets: list[int | None] = list(whole.fixed)
    top, proven, method = 0, floor, _METHODS[0]
    groups = [(whole.select(group), group) for group in components(whole, hard)]
    groups.sort(key=lambda pair: (-peak(pair[0]), pair[1][0]))
    begins = [[start[i] for i in group] if start is not None else None for _, group in groups]
    for place, ((part, group), begin) in enumerate(zip(groups, begins, strict=True)):
        # what the highest part needs, the others may use
        target = max(floor, top)
        waiting = sum(
            begin is None or height(part, begin) > target
            for (part, _), begin in zip(groups[place:], begins[place:], strict=True)
        )
        packed = pack(part, begin, target, work, work.left // max(1, waiting))
        if packed.target > target:
            proven = max(proven, packed.target)
        top = max(top, packed.bytes)
        method = max(method, packed.method, key=_METHODS.index)
        for i, offset in zip(group, packed.offsets, strict=True):
            offsets[i] = offset
    placed = first_fit(whole.sizes, whole.firsts, whole.lasts, [*hard, *easy], offsets)
    return placed, proven, method
