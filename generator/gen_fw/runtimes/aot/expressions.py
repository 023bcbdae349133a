# SPDX-License-Identifier: Apache-2.0
"""C text of what a kernel computes from its elements. Kernels are loops, these are the formulas."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType

#: smallest and largest element of the integer types
RANGES: Mapping[DType, tuple[int, int]] = {
    DType.INT8: (-128, 127),
    DType.UINT8: (0, 255),
    DType.INT16: (-32768, 32767),
    DType.INT32: (-(1 << 31), (1 << 31) - 1),
}


def plus(number: int) -> str:
    """`` + number``, with its sign; nothing for 0."""
    return f" + {number}" if number > 0 else f" - {-number}" if number < 0 else ""


def rescaled(value: str, to: Mapping[str, int | str]) -> str:
    """The value of a variable, rescaled and with the zero point added. ``to`` is made by
    ``gen_fw.runtimes.aot.arithmetic.rescaling``."""
    if to["form"] == "plain":
        scaled = f"scaled({value}, {to['multiplier']}, {to['left']}, {to['right']})"
        return scaled + plus(int(to["zero_point"]))
    sign = f" + ({value} >> 31) * 2" if to["form"] == "fast" else ""
    high = f"high_product({value} * 4, {to['multiplier']}){sign}{plus(int(to['offset']))}"
    return f"({high}) >> {to['shift']}"


def literal(value: float) -> str:
    """A single-precision literal that loses nothing."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"{value.hex()}f"


def clamped(value: str, c_type: str, low: int, high: int) -> str:
    """An int32 expression limited to an element type or a narrower range."""
    return f"({c_type})clamp({value}, {low}, {high})"


#: smallest and largest output of an activation on real numbers; None: none
_ACTIVATIONS: Mapping[ActivationFunctionType, tuple[int | None, int | None]] = {
    ActivationFunctionType.RELU: (0, None),
    ActivationFunctionType.RELU6: (0, 6),
    ActivationFunctionType.RELU_N1_TO_1: (-1, 1),
}


def real_range(activation: ActivationFunctionType) -> tuple[str, str]:
    """C literals of the smallest and the largest float32 output; CalculateActivationRange. TFLM
    limits to finite numbers even without activation, and ignores activations other than three."""
    low, high = _ACTIVATIONS.get(activation, (None, None))
    return "-FLT_MAX" if low is None else f"{low}.0f", "FLT_MAX" if high is None else f"{high}.0f"


def activated(value: str, activation: ActivationFunctionType, dtype: DType) -> str:
    """A fused activation of a float32 or unquantized int32 expression."""
    if dtype is DType.FLOAT32:
        least, most = real_range(activation)
        return f"clamp_float({value}, {least}, {most})"
    low, high = _ACTIVATIONS.get(activation, (None, None))
    if low is None and high is None:
        return value
    return f"clamp({value}, {low}, {'INT32_MAX' if high is None else high})"
