# SPDX-License-Identifier: Apache-2.0
"""Which steps must stay behind which because of state, which tensors do not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gen_fw.runtimes.aot.layer import StateArgument, Step, TensorArgument
from gen_fw.runtimes.aot.state import Slot

Key = tuple[str | int | bytes, ...]


def touched(step: Step, homes: Mapping[int, Slot]) -> dict[Key, bool]:
    """Slots that a step uses, and whether it may change them. ``homes`` are tensors that are
    state."""
    found = {slot.key: True for slot in step.state}
    for argument in step.arguments:
        if isinstance(argument, StateArgument) and argument.slot is not None:
            key = argument.slot.key
            found[key] = found.get(key, False) or argument.written
        elif isinstance(argument, TensorArgument) and argument.tensor in homes:
            key = homes[argument.tensor].key
            found[key] = found.get(key, False) or argument.written
    return found


def effects(steps: Sequence[Step], homes: Mapping[int, Slot]) -> list[tuple[int, ...]]:
    """For each step the earlier ones that it must follow: one of the two changes what both use, or
    one of them may end the inference."""
    uses = [touched(step, homes) for step in steps]
    if not any(uses) and not any(step.stops for step in steps):
        return [()] * len(steps)
    after: list[tuple[int, ...]] = []
    for i, mine in enumerate(uses):
        before = [
            j
            for j, theirs in enumerate(uses[:i])
            if steps[i].stops
            or steps[j].stops
            or any(mine[key] or theirs[key] for key in mine.keys() & theirs.keys())
        ]
        after.append(tuple(before))
    return after
