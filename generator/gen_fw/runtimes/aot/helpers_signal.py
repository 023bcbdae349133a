# SPDX-License-Identifier: Apache-2.0
"""Small functions of the generated C for signals: the butterflies of kissfft, roots, logarithms.

Complex numbers are pairs of elements. The butterflies compute what those of kiss_fft.c compute:
fixed-point ones divide by the radix first, and sums that overflow wrap.
"""

from __future__ import annotations

import re

_FIXED_16 = """\
static inline int16_t add_16(int16_t a, int16_t b) { return (int16_t)(a + b); }
=====
static inline int16_t sub_16(int16_t a, int16_t b) { return (int16_t)(a - b); }
=====
static inline int16_t negated_16(int16_t a) { return (int16_t)-a; }
=====
static inline int16_t rounded_16(int32_t product) { return (int16_t)((product + (1 << 14)) >> 15); }
=====
/// The part of a that factor / 32768 is.
static inline int16_t part_16(int16_t a, int16_t factor) { return rounded_16(a * factor); }
=====
/// a * b - c * d
static inline int16_t cross_16(int16_t a, int16_t b, int16_t c, int16_t d) {
  return rounded_16(a * b - c * d);
}
=====
/// a * b + c * d
static inline int16_t dot_16(int16_t a, int16_t b, int16_t c, int16_t d) {
  return rounded_16(a * b + c * d);
}
=====
static inline int16_t half_16(int16_t a) { return (int16_t)(a >> 1); }
=====
static inline int16_t half_sum_16(int16_t a, int16_t b) { return (int16_t)((a + b) >> 1); }
=====
static inline int16_t half_difference_16(int16_t a, int16_t b) { return (int16_t)((a - b) >> 1); }
"""

_FIXED_32 = """\
static inline int32_t add_32(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
=====
static inline int32_t sub_32(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
=====
static inline int32_t negated_32(int32_t a) { return (int32_t)(0u - (uint32_t)a); }
=====
static inline int32_t rounded_32(int64_t product) { return (int32_t)((product + (1 << 30)) >> 31); }
=====
/// The part of a that factor / 2^31 is.
static inline int32_t part_32(int32_t a, int32_t factor) {
  return rounded_32((int64_t)a * factor);
}
=====
/// a * b - c * d
static inline int32_t cross_32(int32_t a, int32_t b, int32_t c, int32_t d) {
  return rounded_32((int64_t)a * b - (int64_t)c * d);
}
=====
/// a * b + c * d
static inline int32_t dot_32(int32_t a, int32_t b, int32_t c, int32_t d) {
  return rounded_32((int64_t)a * b + (int64_t)c * d);
}
=====
static inline int32_t half_32(int32_t a) { return a >> 1; }
=====
static inline int32_t half_sum_32(int32_t a, int32_t b) { return add_32(a, b) >> 1; }
=====
static inline int32_t half_difference_32(int32_t a, int32_t b) { return sub_32(a, b) >> 1; }
"""

_FLOAT = """\
static inline float add_float(float a, float b) { return a + b; }
=====
static inline float sub_float(float a, float b) { return a - b; }
=====
static inline float negated_float(float a) { return -a; }
=====
static inline float cross_float(float a, float b, float c, float d) { return a * b - c * d; }
=====
static inline float dot_float(float a, float b, float c, float d) { return a * b + c * d; }
=====
static inline float half_float(float a) { return a * 0.5f; }
=====
static inline float half_sum_float(float a, float b) { return (a + b) * 0.5f; }
=====
static inline float half_difference_float(float a, float b) { return (a - b) * 0.5f; }
"""

