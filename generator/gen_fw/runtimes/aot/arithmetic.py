# SPDX-License-Identifier: Apache-2.0
"""Quantization arithmetic of TensorFlow Lite's reference kernels, bit for bit.

Sources at tflite-micro 90b983c2: kernels/internal/quantization_util.cc, kernels/internal/common.cc
(double rounding, the default), kernels/kernel_util.cc; gemmlowp's fixedpoint.h at 719139ce.
All values are Python integers, so nothing wraps here that does not wrap there.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.runtimes.aot.layer import UnsupportedError

INT32_MAX = (1 << 31) - 1
INT32_MIN = -(1 << 31)


def float32(value: float) -> float:
    """``value`` rounded to single precision; infinite beyond its range."""
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def exact_ratio(numerator: float, denominator: float) -> float:
    """A ratio of scales in double precision. TFLM's source divides some in single precision first
    (SUB, DIV, RELU, LEAKY_RELU, ABS, RSQRT, HARD_SWISH: ``static_cast<double>(a / b)``), but the
    interpreter that computes golden outputs does without that rounding. 16-bit outputs show it, of
    8-bit ones only quotients that are ties."""
    return numerator / denominator


def multiplier_below_one(real: float) -> tuple[int, int]:
    """``quantize_multiplier`` where TFLite stops for anything that is not between 0 and 1;
    QuantizeMultiplierSmallerThanOneExp."""
    if not 0.0 < real < 1.0:
        raise UnsupportedError("scales whose ratio is out of range")
    multiplier, shift = quantize_multiplier(real)
    if shift > 0:
        raise UnsupportedError("scales whose ratio is out of range")
    return multiplier, shift


def quantize_multiplier(real: float) -> tuple[int, int]:
    """(multiplier, shift) with real ~ multiplier * 2**(shift - 31); QuantizeMultiplier. Refuses
    what TFLite would shift out of 32 bits."""
    if real == 0.0:
        return 0, 0
    if not math.isfinite(real):
        raise UnsupportedError("scales whose product or quotient is out of range")
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift > 31:
        raise UnsupportedError("scales that differ by more than 31 bits")
    return (0, 0) if shift < -31 else (multiplier, shift)


def doubling_high_product(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul: a * b / 2**31, halves towards plus infinity."""
    if a == b == INT32_MIN:
        return INT32_MAX
    return (a * b + (1 << 30)) >> 31


def rounded_shift(x: int, exponent: int) -> int:
    """RoundingDivideByPOT: x / 2**exponent, halves away from zero."""
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def wrap32(x: int) -> int:
    """``x`` as an int32 that overflowed."""
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def scaled(x: int, multiplier: int, shift: int) -> int:
    """MultiplyByQuantizedMultiplier of an int32: two roundings."""
    shifted = wrap32(x << max(shift, 0))
    return rounded_shift(doubling_high_product(shifted, multiplier), max(-shift, 0))


#: sums must stay below this for the fast form: four times the sum, and four times the bias of a
#: pair's lower field (which has 2**22 taken off), must fit 32 bits
FAST_LIMIT = (1 << 29) - (1 << 22)


@dataclass(frozen=True, slots=True)
class FastScaling:
    """``scaled(x, ...) + zero point`` as ``(high_product(4 * x, multiplier) + offset) >> shift``.

    high_product is the upper half of the 64-bit product. With r the right shift, the nested floors
    of both roundings are one: offset = ((2 * zero_point + 1) << r) + 1 and shift = r + 1. Halves
    of negative values are rounded away from zero by adding ``2 * (x >> 31)`` before the shift;
    a lower clamp at the zero point or above hides that, and it can be left out (facts: exhaustive
    and random comparison in tests/unit/runtimes/test_aot_arithmetic.py).
    """

    multiplier: int
    offset: int
    shift: int


def fast_scaling(multiplier: int, shift: int, zero_point: int, bound: int) -> FastScaling | None:
    """The four-operation form for |x| <= ``bound``; None where it is not exact in 32 bits."""
    right = -shift
    if multiplier and right > 0 and bound < 1 << (right - 1):
        multiplier, right = 0, 1  # every result rounds to 0
    if multiplier == 0:
        right = 1
    if right < 1 or right > 29 or bound >= FAST_LIMIT:
        return None
    offset = ((2 * zero_point + 1) << right) + 1
    if ((4 * bound * multiplier) >> 32) + 3 + abs(offset) > INT32_MAX:
        return None
    return FastScaling(multiplier, offset, right + 1)


