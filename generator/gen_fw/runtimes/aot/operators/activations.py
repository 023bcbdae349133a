# SPDX-License-Identifier: Apache-2.0
"""Activations of quantized elements. int8 ones are tables, computed here with TFLM's arithmetic;
int16 ones are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import (
    exact_ratio,
    float32,
    input_radius,
    logistic,
    quantize_multiplier,
    rescaling,
    round_half_away,
    rounded_shift,
    scaled,
    tanh,
)
from gen_fw.runtimes.aot.elements import elementwise, function_name, table, unary
from gen_fw.runtimes.aot.expressions import RANGES, clamped, plus, rescaled
from gen_fw.runtimes.aot.layer import C_TYPES, DataArgument, Site, Step
from gen_fw.runtimes.aot.lookup import sigmoid_curve
from gen_fw.runtimes.aot.table import operator

_8, _16 = [DType.INT8], [DType.INT16]


def _pair(site: Site, dtype: DType) -> tuple[Tensor, Tensor]:
    """Input and output, of that type, with positive scales."""
    source = site.of_type(site.input(0), dtype)
    target = site.of_type(site.output(), dtype)
    scales = [site.affine(tensor)[0] for tensor in (source, target)]
    site.require(min(scales) > 0, "a scale that is not positive")
    return source, target


@operator("LOGISTIC", types="int8", limits="output zero point -128", of=_8)
@operator("TANH", types="int8", limits="results at scale 1/128", of=_8)
def sigmoid_8(site: Site) -> Sequence[Step]:
    """Logistic of reference/integer_ops/logistic.h and Tanh of tanh.h: 4 integer bits in, 8 bits
    out."""
    source, target = _pair(site, DType.INT8)
    scale, zero = site.affine(source)
    steep = site.operator.name == "TANH"
    site.require(steep or site.affine(target)[1] == -128, "an output zero point that is not -128")
    fraction, left = math.frexp(scale * (1 << 27))
    multiplier = round_half_away(fraction * (1 << 31))
    site.require(0 <= left <= 31 and multiplier < 1 << 31, "an input scale out of range")
    radius = input_radius(4, left)

    def value(element: int) -> int:
        centred = element - zero
        if centred <= -radius:  # first, as there: with a radius of 0 it decides for 0
            return -128
        if centred >= radius:
            return 127
        real = scaled(centred, multiplier, left)
        if steep:
            return rounded_shift(tanh(real, 4), 24)
        return rounded_shift(logistic(real, 4), 23) - 128

    return table(site, source, target, value)


@operator("LOGISTIC", "TANH", types="int16", limits="zero points 0, output scale 1/32768", of=_16)
def sigmoid_16(site: Site) -> Sequence[Step]:
    """A table of logistic(i / 24) and lines between, as reference/integer_ops/tanh.h."""
    source, target = _pair(site, DType.INT16)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    site.require(zero == out_zero == 0, "a zero point")
    site.require(_power_of_two(out_scale) == -15, "an output scale that is not 1/32768")
    steep = site.operator.name == "TANH"
    exponent = _power_of_two(scale)
    left = 12 + exponent if exponent is not None else -1
    if 0 <= left <= int(steep):
        multiplier, right = 3 << left, 0
    else:
        real, right = scale * 4096.0 * 3.0, 0
        while real <= 32767.0 / 2.0 and right <= 30:
            real, right = real * 2.0, right + 1
        multiplier = int(real)
        site.require(multiplier <= 32767, "an input scale out of range")
    scaled_input = f"@0 * {multiplier}"
    if right:
        scaled_input = f"({scaled_input} + {1 << (right - 1)}) >> {right}"
    name = "tanh_16" if steep else "logistic_16"
    return [
        elementwise(
            site,
            [source],
            target,
            f"{name}(x, curve)",
            name=function_name(site),
            lines=[f"const int32_t x = {scaled_input};"],
            data=[DataArgument("curve", "uint16_t", sigmoid_curve(), "curve")],
        )
    ]


def _power_of_two(scale: float) -> int | None:
    """The exponent of a scale that is 2^n, nearly; CheckedLog2 in single precision."""
    log = float32(float32(math.log(scale)) * float32(1.0 / float32(math.log(2.0))))
    nearest = round_half_away(log)
    return nearest if abs(float32(log - nearest)) < 1e-3 else None


@operator("RELU", types="int8", of=_8)
def relu_8(site: Site) -> Sequence[Step]:
    """ReluQuantized of micro/kernels/activations.h."""
    source, target = _pair(site, DType.INT8)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    multiplier, shift = quantize_multiplier(exact_ratio(scale, out_scale))

    def value(element: int) -> int:
        return max(out_zero, out_zero + scaled(element - zero, multiplier, shift))

    return table(site, source, target, value)


@operator("RELU", types="int16", limits="zero points 0", of=_16)
def relu_16(site: Site) -> Sequence[Step]:
    source, target = _pair(site, DType.INT16)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    site.require(zero == out_zero == 0, "a zero point")
    to = rescaling(*quantize_multiplier(exact_ratio(scale, out_scale)), 0, 1 << 15, 0)
    lines = ["const int32_t x = @0;", f"const int32_t value = {rescaled('x', to)};"]
    return unary(site, source, target, clamped("value", "int16_t", 0, 32767), lines)


@operator("RELU6", types="int8", limits="input and output quantized alike", of=_8)
def relu6_8(site: Site) -> Sequence[Step]:
    """Relu6Quantized of micro/kernels/activations.h, which does not rescale."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    zero, six = _six(site, source)
    return table(site, source, target, lambda element: min(six, max(zero, element)))


