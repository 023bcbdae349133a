# SPDX-License-Identifier: Apache-2.0
"""Steps of a model -> specifications of kernels, and back: steps with the memory that TVM's
kernels need for themselves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gen_fw.compilers.tvm.templates import TEMPLATES
from gen_fw.model.types import Subgraph
from gen_fw.runtimes.aot.layer import (
    Argument,
    DataArgument,
    ScratchArgument,
    StateArgument,
    Step,
    TensorArgument,
)

#: kernels whose output may lie over an input as the generated-C runtime's own: the loops are the
#: same ones, in the same order
_SAME_ORDER = frozenset({"elementwise", "softmax_float", "softmax_wide"})


@dataclass(frozen=True, slots=True)
class Kernel:
    """What TVM made: ``text`` is C with @ for the signature, ``workspaces`` are (parameter, C type,
    bytes)."""

    text: str
    workspaces: tuple[tuple[str, str, int], ...]
    #: knob of the schedule -> its values, and the one without tuning
    space: Mapping[str, tuple[tuple[int, ...], int]] = field(default_factory=dict)
    #: why there is none; empty when there is one
    fault: str = ""


#: specifications (plain data) -> kernels in their order
Compile = Callable[[Sequence[Mapping[str, Any]]], Sequence[Kernel]]


def refuses(step: Step) -> str:
    """Why TVM has no kernel for a step; empty when it has one."""
    stateful = any(isinstance(argument, StateArgument) for argument in step.arguments)
    if stateful or step.state:
        return "it keeps state between inferences, and archives keep none"
    if step.template not in TEMPLATES:
        return "there is no kernel for it in TVM's TE or TIR"
    return ""


def plain(step: Step) -> Step:
    """The step with arguments that TVM has types for, and without liberties of the generated-C
    runtime's kernels."""
    return replace(
        step,
        arguments=tuple(
            _plain(argument)
            for argument in step.arguments
            if not isinstance(argument, ScratchArgument)
        ),
        over=step.over if step.template in _SAME_ORDER else (),
        backward=None,
        kernels="tvm",
        why="",
    )


def _plain(argument: Argument) -> Argument:
    """Parameters of channels are an array of int32."""
    if isinstance(argument, DataArgument):
        c_type = "int32_t" if argument.c_type == "channel" else argument.c_type
        return replace(argument, c_type=c_type, data=argument.data.reshape(-1))
    return argument


def specification(step: Step, graph: Subgraph, registers: int) -> dict[str, Any]:
    """A plain step as data for ``kernels.spec.spec_of``; without knobs."""
    parameters = [
        {"name": argument.parameter, "c_type": argument.c_type, "elements": _size(argument, graph)}
        for argument in step.arguments
        if isinstance(argument, TensorArgument | DataArgument)
    ]
    # the output comes last, as TVM's create_prim_func has it
    parameters.sort(key=lambda row: row["name"] == "output")
    words = {**step.words, "name": step.name}
    return {
        "template": step.template,
        "words": words,
        "parameters": parameters,
        "registers": registers,
    }


def _size(argument: TensorArgument | DataArgument, graph: Subgraph) -> int:
    if isinstance(argument, DataArgument):
        return int(argument.data.size)
    return max(graph.tensors[argument.tensor].elements, 1)


def key(specification: Mapping[str, Any]) -> str:
    """What a kernel computes, and in which shapes: equal for equal kernels of all models. Limits
    and scales of outputs do not matter for its speed and are left out."""
    words = {
        name: value
        for name, value in specification["words"].items()
        if name not in ("low", "high", "zero_point", "input_zero")
    }
    parameters = [[p["name"], p["c_type"], p["elements"]] for p in specification["parameters"]]
    text = json.dumps([specification["template"], words, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def finished(
    steps: Sequence[Step], graph: Subgraph, registers: int, knobs: Mapping[str, Any], run: Compile
) -> list[Step]:
    """The steps with their kernels: the words of each are its C text, and the workspaces of the
    kernel are scratch. ``knobs``: by ``key``, of what is tuned."""
    steps = [plain(step) for step in steps]
    specs: dict[str, dict[str, Any]] = {}
    names: list[str] = []
    for step in steps:
        spec = specification(step, graph, registers)
        spec["knobs"] = dict(knobs.get(key(spec), {}))
        name = json.dumps(spec, sort_keys=True)
        specs.setdefault(name, spec)
        names.append(name)
    made = dict(zip(specs, run(list(specs.values())), strict=True))
    return [
        replace(
            step,
            template="tvm",
            words={"text": made[name].text, "kernel": made[name], "specification": specs[name]},
            arguments=(*step.arguments, *(ScratchArgument(*row) for row in made[name].workspaces)),
            name=step.name or step.template,
        )
        for step, name in zip(steps, names, strict=True)
    ]
