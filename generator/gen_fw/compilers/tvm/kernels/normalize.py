# SPDX-License-Identifier: Apache-2.0
"""Rows that are scaled by something of themselves: softmax in its three forms, l2 norm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from gen_fw.compilers.tvm.kernels.script import Script, address, call, cast, number, static
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled

_ZEROS = static(
    "zeros",
    "int32_t $zeros$(int32_t sum)",
    [
        "int32_t zeros = 0;",
        "while (((uint32_t)sum << zeros & 0x80000000u) == 0) {",
        "  ++zeros;",
        "}",
        "return zeros;",
    ],
)


@contextlib.contextmanager
def rows(
    script: Script, dtype: str, lowest: str
) -> Iterator[tuple[Callable[[str], str], Callable[[str], str], str]]:
    """A loop over rows, in which the largest element of a row is known: the index of an element of
    that row, its value as ``dtype``, and the largest of them."""
    depth = script.spec.words["depth"]
    same = script.spec.parameter("input").dtype == dtype
    with script.loop(script.spec.words["rows"]) as row:

        def place(c: str) -> str:
            return f"{row} * {depth} + {c}"

        def element(c: str) -> str:
            value = f"input[{place(c)}]"
            return value if same else cast(dtype, value)

        yield place, element, script.largest(dtype, lowest, depth, element)


def softmax(spec: Spec) -> Unscheduled:
    """int8: exponentials are a table."""
    w = spec.words
    bits, depth = w["bits"], w["depth"]
    output = spec.parameter("output")
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    helpers = _ZEROS + static(
        "scale",
        "int32_t $scale$(int32_t sum, int32_t zeros)",
        ["return one_over_one_plus((int32_t)(((uint32_t)sum << zeros) - 0x80000000u));"],
    )
    helpers += static(
        "share",
        f"{output.c_type} $share$(int32_t scale, int32_t exponential, int32_t zeros)",
        [
            "const int32_t product = doubling_high_product(scale, exponential);",
            f"const int32_t value = rounded_shift(product, {43 - bits} - zeros) - {-low};",
            f"return ({output.c_type})clamp(value, {low}, {high});",
        ],
    )
    script = Script(spec)
    total = script.local("total", "int32")
    zeros, scale = script.local("zeros", "int32"), script.local("scale", "int32")
    with rows(script, "int32", "-128") as (place, element, largest):
        script.line(f"{total} = 0")
        with script.loop(depth) as c:
            exponential = f"exponentials[{largest} - {element(c)}]"
            rounded = call("int32", "rounded_shift", exponential, "12")
            script.line(f"{total} = {total} + {rounded}")
        script.line(f"{zeros} = {call('int32', '$zeros$', total)}")
        script.line(f"{scale} = {call('int32', '$scale$', total, zeros)}")
        with script.loop(depth) as c:
            exponential = f"exponentials[{largest} - {element(c)}]"
            value = call(output.dtype, "$share$", scale, exponential, zeros)
            script.line(f"output[{place(c)}] = {value}")
    return Unscheduled(script.func(), helpers=helpers)


def softmax_float(spec: Spec) -> Unscheduled:
    """Exponentials go to the output, then are divided."""
    w = spec.words
    depth = w["depth"]
    script = Script(spec)
    total = script.local("total", "float32")
    with rows(script, "float32", number("-FLT_MAX")) as (place, element, largest):
        script.line(f"{total} = T.float32(0)")
        with script.loop(depth) as c:
            difference = f"{element(c)} - {largest}"
            if w["beta"]:
                difference = f"({difference}) * {number(w['beta'])}"
            script.line(f"output[{place(c)}] = {call('float32', 'expf', difference)}")
            script.line(f"{total} = {total} + output[{place(c)}]")
        with script.loop(depth) as c:
            script.line(f"output[{place(c)}] = output[{place(c)}] / {total}")
    return Unscheduled(script.func())


def softmax_wide(spec: Spec) -> Unscheduled:
    """int16: two tables with interpolation."""
    w = spec.words
    depth = w["depth"]
    scaling = f"{w['multiplier']}, {w['left']}, {w['right']}"
    helpers = _ZEROS + static(
        "exponential",
        "int16_t $exponential$(int32_t difference, const int16_t *exponentials)",
        [
            f"const int32_t place = scaled(difference, {scaling}) + 32767;",
            "return interpolated(exponentials, clamp(place, -32768, 32767));",
        ],
    )
    helpers += static(
        "scale",
        "int32_t $scale$(int32_t sum, int32_t zeros, const int16_t *reciprocals)",
        [
            "const int64_t part = (((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14;",
            "return interpolated(reciprocals, clamp((int32_t)part - 98304, -32768, 32767));",
        ],
    )
    helpers += static(
        "share",
        "int16_t $share$(int32_t scale, int32_t exponential, int32_t zeros)",
        [
            "const int32_t half = (int32_t)(1u << (30 - zeros));",
            "const int64_t value = ((int64_t)exponential * scale + half) >> (31 - zeros);",
            "return (int16_t)clamp((int32_t)value, 0, 32767);",
        ],
    )
    script = Script(spec)
    total = script.local("total", "int32")
    zeros, scale = script.local("zeros", "int32"), script.local("scale", "int32")
    with rows(script, "int32", "-32768") as (place, element, largest):
        script.line(f"{total} = 0")
        with script.loop(depth) as c:
            difference = f"{element(c)} - {largest}"
            value = call("int16", "$exponential$", difference, address("exponentials"))
            script.line(f"output[{place(c)}] = {value}")
            script.line(f"{total} = {total} + {cast('int32', f'output[{place(c)}]')}")
        script.line(f"{zeros} = {call('int32', '$zeros$', total)}")
        reciprocal = call("int32", "$scale$", total, zeros, address("reciprocals"))
        script.line(f"{scale} = {reciprocal}")
        with script.loop(depth) as c:
            exponential = cast("int32", f"output[{place(c)}]")
            value = call("int16", "$share$", scale, exponential, zeros)
            script.line(f"output[{place(c)}] = {value}")
    return Unscheduled(script.func(), helpers=helpers)
