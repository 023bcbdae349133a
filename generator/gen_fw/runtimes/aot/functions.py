# SPDX-License-Identifier: Apache-2.0
"""Mathematical functions of one number in C, with TensorFlow Lite's fixed-point arithmetic; they
call the roundings of ``helpers``."""

from __future__ import annotations

from collections.abc import Mapping

#: name -> definition, in the order in which they call each other
FUNCTIONS: Mapping[str, str] = {
    "leading_zeros": """\
/// Zero bits above the highest one; value is not 0.
static inline int32_t leading_zeros(uint32_t value) {
  int32_t zeros = 0;
  while ((value & 0x80000000u) == 0) {
    value <<= 1;
    ++zeros;
  }
  return zeros;
}
""",
    "divided": """\
/// a / b towards 0, wrapping around; 0 if b is 0.
static inline int32_t divided(int32_t a, int32_t b) {
  return b == 0 ? 0 : b == -1 ? (int32_t)(0u - (uint32_t)a) : a / b;
}
""",
    "quotient": """\
/// a / b * multiplier * 2^(shift - 31) with TensorFlow Lite's roundings, for 9-bit a and b. (Shifts
/// of more than 31 bits leave the sign and a rounding, as on Arm.)
static inline int32_t quotient(int32_t a, int32_t b, int32_t multiplier, int32_t shift) {
  if (b == 0) {
    return a < 0 ? INT32_MIN / 2 : INT32_MAX / 2;
  }
  const int32_t x = b < 0 ? -a : a;
  const uint32_t y = b < 0 ? 0u - (uint32_t)b : (uint32_t)b;
  const int32_t zeros = leading_zeros(y);
  const int32_t inverse = one_over_one_plus((int32_t)((y << zeros) - 0x80000000u));
  const int32_t room = x == 0 ? 31 : leading_zeros((uint32_t)(x < 0 ? ~x : x) | 1u) - 1;
  const int32_t high = doubling_high_product((int32_t)((uint32_t)x << room), inverse);
  const int32_t right = 31 - zeros + room - shift;
  const int32_t value = doubling_high_product(high, multiplier);
  return right > 31 ? (value < 0 ? -1 : 1) : rounded_shift(value, right);
}
""",
    "inverse_square_root": """\
/// 1 / sqrt(value) as multiplier * 2^(-31 - *right): Newton steps with gemmlowp's roundings.
static inline int32_t inverse_square_root(int32_t value, int32_t *right) {
  *right = 0;
  if (value <= 1) {
    return INT32_MAX;
  }
  int32_t shift = 11;
  for (; value >= 1 << 29; value /= 4) {
    ++shift;
  }
  for (; value < 1 << 27; value *= 4) {
    --shift;
  }
  const int32_t half = rounded_shift(value >> 1, 1);
  int32_t x = 1 << 28;
  for (int32_t i = 0; i < 5; ++i) {
    const int32_t square = doubling_high_product(x, x);
    const int32_t cube = saturating_left(doubling_high_product(square, x), 6);
    x = saturating_left(doubling_high_product((1 << 28) + (1 << 27), x) -
                            doubling_high_product(half, cube), 3);
  }
  x = doubling_high_product(x, 1518500250);
  if (shift < 0) {
    return (int32_t)((uint32_t)x << -shift);
  }
  *right = shift;
  return x;
}
""",
    "logarithm": """\
/// Natural logarithm of x with 12 integer bits, 1 <= x, with 5 integer bits: TensorFlow Lite's
/// log_x_for_x_greater_than_or_equal_to_1.
static inline int32_t logarithm(int32_t x) {
  const int32_t zeros = leading_zeros((uint32_t)x);
  const int32_t first = saturating_left(x, zeros - 1);
  const int32_t a = saturating_left(doubling_high_product(first, 1518500250), 1);
  const int32_t power_a = saturating_left(12 - zeros, 25) + 8388608;
  const int32_t room = leading_zeros((uint32_t)doubling_high_product(x, 1518500250)) - 1;
  const int32_t b = saturating_left(x, room);
  const int32_t power_b = saturating_left(12 - room, 25) - 8388608;
  const int32_t r = a < b ? a : b;
  const int32_t power = power_a > power_b ? power_a : power_b;
  const int32_t p = (int32_t)(((int64_t)r + 1805811301 + 1) / 2);
  const int32_t q = (r - 1805811301) * 2;
  const int32_t square = doubling_high_product(q, q);
  const int32_t numerator =
      doubling_high_product(q, r) +
      doubling_high_product(doubling_high_product(q, square), 117049297);
  const int32_t denominator =
      doubling_high_product(p, 1057819769 + q + doubling_high_product(127690142, square)) +
      doubling_high_product(638450708, q);
  const int32_t rest =
      doubling_high_product(rounded_shift(numerator, 6), one_over_one_plus(denominator));
  return saturating_left(doubling_high_product(power, 1488522236) + rest, 1);
}
""",
    "logistic_16": """\
/// Logistic function of x / 12288 with 15 fraction bits: lines between the points of a curve.
static inline int16_t logistic_16(int32_t x, const uint16_t *curve) {
  const uint32_t size = (uint32_t)(x < 0 ? -x : x);
  const uint32_t at = size >> 9;
  uint32_t value = 0x7fff << 10;
  if (at < 255) {
    value = ((uint32_t)curve[at] << 9) + (size & 0x1ff) * (uint32_t)(curve[at + 1] - curve[at]);
  }
  value = x >= 0 ? value + (1 << 9) : (1 << 25) - value + (1 << 9) - 1;
  return (int16_t)(value >> 10);
}
""",
    "tanh_16": """\
/// Hyperbolic tangent of x / 12288 with 15 fraction bits, by the curve of the logistic function.
static inline int16_t tanh_16(int32_t x, const uint16_t *curve) {
  const int32_t size = x < 0 ? -x : x;
  const int32_t at = size >> 8;
  int32_t value = 0xffff << 8;
  if (at < 255) {
    value = curve[at] * (1 << 8) + (size & 0xff) * (curve[at + 1] - curve[at]);
  }
  value = x >= 0 ? value - (1 << 23) + (1 << 7) : -value + (1 << 23) + (1 << 7) - 1;
  return (int16_t)(value >> 8);
}
""",
}
