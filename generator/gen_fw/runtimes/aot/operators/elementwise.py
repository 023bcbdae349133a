# SPDX-License-Identifier: Apache-2.0
"""Operators on single elements: 8-bit ones are tables, computed here with TFLM's arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import (
    float32,
    input_radius,
    logistic,
    quantize_multiplier,
    round_half_away,
    rounded_shift,
    scaled,
)
from gen_fw.runtimes.aot.layer import DataArgument, Over, Site, Step
from gen_fw.runtimes.aot.table import operator

_LIMITS = {DType.INT8: (-128, 127), DType.UINT8: (0, 255)}


@operator("LOGISTIC", types="int8", limits="output zero point -128")
def logistic_8(site: Site) -> Sequence[Step]:
    """Logistic of reference/integer_ops/logistic.h: 4 integer bits in, 8 out."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    scale, zero = site.affine(source)
    site.require(site.affine(target)[1] == -128, "an output zero point that is not -128")
    fraction, left = math.frexp(scale * (1 << 27))
    multiplier = round_half_away(fraction * (1 << 31))
    site.require(0 <= left <= 31 and multiplier < 1 << 31, "an input scale out of range")
    radius = input_radius(4, left)

    def value(element: int) -> int:
        centred = element - zero
        if centred <= -radius:
            return -128
        if centred >= radius:
            return 127
        return rounded_shift(logistic(scaled(centred, multiplier, left), 4), 23) - 128

    return [_table(site, source, target, value)]


@operator("RELU", types="int8")
def relu(site: Site) -> Sequence[Step]:
    """ReluQuantized of micro/kernels/activations.h; the ratio of scales is single precision."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    multiplier, shift = quantize_multiplier(float32(scale / out_scale))

    def value(element: int) -> int:
        return max(out_zero, out_zero + scaled(element - zero, multiplier, shift))

    return [_table(site, source, target, value)]


@operator("RELU6", types="int8", limits="input and output quantized alike")
def relu6(site: Site) -> Sequence[Step]:
    """Relu6Quantized of micro/kernels/activations.h, which does not rescale."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    scale, zero = site.affine(source)
    six = min(127, zero + round_half_away(float32(6.0 / scale)))
    return [_table(site, source, target, lambda element: min(six, max(zero, element)))]


@operator("QUANTIZE", types="float32 to int8; int8 and uint8 to int8, int8 to uint8")
def quantize(site: Site) -> Sequence[Step]:
    """AffineQuantize and Requantize of kernels/internal/reference."""
    source, target = site.input(0), site.output()
    out_scale, out_zero = site.affine(target)
    if source.dtype is DType.FLOAT32:
        site.of_type(target, DType.INT8)
        site.require(source.elements == target.elements > 0, "element counts differ")
        return [
            Step(
                "quantize",
                {"elements": target.elements, "scale": _float(out_scale), "zero_point": out_zero},
                (site.reads("input", source), site.writes("output", target)),
                f"{target.elements} elements",
                over=(Over("input"),),
            )
        ]
    site.of_type(source, DType.INT8, DType.UINT8)
    site.of_type(target, DType.INT8, *([DType.UINT8] if source.dtype is DType.INT8 else []))
    scale, zero = site.affine(source)
    multiplier, shift = quantize_multiplier(scale / out_scale)

    def value(element: int) -> int:
        return scaled(element - zero, multiplier, shift) + out_zero

    return [_table(site, source, target, value)]


@operator("DEQUANTIZE", types="int8 and uint8 to float32")
def dequantize(site: Site) -> Sequence[Step]:
    """The product of a float and 9 bits is exact in double precision, so one rounding to single
    precision gives what Dequantize of reference/dequantize.h gives."""
    source = site.of_type(site.input(0), DType.INT8, DType.UINT8)
    target = site.of_type(site.output(), DType.FLOAT32)
    site.require(source.elements == target.elements > 0, "element counts differ")
    scale, zero = site.affine(source)
    return [
        Step(
            "dequantize",
            {"elements": target.elements, "scale": _float(scale), "zero_point": zero},
            (site.reads("input", source), site.writes("output", target)),
            f"{target.elements} elements",
            # element i ends at byte 4 * i + 4, when those from i + 1 on must still be there
            over=(Over("input", 3 * target.elements),),
        )
    ]


def _float(value: float) -> str:
    """A single-precision literal that loses nothing."""
    return f"{value.hex()}f"


def _table(site: Site, source: Tensor, target: Tensor, value: Callable[[int], int]) -> Step:
    """``output[i] = table[input[i]]`` with outputs limited to the element type."""
    site.require(source.elements == target.elements > 0, "element counts differ")
    (first, last), (low, high) = _LIMITS[source.dtype], _LIMITS[target.dtype]
    results = [max(low, min(high, value(element))) for element in range(first, last + 1)]
    c_type = "int8_t" if target.dtype is DType.INT8 else "uint8_t"
    data = np.array(results, dtype=np.int8 if target.dtype is DType.INT8 else np.uint8)
    return Step(
        "table",
        {"elements": target.elements, "first": first},
        (
            site.reads("input", source),
            site.writes("output", target),
            DataArgument("table", c_type, data, "table"),
        ),
        f"{target.elements} elements by table",
        over=(Over("input"),),
    )