@operator("RELU6", types="int16", limits="input and output quantized alike", of=_16)
def relu6_16(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT16)
    target = site.of_type(site.output(), DType.INT16)
    return unary(site, source, target, clamped("@0", "int16_t", *_six(site, source)))


def _six(site: Site, source: Tensor) -> tuple[int, int]:
    """The elements that stand for 0 and 6."""
    scale, zero = site.affine(source)
    _, high = RANGES[source.dtype]
    return zero, min(high, zero + round_half_away(float32(6.0 / scale)))


@operator("LEAKY_RELU", types="int8, int16", of=[*_8, *_16])
def leaky_relu(site: Site) -> Sequence[Step]:
    """QuantizeLeakyRelu of reference/leaky_relu.h."""
    dtype = site.of_type(site.input(0), DType.INT8, DType.INT16).dtype
    source, target = _pair(site, dtype)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    slope = float32(site.options.alpha)
    site.require(math.isfinite(slope), "a slope that is no number")
    identity = quantize_multiplier(exact_ratio(scale, out_scale))
    alpha, shift = quantize_multiplier(exact_ratio(scale * abs(slope), out_scale))
    sign = -1 if slope < 0 else 1

    def value(element: int) -> int:
        x = element - zero
        return out_zero + (scaled(x, *identity) if x >= 0 else sign * scaled(x, alpha, shift))

    if dtype is DType.INT8:
        return table(site, source, target, value)
    bound = 65535
    positive = rescaled("x", rescaling(*identity, 0, bound))
    negative = rescaled("x", rescaling(alpha, shift, 0, bound))
    negative = f"-({negative})" if sign < 0 else negative
    lines = [
        f"const int32_t x = @0{plus(-zero)};",
        f"const int32_t value = x >= 0 ? {positive} : {negative};",
    ]
    result = clamped(f"value{plus(out_zero)}", "int16_t", *RANGES[dtype])
    return unary(site, source, target, result, lines)


@operator("PRELU", types="float32", limits="broadcasting", of=[DType.FLOAT32])
def prelu_float(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.FLOAT32)
    alpha = site.of_type(site.input(1), DType.FLOAT32)
    target = site.of_type(site.output(), DType.FLOAT32)
    lines = ["const float x = @0;"]
    result = "x >= 0.0f ? x : x * @1"
    return [
        elementwise(site, [source, alpha], target, result, name=function_name(site), lines=lines)
    ]


