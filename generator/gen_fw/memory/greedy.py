# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite Micro's greedy memory planner, bit for bit.

Source: tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc at tflite-micro 90b983c2
(CalculateOffsetsIfNeeded). TFLM's own takes the square of the number of buffers, in the sort and in
the placement; here 20 000 buffers take a second or two.
"""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.memory.buffers import Buffer, Plan, align
from gen_fw.memory.fit import first_fit


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
    time, in ``placement_order``. Sizes are rounded up to 16 first."""
    sizes = [align(buffer.bytes) for buffer in buffers]
    offsets = first_fit(
        sizes,
        [buffer.first_use for buffer in buffers],
        [buffer.last_use for buffer in buffers],
        placement_order(buffers),
        [buffer.offline_offset for buffer in buffers],
    )
    ends = (offset + size for offset, size in zip(offsets, sizes, strict=True))
    return Plan(tuple(buffers), tuple(offsets), max(ends, default=0))
