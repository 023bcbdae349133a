# SPDX-License-Identifier: Apache-2.0
"""Functions of one element: float32 ones by the C library, ABS and RSQRT of quantized elements,
LOGICAL_NOT."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import (
    exact_ratio,
    float32,
    inverse_square_root,
    quantize_multiplier,
    rescaling,
    scaled,
)
from gen_fw.runtimes.aot.elements import table, unary
from gen_fw.runtimes.aot.expressions import clamped, literal, rescaled
from gen_fw.runtimes.aot.layer import Site, Step
from gen_fw.runtimes.aot.table import operator

#: the element ``x`` -> result, as kernels/internal/reference computes it
_FLOAT: Mapping[str, str] = {
    "ABS": "fabsf(x)",
    "CEIL": "ceilf(x)",
    "COS": "cosf(x)",
    "ELU": "x < 0.0f ? expm1f(x) : x",
    "EXP": "expf(x)",
    "FLOOR": "floorf(x)",
    "LOG": "logf(x)",
    "LOGISTIC": "logistic(x)",
    "NEG": "-x",
    "RELU": "x < 0.0f ? 0.0f : x",
    "RELU6": "x > 6.0f ? 6.0f : x < 0.0f ? 0.0f : x",
    "RSQRT": "1.0f / sqrtf(x)",
    "SIN": "sinf(x)",
    "SQRT": "sqrtf(x)",
    "SQUARE": "x * x",
    "TANH": "tanhf(x)",
}


@operator(*_FLOAT, types="float32", of=[DType.FLOAT32])
def float_function(site: Site) -> Sequence[Step]:
    return _float(site, _FLOAT[site.operator.name])


def _float(site: Site, result: str, lines: Sequence[str] = ()) -> list[Step]:
    source = site.of_type(site.input(0), DType.FLOAT32)
    target = site.of_type(site.output(), DType.FLOAT32)
    return unary(site, source, target, result, ["const float x = @0;", *lines])


@operator("HARD_SWISH", types="float32", of=[DType.FLOAT32])
def hard_swish(site: Site) -> Sequence[Step]:
    lines = [
        "const float lifted = 0.0f < x + 3.0f ? x + 3.0f : 0.0f;",
        "const float gate = lifted < 6.0f ? lifted : 6.0f;",
    ]
    return _float(site, "x * gate / 6.0f", lines)


@operator("LEAKY_RELU", types="float32", of=[DType.FLOAT32])
def leaky_relu(site: Site) -> Sequence[Step]:
    return _float(site, f"x > 0.0f ? x : x * {literal(site.options.alpha)}")


@operator("ROUND", types="float32", of=[DType.FLOAT32])
def round_to_even(site: Site) -> Sequence[Step]:
    """RoundToNearest of kernels/internal/reference/round.h: halves to the even neighbour."""
    lines = ["const float low = floorf(x);", "const float rest = x - low;"]
    even = "rest < 0.5f || (rest == 0.5f && (int32_t)low % 2 == 0)"
    return _float(site, f"{even} ? low : low + 1.0f", lines)


@operator("LOGICAL_NOT", types="bool", of=[DType.BOOL])
def logical_not(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.BOOL)
    return unary(site, source, site.of_type(site.output(), DType.BOOL), "!@0")


@operator("ABS", types="int8", of=[DType.INT8])
def abs_8(site: Site) -> Sequence[Step]:
    """AbsEvalQuantized of kernels/elementwise.cc."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    multiplier = quantize_multiplier(exact_ratio(scale, out_scale))

    def value(element: int) -> int:
        size = abs(element - zero)
        return out_zero + (size if scale == out_scale else scaled(size, *multiplier))

    return table(site, source, target, value)


@operator("ABS", types="int16", limits="zero points 0", of=[DType.INT16])
def abs_16(site: Site) -> Sequence[Step]:
    """Unquantized, the absolute value of -32768 is -32768, as in C++."""
    source = site.of_type(site.input(0), DType.INT16)
    target = site.of_type(site.output(), DType.INT16)
    lines = ["const int32_t x = @0 < 0 ? -@0 : @0;"]
    if source.quantization is None:
        return unary(site, source, target, "(int16_t)x", lines)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    site.require(zero == out_zero == 0, "a zero point")
    value = "x"
    if scale != out_scale:
        to = rescaling(*quantize_multiplier(exact_ratio(scale, out_scale)), 0, 1 << 15, 0)
        lines.append(f"const int32_t value = {rescaled('x', to)};")
        value = "value"
    return unary(site, source, target, clamped(value, "int16_t", -32768, 32767), lines)


#: RsqrtEvalQuantized of kernels/elementwise.cc
_RSQRT_SHIFT = 20


@operator(
    "RSQRT",
    types="int8",
    limits="what lies below the zero point gives the largest output, where TFLM stops",
    of=[DType.INT8],
)
def rsqrt_8(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    site.require(scale > 0 and out_scale > 0, "a scale that is not positive")
    root = float32(math.sqrt(scale))
    multiplier, shift = quantize_multiplier(exact_ratio(1.0, root * out_scale))

    def value(element: int) -> int:
        if element <= zero:
            return 127
        inverse, exponent = inverse_square_root(element - zero)
        data = scaled(1, inverse, exponent + _RSQRT_SHIFT)
        return scaled(data, multiplier, shift - _RSQRT_SHIFT) + out_zero

    return table(site, source, target, value)
