# SPDX-License-Identifier: Apache-2.0
"""Small static inline functions of the generated C; a file gets those that its kernels call."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gen_fw.runtimes.aot import helpers_detection, helpers_signal, helpers_types
from gen_fw.runtimes.aot.functions import FUNCTIONS


def _dot_pairs(unroll: int) -> str:
    """The inner loop of convolutions with pairs, ``unroll`` taps at a time."""
    steps = "\n".join(f"    STEP({u});" for u in range(unroll))
    return f"""\
/// Sums over groups of {unroll} taps: two channels times two pairs of pixels. A function of its
/// own, so that nothing else takes registers; the steps stay in order for the same reason.
static NOT_INLINE void dot_pairs_{unroll}(const int32_t *restrict tap,
                                   const int8_t *restrict weight, int32_t groups,
                                   int64_t *restrict sums) {{
#define STEP(u)                                  \\
  do {{                                           \\
    const int32_t tap0 = tap[2 * (u)];           \\
    const int32_t tap1 = tap[2 * (u) + 1];       \\
    int32_t factor = weight[2 * (u)];            \\
    sum00 += (int64_t)tap0 * factor;             \\
    sum01 += (int64_t)tap1 * factor;             \\
    factor = weight[2 * (u) + 1];                \\
    sum10 += (int64_t)tap0 * factor;             \\
    sum11 += (int64_t)tap1 * factor;             \\
    IN_ORDER();                                  \\
  }} while (0)
  int64_t sum00 = 1 << 22;
  int64_t sum01 = 1 << 22;
  int64_t sum10 = 1 << 22;
  int64_t sum11 = 1 << 22;
  do {{
{steps}
    tap += {2 * unroll};
    weight += {2 * unroll};
  }} while (--groups != 0);
  sums[0] = sum00;
  sums[1] = sum01;
  sums[2] = sum10;
  sums[3] = sum11;
#undef STEP
}}
"""


def _multiply_pairs(name: str) -> str:
    """One tile of any layer, for small code: all channels of four pixels."""
    scaling, _, apart = name.partition("_")
    plain = scaling == "plain"
    factor = "" if plain else " * 4"
    rest = "zero_point, low, high)" if plain else "low, high)"
    if apart:
        rest = "low - zero_point, high - zero_point) + zero_point"

    def output(row: str, field: str, pair: str, bias: str) -> str:
        value = f"{field}(sums[2 * b{pair}]){factor} + {bias}"
        return (
            f"      out[{row}b] =\n"
            f"          (int8_t)(narrow_{scaling}({value}, channel + b, {rest});\n"
        )

    outputs = (
        output("", "lower", "", "bias0")
        + output("count + ", "upper", "", "bias1")
        + output("2 * count + ", "lower", " + 1", "bias0")
        + output("3 * count + ", "upper", " + 1", "bias1")
    )
    return f"""\
/// All channels of four pixels: count is the number of channels, of which the last two may overlap
/// the two before them.
static NOT_INLINE void multiply_pairs_{name}(
    const int32_t *restrict columns, const int8_t *restrict weight,
    const CHANNEL *restrict channel, int8_t *restrict out, int32_t groups, int32_t count,
    {"int32_t zero_point, " if plain or apart else ""}int32_t low, int32_t high) {{
  for (int32_t done = 0; done < count; done += 2) {{
    if (done == count - 1) {{
      --out;
    }}
    int64_t sums[4];
    dot_pairs_4(columns, weight, groups, sums);
    for (int32_t b = 0; b < 2; ++b) {{
      const int32_t bias0 = (channel[b].bias - (1 << 22)){factor};
      const int32_t bias1 = channel[b].bias{factor};
{outputs}    }}
    weight += 8 * groups;
    channel += 2;
    out += 2;
  }}
}}
"""


_HELPERS: dict[str, str] = {
    "saturate": """\
/// value limited to 8 bits.
static inline int32_t saturate(int32_t value) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
  int32_t limited;
  __asm__("ssat %0, #8, %1" : "=r"(limited) : "r"(value));
  return limited;
#else
  return (uint32_t)(value + 128) > 255u ? (value >> 31) ^ 127 : value;
#endif
}
""",
    "dot_pairs_4": _dot_pairs(4),
    "dot_pairs_8": _dot_pairs(8),
    "widen_4": """\
