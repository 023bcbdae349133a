# SPDX-License-Identifier: Apache-2.0
"""``l2_normalization``, and logarithms of softmax."""

from __future__ import annotations

from gen_fw.compilers.tvm.kernels.normalize import rows
from gen_fw.compilers.tvm.kernels.script import Script, call, cast, number, static
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled


def l2_normalization(spec: Spec) -> Unscheduled:
    """Rows divided by their norm."""
    w = spec.words
    real, depth = w["real"], w["depth"]
    total_type = "float32" if real else "int32"
    element_type = spec.parameter("output").dtype
    script = Script(spec)
    total = script.local("total", total_type)
    factor, right = script.local("factor", total_type), script.local("right", "int32")
    zero = "" if real or not w["zero"] else f" - {w['zero']}"
    with script.loop(w["rows"]) as row:

        def element(c: str) -> str:
            return f"({cast(total_type, f'input[{row} * {depth} + {c}]')}{zero})"

        script.line(f"{total} = {'T.float32(0)' if real else 0}")
        with script.loop(depth) as c:
            script.line(f"{total} = {total} + {element(c)} * {element(c)}")
        script.line(f"{factor} = {call(total_type, '$factor$', total)}")
        if not real:
            script.line(f"{right} = {call('int32', '$right$', total)}")
        with script.loop(depth) as c:
            more = [] if real else [right]
            value = call(element_type, "$share$", element(c), factor, *more)
            script.line(f"output[{row} * {depth} + {c}] = {value}")
    return Unscheduled(script.func(), helpers=_REAL if real else _BYTES)


_REAL = static(
    "factor",
    "float $factor$(float sum)",
    ["const float root = sqrtf(sum);", "return root < 1e-6f ? 1e-6f : root;"],
) + static("share", "float $share$(float x, float norm)", ["return x / norm;"])
_BYTES = (
    static(
        "factor",
        "int32_t $factor$(int32_t sum)",
        ["int32_t right;", "return inverse_square_root(sum, &right);"],
    )
    + static(
        "right",
        "int32_t $right$(int32_t sum)",
        [
            "int32_t right;",
            "(void)inverse_square_root(sum, &right);",
            "return right - 7;  // the output scale is 1/128",
        ],
    )
    + static(
        "share",
        "int8_t $share$(int32_t x, int32_t multiplier, int32_t right)",
        [
            "const int32_t left = right < 0 ? -right : 0;",
            "const int32_t value = scaled(x, multiplier, left, right > 0 ? right : 0);",
            "return (int8_t)clamp(value, -128, 127);",
        ],
    )
)


def log_softmax(spec: Spec) -> Unscheduled:
    """int8: differences and their exponentials are tables."""
    w = spec.words
    depth = w["depth"]
    reach = f"scaled((int32_t)((uint32_t)log_sum + 0x80000000u), {w['divisor']}, 0, {w['right']})"
    helpers = static("log", "int32_t $log$(int32_t sum)", ["return logarithm(sum);"])
    helpers += static(
        "value",
        "int8_t $value$(int32_t difference, int32_t log_sum, const int32_t *differences)",
        [
            f"const int32_t reach = {reach};",
            f"const int32_t least = reach > {w['least']} ? reach : {w['least']};",
            "if (difference <= least) {",
            "  return -128;",
            "}",
            "const int32_t whole = rounded_shift(differences[-difference] - log_sum, 22) + 127;",
            "return (int8_t)clamp(whole, -128, 127);",
        ],
    )
    script = Script(spec)
    total = script.local("total", "int32")
    with rows(script, "int32", "-128") as (place, element, largest):
        script.line(f"{total} = 0")
        with script.loop(depth) as c:
            script.line(f"{total} = {total} + exponentials[{largest} - {element(c)}]")
        script.line(f"{total} = {call('int32', '$log$', total)}")
        with script.loop(depth) as c:
            table = "T.address_of(differences[0])"
            value = call("int8", "$value$", f"{element(c)} - {largest}", total, table)
            script.line(f"output[{place(c)}] = {value}")
    return Unscheduled(script.func(), helpers=helpers)


def log_softmax_float(spec: Spec) -> Unscheduled:
    w = spec.words
    depth = w["depth"]
    script = Script(spec)
    total = script.local("total", "float32")
    with rows(script, "float32", number("-FLT_MAX")) as (place, element, largest):
        script.line(f"{total} = T.float32(0)")
        with script.loop(depth) as c:
            exponential = call("float32", "expf", f"{element(c)} - {largest}")
            script.line(f"{total} = {total} + {exponential}")
        script.line(f"{total} = {call('float32', 'logf', total)}")
        with script.loop(depth) as c:
            script.line(f"output[{place(c)}] = {element(c)} - {largest} - {total}")
    return Unscheduled(script.func())
