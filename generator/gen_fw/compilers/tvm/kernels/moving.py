# SPDX-License-Identifier: Apache-2.0
"""``cumsum``, ``slice_at`` (slices whose begin is computed) and ``space_to_batch``."""

from __future__ import annotations

from gen_fw.compilers.tvm.kernels.script import Script, call, cast, static, term
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled
from gen_fw.runtimes.aot.arrays import DTYPES


def cumsum(spec: Spec) -> Unscheduled:
    """Running sums along an axis; the step and the output are inline C functions."""
    w = spec.words
    kind, element = w["total"], w["c_type"]
    total_type, output = DTYPES[kind], spec.parameter("output")
    helpers = static("first", f"{kind} $first$(void)", [f"return {w['initial']};"])
    head = f"{kind} $next$({kind} total, {element} x)"
    helpers += static("next", head, [w["each"], "return total;"])
    # some outputs are made of the element too
    lines = ["(void)x;", *w["lines"], f"return {w['result']};"]
    helpers += static("value", f"{output.c_type} $value$({kind} total, {element} x)", lines)
    script = Script(spec)
    total = script.local("total", total_type)
    held = script.local("held", spec.parameter("input").dtype)
    with script.loops([w["before"], w["after"]]) as (row, column):
        script.line(f"{total} = {call(total_type, '$first$')}")
        with script.loop(w["size"]) as i:
            start = f"{row} * {w['size'] * w['after']} + {column}"
            at = f"{start} + {w['first']} + {i} * {w['step']}"
            # the output may lie over the input
            script.line(f"{held} = input[{at}]")
            following = f"{total} = {call(total_type, '$next$', total, held)}"
            if not w["exclusive"]:
                script.line(following)
            script.line(f"output[{at}] = {call(output.dtype, '$value$', total, held)}")
            if w["exclusive"]:
                script.line(following)
    return Unscheduled(script.func(), helpers=helpers)


def slice_at(spec: Spec) -> Unscheduled:
    """A part of the input, or the input with a part replaced; begins are limited to the tensor."""
    w = spec.words
    script = Script(spec)
    update = w["update"]
    if update:
        with script.loop(spec.parameter("output").elements) as i:
            script.line(f"output[{i}] = input[{i}]")
    begins = " + ".join(
        f"T.max(0, T.min({cast('int32', f'begins[{n}]')}, {most})) * {w['steps'][n]}"
        for n, most in enumerate(w["free"])
        if most
    )
    with script.loops(w["shape"]) as at:
        whole = term(list(zip(at, w["steps"], strict=True)))
        whole = f"{whole} + {begins}" if begins else whole
        part, step = [], 1
        for variable, size in reversed(list(zip(at, w["shape"], strict=True))):
            part.append((variable, step))
            step *= size
        if update:
            script.line(f"output[{whole}] = update[{term(part)}]")
        else:
            script.line(f"output[{term(part)}] = input[{whole}]")
    return Unscheduled(script.func())


def space_to_batch(spec: Spec) -> Unscheduled:
    """Blocks of pixels become images; what lies outside is zero, as in TFLM."""
    w = spec.words
    dtype = spec.parameter("output").dtype
    script = Script(spec)
    shape = (w["out_batch"], w["out_height"], w["out_width"], w["depth"])
    with script.loops(shape) as (image, row, column, c):
        source = f"T.floormod({image}, {w['batch']})"
        down = f"T.floordiv({image}, {w['batch'] * w['block_width']})"
        across = f"T.floormod(T.floordiv({image}, {w['batch']}), {w['block_width']})"
        y = f"({row} * {w['block_height']} + {down} - {w['pad_top']})"
        x = f"({column} * {w['block_width']} + {across} - {w['pad_left']})"
        to = f"(({image} * {w['out_height']} + {row}) * {w['out_width']} + {column})"
        to = f"{to} * {w['depth']} + {c}"
        script.line(f"output[{to}] = {cast(dtype, '0')}")
        inside = f"{y} >= 0 and {y} < {w['height']} and {x} >= 0 and {x} < {w['width']}"
        with script.when(inside):
            place = f"(({source} * {w['height']} + {y}) * {w['width']} + {x}) * {w['depth']} + {c}"
            script.line(f"output[{to}] = input[{place}]")
    return Unscheduled(script.func())
