# SPDX-License-Identifier: Apache-2.0
"""Sets the predicted calls of TFLM's allocator beside the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from arena_build import Firmware
from arena_truth import AMPLE, Call, Job, Truth, run, seeded_inputs

from gen_fw.model.reader import read_model
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.arena.allocator import Event

#: (kind, bytes, alignment); bytes and alignment are 0 where the call has none
Step = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model whose arena was predicted and measured. ``truth`` ran with the events in an ample
    arena, ``at_minimum`` and ``below`` in the predicted minimum and in 16 bytes less."""

    path: Path
    account: Account
    truth: Truth
    at_minimum: Truth
    below: Truth

    @property
    def differences(self) -> list[str]:
        """What is wrong with the prediction; empty when nothing is."""
        mine, real = self.account, self.truth
        found = [
            f"{name}: {expected} predicted, {true} true"
            for name, expected, true in (
                ("used", mine.used, real.used),
                ("head", mine.head, real.head),
                ("tail", mine.tail, real.tail),
            )
            if expected != true
        ]
        if not self.at_minimum.succeeded or self.at_minimum.overlaps:
            found.append(f"the minimum of {mine.minimum} fails: {_how(self.at_minimum)}")
        if self.below.succeeded and not self.below.overlaps:
            found.append(f"{mine.minimum - 16}, less than the minimum, works")
        return found

    @property
    def first_event(self) -> str:
        """Where the calls part; empty when they are the same."""
        return _first(self.account.events, self.truth)


def compare(
    firmware: Firmware, models: list[Path], *, invocations: int = 1, seconds: float = 300
) -> list[Comparison]:
    """One comparison a model.

    Raises what ``read_model`` and ``account`` raise.
    """
    accounts = [account(read_model(path), firmware.machine.build) for path in models]
    jobs = []
    for path, mine in zip(models, accounts, strict=True):
        inputs = seeded_inputs(read_model(path)) if invocations else b""
        jobs.append(Job(path, AMPLE, invocations, inputs, events=True))
        jobs += [Job(path, size, invocations, inputs) for size in (mine.minimum, mine.minimum - 16)]
    results = run(firmware, jobs, seconds)
    return [
        Comparison(path, mine, *results[3 * number : 3 * number + 3])
        for number, (path, mine) in enumerate(zip(models, accounts, strict=True))
    ]


def compare_split(
    firmware: Firmware, models: list[Path], *, seconds: float = 300
) -> dict[str, list[str]]:
    """What is wrong with two predicted arenas, by model; models with which nothing is are left out.

    Each is run in both predicted minimums, and with 16 bytes less of the one and of the other.
    Raises what ``read_model`` and ``account`` raise.
    """
    accounts = [account(read_model(path), firmware.machine.build, split=True) for path in models]
    jobs = []
    for path, mine in zip(models, accounts, strict=True):
        kept, planned = mine.split
        inputs = seeded_inputs(read_model(path))
        for less, fewer in ((0, 0), (16, 0), (0, 16)):
            jobs.append(Job(path, planned - fewer, inputs=inputs, persistent=kept - less))
    results = run(firmware, jobs, seconds)
    wrong: dict[str, list[str]] = {}
    for number, (path, mine) in enumerate(zip(models, accounts, strict=True)):
        both, less, fewer = results[3 * number : 3 * number + 3]
        found = []
        if not both.succeeded:
            found.append(f"persistent and planned {mine.split} fail: {_how(both)}")
        elif both.used != mine.used:
            found.append(f"used: {mine.used} predicted, {both.used} true")
        if less.succeeded:
            found.append(f"{mine.split[0] - 16} persistent, less than the minimum, works")
        if fewer.succeeded:
            found.append(f"{mine.split[1] - 16} planned, less than the minimum, works")
        if found:
            wrong[path.name] = found
    return wrong


def _how(truth: Truth) -> str:
    """How a run ended, in a few words."""
    end = truth.end + (", with overlapping ends" if truth.overlaps else "")
    return f"{end}: {truth.messages[0].strip()}" if truth.messages else end


def _first(events: tuple[Event, ...], truth: Truth) -> str:
    """The first call before Invoke that is not the predicted one."""
    real = _real(truth)
    mine = [_predicted(event) for event in events]
    for number, (step, call) in enumerate(real):
        if number >= len(mine) or mine[number] != step:
            true = f"true {step} ({call.phase} {call.operator})"
            if number >= len(mine):
                return f"call {number}: {true}, not predicted"
            about = f"({events[number].group}, operator {events[number].operator})"
            return f"call {number}: predicted {mine[number]} {about}, {true}"
    return ""


def _predicted(event: Event) -> Step:
    if event.kind in ("free", "reset"):
        return event.kind, 0, 0
    return event.kind, event.bytes, event.alignment


def _real(truth: Truth) -> list[tuple[Step, Call]]:
    """The planner is given all that is left; here, what its table needs of that."""
    steps: list[tuple[Step, Call]] = []
    for call in truth.calls:
        if call.phase == "invoke":
            break
        size = call.bytes
        if call.kind == "temp" and call.phase == "plan" and call.alignment == 16:
            size = truth.per_buffer * len(truth.planned)
        bare = call.kind in ("free", "reset")
        steps.append(((call.kind, 0, 0) if bare else (call.kind, size, call.alignment), call))
    return steps
