# SPDX-License-Identifier: Apache-2.0
"""Small functions of the generated C for 16-bit outputs."""

from __future__ import annotations

HELPERS: dict[str, str] = {
    "narrow_16": """\
/// The 16-bit output for a sum, rounded twice; offset and shift are the left and the right shift.
static inline int16_t narrow_16(int32_t sum, const CHANNEL *channel, int32_t zero_point,
                                int32_t low, int32_t high) {
  const int32_t value = scaled(sum, channel->multiplier, channel->offset, channel->shift);
  return (int16_t)(clamp(value, low - zero_point, high - zero_point) + zero_point);
}
""",
    "scaled_wide": """\
/// sum * multiplier / 2^shift, halves towards plus infinity.
static inline int32_t scaled_wide(int64_t sum, int32_t multiplier, int32_t shift) {
  return (int32_t)((sum * multiplier + ((int64_t)1 << (shift - 1))) >> shift);
}
""",
    "narrow_wide": """\
/// The 16-bit output for a 64-bit sum.
static inline int16_t narrow_wide(int64_t sum, int32_t multiplier, int32_t shift,
                                  int32_t zero_point, int32_t low, int32_t high) {
  const int32_t value = scaled_wide(sum, multiplier, shift);
  return (int16_t)(clamp(value, low - zero_point, high - zero_point) + zero_point);
}
""",
    "interpolated": """\
/// The function whose 513 points are in the table, for a 16-bit value; LUTLookup of TFLite.
static inline int16_t interpolated(const int16_t *table, int32_t value) {
  const int16_t *const point = table + 256 + (value >> 7);
  const int32_t slope = (int16_t)(point[1] - point[0]);
  return (int16_t)(point[0] + ((slope * (value & 127) + 64) >> 7));
}
""",
    "logistic": """\
/// Logistic function, with the limits of TFLite's reference kernel.
static inline float logistic(float x) {
  if (x > 16.619047164916992188f) {
    return 1.0f;
  }
  return x < -9.0f ? expf(x) : 1.0f / (1.0f + expf(-x));
}
""",
}