def activation_range(
    activation: ActivationFunctionType,
    scale: float,
    zero_point: int,
    limits: tuple[int, int] = (-128, 127),
) -> tuple[int, int]:
    """Smallest and largest output of a fused activation, for an element type with these limits;
    CalculateActivationRangeQuantized."""
    low, high = limits

    def quantized(real: float) -> int:
        return zero_point + round_half_away(float32(real / scale))

    if activation in (ActivationFunctionType.RELU, ActivationFunctionType.RELU6):
        low = max(low, quantized(0.0))
    if activation is ActivationFunctionType.RELU6:
        high = min(high, quantized(6.0))
    if activation is ActivationFunctionType.RELU_N1_TO_1:
        low, high = max(low, quantized(-1.0)), min(high, quantized(1.0))
    return low, high


def round_half_away(value: float) -> int:
    """C's round(): halves away from zero."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


# --- gemmlowp fixed point ---


def saturated(x: int) -> int:
    """``x`` limited to int32."""
    return max(INT32_MIN, min(INT32_MAX, x))


def exp_on_negative_values(a: int, integer_bits: int) -> int:
    """exp(a) as Q0.31 for a <= 0 in Q(integer_bits).(31 - integer_bits); gemmlowp."""
    if a == 0:
        return INT32_MAX
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    part = (a & (quarter - 1)) - quarter
    product = doubling_high_product
    x = saturated(part << integer_bits) + (1 << 28)
    x2 = product(x, x)
    x3 = product(x2, x)
    x4 = product(x2, x2)
    series = rounded_shift(product(rounded_shift(x4, 2) + x3, 715827883) + x2, 1)
    result = 1895147668 + product(1895147668, x + series)
    remainder = part - a
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    for exponent, factor in zip(range(-2, 5), factors, strict=True):
        if integer_bits > exponent and remainder & (1 << (fraction_bits + exponent)):
            result = product(result, factor)
    return result


def one_over_one_plus(a: int) -> int:
    """1 / (1 + a) as Q0.31 for a in [0, 1) as Q0.31; gemmlowp."""
    return saturated(_twice_one_over_one_plus(a) << 1)


def _twice_one_over_one_plus(a: int) -> int:
    """2 / (1 + a) as Q2.29: three Newton steps."""
    product = doubling_high_product
    half = (a + INT32_MAX + 1) // 2
    x = 1515870810 + product(half, -1010580540)
    for _ in range(3):
        rest = (1 << 29) - product(half, x)
        x += saturated(product(x, rest) << 2)
    return x


def logistic(a: int, integer_bits: int) -> int:
    """1 / (1 + exp(-a)) as Q0.31; gemmlowp."""
    if a == 0:
        return 1 << 30
    positive = one_over_one_plus(exp_on_negative_values(-abs(a), integer_bits))
    return positive if a > 0 else INT32_MAX - positive


def tanh(a: int, integer_bits: int) -> int:
    """tanh(a) as Q0.31 for a in Q(integer_bits).(31 - integer_bits); gemmlowp."""
    if a == 0:
        return 0
    inverse = _twice_one_over_one_plus(exp_on_negative_values(-abs(a), integer_bits + 1))
    result = saturated((inverse - (1 << 29)) << 2)
    return result if a > 0 else -result


def inverse_square_root(value: int) -> tuple[int, int]:
    """(multiplier, shift) of 1 / sqrt(value); GetInvSqrtQuantizedMultiplierExp, whose shift is to
    the right: value**-0.5 ~ multiplier * 2**(shift - 31)."""
    if value <= 1:
        return INT32_MAX, 0
    right = 11
    while value >= 1 << 29:
        value //= 4
        right += 1
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    right -= pairs
    value <<= 2 * pairs
    product = doubling_high_product
    half = rounded_shift(value >> 1, 1)
    x = 1 << 28
    for _ in range(5):
        cube = saturated(product(product(x, x), x) << 6)
        x = saturated((product((1 << 28) + (1 << 27), x) - product(half, cube)) << 3)
    x = product(x, 1518500250)
    if right < 0:
        x, right = x << -right, 0
    return x, -right


def input_radius(integer_bits: int, left_shift: int) -> int:
    """CalculateInputRadius for 31 signed bits: larger inputs saturate."""
    largest = 1.0 * ((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / (1 << left_shift)
    return math.floor(largest)


# --- one rescaling as constants of C templates ---


def rescaling(
    multiplier: int, shift: int, zero_point: int, bound: int, low: int = -128
) -> dict[str, int | str]:
    """Words for ``expressions.rescaled``: values of at most ``bound`` become
    ``scaled(value, ...) + zero_point``, of which only values of ``low`` and above matter."""
    form = fast_scaling(multiplier, shift, zero_point, bound)
    words: dict[str, int | str] = {"zero_point": zero_point, "multiplier": multiplier}
    if form is None:
        if shift > 30:
            raise OverflowError(f"a multiplier of 2^{shift}")
        return words | {"form": "plain", "left": max(shift, 0), "right": max(-shift, 0)}
    words |= {"multiplier": form.multiplier, "offset": form.offset, "shift": form.shift}
    return words | {"form": "clamped" if low >= zero_point else "fast"}
