# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements: joining, cutting, padding, reordering and repeating."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.elements import integers, quantized
from gen_fw.runtimes.aot.expressions import literal
from gen_fw.runtimes.aot.layer import C_TYPES, Alias, Site, Step
from gen_fw.runtimes.aot.moves import Box, moved
from gen_fw.runtimes.aot.strides import broadcast, dense
from gen_fw.runtimes.aot.table import operator

Parts = Sequence[Step | Alias]
_INDEX = (DType.INT32, DType.INT64)


def _pair(site: Site, position: int = 0) -> tuple[Tensor, Tensor]:
    """An input and the first output, of one type."""
    source = site.of_type(site.input(position), *C_TYPES)
    return source, site.of_type(site.output(), source.dtype)


def _axis(site: Site, axis: int, rank: int) -> int:
    site.require(-rank <= axis < rank, "an axis that does not exist")
    return axis % rank


@operator("CONCATENATION", types="any", limits="inputs quantized like the output; no activation")
def concatenation(site: Site) -> Parts:
    """Operands that are contiguous in the result are computed there."""
    target = site.of_type(site.output(), *C_TYPES)
    none = site.options.fused_activation_function is ActivationFunctionType.NONE
    site.require(none, "a fused activation")
    axis = _axis(site, site.options.axis, len(target.shape))
    sources = [site.of_type(site.input(i), target.dtype) for i in range(len(site.operator.inputs))]
    for source in sources:
        outside = [size for i, size in enumerate(source.shape) if i != axis]
        expected = [size for i, size in enumerate(target.shape) if i != axis]
        same = len(source.shape) == len(target.shape) and outside == expected
        site.require(same, "shapes differ")
        if target.dtype is DType.INT8:
            alike = quantized(site, source) == quantized(site, target)
            site.require(alike, "input and output are quantized differently")
        if target.dtype is DType.INT16:
            zeros = {quantized(site, tensor)[1] for tensor in (source, target)}
            site.require(zeros == {0}, "int16 with a zero point")
    return _joined(site, sources, target, math.prod(target.shape[:axis]))


@operator("PACK", types="any")
def pack(site: Site) -> Parts:
    target = site.of_type(site.output(), *C_TYPES)
    axis = _axis(site, site.options.axis, len(target.shape))
    sources = [site.of_type(site.input(i), target.dtype) for i in range(len(site.operator.inputs))]
    expected = (*target.shape[:axis], *target.shape[axis + 1 :])
    fits = target.shape[axis] == len(sources) == site.options.values_count
    site.require(fits and all(source.shape == expected for source in sources), "shapes differ")
    return _joined(site, sources, target, math.prod(target.shape[:axis]))


def _joined(site: Site, sources: Sequence[Tensor], target: Tensor, rows: int) -> list[Step | Alias]:
    """Each row of the output is a row of every source."""
    site.require(target.elements > 0, "a tensor without elements")
    stride = target.elements // rows
    parts: list[Step | Alias] = []
    at = 0
    for position, source in enumerate(sources):
        run = source.elements // rows
        if run:
            box = Box((rows, run), (run, 1), (stride, 1), (0, at))
            what = f"input {position}, {rows} x {run * target.dtype.bits // 8} bytes"
            parts.append(moved(site, source, target, box, comment=what))
        at += run
    site.require(at == stride, "sizes differ")
    return parts


@operator("SPLIT", types="any", limits="constant axis")
def split(site: Site) -> Parts:
    """Outputs that are contiguous in the input stay there."""
    (axis,) = _axes(site, 0, 1)
    sizes = {site.output(i).shape for i in range(len(site.operator.outputs))}
    site.require(len(sizes) == 1, "parts differ")
    return _cut(site, site.input(1), axis)


@operator("SPLIT_V", types="any", limits="constant axis")
def split_v(site: Site) -> Parts:
    (axis,) = _axes(site, 2, 1)
    return _cut(site, site.input(0), axis)


