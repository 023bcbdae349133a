# SPDX-License-Identifier: Apache-2.0
"""How many bytes of arena a model needs, itemised: what ``arena_used_bytes()`` will say, and the
smallest arena with which AllocateTensors and Invoke succeed. docs/arena.md explains both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gen_fw.memory.buffers import Plan, align, lower_bound
from gen_fw.model.lifetimes import Scratch
from gen_fw.model.types import Model
from gen_fw.program import Confidence, Item
from gen_fw.runtimes.tflm.abi import Build, load_abi
from gen_fw.runtimes.tflm.arena.allocator import Event
from gen_fw.runtimes.tflm.arena.interpreter import Interpreter, Run
from gen_fw.runtimes.tflm.table import load

#: group of allocations -> where TFLM makes them
_SOURCES = {
    "allocator and planner": "micro_allocator.cc, MicroAllocator::Create",
    "resource variables": "micro_resource_variable.cc",
    "tensor structures": "micro_allocator.cc, AllocateTfLiteEvalTensors",
    "operator structures": "micro_allocator.cc, AllocateNodeAndRegistrations",
    "operator options": "flatbuffer_conversions.cc",
    "operator data": "Init and Prepare of each kernel",
    "scratch handles": "micro_allocator.cc, AllocateScratchBufferHandles",
    "variables": "micro_allocator.cc, AllocateVariables",
    "input and output tensors": "micro_interpreter.cc, AllocateTensors",
    "custom operators": "room for what the application's kernels may keep",
}
#: groups that follow from the model and the interpreter alone, whatever a kernel does
_WITHOUT_KERNELS = frozenset(
    {
        "allocator and planner",
        "tensor structures",
        "operator structures",
        "operator options",
        "variables",
        "input and output tensors",
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """All sizes in bytes, for an arena that starts and ends at multiples of 16."""

    #: arena_used_bytes() after AllocateTensors: head + tail
    used: int
    #: smallest arena that works, a multiple of 16
    minimum: int
    #: planned tensors and scratch
    head: int
    #: everything persistent
    tail: int
    #: no plan of the same buffers has a smaller head
    lower_bound: int
    label: Confidence
    #: rows that add up to ``minimum``
    items: tuple[Item, ...]
    plan: Plan
    #: every call of the allocator, in order
    events: tuple[Event, ...]
    #: what makes ``label`` less than exact; empty when exact
    weakest: str = ""
    #: with two arenas: bytes of the persistent one and of the other; else (0, 0)
    split: tuple[int, int] = (0, 0)
    #: rows that add up to the persistent arena, when there are two: the last ones of ``items``;
    #: those before them are the other's
    persistent_items: tuple[Item, ...] = ()
    #: the scratch buffers, which come last in ``plan.buffers``
    scratch: tuple[Scratch, ...] = ()


def account(
    model: Model,
    build: Build,
    *,
    offsets: Sequence[int] | None = None,
    split: bool = False,
) -> Account:
    """The arena of ``model`` under the runtime of ``build``.

    ``offsets`` replaces the model's own offline plan: a byte offset for each tensor of all
    subgraphs in order, -1 for tensors that TFLM plans itself. ``split`` keeps persistent data in
    an arena of its own. The model must have passed ``support.check``.

    Raises UsageError when there is no table for the build, ModelError when control flow nests too
    deeply or a custom operator's options are unreadable.
    """
    abi = load_abi(build)
    run = Interpreter(model, load(build.release), build, abi, split=split, offsets=offsets).run()
    arena = run.allocator
    label: Confidence = run.confidence
    weakest = run.weakest
    if abi.computed and label == "exact":
        label, weakest = "upper bound", f"structure sizes for {build.abi} are computed"
    structures: Confidence = "upper bound" if abi.computed else "exact"
    planned, kept = [_planned(run, label)], _kept(run, label, structures)
    minimum, parts = align(arena.need), (0, 0)
    if split:
        parts = align(arena.tail), align(arena.low)
        minimum = sum(parts)
        planned += _rest(arena.low_peak, label, parts[1] - arena.head)
        kept += _rest("", label, parts[0] - arena.tail)
    else:
        kept += _rest(arena.peak, label, minimum - arena.head - arena.tail)
    return Account(
        used=arena.head + arena.tail,
        minimum=minimum,
        head=arena.head,
        tail=arena.tail,
        lower_bound=lower_bound(run.plan.buffers),
        label=label,
        items=(*planned, *kept),
        plan=run.plan,
        events=tuple(arena.events),
        weakest=weakest,
        split=parts,
        persistent_items=tuple(kept) if split else (),
        scratch=run.scratch,
    )


def _planned(run: Run, label: Confidence) -> Item:
    return Item(
        "planned tensors and scratch",
        run.allocator.head,
        label,
        "greedy_memory_planner.cc over the lifetimes of micro_allocation_info.cc",
    )


def _kept(run: Run, label: Confidence, structures: Confidence) -> list[Item]:
    """The tail by group, in order of first use. ``label`` is for what kernels have a part in,
    ``structures`` for the interpreter's own."""
    groups: dict[str, int] = {}
    for event in run.allocator.events:
        if event.kind == "persistent":
            groups[event.group] = groups.get(event.group, 0) + event.taken
    return [
        Item(name, size, structures if name in _WITHOUT_KERNELS else label, _SOURCES[name])
        for name, size in groups.items()
    ]


def _rest(peak: str, label: Confidence, size: int) -> list[Item]:
    """What start-up needs on top of what stays in use, when ``peak`` happens."""
    if not size:
        return []
    what = "rounding up to 16" if size < 16 else f"start-up: {peak}"
    return [Item(what, size, label, "more than what stays in use")]