/// Four inputs as two words of 16-bit pairs, 0 and 2, 1 and 3, four words apart.
static inline void widen_4(const int8_t *from, int32_t *restrict to) {
#if DSP
  int32_t word;
  memcpy(&word, from, 4);
  __asm__("sxtb16 %0, %1" : "=r"(to[0]) : "r"(word));
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(to[4]) : "r"(word));
#else
  to[0] = (int32_t)((uint32_t)(from[0] & 0xffff) | (uint32_t)(from[2] & 0xffff) << 16);
  to[4] = (int32_t)((uint32_t)(from[1] & 0xffff) | (uint32_t)(from[3] & 0xffff) << 16);
#endif
}
""",
    "copy_16": """\
static inline void copy_16(int8_t *restrict to, const int8_t *from) {
#if defined(MVE) && MVE
  vstrbq_s8(to, vldrbq_s8(from));
#else
  memcpy(to, from, 16);
#endif
}
""",
    "clamp": """\
static inline int32_t clamp(int32_t value, int32_t low, int32_t high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}
""",
    "clamp_float": """\
/// value limited to [low, high]; a NaN stays.
static inline float clamp_float(float value, float low, float high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}
""",
    "inside": """\
/// Whether a row and a column lie inside an image.
static inline bool inside(int32_t y, int32_t x, int32_t height, int32_t width) {
  return (uint32_t)y < (uint32_t)height && (uint32_t)x < (uint32_t)width;
}
""",
    "high_product": """\
/// Upper half of the 64-bit product. (Right shifts of negative numbers are arithmetic here, as in
/// every compiler for these processors.)
static inline int32_t high_product(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b) >> 32);
}
""",
    "doubling_high_product": """\
/// a * b / 2^31, halves towards plus infinity.
static inline int32_t doubling_high_product(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}
""",
    "rounded_shift": """\
/// value / 2^shift, halves away from zero; shift is 0 to 31.
static inline int32_t rounded_shift(int32_t value, int32_t shift) {
  const int32_t mask = (int32_t)((1u << shift) - 1u);
  const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> shift) + ((value & mask) > threshold ? 1 : 0);
}
""",
    "scaled": """\
/// value * multiplier * 2^(left - right - 31) with TensorFlow Lite's two roundings.
static inline int32_t scaled(int32_t value, int32_t multiplier, int32_t left, int32_t right) {
  return rounded_shift(doubling_high_product((int32_t)((uint32_t)value << left), multiplier),
                       right);
}
""",
    "saturating_left": """\
/// value * 2^shift, limited to 32 bits.
static inline int32_t saturating_left(int32_t value, int32_t shift) {
  const int64_t wide = (int64_t)value * (1 << shift);
  return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}
""",
    "one_over_one_plus": """\
/// 1 / (1 + a) with 31 fraction bits, 0 <= a < 1: three Newton steps with gemmlowp's roundings.
static inline int32_t one_over_one_plus(int32_t a) {
  const int32_t half = (int32_t)(((int64_t)a + 0x80000000) / 2);
  int32_t x = 1515870810 + doubling_high_product(half, -1010580540);
  for (int32_t i = 0; i < 3; ++i) {
    const int32_t rest = (1 << 29) - doubling_high_product(half, x);
    x += saturating_left(doubling_high_product(x, rest), 2);
  }
  return saturating_left(x, 1);
}
""",
    "narrow_clamped": """\
/// The output for a fourfold sum, where low is not below the output's zero point: both roundings of
/// TensorFlow Lite in one (docs/aot.md of gen-fw has the proof).
static inline int32_t narrow_clamped(int32_t sum4, const CHANNEL *channel, int32_t low,
                                    int32_t high) {
  const int32_t value =
      (high_product(sum4, channel->multiplier) + channel->offset) >> channel->shift;
  return low == -128 && high == 127 ? saturate(value) : clamp(value, low, high);
}
""",
    "narrow_fast": """\
/// The output for a fourfold sum: both roundings of TensorFlow Lite in one, halves of negative
/// values away from zero (docs/aot.md of gen-fw has the proof).
static inline int32_t narrow_fast(int32_t sum4, const CHANNEL *channel, int32_t low,
                                 int32_t high) {
  const int32_t value = (high_product(sum4, channel->multiplier) + (sum4 >> 31) * 2 +
                         channel->offset) >> channel->shift;
  return low == -128 && high == 127 ? saturate(value) : clamp(value, low, high);
}
""",
    "narrow_plain": """\
/// The output for a sum, rounded twice; offset and shift are the left and the right shift.
static inline int8_t narrow_plain(int32_t sum, const CHANNEL *channel, int32_t zero_point,
                                  int32_t low, int32_t high) {
  const int32_t value = scaled(sum, channel->multiplier, channel->offset, channel->shift);
  return (int8_t)(clamp(value, low - zero_point, high - zero_point) + zero_point);
}
""",
    "pair": """\