def _axes(site: Site, position: int, count: int) -> list[int]:
    axes = integers(site, site.input(position))
    site.require(len(axes) == count, f"{len(axes)} axes")
    return axes


@operator("UNPACK", types="any")
def unpack(site: Site) -> Parts:
    source = site.input(0)
    axis = _axis(site, site.options.axis, len(source.shape))
    fits = source.shape[axis] == len(site.operator.outputs) == site.options.num
    expected = (*source.shape[:axis], *source.shape[axis + 1 :])
    outputs = [site.output(i) for i in range(len(site.operator.outputs))]
    site.require(fits and all(output.shape == expected for output in outputs), "shapes differ")
    return _cut(site, source, axis, whole=False)


def _cut(site: Site, source: Tensor, axis: int, *, whole: bool = True) -> list[Step | Alias]:
    """Each row of the input is a row of every output; ``whole``: outputs have the axis too."""
    site.of_type(source, *C_TYPES)
    axis = _axis(site, axis, len(source.shape))
    site.require(source.elements > 0, "a tensor without elements")
    rows = math.prod(source.shape[:axis])
    stride = source.elements // rows
    parts: list[Step | Alias] = []
    at = 0
    for position in range(len(site.operator.outputs)):
        target = site.of_type(site.output(position), source.dtype)
        if whole:
            outside = [size for i, size in enumerate(target.shape) if i != axis]
            expected = [size for i, size in enumerate(source.shape) if i != axis]
            same = len(source.shape) == len(target.shape) and outside == expected
            site.require(same, "shapes differ")
        run = target.elements // rows
        if run:
            box = Box((rows, run), (stride, 1), (run, 1), (at, 0))
            what = f"output {position}, {rows} x {run * target.dtype.bits // 8} bytes"
            parts.append(moved(site, source, target, box, comment=what))
        at += run
    site.require(at == stride, "sizes differ")
    return parts


