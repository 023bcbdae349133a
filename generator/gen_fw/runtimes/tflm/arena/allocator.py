# SPDX-License-Identifier: Apache-2.0
"""TFLM's arena allocator as a machine that counts instead of writing.

One buffer: the low end (``head``) is planned memory, temporary structures grow above it, the high
end (``tail``) is persistent and grows downwards. Source: tensorflow/lite/micro/arena_allocator/
single_arena_buffer_allocator.cc at tflite-micro 90b983c2; for two arenas,
persistent_arena_buffer_allocator.cc and non_persistent_arena_buffer_allocator.cc. The arena starts
and ends at multiples of 16 bytes, so every position is known without its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gen_fw.memory.buffers import ALIGNMENT, align

Kind = Literal["persistent", "temp", "free", "resize", "reset"]


@dataclass(frozen=True, slots=True)
class Event:
    """One call of the allocator. ``taken`` is what it costs: bytes with alignment."""

    kind: Kind
    bytes: int
    alignment: int
    #: what the bytes are for; rows of the itemised table are made of it
    group: str
    #: operator that asked, as (subgraph, operator), or (-1, -1)
    operator: tuple[int, int] = (-1, -1)
    taken: int = 0


class Allocator:
    """``low`` and ``high`` are the most bytes that the two ends ever needed, ``need`` the most
    that both needed at one time. All in bytes."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.head = 0
        self.tail = 0
        self.low = 0
        self.need = 0
        #: what is happening at the time of ``need``, and at that of ``low``
        self.peak = ""
        self.low_peak = ""
        self.operator = (-1, -1)
        self._temp = 0
        #: ends of the temporary buffers that are not freed yet
        self._live: list[int] = []

    @property
    def high(self) -> int:
        return self.tail

    def _record(self, kind: Kind, size: int, alignment: int, group: str, taken: int = 0) -> None:
        self.events.append(Event(kind, size, alignment, group, self.operator, taken))

    def _demand(self, low: int, tail: int, group: str) -> None:
        if low > self.low:
            self.low, self.low_peak = low, group
        if low + tail > self.need:
            self.need, self.peak = low + tail, group

    def persistent(self, size: int, alignment: int, group: str) -> None:
        """AllocatePersistentBuffer. TFLM compares with the head only; a temporary buffer that is
        in use counts here too, since it would be overwritten."""
        before = self.tail
        self.tail = align(self.tail + size, alignment)
        self._demand(max(self.head, *self._live, 0), self.tail, group)
        self._record("persistent", size, alignment, group, self.tail - before)

    def temp(self, size: int, alignment: int, group: str) -> int:
        """AllocateTemp: a handle for ``free``."""
        self._temp = align(self._temp, alignment) + size
        self._live.append(self._temp)
        self._demand(self._temp, self.tail, group)
        self._record("temp", size, alignment, group)
        return self._temp

    def free(self, handle: int) -> None:
        """DeallocateTemp: the bytes come back only with ``reset``."""
        self._live.remove(handle)
        self._record("free", 0, 1, "")

    def reset(self) -> None:
        """ResetTempAllocations."""
        self._temp = self.head
        self._live.clear()
        self._record("reset", 0, 1, "")

    def resize(self, size: int, alignment: int, group: str) -> None:
        """ResizeBuffer and its callers: the head is ``size`` bytes from now on."""
        self.head = self._temp = size
        self._demand(size, self.tail, group)
        self._record("resize", size, alignment, group)

    def remaining(self, size: int, group: str) -> None:
        """Temporary memory at the allocator's largest alignment, of which ``size`` bytes are
        written: GetAvailableMemory and AllocateTemp of all that there is."""
        low = align(self._temp, ALIGNMENT) + size
        self._demand(low, align(self.tail, ALIGNMENT), group)
        self._record("temp", size, ALIGNMENT, group)
        self._record("free", 0, 1, "")