/// Two inputs in one factor: 23 bits apart, so that one 64-bit sum holds two sums.
static inline int32_t pair(int32_t a, int32_t b) { return a + b * (1 << 23); }
""",
    "pair_16": """\
/// Two inputs in one factor, 16 bits apart.
static inline int32_t pair_16(int32_t a, int32_t b) { return a + b * (1 << 16); }
""",
    "lower": """\
/// The sum over the first inputs of pairs, plus 2^22: the lower 23 bits, without sign as the sum
/// began with 2^22.
static inline int32_t lower(int64_t sum) { return (int32_t)((uint32_t)sum & 0x7fffffu); }
""",
    "upper": """\
/// The sum over the second inputs of pairs.
static inline int32_t upper(int64_t sum) {
  return (int32_t)((uint32_t)((uint64_t)sum >> 32) << 9 | (uint32_t)sum >> 23);
}
""",
}
_HELPERS |= FUNCTIONS
_HELPERS |= (
    {
        f"multiply_pairs_{name}": _multiply_pairs(name)
        for name in ("clamped", "fast", "plain", "clamped_apart", "fast_apart")
    }
    | helpers_types.HELPERS
    | helpers_signal.HELPERS
    | helpers_detection.HELPERS
)


#: assembler and the plain C beside it
_EITHER = re.compile(r"#if (MVE|DSP)\n(.*?)#else\n.*?#endif\n", re.DOTALL)


def helpers(code: str, channel_type: str) -> str:
    """Definitions of all helpers that ``code`` calls, directly or through others, in order. Those
    that only the plain C beside assembler calls are there for that only."""
    texts = {name: text.replace("CHANNEL", channel_type) for name, text in _HELPERS.items()}
    always = _called(_EITHER.sub(r"\2", code), texts)
    found = _EITHER.search(code)
    parts = []
    for name in _called(code, texts):
        text = texts[name]
        if name not in always and found is not None:
            text = f"#if !{found[1]}\n{text}#endif\n"
        parts.append(text)
    return "\n".join(parts)


def _called(code: str, texts: Mapping[str, str]) -> list[str]:
    """Names of helpers that are called, in the order of their definitions."""
    needed: set[str] = set()
    reached = [code]
    while reached:
        text = reached.pop()
        for name, definition in texts.items():
            if name not in needed and re.search(rf"\b{name}\(", text):
                needed.add(name)
                reached.append(definition)
    return [name for name in texts if name in needed]


_PREAMBLE: dict[str, str] = {
    "MVE": """\
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1) && defined(__GNUC__)
#include <arm_mve.h>
#define MVE 1
#else
#define MVE 0  // plain C in its place
#endif

""",
    "DSP": """\
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)
#define DSP 1
#else
#define DSP 0  // plain C in its place
#endif

""",
    "NAKED": """\
#if defined(__GNUC__)
/// A function that is nothing but its assembler text.
#define NAKED __attribute__((naked, noinline))
#define UNUSED __attribute__((unused))
#endif

""",
    "NOT_INLINE": """\
#if defined(__GNUC__)
#define NOT_INLINE __attribute__((noinline))
#else
#define NOT_INLINE
#endif

""",
    "IN_ORDER": """\
#if defined(__GNUC__)
/// Keeps the compiler from moving memory accesses over this place; no instruction.
#define IN_ORDER() __asm__ volatile("" ::: "memory")
#else
#define IN_ORDER() ((void)0)
#endif

""",
}


def preamble(support: str) -> str:
    """Macros of the compiler that these helpers need."""
    return "".join(text for word, text in _PREAMBLE.items() if re.search(rf"\b{word}\b", support))


#: what in the code needs a header of the C library beside those of every file
_HEADERS = {
    "float.h": re.compile(r"\bFLT_MAX\b"),
    "math.h": re.compile(
        r"\b(?:(?:exp|expm1|log|tanh|sin|cos|sqrt|fabs|floor|ceil|fmod)f|exp|floor|signbit|INFINITY|NAN)\b"
    ),
    "stddef.h": re.compile(r"\bNULL\b"),
    "string.h": re.compile(r"\bmem(?:cpy|set|move)\("),
}


def system_headers(code: str) -> list[str]:
    """Headers of the C library that this code needs."""
    return [header for header, uses in _HEADERS.items() if uses.search(code)]