@operator("STRIDED_SLICE", types="any", limits="constant begin, end and strides; no new axes")
def strided_slice(site: Site) -> Parts:
    """StridedSlicePrepare, StartForAxis and EndForAxis; TFLM reads an ellipsis as plain axes."""
    source, target = _pair(site)
    rank = len(source.shape)
    begins, ends, strides = (integers(site, site.input(i)) for i in (1, 2, 3))
    options = site.options
    site.require(len(begins) == len(ends) == len(strides) == rank, "ranks differ")
    plain = not (options.new_axis_mask or options.ellipsis_mask or options.offset)
    site.require(plain, "new axes, an ellipsis or ends that are offsets")
    starts, kept, shape = [], [], []
    for axis, (size, stride) in enumerate(zip(source.shape, strides, strict=True)):
        site.require(stride != 0 and size > 0, "a stride of 0")
        low, high = (0, size) if stride > 0 else (-1, size - 1)
        start = min(max(begins[axis] + (size if begins[axis] < 0 else 0), low), high)
        end = min(max(ends[axis] + (size if ends[axis] < 0 else 0), low), high)
        if options.begin_mask & 1 << axis:
            start = low if stride > 0 else high
        if options.end_mask & 1 << axis:
            end = high if stride > 0 else low
        shrunk = bool(options.shrink_axis_mask & 1 << axis)
        count = 1 if shrunk else max(0, -((start - end) // stride))
        starts.append(start)
        shape.append(count)
        if not shrunk:
            kept.append(count)
    site.require(tuple(kept) == target.shape, "shapes differ")
    steps = dense(source.shape)
    box = Box(
        tuple(shape),
        tuple(step * stride for step, stride in zip(steps, strides, strict=True)),
        tuple(dense(shape)),
        (sum(step * start for step, start in zip(steps, starts, strict=True)), 0),
    )
    return [moved(site, source, target, box)]


@operator(
    "PAD",
    "PADV2",
    types="int8, int16, int32, float32",
    limits="constant paddings that are not negative",
)
def pad(site: Site) -> Parts:
    source = site.of_type(site.input(0), DType.INT8, DType.INT16, DType.INT32, DType.FLOAT32)
    target = site.of_type(site.output(), source.dtype)
    paddings = integers(site, site.input(1), dtypes=_INDEX)
    rank = len(source.shape)
    site.require(len(paddings) == 2 * rank and len(target.shape) == rank, "paddings")
    before, after = paddings[::2], paddings[1::2]
    site.require(min(paddings, default=0) >= 0, "negative paddings")
    padded = [sum(sizes) for sizes in zip(source.shape, before, after, strict=True)]
    site.require(tuple(padded) == target.shape and source.elements > 0, "shapes")
    steps = dense(target.shape)
    start = sum(size * step for size, step in zip(before, steps, strict=True))
    box = Box(source.shape, tuple(dense(source.shape)), tuple(steps), (0, start))
    if not any(paddings):
        return [moved(site, source, target, box)]
    given = site.optional(2)
    if given is None:
        zero = quantized(site, target)[1] if target.dtype is DType.INT8 else 0
        return [moved(site, source, target, box, fill=zero)]
    site.require(site.of_type(given, target.dtype).elements == 1, "several values")
    if target.dtype is DType.INT8:
        alike = quantized(site, given) == quantized(site, target)
        site.require(alike, "a value quantized differently")
    if site.model.is_constant(given):
        return [moved(site, source, target, box, fill=_element(site, given))]
    return [moved(site, source, target, box, fill="value[0]", value=given)]


def _element(site: Site, tensor: Tensor) -> int | str:
    """The one element of a constant, as a number or C text."""
    value = site.constant(tensor).reshape(-1)[0]
    if tensor.dtype is DType.FLOAT32:
        return literal(float(value)) if value.view("i4") else 0
    return "INT32_MIN" if value == -(1 << 31) else int(value)


@operator("TRANSPOSE", types="any", limits="constant permutation")
def transpose(site: Site) -> Parts:
    source, target = _pair(site)
    order = integers(site, site.input(1))
    rank = len(source.shape)
    site.require(sorted(order) == list(range(rank)), "not a permutation")
    site.require(tuple(source.shape[axis] for axis in order) == target.shape, "shapes differ")
    steps = dense(source.shape)
    box = Box(target.shape, tuple(steps[axis] for axis in order), tuple(dense(target.shape)))
    return [moved(site, source, target, box)]


@operator("REVERSE_V2", types="any", limits="constant, neighbouring axes")
def reverse(site: Site) -> Parts:
    """Reverse of kernels/internal/reference/reverse.h turns all these axes as one."""
    source, target = _pair(site)
    rank = len(source.shape)
    axes = sorted(_axis(site, axis, rank) for axis in integers(site, site.input(1)))
    site.require(source.shape == target.shape and len(axes) > 0, "shapes differ")
    site.require(axes == list(range(axes[0], axes[0] + len(axes))), "axes with others between")
    shape = source.shape
    outer, inner = math.prod(shape[: axes[0]]), math.prod(shape[axes[-1] + 1 :])
    turned = math.prod(shape[axes[0] : axes[-1] + 1])
    box = Box(
        (outer, turned, inner),
        (turned * inner, -inner, 1),
        (turned * inner, inner, 1),
        ((turned - 1) * inner, 0),
    )
    return [moved(site, source, target, box)]


@operator("BROADCAST_TO", types="any", limits="constant shape")
def broadcast_to(site: Site) -> Parts:
    source, target = _pair(site)
    shape = integers(site, site.input(1), dtypes=_INDEX)
    site.require(tuple(shape) == target.shape, "shapes differ")
    steps = broadcast(source.shape, target.shape, site)
    return [moved(site, source, target, Box(target.shape, tuple(steps), tuple(dense(shape))))]
