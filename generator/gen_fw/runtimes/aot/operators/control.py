# SPDX-License-Identifier: Apache-2.0
"""IF, WHILE and CALL_ONCE: kernels that call the C functions of subgraphs.

A callee gets its arena as scratch of the kernel: nothing of the caller lies there while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.layer import (
    C_TYPES,
    Argument,
    Callee,
    DataArgument,
    Place,
    ScratchArgument,
    Site,
    StateArgument,
    Step,
)
from gen_fw.runtimes.aot.state import Slot
from gen_fw.runtimes.aot.table import operator


@operator("IF", types="any", limits="the condition has one element")
def branch(site: Site) -> Sequence[Step]:
    """IfEval of micro/kernels/if.cc."""
    condition = site.of_type(site.input(0), DType.BOOL)
    site.require(condition.elements == 1, "a condition of several elements")
    options = site.options
    then, other = (
        _callee(site, options.then_subgraph_index),
        _callee(site, options.else_subgraph_index),
    )
    inputs = [site.input(i) for i in range(1, len(site.operator.inputs))]
    outputs = _outputs(site)
    words: dict[str, Any] = {}
    data: dict[str, DataArgument] = {}
    for name, callee in (("then", then), ("other", other)):
        _same(site, inputs, callee.inputs)
        words[name] = {
            **_call(callee),
            "inputs": _copies(callee.inputs, "input"),
            "outputs": _results(site, callee, outputs, data) if callee.outputs else [],
        }
    return [
        _step(
            site,
            "if",
            words,
            [site.reads("condition", condition), *_arguments(site, inputs, outputs, data)],
            [then, other],
        )
    ]


@operator("WHILE", types="any")
def loop(site: Site) -> Sequence[Step]:
    """WhileEval of micro/kernels/while.cc: the values of the loop are in the outputs."""
    options = site.options
    condition = _callee(site, options.cond_subgraph_index)
    body = _callee(site, options.body_subgraph_index)
    inputs = [site.input(i) for i in range(len(site.operator.inputs))]
    outputs = _outputs(site)
    for places in (condition.inputs, body.inputs, body.outputs):
        _same(site, outputs, places)
    _same_tensors(site, inputs, outputs)
    site.require(len(condition.outputs) >= 1, "a condition without output")
    answer = condition.outputs[0]
    site.require(answer.tensor.dtype is DType.BOOL, "a condition that is not bool")
    data: dict[str, DataArgument] = {}
    words = {
        "begin": [
            {"to": f"output{i}", "from": f"input{i}", "bytes": tensor.bytes}
            for i, tensor in enumerate(inputs)
        ],
        "condition": {**_call(condition), "inputs": _copies(condition.inputs, "output")},
        "answer": _source(site, condition, answer, data),
        "body": {
            **_call(body),
            "inputs": _copies(body.inputs, "output"),
            "outputs": _results(site, body, outputs, data),
        },
    }
    arguments = _arguments(site, inputs, outputs, data)
    return [_step(site, "while", words, arguments, [condition, body])]


@operator("CALL_ONCE", types="any")
def once(site: Site) -> Sequence[Step]:
    """CallOnceEval of micro/kernels/call_once.cc; reset forgets that it has run."""
    callee = _callee(site, site.options.init_subgraph_index)
    done = Slot(("once", site.subgraph.index, site.operator.index), 1)
    arguments: list[Argument] = [StateArgument("done", "uint8_t", done)]
    return [_step(site, "call_once", {"callee": _call(callee)}, arguments, [callee])]


def _callee(site: Site, index: int) -> Callee:
    site.require(0 < index < len(site.model.subgraphs), f"there is no subgraph {index} to run")
    site.require(index in site.callees, f"subgraph {index} cannot be made")
    return site.callees[index]


def _outputs(site: Site) -> list[Tensor]:
    return [site.output(i) for i in range(len(site.operator.outputs))]


def _same(site: Site, tensors: Sequence[Tensor], places: Sequence[Place]) -> None:
    _same_tensors(site, tensors, [place.tensor for place in places])


def _same_tensors(site: Site, ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> None:
    site.require(len(ours) == len(theirs), f"{len(ours)} values for {len(theirs)} of a subgraph")
    alike = all(
        a.dtype is b.dtype and a.bytes == b.bytes and a.dtype in C_TYPES
        for a, b in zip(ours, theirs, strict=True)
    )
    site.require(alike, "a value and that of a subgraph differ in type or size")


def _call(callee: Callee) -> dict[str, Any]:
    return {"subgraph": callee.index, "stateful": bool(callee.state)}


def _copies(places: Sequence[Place], name: str) -> list[dict[str, Any]]:
    """What goes to the inputs of a callee; constants and what is empty need nothing."""
    return [
        {
            "to": f"{_base(place)} + {place.offset}",
            "from": f"{name}{i}",
            "bytes": place.tensor.bytes,
        }
        for i, place in enumerate(places)
        if place.kind != "constant" and place.tensor.bytes
    ]


def _results(
    site: Site, callee: Callee, outputs: Sequence[Tensor], data: dict[str, DataArgument]
) -> list[dict[str, Any]]:
    """What comes from the outputs of a callee."""
    _same(site, outputs, callee.outputs)
    return [
        {
            "to": f"output{i}",
            "from": _source(site, callee, place, data),
            "bytes": place.tensor.bytes,
        }
        for i, place in enumerate(callee.outputs)
        if place.tensor.bytes
    ]


def _source(site: Site, callee: Callee, place: Place, data: dict[str, DataArgument]) -> str:
    """C of the address of a callee's output; constants become arguments."""
    if place.kind != "constant":
        return f"{_base(place)} + {place.offset}"
    tensor = place.tensor
    name = f"constant{callee.index}_{tensor.index}"
    data[name] = DataArgument(name, C_TYPES[tensor.dtype], site.constant(tensor), name)
    return name


def _base(place: Place) -> str:
    return "callee" if place.kind == "arena" else "state"


def _arguments(
    site: Site,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    data: dict[str, DataArgument],
) -> list[Argument]:
    return [
        *(site.reads(f"input{i}", tensor) for i, tensor in enumerate(inputs)),
        *(site.writes(f"output{i}", tensor) for i, tensor in enumerate(outputs)),
        *data.values(),
    ]


def _step(
    site: Site,
    template: str,
    words: dict[str, Any],
    arguments: list[Argument],
    callees: Sequence[Callee],
) -> Step:
    state = {slot.key: slot for callee in callees for slot in callee.state}
    size = max(16, *(callee.arena_bytes for callee in callees))
    arguments.append(ScratchArgument("callee", "uint8_t", size))
    if state:
        arguments.append(StateArgument("state", "uint8_t", None))
    indices = list(dict.fromkeys(callee.index for callee in callees))
    return Step(
        template,
        words,
        tuple(arguments),
        f"subgraph{'s' if len(indices) > 1 else ''} {' and '.join(map(str, indices))}",
        state=tuple(state.values()),
    )
