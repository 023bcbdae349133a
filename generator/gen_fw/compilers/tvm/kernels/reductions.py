# SPDX-License-Identifier: Apache-2.0
"""Reductions: ``reduce``, ``arg``, ``l2_normalization``, and the pools."""

from __future__ import annotations

from typing import Any

from gen_fw.compilers.tvm.kernels.script import Script, c_type, call, cast, number, static, term
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled
from gen_fw.runtimes.aot.arrays import DTYPES


def reduce(spec: Spec) -> Unscheduled:
    """Sums and extremes over any axes; what becomes of the total is an inline C function."""
    w = spec.words
    total_type = DTYPES[w["total"]]
    output = spec.parameter("output")
    script = Script(spec)
    total = script.local("total", total_type)
    with script.loops([size for size, _ in w["outer"]]) as outer:
        script.line(f"{total} = {number(w['initial'])}")
        with script.loops([size for size, _ in w["inner"]]) as inner:
            steps = [(v, s[0]) for v, (_, s) in zip(outer, w["outer"], strict=True)]
            steps += [(v, s[0]) for v, (_, s) in zip(inner, w["inner"], strict=True)]
            element = cast(total_type, f"input[{term(steps)}]")
            script.line(f"{total} = {_COMBINED[w['name']].format(total, element)}")
        place = term([(v, s[1]) for v, (_, s) in zip(outer, w["outer"], strict=True)])
        result = call(output.dtype, "$finish$", total)
        script.line(f"output[{place}] = {result}")
    head = f"{output.c_type} $finish$({w['total']} total)"
    lines = [*w["lines"], f"return {w['result']};"]
    return Unscheduled(script.func(), helpers=static("finish", head, lines))


_COMBINED = {
    "mean": "{0} + {1}",
    "sum": "{0} + {1}",
    "reduce_max": "T.max({0}, {1})",
    "reduce_min": "T.min({0}, {1})",
    "reduce_all": "T.And({0}, {1})",
}


def arg(spec: Spec) -> Unscheduled:
    """The first of the largest, or smallest, elements."""
    w = spec.words
    script = Script(spec)
    best = script.local("best", "int32")
    extreme = script.local("extreme", spec.parameter("input").dtype)
    with script.loops([w["before"], w["after"]]) as (row, column):
        start = f"{row} * {w['size'] * w['after']} + {column}"
        script.line(f"{best} = 0")
        script.line(f"{extreme} = input[{start}]")
        with script.loop(w["size"]) as i:
            element = f"input[{start} + {i} * {w['after']}]"
            with script.when(f"{element} {w['sign']} {extreme}"):
                script.line(f"{best} = {i}")
                script.line(f"{extreme} = {element}")
        script.line(f"output[{row} * {w['after']} + {column}] = {best}")
    return Unscheduled(script.func())


def pool(spec: Spec) -> Unscheduled:
    """Averages and largest elements of windows, without what lies outside the image."""
    w = spec.words
    average = spec.template != "pool_maximum"
    root = spec.template == "pool_root"
    element = spec.parameter("input").dtype
    real = element == "float32"
    total_type = "float32" if real else "int32"
    script = Script(spec)
    total = script.local("total", total_type)
    shape = (w["batch"], w["out_height"], w["out_width"], w["depth"])
    with script.loops(shape) as (image, row, column, c):
        start = "T.float32(0)" if real and average else "0" if average else number(w["low"])
        script.line(f"{total} = {start}")
        with script.loops([w["kernel_height"], w["kernel_width"]]) as (ky, kx):
            y = f"({row} * {w['stride_height']} + {ky} - {w['pad_top']})"
            x = f"({column} * {w['stride_width']} + {kx} - {w['pad_left']})"
            value = cast(total_type, f"input[{_place(w, image, y, x, c, 'in')}]")
            form = "{0} + {1} * {1}" if root else "{0} + {1}" if average else "T.max({0}, {1})"
            statement = f"{total} = {form.format(total, value)}"
            if w["padded"]:
                inside = f"{y} >= 0 and {y} < {w['height']} and {x} >= 0 and {x} < {w['width']}"
                with script.when(inside):
                    script.line(statement)
            else:
                script.line(statement)
        arguments = [total]
        if average:
            arguments.append(_count(w, row, column))
        place = _place(w, image, row, column, c, "out")
        result = call(element, "$finish$", *arguments)
        script.line(f"output[{place}] = {result}")
    return Unscheduled(script.func(), helpers=_finish(spec, c_type(element), real))


def _finish(spec: Spec, element: str, real: bool) -> str:
    low, high = spec.words["low"], spec.words["high"]
    average = spec.template != "pool_maximum"
    if real:
        value = "total / (float)count" if average else "total"
        value = f"sqrtf({value})" if spec.template == "pool_root" else value
        lines = [f"return clamp_float({value}, {low}, {high});"]
        head = f"float $finish$(float total{', int32_t count' if average else ''})"
    else:
        lines = [f"return ({element})clamp(total, {low}, {high});"]
        head = f"{element} $finish$(int32_t total)"
        if average:
            head = f"{element} $finish$(int32_t total, int32_t count)"
            lines = [
                "const int32_t half = total > 0 ? count / 2 : -(count / 2);",
                f"return ({element})clamp((total + half) / count, {low}, {high});",
            ]
    return static("finish", head, lines)


def _count(w: Any, row: str, column: str) -> str:
    """Elements of a window that lie in the image."""
    if not w["padded"]:
        return str(w["kernel_height"] * w["kernel_width"])

    def extent(at: str, stride: int, pad: int, taps: int, size: int) -> str:
        first = f"{at} * {stride} - {pad}"
        return f"(T.min({first} + {taps}, {size}) - T.max({first}, 0))"

    down = extent(row, w["stride_height"], w["pad_top"], w["kernel_height"], w["height"])
    across = extent(column, w["stride_width"], w["pad_left"], w["kernel_width"], w["width"])
    return f"{down} * {across}"


def _place(w: Any, image: str, y: str, x: str, c: str, side: str) -> str:
    """Index in the image: ``side`` "in" or "out"."""
    height, width = (w["height"], w["width"]) if side == "in" else (w["out_height"], w["out_width"])
    if w.get(f"{side}_layout", "nhwc") == "nchw":
        return f"(({image} * {w['depth']} + {c}) * {height} + {y}) * {width} + {x}"
    return f"(({image} * {height} + {y}) * {width} + {x}) * {w['depth']} + {c}"