#: V: the element type, S: the suffix of its functions; lines with DIVIDE are for fixed point
_BUTTERFLIES = """\
/// Joins two transforms of count values: radix 2.
static void fft_2_S(V *x, const V *twiddles, int32_t step, int32_t count) {
  for (int32_t k = 0; k < count; ++k) {
    V *const a = x + 2 * k;
    V *const b = a + 2 * count;
    const V *const w = twiddles + 2 * step * k;
    DIVIDE(a, 2)
    DIVIDE(b, 2)
    const V t0 = cross_S(b[0], w[0], b[1], w[1]);
    const V t1 = dot_S(b[0], w[1], b[1], w[0]);
    b[0] = sub_S(a[0], t0);
    b[1] = sub_S(a[1], t1);
    a[0] = add_S(a[0], t0);
    a[1] = add_S(a[1], t1);
  }
}
=====
/// Joins three transforms of count values: radix 3.
static void fft_3_S(V *x, const V *twiddles, int32_t step, int32_t count) {
  const V turn = twiddles[2 * step * count + 1];
  for (int32_t k = 0; k < count; ++k) {
    V *const a = x + 2 * k;
    V *const b = a + 2 * count;
    V *const c = b + 2 * count;
    const V *const w1 = twiddles + 2 * step * k;
    const V *const w2 = twiddles + 4 * step * k;
    DIVIDE(a, 3)
    DIVIDE(b, 3)
    DIVIDE(c, 3)
    const V b0 = cross_S(b[0], w1[0], b[1], w1[1]);
    const V b1 = dot_S(b[0], w1[1], b[1], w1[0]);
    const V c0 = cross_S(c[0], w2[0], c[1], w2[1]);
    const V c1 = dot_S(c[0], w2[1], c[1], w2[0]);
    const V sum0 = add_S(b0, c0);
    const V sum1 = add_S(b1, c1);
    const V rest0 = TIMES(sub_S(b0, c0), turn);
    const V rest1 = TIMES(sub_S(b1, c1), turn);
    const V middle0 = sub_S(a[0], half_S(sum0));
    const V middle1 = sub_S(a[1], half_S(sum1));
    a[0] = add_S(a[0], sum0);
    a[1] = add_S(a[1], sum1);
    c[0] = add_S(middle0, rest1);
    c[1] = sub_S(middle1, rest0);
    b[0] = sub_S(middle0, rest1);
    b[1] = add_S(middle1, rest0);
  }
}
=====
/// Joins four transforms of count values: radix 4.
static void fft_4_S(V *x, const V *twiddles, int32_t step, int32_t count, bool inverse) {
  for (int32_t k = 0; k < count; ++k) {
    V *const a = x + 2 * k;
    V *const b = a + 2 * count;
    V *const c = b + 2 * count;
    V *const d = c + 2 * count;
    const V *const w1 = twiddles + 2 * step * k;
    const V *const w2 = twiddles + 4 * step * k;
    const V *const w3 = twiddles + 6 * step * k;
    DIVIDE(a, 4)
    DIVIDE(b, 4)
    DIVIDE(c, 4)
    DIVIDE(d, 4)
    const V b0 = cross_S(b[0], w1[0], b[1], w1[1]);
    const V b1 = dot_S(b[0], w1[1], b[1], w1[0]);
    const V c0 = cross_S(c[0], w2[0], c[1], w2[1]);
    const V c1 = dot_S(c[0], w2[1], c[1], w2[0]);
    const V d0 = cross_S(d[0], w3[0], d[1], w3[1]);
    const V d1 = dot_S(d[0], w3[1], d[1], w3[0]);
    const V apart0 = sub_S(a[0], c0);
    const V apart1 = sub_S(a[1], c1);
    const V both0 = add_S(a[0], c0);
    const V both1 = add_S(a[1], c1);
    const V sum0 = add_S(b0, d0);
    const V sum1 = add_S(b1, d1);
    const V rest0 = sub_S(b0, d0);
    const V rest1 = sub_S(b1, d1);
    V *const up = inverse ? d : b;
    V *const down = inverse ? b : d;
    c[0] = sub_S(both0, sum0);
    c[1] = sub_S(both1, sum1);
    a[0] = add_S(both0, sum0);
    a[1] = add_S(both1, sum1);
    up[0] = add_S(apart0, rest1);
    up[1] = sub_S(apart1, rest0);
    down[0] = sub_S(apart0, rest1);
    down[1] = add_S(apart1, rest0);
  }
}
=====
/// Joins five transforms of count values: radix 5.
static void fft_5_S(V *x, const V *twiddles, int32_t step, int32_t count) {
  const V *const ya = twiddles + 2 * step * count;
  const V *const yb = twiddles + 4 * step * count;
  for (int32_t k = 0; k < count; ++k) {
    V *const first = x + 2 * k;
    V turned[10];
    for (int32_t part = 0; part < 5; ++part) {
      V *const a = first + 2 * count * part;
      const V *const w = twiddles + 2 * step * k * part;
      DIVIDE(a, 5)
      turned[2 * part] = part == 0 ? a[0] : cross_S(a[0], w[0], a[1], w[1]);
      turned[2 * part + 1] = part == 0 ? a[1] : dot_S(a[0], w[1], a[1], w[0]);
    }
    V outer[2], inner[2], outer_rest[2], inner_rest[2];
    for (int32_t i = 0; i < 2; ++i) {
      outer[i] = add_S(turned[2 + i], turned[8 + i]);
      outer_rest[i] = sub_S(turned[2 + i], turned[8 + i]);
      inner[i] = add_S(turned[4 + i], turned[6 + i]);
      inner_rest[i] = sub_S(turned[4 + i], turned[6 + i]);
    }
    for (int32_t i = 0; i < 2; ++i) {
      const V own = turned[i];
      first[i] = add_S(own, add_S(outer[i], inner[i]));
      const V near = add_S(add_S(own, TIMES(outer[i], ya[0])), TIMES(inner[i], yb[0]));
      const V far = add_S(add_S(own, TIMES(outer[i], yb[0])), TIMES(inner[i], ya[0]));
      const V out = i == 0 ? outer_rest[1] : outer_rest[0];
      const V in = i == 0 ? inner_rest[1] : inner_rest[0];
      V near_turn = add_S(TIMES(out, ya[1]), TIMES(in, yb[1]));
      V far_turn = sub_S(TIMES(in, ya[1]), TIMES(out, yb[1]));
      if (i == 1) {
        near_turn = negated_S(near_turn);
        far_turn = negated_S(far_turn);
      }
      first[2 * count + i] = sub_S(near, near_turn);
      first[8 * count + i] = add_S(near, near_turn);
      first[4 * count + i] = add_S(far, far_turn);
      first[6 * count + i] = sub_S(far, far_turn);
    }
  }
}
"""


