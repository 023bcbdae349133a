# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of the ahead-of-time kernels against TensorFlow Lite's definition of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.runtimes.aot.arithmetic import (
    FAST_LIMIT,
    INT32_MAX,
    INT32_MIN,
    activation_range,
    doubling_high_product,
    exp_on_negative_values,
    fast_scaling,
    float32,
    inverse_square_root,
    logistic,
    multiplier_below_one,
    one_over_one_plus,
    quantize_multiplier,
    rounded_shift,
    scaled,
    tanh,
)
from gen_fw.runtimes.aot.layer import UnsupportedError

multipliers = st.integers(1 << 30, INT32_MAX)
zero_points = st.integers(-128, 127)


def c_division(numerator: int, denominator: int) -> int:
    """C's division: towards zero."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


@given(st.integers(INT32_MIN, INT32_MAX), st.integers(0, INT32_MAX))
def test_high_product_is_gemmlowps(a: int, b: int) -> None:
    nudge = (1 << 30) if a * b >= 0 else 1 - (1 << 30)
    assert doubling_high_product(a, b) == c_division(a * b + nudge, 1 << 31)


@given(st.integers(INT32_MIN, INT32_MAX), st.integers(0, 31))
def test_shift_rounds_halves_away_from_zero(x: int, shift: int) -> None:
    exact = math.floor(abs(x) / (1 << shift) + 0.5)
    assert rounded_shift(x, shift) == (exact if x >= 0 else -exact)


@st.composite
def near_ties(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """(sum, multiplier, right shift, bound): half of the sums lie beside a rounding tie."""
    multiplier, right = draw(multipliers), draw(st.integers(1, 29))
    bound = draw(st.integers(1, FAST_LIMIT - 1))
    if draw(st.booleans()):
        value = draw(st.integers(-bound, bound))
    else:
        tie = (2 * draw(st.integers(-300, 300)) + 1) << (30 + right)
        value = tie // multiplier + draw(st.integers(-2, 2))
    return max(-bound, min(bound, value)), multiplier, right, bound


@settings(max_examples=3000)
@given(near_ties(), zero_points)
def test_four_operations_equal_two_roundings(
    case: tuple[int, int, int, int], zero_point: int
) -> None:
    value, multiplier, right, bound = case
    form = fast_scaling(multiplier, -right, zero_point, bound)
    if form is None:
        assert right > 15  # only where the sum of product and offset may leave 32 bits
        return
    expected = scaled(value, multiplier, -right) + zero_point
    product = (4 * value * form.multiplier) >> 32
    assert INT32_MIN <= 4 * value <= INT32_MAX
    assert INT32_MIN <= product - 2 + form.offset <= INT32_MAX
    assert INT32_MIN <= product + form.offset <= INT32_MAX
    assert (product + 2 * (value >> 31) + form.offset) >> form.shift == expected
    without = (product + form.offset) >> form.shift
    assert max(without, zero_point) == max(expected, zero_point)


@given(st.integers(23, 31), zero_points, multipliers)
def test_a_channel_that_rounds_to_zero_is_constant(
    right: int, zero_point: int, multiplier: int
) -> None:
    bound = min(1 << (right - 1), FAST_LIMIT) - 1
    form = fast_scaling(multiplier, -right, zero_point, bound)
    assert form is not None
    assert form.multiplier == 0
    assert form.offset >> form.shift == zero_point
    assert {scaled(value, multiplier, -right) for value in (-bound, 0, bound)} == {0}


def test_no_fast_form_where_it_is_not_exact() -> None:
    assert fast_scaling(1 << 30, 0, 0, 100) is None
    assert fast_scaling(1 << 30, 3, 0, 100) is None
    assert fast_scaling(1 << 30, -23, -128, 1 << 28) is None
    assert fast_scaling(1 << 30, -30, 0, FAST_LIMIT - 1) is not None  # constant
    assert fast_scaling(1 << 30, -5, 0, FAST_LIMIT) is None


@given(st.floats(1e-9, 1e6))
def test_multiplier_and_shift_stand_for_the_number(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert 1 << 30 <= multiplier <= INT32_MAX
    assert math.isclose(multiplier * 2.0 ** (shift - 31), real, rel_tol=2**-31)
    assert quantize_multiplier(0.0) == (0, 0)
    assert quantize_multiplier(2.0**-40) == (0, 0)


@given(st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), max_size=200))
def test_both_sums_of_a_pair_come_back(taps: list[tuple[int, int]]) -> None:
    """The fields of a pair's 64-bit sum, with weights as large as the bound allows."""
    weights = np.random.default_rng(1).integers(-127, 128, len(taps))
    while 128 * int(np.abs(weights).sum()) >= 1 << 22:
        weights //= 2
    total = (1 << 22) + sum(
        (a + (b << 23)) * int(w) for (a, b), w in zip(taps, weights, strict=True)
    )
    assert (total & 0x7FFFFF) - (1 << 22) == sum(
        a * int(w) for (a, _), w in zip(taps, weights, strict=True)
    )
    assert total >> 23 == sum(b * int(w) for (_, b), w in zip(taps, weights, strict=True))


@given(st.integers(0, INT32_MAX))
def test_fixed_point_functions_are_close_to_the_real_ones(raw: int) -> None:
    assert math.isclose(one_over_one_plus(raw) / 2**31, 1 / (1 + raw / 2**31), abs_tol=2**-24)
    real = -raw / 2**26
    assert math.isclose(exp_on_negative_values(-raw, 5) / 2**31, math.exp(real), abs_tol=2**-20)
    real = raw / 2**27
    expected = 1 / (1 + math.exp(-real))
    assert math.isclose(logistic(raw, 4) / 2**31, expected, abs_tol=2**-20)
    assert logistic(raw, 4) + logistic(-raw, 4) in (INT32_MAX, 1 << 31)


def test_activation_ranges() -> None:
    kinds = ActivationFunctionType
    assert activation_range(kinds.NONE, 0.1, 3) == (-128, 127)
    assert activation_range(kinds.RELU, 0.1, 3) == (3, 127)
    assert activation_range(kinds.RELU6, 0.1, 3) == (3, 63)
    assert activation_range(kinds.RELU_N1_TO_1, 0.1, 3) == (-7, 13)


@pytest.mark.parametrize("real", [math.nan, math.inf, float32(1e39), 2.0**40])
def test_scales_out_of_range_are_refused(real: float) -> None:
    with pytest.raises(UnsupportedError):
        quantize_multiplier(real)


@given(st.integers(0, INT32_MAX))
def test_inverse_square_root(value: int) -> None:
    multiplier, shift = inverse_square_root(value)
    assert 0 < multiplier <= INT32_MAX
    assert shift <= 0
    real = multiplier * 2.0 ** (shift - 31)
    assert real == pytest.approx(max(value, 1) ** -0.5, rel=3e-6)


@given(st.integers(INT32_MIN, INT32_MAX))
def test_tanh(a: int) -> None:
    assert tanh(a, 4) / 2**31 == pytest.approx(math.tanh(a / 2**27), abs=1e-6)
    assert tanh(-a, 4) == -tanh(a, 4) or a == INT32_MIN


@pytest.mark.parametrize("real", [0.0, 1.0, 1.5, -0.5, math.nan, 1 - 2.0**-40])
def test_ratios_that_tflm_stops_at(real: float) -> None:
    with pytest.raises(UnsupportedError):
        multiplier_below_one(real)
