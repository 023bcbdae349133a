# SPDX-License-Identifier: Apache-2.0
"""The one inline C function of a kernel that makes an output of a sum (words of
runtimes/aot/numbers.py); TVM's code calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tvm import tirx

from gen_fw.compilers.tvm.kernels.spec import Spec

#: "kind" of a layer -> C type of outputs
_OUTPUTS = {"int8": "int8_t", "int16": "int16_t", "wide": "int16_t", "float": "float"}
CALL = "$requantize$"
_WIDTH = 94


def helper(spec: Spec) -> str:
    """Its text."""
    words = spec.words
    kind = words["kind"]
    output = _OUTPUTS[kind]
    low, high, zero = words["low"], words["high"], words.get("zero_point", 0)
    parameters = [f"{sum_type(spec)} sum"]
    lines: list[str] = []
    if kind in ("int8", "int16"):
        parameters += [f"int32_t {name}" for name in ("bias", "multiplier", "offset", "shift")]
        total = "sum + bias"
    elif kind == "wide":
        parameters += ["int32_t multiplier", "int32_t shift"]
        total = "sum"
        if words["biased"]:
            parameters.append("int64_t bias")
            total = "sum + bias"
    else:
        total = "sum"
        if words["biased"]:
            parameters.append("float bias")
            total = "sum + bias"
    if kind == "float":
        lines = [f"return clamp_float({total}, {low}, {high});"]
    elif kind == "wide":
        lines = [f"return narrow_wide({total}, multiplier, shift, {zero}, {low}, {high});"]
    elif kind == "int16" or words["scaling"] == "plain":
        value = f"scaled((int32_t)({total}), multiplier, offset, shift)"
        lines = [
            f"const int32_t value = {value};",
            f"return ({output})(clamp(value, {low - zero}, {high - zero}){_plus(zero)});",
        ]
    else:
        sign = " + (sum4 >> 31) * 2" if words["scaling"] == "fast" else ""
        limited = f"clamp(value, {low - zero}, {high - zero})"
        if (low - zero, high - zero) == (-128, 127):
            limited = "saturate(value)"
        lines = [
            f"const int32_t sum4 = ({total}) * 4;",
            f"const int32_t value = (high_product(sum4, multiplier){sign} + offset) >> shift;",
            f"return (int8_t)({limited}{_plus(zero)});",
        ]
    body = "".join(f"  {line}\n" for line in lines)
    head = f"static inline {output} {CALL}({', '.join(parameters)})"
    if len(head) > _WIDTH:
        start = head.index("(") + 1
        head = head.replace(", int32_t offset", f",\n{' ' * start}int32_t offset")
    return f"//@static requantize\n{_COMMENTS[kind]}{head} {{\n{body}}}\n//@end\n"


_COMMENTS = {
    "int8": "/// The output for a sum: both roundings of TensorFlow Lite, zero point, limits.\n",
    "int16": "/// The output for a sum, rounded twice.\n",
    "wide": "/// The output for a 64-bit sum, rounded once.\n",
    "float": "/// The output for a sum.\n",
}


def _plus(number: int) -> str:
    return f" + {number}" if number > 0 else f" - {-number}" if number < 0 else ""


def sum_type(spec: Spec) -> str:
    """C type of sums."""
    if spec.words["kind"] == "float":
        return "float"
    return "int64_t" if spec.words["kind"] == "wide" or spec.words.get("sum64") else "int32_t"


def finished(spec: Spec, buffers: Mapping[str, Any], total: Any, channel: Any) -> Any:
    """The call with a sum, in TE: an output element."""
    more = arguments(spec, lambda name, at: buffers[name][at], channel)
    return tirx.call_extern(spec.parameter("output").dtype, CALL, total, *more)


def arguments(spec: Spec, load: Callable[[str, Any], Any], channel: Any) -> list[Any]:
    """What it is called with beside the sum, for an output channel; ``load`` reads an element of a
    parameter."""
    kind = spec.words["kind"]
    if kind in ("int8", "int16"):
        return [load("channels", channel * 4 + i) for i in range(4)]
    found = []
    if kind == "wide":
        found = [load("scales", channel * 2), load("scales", channel * 2 + 1)]
    if spec.words["biased"]:
        found.append(load("biases", channel))
    return found
