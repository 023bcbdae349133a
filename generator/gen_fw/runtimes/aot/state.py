# SPDX-License-Identifier: Apache-2.0
"""What a program keeps between inferences: variables, resource variables, counters, delay lines.

It lies behind the part of the arena that tensors share, each piece at an offset of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gen_fw.memory.buffers import align
from gen_fw.model.types import DType, Subgraph, Tensor


@dataclass(frozen=True, slots=True)
class Slot:
    """Bytes that keep their contents; ``key`` says whose they are."""

    key: tuple[str | int | bytes, ...]
    bytes: int
    #: what every byte is after init and reset
    fill: int = 0
    #: of its first byte
    alignment: int = 4


def variable_slot(subgraph: Subgraph, tensor: Tensor) -> Slot:
    """The slot of a variable tensor; TFLM's ResetTensorData sets the bytes of int8 ones to their
    zero point, all others to 0."""
    fill = 0
    if tensor.dtype is DType.INT8 and tensor.quantization is not None:
        fill = tensor.quantization.zero_point[0] & 0xFF
    alignment = max(4, tensor.dtype.bits // 8)
    return Slot(("tensor", subgraph.index, tensor.index), tensor.bytes, fill, alignment)


@dataclass(slots=True)
class State:
    """Slots with their offsets from the begin of the state, in order of first use."""

    slots: dict[tuple[str | int | bytes, ...], tuple[Slot, int]] = field(default_factory=dict)
    _end: int = 0

    @property
    def bytes(self) -> int:
        return self._end

    def offset(self, slot: Slot) -> int:
        """Where a slot lies; it is laid out when it is new."""
        if slot.key not in self.slots:
            at = align(self._end, slot.alignment)
            self.slots[slot.key] = slot, at
            self._end = at + slot.bytes
        return self.slots[slot.key][1]

    def fills(self) -> Iterator[tuple[int, int, int]]:
        """(offset, bytes, value) of runs with one value that is not 0."""
        run: tuple[int, int, int] | None = None
        for slot, at in self.slots.values():
            if run is not None and run[2] == slot.fill:
                run = run[0], at + slot.bytes - run[0], run[2]
                continue
            if run is not None and run[2]:
                yield run
            run = at, slot.bytes, slot.fill
        if run is not None and run[2]:
            yield run
