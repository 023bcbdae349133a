# SPDX-License-Identifier: Apache-2.0
"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN and REDUCE_ALL over any axes; ARG_MAX and ARG_MIN."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import quantize_multiplier, rescaling
from gen_fw.runtimes.aot.elements import function_name, integers, quantized
from gen_fw.runtimes.aot.expressions import RANGES, clamped, rescaled
from gen_fw.runtimes.aot.layer import C_TYPES, Over, Site, Step
from gen_fw.runtimes.aot.overlap import below
from gen_fw.runtimes.aot.strides import Loop, dense, merged
from gen_fw.runtimes.aot.table import operator

_QUANTIZED = (DType.INT8, DType.INT16)


@dataclass(frozen=True, slots=True)
class _Reduction:
    """Loops over the outputs, and over what one of them is made of."""

    source: Tensor
    target: Tensor
    outer: list[Loop]
    inner: list[Loop]
    count: int
    outputs: int


def _reduction(site: Site, *dtypes: DType) -> _Reduction:
    source = site.of_type(site.input(0), *dtypes)
    target = site.of_type(site.output(), source.dtype)
    axes = integers(site, site.input(1))
    rank = len(source.shape)
    site.require(all(-rank <= axis < rank for axis in axes), "an axis that does not exist")
    reduced = {axis % rank for axis in axes}
    kept = [axis for axis in range(rank) if axis not in reduced]
    within = [axis for axis in range(rank) if axis in reduced]
    shape, steps = source.shape, dense(source.shape)
    count = math.prod(shape[axis] for axis in reduced)
    outputs = math.prod(shape[axis] for axis in kept)
    site.require(count > 0 and outputs == target.elements > 0, "shapes")
    sizes = [shape[axis] for axis in kept]
    outer = merged(sizes, [[steps[axis] for axis in kept], dense(sizes)])
    inner = merged([shape[axis] for axis in within], [[steps[axis] for axis in within]])
    return _Reduction(source, target, outer, inner, count, outputs)


def _step(
    site: Site,
    over: _Reduction,
    total: str,
    initial: str,
    each: str,
    result: str = "total",
    lines: Sequence[str] = (),
) -> list[Step]:
    """``total``, a variable of that type, begins with ``initial``; ``each`` takes in element @0."""
    size = over.target.dtype.bits // 8
    begins = np.zeros(1, np.int64)
    for turns, steps in over.outer:
        begins = (begins[:, None] + np.arange(turns) * steps[0]).reshape(-1)
    distance = below(np.arange(over.outputs) + 1, begins) * size
    return [
        Step(
            "reduce",
            {
                "outer": over.outer,
                "inner": over.inner,
                "c_type": C_TYPES[over.source.dtype],
                "total": total,
                "initial": initial,
                "each": each,
                "lines": list(lines),
                "result": result,
            },
            (site.reads("input", over.source), site.writes("output", over.target)),
            f"of {over.count} elements, {over.outputs} times",
            over=(Over("input", distance),),
            name=function_name(site),
        )
    ]


@operator("MEAN", "SUM", types="int8, int16", limits="constant axes", of=_QUANTIZED)
def quantized_mean(site: Site) -> Sequence[Step]:
    """QuantizedMeanOrSum of reference/reduce.h: 1 / count is part of the multiplier."""
    over = _reduction(site, *_QUANTIZED)
    (scale, zero), (out_scale, out_zero) = site.affine(over.source), site.affine(over.target)
    site.require(scale > 0 and out_scale > 0, "a scale that is not positive")
    low, high = RANGES[over.target.dtype]
    span = high - low
    site.require(over.count * span < 1 << 31, "so many elements that the sum may overflow")
    multiplier, shift = quantize_multiplier(scale / out_scale)
    if site.operator.name == "MEAN":
        extra = min(over.count.bit_length() - 1, 32, 31 + shift)
        site.require(extra >= 0, "an output scale out of range")
        multiplier = (multiplier << extra) // over.count
        shift -= extra
    to = rescaling(multiplier, shift, out_zero, span * over.count, low)
    lines = [f"const int32_t value = {rescaled('total', to)};"]
    result = clamped("value", C_TYPES[over.target.dtype], low, high)
    return _step(site, over, "int32_t", str(-zero * over.count), "total += @0;", result, lines)


@operator("MEAN", "SUM", types="float32", limits="constant axes", of=[DType.FLOAT32])
def float_mean(site: Site) -> Sequence[Step]:
    """Adds in the order of the input, as TFLM."""
    over = _reduction(site, DType.FLOAT32)
    result = f"total / {over.count}.0f" if site.operator.name == "MEAN" else "total"
    return _step(site, over, "float", "0.0f", "total += @0;", result)


@operator(
    "REDUCE_MAX",
    "REDUCE_MIN",
    types="float32, int8",
    limits="constant axes; int8 input and output quantized alike",
)
def extreme(site: Site) -> Sequence[Step]:
    over = _reduction(site, DType.FLOAT32, DType.INT8)
    largest = site.operator.name == "REDUCE_MAX"
    if over.source.dtype is DType.INT8:
        alike = quantized(site, over.source) == quantized(site, over.target)
        site.require(alike, "input and output are quantized differently")
        initial = "-128" if largest else "127"
    else:
        initial = "-FLT_MAX" if largest else "FLT_MAX"
    each = f"total = @0 {'>' if largest else '<'} total ? @0 : total;"
    return _step(site, over, C_TYPES[over.source.dtype], initial, each)


@operator("REDUCE_ALL", types="bool", limits="constant axes")
def every(site: Site) -> Sequence[Step]:
    return _step(site, _reduction(site, DType.BOOL), "bool", "true", "total = @0 && total;")


@operator("ARG_MAX", "ARG_MIN", types="float32, int8 to int32", limits="constant axis")
def arg(site: Site) -> Sequence[Step]:
    """The first of equal elements."""
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8)
    target = site.of_type(site.output(), DType.INT32)
    axes = integers(site, site.input(1))
    rank = len(source.shape)
    site.require(len(axes) == 1 and -rank <= axes[0] < rank, "an axis that does not exist")
    axis = axes[0] % rank
    expected = (*source.shape[:axis], *source.shape[axis + 1 :])
    site.require(target.shape == expected and source.elements > 0, "shapes")
    words = {
        "c_type": C_TYPES[source.dtype],
        "before": math.prod(source.shape[:axis]),
        "size": source.shape[axis],
        "after": math.prod(source.shape[axis + 1 :]),
        "sign": ">" if site.operator.name == "ARG_MAX" else "<",
    }
    arguments = (site.reads("input", source), site.writes("output", target))
    what = f"of {words['size']} elements, {target.elements} times"
    return [Step("arg", words, arguments, what, name=function_name(site))]
