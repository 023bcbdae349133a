# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE, DEQUANTIZE and CAST."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import quantize_multiplier, rescaling, scaled
from gen_fw.runtimes.aot.elements import same_elements, table, unary
from gen_fw.runtimes.aot.expressions import RANGES, clamped, literal, plus, rescaled
from gen_fw.runtimes.aot.layer import C_TYPES, Alias, Site, Step
from gen_fw.runtimes.aot.moves import moved, whole
from gen_fw.runtimes.aot.table import operator

#: input -> outputs (quantize_common.cc)
_PAIRS = {
    DType.FLOAT32: (DType.INT8, DType.INT16),
    DType.INT32: (DType.INT8, DType.INT16),
    DType.INT16: (DType.INT8, DType.INT16, DType.INT32),
    DType.INT8: (DType.INT8, DType.UINT8, DType.INT16, DType.INT32),
    DType.UINT8: (DType.INT8,),
}


@operator(
    "QUANTIZE",
    types="float32 and all integers to int8, int16; int8, int16 to int32; int8 to uint8",
    limits="int32 with zero point 0",
)
def quantize(site: Site) -> Sequence[Step]:
    """AffineQuantize and Requantize of kernels/internal/reference."""
    source = site.of_type(site.input(0), *_PAIRS)
    target = site.of_type(site.output(), *_PAIRS[source.dtype])
    same_elements(site, source, target)
    out_scale, out_zero = site.affine(target)
    site.require(out_scale > 0, "a scale that is not positive")
    low, high = RANGES[target.dtype]
    c_type = C_TYPES[target.dtype]
    if source.dtype is DType.FLOAT32:
        value = f"gen_fw_quantize(@0, {literal(out_scale)}, {out_zero}, {low}, {high})"
        return unary(site, source, target, f"({c_type}){value}")
    scale, zero = site.affine(source)
    multiplier, shift = quantize_multiplier(scale / out_scale)
    if source.dtype.bits == target.dtype.bits == 8:
        return table(site, source, target, lambda x: scaled(x - zero, multiplier, shift) + out_zero)
    for tensor in (source, target):
        site.require(tensor.dtype is not DType.INT32 or site.affine(tensor)[1] == 0, "zero point")
    first, last = RANGES[source.dtype]
    to = rescaling(multiplier, shift, out_zero, max(zero - first, last - zero), low)
    lines = [f"const int32_t x = @0{plus(-zero)};"]
    if target.dtype is DType.INT32:
        return unary(site, source, target, rescaled("x", to), lines)
    lines.append(f"const int32_t value = {rescaled('x', to)};")
    return unary(site, source, target, clamped("value", c_type, low, high), lines)


@operator("DEQUANTIZE", types="int8, uint8, int16 to float32")
def dequantize(site: Site) -> Sequence[Step]:
    """The product of a float and 17 bits is exact in double precision, so one rounding to single
    precision gives what Dequantize of reference/dequantize.h gives."""
    source = site.of_type(site.input(0), DType.INT8, DType.UINT8, DType.INT16)
    target = site.of_type(site.output(), DType.FLOAT32)
    scale, zero = site.affine(source)
    return unary(site, source, target, f"{literal(scale)} * (float)(@0{plus(-zero)})")


_CASTS = (DType.INT8, DType.INT16, DType.INT32, DType.UINT32, DType.FLOAT32)


@operator(
    "CAST",
    types="int8, int16, int32, uint32, float32, bool to int8, int16, int32, uint32, float32",
    limits="real numbers beyond 32 bits give any integer, as in C",
)
def cast(site: Site) -> Sequence[Step | Alias]:
    source = site.of_type(site.input(0), *_CASTS, DType.BOOL)
    target = site.of_type(site.output(), *_CASTS)
    same_elements(site, source, target)
    if source.dtype is target.dtype:
        return [moved(site, source, target, whole(source))]
    return unary(site, source, target, _converted(source, target))


def _converted(source: Tensor, target: Tensor) -> str:
    """Real numbers go by 32 bits (64 for unsigned ones), as compilers for TFLM's hosts do."""
    c_type = C_TYPES[target.dtype]
    if source.dtype is DType.FLOAT32 and target.dtype is DType.UINT32:
        return f"({c_type})(int64_t)@0"
    if source.dtype is DType.FLOAT32 and target.dtype.bits < 32:
        return f"({c_type})(int32_t)@0"
    return f"({c_type})@0"