@operator("PRELU", types="int8, int16", limits="broadcasting; int8 slopes", of=[*_8, *_16])
def prelu(site: Site) -> Sequence[Step]:
    """BroadcastPrelu4DSlow of reference/prelu.h."""
    dtype = site.of_type(site.input(0), DType.INT8, DType.INT16).dtype
    source, target = _pair(site, dtype)
    alpha = site.of_type(site.input(1), DType.INT8)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    slope, slope_zero = site.affine(alpha)
    site.require(slope > 0, "a scale that is not positive")
    low, high = RANGES[dtype]
    span = high - low
    to = rescaling(*quantize_multiplier(scale / out_scale), out_zero, span)
    down = rescaling(*quantize_multiplier(scale * slope / out_scale), out_zero, span * 255)
    lines = [
        f"const int32_t x = @0{plus(-zero)};",
        f"const int32_t product = x * (@1{plus(-slope_zero)});",
        f"const int32_t value = x >= 0 ? {rescaled('x', to)} : {rescaled('product', down)};",
    ]
    result = clamped("value", C_TYPES[dtype], low, high)
    return [
        elementwise(site, [source, alpha], target, result, name=function_name(site), lines=lines)
    ]


@operator("ELU", types="int8", of=_8)
def elu_8(site: Site) -> Sequence[Step]:
    """PopulateLookupTable of kernels/elu.cc, in single precision."""
    source, target = _pair(site, DType.INT8)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    inverse = float32(1.0 / out_scale)

    def value(element: int) -> int:
        real = float32(scale * (element - zero))
        if real < 0:
            real = float32(float32(math.exp(real)) - 1.0)
        scaled_back = float32(real * inverse)
        site.require(abs(scaled_back) < 1 << 30, "an output scale out of range")
        return int(float32(round_half_away(scaled_back) + out_zero))

    return table(site, source, target, value)


@operator("HARD_SWISH", types="int8", limits="output scale above 1/128 of the input's", of=_8)
def hard_swish_8(site: Site) -> Sequence[Step]:
    """HardSwish of reference/hard_swish.h: 16-bit arithmetic."""
    source, target = _pair(site, DType.INT8)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    fine = scale / 128.0
    to_output = quantize_multiplier(exact_ratio(fine, out_scale))
    to_gate = quantize_multiplier(exact_ratio(fine, 3.0 / 32768.0))
    site.require(to_output[1] <= 0, "an output scale that is far smaller than the input's")
    factor, gate_factor = _16_bits(to_output[0]), _16_bits(to_gate[0])
    exponent = to_gate[1]

    def value(element: int) -> int:
        x = (element - zero) * 128
        preshift = _high_product_16(x, factor)
        gate = x
        if exponent > 0:
            gate = _saturated_16(gate << (exponent - 1))
        gate = _high_product_16(gate, gate_factor)
        if exponent > 0:
            gate = _saturated_16(gate << 1)
        if exponent < 0:
            gate = rounded_shift(gate, -exponent)
        gate = (gate + (1 << 15)) >> 1
        product = gate * preshift
        shifted = abs(product) >> 15
        return out_zero + rounded_shift(shifted if product >= 0 else -shifted, -to_output[1])

    return table(site, source, target, value)


def _16_bits(multiplier: int) -> int:
    """DownScaleInt32ToInt16Multiplier."""
    return min(32767, (multiplier + (1 << 15)) >> 16)


def _saturated_16(value: int) -> int:
    return max(-32768, min(32767, value))


def _high_product_16(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul of 16 bits; C divides towards 0."""
    product = a * b
    rounded = product + (1 << 14) if product >= 0 else product + 1 - (1 << 14)
    size = abs(rounded) >> 15
    return _saturated_16(size if rounded >= 0 else -size)
