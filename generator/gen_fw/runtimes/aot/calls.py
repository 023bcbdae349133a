# SPDX-License-Identifier: Apache-2.0
"""Steps with a place for each argument: what becomes C text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gen_fw.runtimes.aot.layer import DataArgument, Step


@dataclass(frozen=True, slots=True)
class Call:
    """A step with the place of each argument: offset in the arena, or a constant tensor's data."""

    step: Step
    #: by argument: ("arena" or "state", byte offset there), or None for data
    places: tuple[tuple[str, int] | None, ...]
    #: data of arguments that are constant tensors
    constants: Mapping[str, DataArgument]
    #: bytes of tensors that are written, by parameter
    bytes: Mapping[str, int]
    #: parameters whose memory overlaps
    overlapping: frozenset[str] = frozenset()
    #: a copy of what is there already: no code
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """The calls of one subgraph's function; subgraph 0 is the inference."""

    subgraph: int
    calls: Sequence[Call]
    #: it uses state
    stateful: bool
