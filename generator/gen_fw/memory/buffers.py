# SPDX-License-Identifier: Apache-2.0
"""Buffers with lifetimes, plans of where they lie, and the bound that no plan can beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

#: bytes that TFLM aligns every planned buffer to (MicroArenaBufferAlignment)
ALIGNMENT = 16


def align(size: int, alignment: int = ALIGNMENT) -> int:
    """``size`` rounded up to a multiple of ``alignment``."""
    return -(-size // alignment) * alignment


@dataclass(frozen=True, slots=True)
class Buffer:
    """``bytes`` that must stay in place from time ``first_use`` to ``last_use``, inclusive."""

    bytes: int
    first_use: int
    last_use: int
    label: str = ""
    #: fixed byte offset; overlaps between fixed buffers are the maker's intention
    offline_offset: int | None = None

    def overlaps(self, other: Buffer) -> bool:
        """True when both are alive at some time."""
        return self.first_use <= other.last_use and other.first_use <= self.last_use


@dataclass(frozen=True, slots=True)
class Plan:
    """``offsets[i]`` is where ``buffers[i]`` lies; ``bytes`` is the end of the last one."""

    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    bytes: int


def lower_bound(buffers: Sequence[Buffer]) -> int:
    """Bytes that every plan needs: the largest sum of aligned sizes that are alive at one time,
    or the end of the last fixed buffer. Fixed buffers may share bytes; shared bytes count once.
    """
    changes: dict[int, int] = {}
    fixed = []
    for buffer in buffers:
        if buffer.offline_offset is not None:
            fixed.append(buffer)
            continue
        size = align(buffer.bytes)
        changes[buffer.first_use] = changes.get(buffer.first_use, 0) + size
        changes[buffer.last_use + 1] = changes.get(buffer.last_use + 1, 0) - size
    # what fixed buffers take changes only when one of them begins or ends
    taken = 0
    moments = {b.first_use for b in fixed} | {b.last_use + 1 for b in fixed}
    for time in sorted(moments):
        now = _union([b for b in fixed if b.first_use <= time <= b.last_use])
        changes[time] = changes.get(time, 0) + now - taken
        taken = now
    live = accumulate(changes[time] for time in sorted(changes))
    end = max(((b.offline_offset or 0) + align(b.bytes) for b in fixed), default=0)
    return max(end, max(live, default=0))


def _union(fixed: Sequence[Buffer]) -> int:
    total = reached = 0
    for start, end in sorted((b.offline_offset or 0, align(b.bytes)) for b in fixed):
        end += start
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total
