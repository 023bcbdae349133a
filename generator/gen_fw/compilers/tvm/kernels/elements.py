# SPDX-License-Identifier: Apache-2.0
"""Element by element, and moving of elements: the templates ``elementwise``, ``move``,
``copy_bytes`` and ``indexed`` of the generated-C runtime."""

from __future__ import annotations

import re

from gen_fw.compilers.tvm.kernels.script import (
    Script,
    address,
    call,
    number,
    static,
    term,
)
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled

_SOURCE = re.compile(r"@(\d)")


def elementwise(spec: Spec) -> Unscheduled:
    """The formula is an inline C function of the elements; loops are TVM's."""
    w = spec.words
    count = w["sources"]
    names = [f"input{i}" if count > 1 else "input" for i in range(count)]
    data = [p for p in spec.parameters if p.name not in (*names, "output")]
    output = spec.parameter("output")
    arguments = [f"{spec.parameter(name).c_type} x{i}" for i, name in enumerate(names)]
    arguments += [f"const {p.c_type} *{p.name}" for p in data]
    lines = [_SOURCE.sub(r"x\1", line) for line in w["lines"]]
    result = _SOURCE.sub(r"x\1", w["result"])
    lines.append(f"return {result};")
    head = f"{output.c_type} $element$({', '.join(arguments)})"
    script = Script(spec)
    with script.loops([size for size, _ in w["loops"]]) as at:
        places = [
            term([(v, steps[i]) for v, (_, steps) in zip(at, w["loops"], strict=True)], start)
            for i, start in enumerate(w["starts"])
        ]
        values = [f"{name}[{places[i]}]" for i, name in enumerate(names)]
        values += [address(p.name) for p in data]
        result = call(output.dtype, "$element$", *values)
        script.line(f"output[{places[count]}] = {result}")
    return Unscheduled(script.func(), helpers=static("element", head, lines))


def move(spec: Spec) -> Unscheduled:
    """A box of elements from one place to another, over a filled output."""
    w = spec.words
    source = spec.parameters[0].name
    fill = w["fill"]
    script = Script(spec)
    if fill is not None:
        value = fill if fill == "value[0]" else number(fill)
        with script.loop(w["fill_elements"]) as i:
            script.line(f"output[{i}] = {value}")
    with script.loops([size for size, _ in w["loops"]]) as at, script.loop(w["run"]) as run:
        read, written = (
            term(
                [*((v, s[i]) for v, (_, s) in zip(at, w["loops"], strict=True)), (run, 1)],
                w["start"][i],
            )
            for i in (0, 1)
        )
        script.line(f"output[{written}] = {source}[{read}]")
    return Unscheduled(script.func())


def copy_bytes(spec: Spec) -> Unscheduled:
    """All elements in their order."""
    script = Script(spec)
    with script.loop(spec.parameter("output").elements) as i:
        script.line(f"output[{i}] = input[{i}]")
    return Unscheduled(script.func())


def indexed(spec: Spec) -> Unscheduled:
    """Runs of elements from places that are known."""
    w = spec.words
    script = Script(spec)
    sizes = [size for size, _, _ in w["loops"]]
    with script.loops(sizes) as at, script.loop(w["run"]) as run:
        read, written, turn = [], [], w["run"]
        for variable, (size, step, table) in reversed(list(zip(at, w["loops"], strict=True))):
            read.append(
                f'T.Cast("int32", {table}[{variable}])' if table else f"{variable} * {step}"
            )
            written.append((variable, turn))
            turn *= size
        place = " + ".join([*read, run])
        script.line(f"output[{term([*written, (run, 1)])}] = input[{place}]")
    return Unscheduled(script.func())
