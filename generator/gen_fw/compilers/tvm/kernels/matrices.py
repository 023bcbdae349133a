# SPDX-License-Identifier: Apache-2.0
"""``matmul``, products of two computed matrices, and ``gather``."""

from __future__ import annotations

from gen_fw.compilers.tvm.kernels.script import Script, call, cast, static, term
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled
from gen_fw.runtimes.aot.arrays import DTYPES


def matmul(spec: Spec) -> Unscheduled:
    """output[m][n] = sum of a[m][k] * b[n][k], matrices with any steps."""
    w = spec.words
    real = w["value"] == "float"
    total_type = DTYPES[w["sum_type"]]
    output = spec.parameter("output")
    script = Script(spec)
    total = script.local("total", total_type)
    with script.loops([size for size, _ in w["loops"]]) as at:
        starts = [
            term([(v, steps[i]) for v, (_, steps) in zip(at, w["loops"], strict=True)])
            for i in range(3)
        ]
        with script.loops([w["rows"], w["columns"]]) as (m, n):
            script.line(f"{total} = {'T.float32(0)' if real else 0}")
            with script.loop(w["depth"]) as k:
                a = f"input0[{starts[0]} + {term([(m, w['a_row']), (k, w['a_step'])])}]"
                b = f"input1[{starts[1]} + {term([(n, w['b_row']), (k, w['b_step'])])}]"
                a, b = cast(total_type, a), cast(total_type, b)
                if not real:
                    a, b = f"({a} - {w['a_zero']})", f"({b} - {w['b_zero']})"
                script.line(f"{total} = {total} + {a} * {b}")
            if w["biased"]:
                script.line(f"{total} = {total} + {cast(total_type, f'bias[{n}]')}")
            place = f"{starts[2]} + {m} * {w['columns']} + {n}"
            script.line(f"output[{place}] = {call(output.dtype, '$finish$', total)}")
    return Unscheduled(script.func(), helpers=_finish(spec, real))


def _finish(spec: Spec, real: bool) -> str:
    w = spec.words
    head = f"{w['value']} $finish$({w['sum_type']} total)"
    if real:
        limited = f"clamp_float(total, {w['low']}, {w['high']})" if w["limited"] else "total"
        return static("finish", head, [f"return {limited};"])
    if w["wide"]:
        value = f"scaled_wide(total, {w['multiplier']}, {w['right']})"
    else:
        narrow = "(int32_t)total" if w["sum_type"] == "int64_t" else "total"
        value = f"scaled({narrow}, {w['multiplier']}, {w['left']}, {w['right']})"
    zero = w["out_zero"]
    plus = f" + {zero}" if zero > 0 else f" - {-zero}" if zero < 0 else ""
    result = f"({w['value']})clamp({value}{plus}, {w['low']}, {w['high']})"
    return static("finish", head, [f"return {result};"])


def gather(spec: Spec) -> Unscheduled:
    """Runs of elements from computed places, which are limited to the input as TFLM does not."""
    w = spec.words
    counts, element = w["counts"], spec.parameter("output")
    script = Script(spec)
    with script.loops([w["parts"], w["rows"], w["lookups"]]) as (part, row, lookup):
        first = f"({part} * {w['lookups']} + {lookup}) * {len(counts)}"
        terms = " + ".join(
            f"{cast('int32', f'indices[{first} + {i}]')} * {count}"
            for i, count in enumerate(counts)
        )
        at = f"T.max(0, T.min({terms}, {w['part'] - w['run']}))"
        start = f"{part} * {w['part'] * w['rows']} + {row} * {w['part']}"
        with script.loop(w["run"]) as i:
            turn = f"({part} * {w['rows']} + {row}) * {w['lookups']} + {lookup}"
            value = f"input[{start} + {at} + {i}]"
            if w["convert"]:
                value = call(element.dtype, "$element$", value)
            script.line(f"output[({turn}) * {w['run']} + {i}] = {value}")
    helpers = ""
    if w["convert"]:
        head = f"{element.c_type} $element$({spec.parameter('input').c_type} x)"
        helpers = static("element", head, [f"return {w['convert'].replace('@0', 'x')};"])
    return Unscheduled(script.func(), helpers=helpers)
