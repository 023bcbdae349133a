# SPDX-License-Identifier: Apache-2.0
"""Quantized ADD, SUB, MUL, DIV, SQUARED_DIFFERENCE and ADD_N: int8 and int16."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot import backends
from gen_fw.runtimes.aot.arithmetic import (
    activation_range,
    exact_ratio,
    multiplier_below_one,
    quantize_multiplier,
    rescaling,
)
from gen_fw.runtimes.aot.backends import Sum
from gen_fw.runtimes.aot.elements import elementwise, function_name
from gen_fw.runtimes.aot.expressions import RANGES, clamped, plus, rescaled
from gen_fw.runtimes.aot.layer import C_TYPES, Site, Step
from gen_fw.runtimes.aot.table import operator

_QUANTIZED = (DType.INT8, DType.INT16)
#: fraction bits that sums give their inputs (add_common.cc, sub_common.cc)
_SUM_LEFT = {DType.INT8: 20, DType.INT16: 15}
#: the same of SQUARED_DIFFERENCE, before squaring
_SQUARE_LEFT = {DType.INT8: 7, DType.INT16: 0}


@operator("ADD", "SUB", types="int8, int16", limits="broadcasting", of=_QUANTIZED)
def add_or_sub(site: Site) -> Sequence[Step]:
    """Both inputs at twice the larger scale, as CalculateOpDataAdd and CalculateOpDataSub."""
    first, second, target = _operands(site)
    (scale0, zero0), (scale1, zero1) = site.affine(first), site.affine(second)
    subtract = site.operator.name == "SUB"
    if subtract and target.dtype is DType.INT16:
        site.require(zero0 == zero1 == 0, "int16 inputs with a zero point")
    twice = 2 * max(scale0, scale1)
    left = _SUM_LEFT[target.dtype]
    lines = [
        *_aligned(0, exact_ratio(scale0, twice), left, zero0, target.dtype),
        *_aligned(1, exact_ratio(scale1, twice), left, zero1, target.dtype),
        f"const int32_t sum = b0 {'-' if subtract else '+'} b1;",
    ]
    output = exact_ratio(twice, (1 << left) * site.affine(target)[0])
    # inputs are at most half of 255 or 65535 units
    limit = (1 << 29) - 1 if target.dtype is DType.INT8 else (1 << 31) - 1
    scaling = multiplier_below_one(output)
    steps = _rescaled(site, lines, "sum", scaling, limit, _activation(site))
    if subtract or target.dtype is not DType.INT8:
        return steps
    sizes = {tensor.elements for tensor in (first, second, target)}
    low, high = activation_range(_activation(site), *site.affine(target), RANGES[target.dtype])
    layer = Sum(
        site,
        sizes.pop() if len(sizes) == 1 else None,
        (
            multiplier_below_one(exact_ratio(scale0, twice)),
            multiplier_below_one(exact_ratio(scale1, twice)),
        ),
        (zero0, zero1),
        left,
        scaling,
        site.affine(target)[1],
        low,
        high,
    )
    return [backends.add(layer, lambda _: steps[0])]


def _aligned(i: int, real: float, left: int, zero: int, dtype: DType) -> list[str]:
    """Declares b<i>: input i with ``left`` fraction bits, times ``real`` <= 1/2."""
    multiplier, shift = multiplier_below_one(real)
    element = f"(@{i}{plus(-zero)})"
    if (multiplier, shift) == (1 << 30, 0) and left > 0:  # exactly one half
        return [f"const int32_t b{i} = {element} * {1 << (left - 1)};"]
    to = rescaling(multiplier, shift, 0, (RANGES[dtype][1] * 2 + 1) << left)
    shifted = f"{element} * (1 << {left})" if left else element
    return [
        f"const int32_t a{i} = {shifted};",
        f"const int32_t b{i} = {rescaled(f'a{i}', to)};",
    ]


@operator("MUL", types="int8, int16", limits="broadcasting", of=_QUANTIZED)
def mul(site: Site) -> Sequence[Step]:
    first, second, target = _operands(site)
    scales, zeros = zip(*(site.affine(source) for source in (first, second)), strict=True)
    out_scale, out_zero = site.affine(target)
    limit = 255 * 255
    if target.dtype is DType.INT16:
        site.require({*zeros, out_zero} == {0}, "int16 with a zero point")
        limit = 1 << 30
    lines = [f"const int32_t {name} = @{i}{plus(-zeros[i])};" for i, name in enumerate("ab")]
    lines.append("const int32_t product = a * b;")
    multiplier = quantize_multiplier(scales[0] * scales[1] / out_scale)
    return _rescaled(site, lines, "product", multiplier, limit, _activation(site))


@operator(
    "DIV", types="int8", limits="broadcasting; a divisor of 0 gives the limits", of=[DType.INT8]
)
def div(site: Site) -> Sequence[Step]:
    """DivElementwise of kernels/internal/reference/div.h."""
    first, second, target = _operands(site)
    (scale0, zero0), (scale1, zero1) = site.affine(first), site.affine(second)
    out_scale, out_zero = site.affine(target)
    multiplier, shift = quantize_multiplier(exact_ratio(scale0, scale1 * out_scale))
    site.require(shift <= 22, "an output scale that is far smaller than the inputs' ratio")
    a, b = f"@0{plus(-zero0)}", f"@1{plus(-zero1)}"
    value = f"quotient({a}, {b}, {multiplier}, {shift}){plus(out_zero)}"
    return _clamped(site, [f"const int32_t value = {value};"], _activation(site))


@operator("SQUARED_DIFFERENCE", types="int8, int16", limits="broadcasting", of=_QUANTIZED)
def squared_difference(site: Site) -> Sequence[Step]:
    """PrepareQuantized and SquaredDifference of kernels/squared_difference.cc."""
    first, second, target = _operands(site)
    left = _SQUARE_LEFT[target.dtype]
    out_scale, out_zero = site.affine(target)
    (scale0, zero0), (scale1, zero1) = site.affine(first), site.affine(second)
    if target.dtype is DType.INT16:
        site.require({zero0, zero1, out_zero} == {0}, "int16 with a zero point")
    twice = 2 * max(scale0, scale1)
    lines = [
        *_aligned(0, scale0 / twice, left, zero0, target.dtype),
        *_aligned(1, scale1 / twice, left, zero1, target.dtype),
        "const int32_t difference = b0 - b1;",
        "const int32_t square = difference * difference;",
    ]
    multiplier = quantize_multiplier(twice * twice / ((1 << left * 2) * out_scale))
    return _rescaled(site, lines, "square", multiplier, 1 << 30)


@operator("ADD_N", types="int8", limits="inputs quantized alike", of=[DType.INT8])
def add_n(site: Site) -> Sequence[Step]:
    """AddN of kernels/internal/reference/add_n.h, which begins with the real value of element 0.

    Inputs are halved exactly: half of 20 fraction bits.
    """
    target = site.of_type(site.output(), DType.INT8)
    count = len(site.operator.inputs)
    site.require(count >= 2, "fewer than two inputs")
    sources = [site.of_type(site.input(i), DType.INT8) for i in range(count)]
    scale, zero = site.affine(sources[0])
    site.require(all(site.affine(s) == (scale, zero) for s in sources), "inputs differ")
    site.require(all(s.shape == target.shape for s in sources), "shapes differ")
    site.require(count < 16, "so many inputs that the sum may overflow")
    multiplier = multiplier_below_one(2 * scale / ((1 << 20) * site.affine(target)[0]))
    terms = " + ".join(f"@{i}" for i in range(count))
    lines = [f"const int32_t sum = ({terms}{plus(-zero * (count + 1))}) * {1 << 19};"]
    return _rescaled(site, lines, "sum", multiplier, (1 << 31) - 1, sources=sources)


def _operands(site: Site) -> tuple[Tensor, Tensor, Tensor]:
    """Both inputs and the output, of one quantized type. A scale of 0 makes an input 0."""
    first = site.of_type(site.input(0), *_QUANTIZED)
    second = site.of_type(site.input(1), first.dtype)
    target = site.of_type(site.output(), first.dtype)
    scales = [site.affine(tensor)[0] for tensor in (first, second)]
    site.require(min(scales) >= 0, "a scale that is negative")
    site.require(site.affine(target)[0] > 0, "an output scale that is not positive")
    return first, second, target


def _rescaled(
    site: Site,
    lines: Sequence[str],
    value: str,
    multiplier: tuple[int, int],
    limit: int,
    activation: ActivationFunctionType = ActivationFunctionType.NONE,
    sources: Sequence[Tensor] = (),
) -> list[Step]:
    """The output of the variable ``value``, which is at most ``limit``."""
    target = site.output()
    scale, zero = site.affine(target)
    low, _ = activation_range(activation, scale, zero, RANGES[target.dtype])
    to = rescaling(*multiplier, zero, limit, low)
    lines = [*lines, f"const int32_t value = {rescaled(value, to)};"]
    return _clamped(site, lines, activation, sources)


def _clamped(
    site: Site,
    lines: Sequence[str],
    activation: ActivationFunctionType,
    sources: Sequence[Tensor] = (),
) -> list[Step]:
    """The output of the variable ``value``, limited by the activation."""
    target = site.output()
    limits = activation_range(activation, *site.affine(target), RANGES[target.dtype])
    result = clamped("value", C_TYPES[target.dtype], *limits)
    sources = sources or [site.input(0), site.input(1)]
    return [elementwise(site, sources, target, result, name=function_name(site), lines=lines)]


def _activation(site: Site) -> ActivationFunctionType:
    activation: ActivationFunctionType = site.options.fused_activation_function
    return activation
