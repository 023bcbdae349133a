# SPDX-License-Identifier: Apache-2.0
"""What a kernel is made of: plain data that came as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gen_fw.runtimes.aot.arrays import DTYPES

#: name, values, the one without tuning -> the value, or TVM's variable for it
Knob = Callable[[str, Sequence[int], int], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A pointer: inputs, outputs, constants."""

    name: str
    c_type: str
    elements: int

    @property
    def dtype(self) -> str:
        return DTYPES[self.c_type]


@dataclass(frozen=True, slots=True)
class Spec:
    """A kernel: ``words`` are those of the step that it is for."""

    template: str
    words: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    #: values of knobs that are not left to the default
    knobs: Mapping[str, int]
    #: registers of the processor that a tile may take
    registers: int

    def parameter(self, name: str) -> Parameter:
        return next(parameter for parameter in self.parameters if parameter.name == name)


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """A kernel before its schedule. ``func``: a PrimFunc; ``schedule``: from a Schedule of it and
    the knobs; None: the loops are as they should be. ``helpers``: C text of functions that it calls
    (lines ``//@static``)."""

    func: Any
    schedule: Callable[[Any, Knob], None] | None = None
    helpers: str = ""


def spec_of(data: Mapping[str, Any]) -> Spec:
    """From JSON."""
    return Spec(
        data["template"],
        data["words"],
        tuple(Parameter(**row) for row in data["parameters"]),
        data.get("knobs", {}),
        data.get("registers", 14),
    )
