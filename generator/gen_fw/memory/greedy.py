# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite Micro's greedy memory planner, bit for bit.

Source: tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc at tflite-micro 90b983c2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from gen_fw.memory.buffers import Buffer, Plan, align


def placement_order(buffers: Sequence[Buffer]) -> list[int]:
    """Indices in the order in which TFLM places them.

    Fixed buffers come first, as given. The others follow by size, largest first; TFLM fills its
    list from the back before a stable sort, so equal sizes come in reverse order.
    """
    fixed = [i for i, buffer in enumerate(buffers) if buffer.offline_offset is not None]
    online = [i for i, buffer in enumerate(buffers) if buffer.offline_offset is None]
    online.reverse()
    online.sort(key=lambda i: -align(buffers[i].bytes))
    return fixed + online


def plan(buffers: Sequence[Buffer]) -> Plan:
    """The plan that TFLM makes at start-up: first fit by offset, among buffers alive at the same
    time, in ``placement_order``. Sizes are rounded up to 16 first. Quadratic in their number."""
    offsets = [0] * len(buffers)
    starts: list[int] = []
    #: (start, end, first use, last use), sorted by start; equal starts in order of placement
    placed: list[tuple[int, int, int, int]] = []
    for index in placement_order(buffers):
        buffer = buffers[index]
        size, first, last = align(buffer.bytes), buffer.first_use, buffer.last_use
        offset = buffer.offline_offset
        if offset is None:
            offset = 0
            alive = [(start, end) for start, end, a, b in placed if a <= last and first <= b]
            for start, end in alive:
                if start - offset >= size:
                    break
                offset = max(offset, end)
        offsets[index] = offset
        at = bisect_right(starts, offset)
        starts.insert(at, offset)
        placed.insert(at, (offset, offset + size, first, last))
    return Plan(tuple(buffers), tuple(offsets), max((end for _, end, _, _ in placed), default=0))
