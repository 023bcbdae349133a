# SPDX-License-Identifier: Apache-2.0
"""Offsets for the tensors of a model, with TFLM's own planner filling in the scratch buffers.

TFLM reads the plan from the metadata entry OfflineMemoryAllocation (micro_allocation_info.cc,
docs/memory_management.md at tflite-micro 90b983c2): one offset a tensor, -1 for tensors that it
plans itself. It places scratch buffers always itself, first fit around the fixed ones, so what
counts is the head that its planner ends up with (gen_fw.memory.greedy).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gen_fw.memory import greedy
from gen_fw.memory.alias import Share, choose_merges
from gen_fw.memory.best import solve
from gen_fw.memory.buffers import Buffer, lower_bound
from gen_fw.model.lifetimes import UNTOUCHED, Lifetime, lifetimes
from gen_fw.model.types import Model
from gen_fw.runtimes.tflm.offline.alias import Alias, merged

#: format version, the first word of the metadata
_VERSION = 1
#: blocks that the search for one plan may look at (gen_fw.memory.best)
_EFFORT = 3_000_000


@dataclass(frozen=True, slots=True)
class Layout:
    """A plan for a model: offsets and what they come to under TFLM's planner. Bytes."""

    #: one for each tensor of all subgraphs in order; -1: TFLM plans it
    offsets: tuple[int, ...]
    #: head that TFLM's planner makes of it
    head: int
    #: no plan with these aliases has a smaller head
    lower_bound: int
    aliases: tuple[Alias, ...]


def metadata(model: Model, offsets: Sequence[int]) -> bytes:
    """The content of OfflineMemoryAllocation: int32 words, little endian."""
    words = (_VERSION, len(model.subgraphs), len(offsets), *offsets)
    return struct.pack(f"<{len(words)}i", *words)


def fixable(model: Model, lives: Sequence[Lifetime]) -> tuple[Lifetime, ...]:
    """The tensors among ``lives`` that an offline plan may place.

    Variables stay in the tail. TFLM looks for a variable's offset at its index in its own subgraph
    (AllocateVariables in micro_allocator.cc): a tensor of subgraph 0 at the index of a variable of
    a later subgraph must stay online, or that variable gets no memory.
    """
    shadowed = {
        tensor.index
        for subgraph in model.subgraphs[1:]
        for tensor in subgraph.tensors
        if tensor.is_variable
    }
    return tuple(
        life
        for life in lives
        if life.tensor >= 0
        and not model.subgraphs[life.subgraph].tensors[life.tensor].is_variable
        and not (life.subgraph == 0 and life.tensor in shadowed)
    )


@dataclass(frozen=True, slots=True)
class _Units:
    """What a plan places: tensors that share memory are one buffer."""

    lives: tuple[Lifetime, ...]
    aliases: tuple[Alias, ...]
    buffers: list[Buffer]
    #: (subgraph, tensor) -> index in ``buffers``
    places: dict[tuple[int, int], int]
    #: what TFLM places: scratch, and tensors that must stay online
    rest: list[Buffer]


def _units(model: Model, buffers: Sequence[Buffer], wanted: Sequence[Alias]) -> _Units:
    lives = lifetimes(model)
    movable = fixable(model, lives)
    groups, aliases = merged(model, movable, wanted)
    places: dict[tuple[int, int], int] = {}
    units: list[Buffer] = []
    for life in movable:
        group = groups.get(life.tensor) if life.subgraph == 0 else None
        first = (0, group.tensors[0]) if group else (life.subgraph, life.tensor)
        if first not in places:
            places[first] = len(units)
            span = (group or life).first_use, (group or life).last_use
            units.append(Buffer(life.bytes, *span, life.label))
        places[life.subgraph, life.tensor] = places[first]
    rest = [
        buffer
        for i, buffer in enumerate(buffers)
        if i >= len(lives) or (lives[i].subgraph, lives[i].tensor) not in places
    ]
    return _Units(lives, aliases, units, places, rest)


def bound(model: Model, buffers: Sequence[Buffer], wanted: Sequence[Alias]) -> int:
    """Bytes of head below which no plan with these aliases can get; arguments as ``layouts``."""
    units = _units(model, buffers, wanted)
    return lower_bound([*units.buffers, *units.rest])


def chosen(model: Model, buffers: Sequence[Buffer], aliases: Sequence[Alias]) -> tuple[Alias, ...]:
    """Those of ``aliases``, which must be valid together, that make the plan smallest: a merged
    buffer lives longer, so that not all of them help (gen_fw.memory.alias).

    ``buffers`` are as for ``layouts``.
    """
    place = {life.tensor: i for i, life in enumerate(lifetimes(model)) if life.subgraph == 0}
    shares = {
        Share(place[alias.source], place[alias.result], alias.kind == "view"): alias
        for alias in aliases
    }
    taken = set(choose_merges(buffers, list(shares), effort=_EFFORT).taken)
    return tuple(alias for share, alias in shares.items() if share in taken)


def layouts(
    model: Model, buffers: Sequence[Buffer], wanted: Sequence[Alias], *, effort: int = _EFFORT
) -> Iterator[Layout]:
    """Plans of the model with aliases out of ``wanted``.

    ``buffers`` are all that TFLM plans, in its order: ``lifetimes(model)``, then the scratch.
    """
    units = _units(model, buffers, wanted)
    lives, rest = units.lives, units.rest
    floor = lower_bound([*units.buffers, *rest])

    def layout(offsets: Sequence[int]) -> Layout:
        placed = {key: offsets[place] for key, place in units.places.items()}
        head = greedy.plan(_placed(buffers, lives, placed)).bytes
        return Layout(_listed(model, placed), head, floor, units.aliases)

    together = solve([*units.buffers, *rest], effort=effort).plan
    found = layout(together.offsets)
    yield found
    if found.head > together.bytes:
        # TFLM puts the rest elsewhere than our plan does: without it the tensors lie closer
        yield layout(solve(units.buffers, effort=effort).plan.offsets)


def _placed(
    buffers: Sequence[Buffer], lives: Sequence[Lifetime], offsets: dict[tuple[int, int], int]
) -> list[Buffer]:
    """What TFLM's planner is given: the buffers in its order, with the offsets of the plan."""
    tensors = [
        replace(buffer, offline_offset=offsets.get((life.subgraph, life.tensor)))
        for buffer, life in zip(buffers, lives, strict=False)
    ]
    return [*tensors, *buffers[len(lives) :]]


def _listed(model: Model, offsets: dict[tuple[int, int], int]) -> tuple[int, ...]:
    return tuple(
        offsets.get((subgraph.index, tensor.index), UNTOUCHED)
        for subgraph in model.subgraphs
        for tensor in subgraph.tensors
    )