def _functions(text: str) -> dict[str, str]:
    """Definitions by name; the name is the word before the first parenthesis of the code."""
    found = {}
    for definition in text.split("=====\n"):
        code = "".join(line for line in definition.splitlines(True) if not line.startswith("///"))
        found[code.split("(")[0].split()[-1].lstrip("*")] = definition
    return found


def _butterflies(suffix: str, value: str, most: int) -> dict[str, str]:
    """The four functions for an element type; ``most`` is its largest value, 0 for float."""

    def divided(match: re.Match[str]) -> str:
        pad, name, radix = match.groups()
        factor = most // int(radix)
        parts = [f"{pad}{name}[{i}] = part_{suffix}({name}[{i}], {factor});\n" for i in range(2)]
        return "".join(parts) if most else ""

    text = re.sub(r"^( *)DIVIDE\((\w), (\d)\)\n", divided, _BUTTERFLIES, flags=re.MULTILINE)
    wide = "(int64_t)" if most > 32767 else ""
    times = rf"rounded_{suffix}({wide}\1 * \2)" if most else r"\1 * \2"
    text = re.sub(r"TIMES\(((?:[^(),]|\([^()]*\))+), ([^(),]+)\)", times, text)
    text = re.sub(r"\bV\b", value, text.replace("_S(", f"_{suffix}("))
    return _functions(text)


HELPERS: dict[str, str] = {
    **_functions(_FIXED_16),
    **_functions(_FIXED_32),
    **_functions(_FLOAT),
    **_butterflies("16", "int16_t", 32767),
    **_butterflies("32", "int32_t", 2147483647),
    **_butterflies("float", "float", 0),
    "bits_of": """\
/// Bits up to the highest one that is set; 0 for 0.
static inline int32_t bits_of(uint32_t x) {
  int32_t bits = 0;
  while (x != 0u) {
    x >>= 1;
    ++bits;
  }
  return bits;
}
""",
    "root_of": """\
/// The rounded square root, as TFLM has it: of numbers below 2^32 in 32 bits, at most 65535.
static inline uint32_t root_of(uint64_t x) {
  const uint64_t most = x >> 32 == 0u ? 0xffffu : 0xffffffffu;
  uint64_t root = 0;
  uint64_t bit = x >> 32 == 0u ? (uint64_t)1 << 30 : (uint64_t)1 << 62;
  while (bit > x) {
    bit >>= 2;
  }
  for (; bit != 0u; bit >>= 2) {
    if (x >= root + bit) {
      x -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return (uint32_t)(x > root && root != most ? root + 1u : root);
}
""",
    "logarithm_of": """\
/// The natural logarithm of x > 0 times scale, by a curve of 129 points.
static inline uint32_t logarithm_of(uint32_t x, uint32_t scale, const uint16_t *curve) {
  const int32_t whole = bits_of(x) - 1;
  const uint32_t rest = x - (1u << whole);
  const int32_t part = (int32_t)(whole < 16 ? rest << (16 - whole) : rest >> (whole - 16));
  const int32_t at = part >> 9;
  const int32_t rise = curve[at + 1] - curve[at];
  const int32_t fraction = part + curve[at] + ((rise * (part - at * 512)) >> 16);
  const uint32_t binary = ((uint32_t)whole << 16) + (uint32_t)fraction;
  const uint32_t natural = (uint32_t)((45426u * (uint64_t)binary + 32768u) >> 16);
  return (scale * natural + 32768u) >> 16;
}
""",
    "gain_of": """\
/// A polynomial for each power of two: WideDynamicFunction of TFLM.
static inline int16_t gain_of(uint32_t x, const int16_t *gains) {
  if (x <= 2u) {
    return gains[x];
  }
  const int32_t bits = bits_of(x);
  const int16_t *const gain = gains + 4 * bits - 6;
  const int32_t part = (int32_t)((bits < 11 ? x << (11 - bits) : x >> (bits - 11)) & 0x3ffu);
  int32_t result = gain[2] * part >> 5;
  result = (int32_t)((uint32_t)result + ((uint32_t)gain[1] << 5));
  result = (int32_t)((uint32_t)result * (uint32_t)part);
  return (int16_t)(((int32_t)((uint32_t)result + (1u << 14)) >> 15) + gain[0]);
}
""",
    "shrunk": """\
/// x * x / 4 below 2, else x - 1; 12 fraction bits in, 6 out.
static inline uint32_t shrunk(uint32_t x) {
  return x < 2u << 12 ? x * x >> 20 : (x >> 6) - (1u << 6);
}
""",
}
