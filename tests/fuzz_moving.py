# SPDX-License-Identifier: Apache-2.0
"""Random models of operators that move elements: families beside those of fuzz_models."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fuzz_builder import Builder, Shape, Value
from fuzz_operators import Parts, arithmetic
from gen_fw.model.enums import MirrorPadMode
from gen_fw.model.types import DType

Family = Callable[[Builder], Parts]
_F, _8, _16, _32, _64 = DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32, DType.INT64
_SHAPES: tuple[Shape, ...] = ((7,), (2, 5), (3, 4, 5), (1, 30), (2, 3, 2, 6), (1, 5, 4, 3), (1, 1))


def typed(b: Builder, shape: Shape, dtype: DType) -> Value:
    """An activation: quantized for 8 and 16 bits."""
    return b.value(shape, dtype=dtype) if dtype in (_8, _16) else b.plain(shape, dtype)


def any_shape(b: Builder, least: int = 1, most: int = 4) -> Shape:
    rank = b.between(least, most)
    return tuple(b.between(1, 6) for _ in range(rank))


def any_source(b: Builder, *dtypes: DType, least: int = 1, most: int = 4) -> Value:
    return typed(b, any_shape(b, least, most), b.pick(*dtypes))


def any_axis(b: Builder, rank: int) -> tuple[int, int]:
    """An axis, and how a model may say it."""
    axis = b.between(0, rank - 1)
    return axis, axis - rank if b.chance(0.3) else axis


def transpose(b: Builder) -> Parts:
    source = any_source(b, _F, _8, _16, most=5)
    order = b.rng.permutation(len(source.shape)).tolist()
    target = b.like(source, tuple(source.shape[axis] for axis in order))
    inputs = [source, b.integers(*order)]
    return [source], [b.operator("TRANSPOSE", inputs, target, "TransposeOptions")]


def cut(b: Builder) -> Parts:
    """SLICE, sometimes several of one tensor, and something that is computed from the parts."""
    source = any_source(b, _F, _8, _16, _32, DType.BOOL, most=5)
    outputs = []
    for _ in range(b.between(1, 3)):
        begins = [b.between(0, size - 1) for size in source.shape]
        if b.chance(0.5):  # rows: contiguous
            begins[1:] = [0] * (len(begins) - 1)
        sizes = [b.between(1, s - x) for s, x in zip(source.shape, begins, strict=True)]
        if b.chance(0.5):
            sizes[1:] = [s - x for s, x in zip(source.shape[1:], begins[1:], strict=True)]
        given = [
            -1 if x + n == s and b.chance(0.4) else n
            for s, x, n in zip(source.shape, begins, sizes, strict=True)
        ]
        kind = b.pick(np.int32, np.int64)
        inputs = [source, *(b.constant(np.array(v, kind)) for v in (begins, given))]
        outputs.append(b.operator("SLICE", inputs, b.like(source, tuple(sizes)), "SliceOptions"))
    if source.dtype is _8 and b.chance(0.6):
        outputs.append(arithmetic(b, outputs[0], "MUL", outputs[0])[1][0])
        if b.chance(0.5):
            del outputs[0]
    return [source], outputs


def strided(b: Builder) -> Parts:
    source = any_source(b, _F, _8, _16, _32, DType.BOOL)
    rank = len(source.shape)
    begins, ends, strides, shape = [], [], [], []
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0}
    for axis, size in enumerate(source.shape):
        stride = b.pick(1, 1, 1, 2, 3, -1, -2)
        first, last = sorted((b.between(0, size - 1), b.between(0, size - 1)))
        begin, end = (first, last + 1) if stride > 0 else (last, first - 1)
        count = -(-(last + 1 - first) // abs(stride))
        if b.chance(0.2) and rank > 1 and len(shape) + rank - axis > 1:
            masks["shrink_axis_mask"] |= 1 << axis
            stride, end = 1, begin + 1
        else:
            if b.chance(0.3):
                masks["begin_mask"] |= 1 << axis
                begin = 0 if stride > 0 else size - 1
            if b.chance(0.3):
                masks["end_mask"] |= 1 << axis
                end = size if stride > 0 else -1
            count = len(range(begin, end, stride))
            shape.append(count)
        if end == -1 or (end < size and b.chance(0.2)):
            end -= size
        if b.chance(0.2):
            begin -= size
        begins.append(begin)
        ends.append(end)
        strides.append(stride)
    inputs = [source, b.integers(*begins), b.integers(*ends), b.integers(*strides)]
    target = b.like(source, tuple(shape))
    return [source], [b.operator("STRIDED_SLICE", inputs, target, "StridedSliceOptions", **masks)]


def split(b: Builder) -> Parts:
    """SPLIT or SPLIT_V; one part may be joined with itself."""
    source = any_source(b, _F, _8, _16, _32)
    axis, given = any_axis(b, len(source.shape))
    count = b.between(1, 4)
    shape = list(source.shape)
    sizes = [b.between(1, 4) for _ in range(count)]
    if b.chance(0.5):
        sizes = sizes[:1] * count
    shape[axis] = sum(sizes)
    source = typed(b, tuple(shape), source.dtype)
    outputs = [b.like(source, (*shape[:axis], size, *shape[axis + 1 :])) for size in sizes]
    if len(set(sizes)) == 1:
        inputs: list[Value | int] = [b.integers(given), source]
        parts = b.several("SPLIT", inputs, outputs, "SplitOptions", num_splits=count)
    else:
        inputs = [source, b.integers(*sizes), b.integers(given)]
        parts = b.several("SPLIT_V", inputs, outputs, "SplitVOptions", num_splits=count)
    if b.chance(0.4):
        joined = b.like(source, (*parts[0].shape[:axis], 2 * sizes[0], *parts[0].shape[axis + 1 :]))
        pair = [parts[0], parts[0]]
        parts[0] = b.operator("CONCATENATION", pair, joined, "ConcatenationOptions", axis=axis)
    return [source], parts


def pack(b: Builder) -> Parts:
    first = any_source(b, _F, _8, _16, _32, _64, most=3)
    sources = [first, *(b.like(first, first.shape) for _ in range(b.between(0, 3)))]
    axis, given = any_axis(b, len(first.shape) + 1)
    shape = (*first.shape[:axis], len(sources), *first.shape[axis:])
    fields = {"values_count": len(sources), "axis": given}
    target = b.like(first, shape)
    return sources, [b.operator("PACK", sources, target, "PackOptions", **fields)]


def unpack(b: Builder) -> Parts:
    source = any_source(b, _F, _8, _16, _32, least=2)
    axis, given = any_axis(b, len(source.shape))
    shape = (*source.shape[:axis], *source.shape[axis + 1 :])
    outputs = [b.like(source, shape) for _ in range(source.shape[axis])]
    fields = {"num": len(outputs), "axis": given}
    return [source], b.several("UNPACK", [source], outputs, "UnpackOptions", **fields)


def pad(b: Builder) -> Parts:
    source = any_source(b, _F, _8, _16, _32, most=5)
    margins = [[b.between(0, 3), b.between(0, 3)] for _ in source.shape]
    shape = tuple(n + sum(m) for n, m in zip(source.shape, margins, strict=True))
    inputs: list[Value | int] = [source, b.constant(np.array(margins, np.int32))]
    target = b.like(source, shape)
    if b.chance(0.5):
        return [source], [b.operator("PAD", inputs, target, "PadOptions")]
    if b.chance(0.4):
        given = b.like(source, (1,))
        inputs.append(given)
        return [source, given], [b.operator("PADV2", inputs, target, "PadV2Options")]
    value = np.array([b.between(-100, 100)], source.dtype.name.lower())
    scales, zeros = ([source.scale], [source.zero_point]) if source.scale else ([], [])
    inputs.append(b.constant(value, scales, zeros))
    return [source], [b.operator("PADV2", inputs, target, "PadV2Options")]


def mirror_pad(b: Builder) -> Parts:
    source = any_source(b, _F, _8)
    mode = b.pick(MirrorPadMode.REFLECT, MirrorPadMode.SYMMETRIC)
    most = [size - int(mode is MirrorPadMode.REFLECT) for size in source.shape]
    margins = [[b.between(0, n), b.between(0, n)] if b.chance(0.6) else [0, 0] for n in most]
    shape = tuple(n + sum(m) for n, m in zip(source.shape, margins, strict=True))
    inputs = [source, b.constant(np.array(margins, b.pick(np.int32, np.int64)))]
    target = b.like(source, shape)
    return [source], [b.operator("MIRROR_PAD", inputs, target, "MirrorPadOptions", mode=int(mode))]


def depth_space(b: Builder) -> Parts:
    block = b.between(1, 3)
    batch, rows, columns, depth = b.pick(1, 1, 2), b.between(1, 4), b.between(1, 4), b.between(1, 5)
    flat = (batch, rows * block, columns * block, depth)
    deep = (batch, rows, columns, depth * block * block)
    name, given, made = b.pick(("SPACE_TO_DEPTH", flat, deep), ("DEPTH_TO_SPACE", deep, flat))
    source = typed(b, given, b.pick(_F, _8))
    options = "SpaceToDepthOptions" if name == "SPACE_TO_DEPTH" else "DepthToSpaceOptions"
    target = b.like(source, made)
    return [source], [b.operator(name, [source], target, options, block_size=block)]


def batch_space(b: Builder, padded: bool = False) -> Parts:
    """SPACE_TO_BATCH_ND or its inverse, of images or of rows. ``padded``: the first, with margins;
    TFLM fills them with what its memory happens to hold."""
    to_batch = padded or b.chance(0.5)
    sides = b.between(1, 2)
    block = [b.between(1, 3) for _ in range(sides)]
    tiles = [b.between(1, 4) for _ in range(sides)]
    full = [size * tile for size, tile in zip(block, tiles, strict=True)]
    margins = [[0, 0] for _ in range(sides)]
    if padded or (not to_batch and b.chance(0.6)):
        for axis, size in enumerate(full):
            low = b.between(0, min(2, size - 1))
            margins[axis] = [low, b.between(0, min(2, size - 1 - low))]
    batch, depth = b.between(1, 2), b.between(1, 4)
    inner = [size - sum(margin) for size, margin in zip(full, margins, strict=True)]
    space = (batch, *inner, depth)
    batches = (batch * math.prod(block), *tiles, depth)
    extra = [b.integers(*block), b.constant(np.array(margins, np.int32))]
    dtype = b.pick(_F, _8)
    if to_batch:
        source = typed(b, space, dtype)
        target = b.like(source, batches)
        inputs = [source, *extra]
        made = b.operator("SPACE_TO_BATCH_ND", inputs, target, "SpaceToBatchNDOptions")
    else:
        source = typed(b, batches, dtype)
        target = b.like(source, space)
        inputs = [source, *extra]
        made = b.operator("BATCH_TO_SPACE_ND", inputs, target, "BatchToSpaceNDOptions")
    return [source], [made]


def broadcast_to(b: Builder) -> Parts:
    target = any_shape(b, 1, 5)
    shape = tuple(size if b.chance(0.5) else 1 for size in target)[b.between(0, len(target) - 1) :]
    source = typed(b, shape, b.pick(_F, _8, _16, _32, _64, DType.BOOL))
    inputs = [source, b.constant(np.array(target, b.pick(np.int32, np.int64)))]
    made = b.operator("BROADCAST_TO", inputs, b.like(source, target), "BroadcastToOptions")
    return [source], [made]


def reverse(b: Builder) -> Parts:
    source = any_source(b, _F, _8, _16, _32, _64, DType.BOOL)
    rank = len(source.shape)
    first = b.between(0, rank - 1)
    axes = list(range(first, b.between(first, rank - 1) + 1))
    given = [axis - rank if b.chance(0.3) else axis for axis in axes]
    b.rng.shuffle(given)
    inputs = [source, b.integers(*given)]
    made = b.operator("REVERSE_V2", inputs, b.like(source, source.shape), "ReverseV2Options")
    return [source], [made]


def concatenation(b: Builder) -> Parts:
    first = any_source(b, _F, _16, _32, _64, DType.BOOL)
    axis, given = any_axis(b, len(first.shape))
    sources = [first]
    for _ in range(b.between(1, 3)):
        shape = (*first.shape[:axis], b.between(1, 4), *first.shape[axis + 1 :])
        sources.append(b.like(first, shape))
    size = sum(source.shape[axis] for source in sources)
    target = b.like(first, (*first.shape[:axis], size, *first.shape[axis + 1 :]))
    made = b.operator("CONCATENATION", sources, target, "ConcatenationOptions", axis=given)
    return sources, [made]


def views(b: Builder) -> Parts:
    """Parts of parts, joined and computed with in any order: what lies inside what, what must be
    copied, and what may be written over it."""
    source = b.value((b.pick(2, 4, 6), b.pick(2, 4), b.pick(3, 8)))
    values, used = [source], {source.index}
    for _ in range(b.between(4, 9)):
        value = b.pick(*values[-4:])
        used.add(value.index)
        rows = value.shape[0]
        step = b.between(0, 5)
        if step == 0 and rows > 1:  # rows of it
            begin = b.between(0, rows - 1)
            size = b.between(1, rows - begin)
            shape = (size, *value.shape[1:])
            inputs = [value, b.integers(begin, 0, 0), b.integers(*shape)]
            made = [b.operator("SLICE", inputs, b.like(value, shape), "SliceOptions")]
        elif step == 1 and rows % 2 == 0:
            halves = [b.like(value, (rows // 2, *value.shape[1:])) for _ in range(2)]
            inputs = [b.integers(0), value]
            made = b.several("SPLIT", inputs, halves, "SplitOptions", num_splits=2)
        elif step == 2:
            like = [v for v in values if v.shape[1:] == value.shape[1:] and v.scale == value.scale]
            parts = [value, b.pick(*like)]
            used.add(parts[1].index)
            shape = (sum(part.shape[0] for part in parts), *value.shape[1:])
            joined = b.like(value, shape)
            made = [b.operator("CONCATENATION", parts, joined, "ConcatenationOptions", axis=0)]
        elif step == 3:
            other = b.pick(*(v for v in values if v.shape == value.shape))
            used.add(other.index)
            made = arithmetic(b, value, b.pick("ADD", "MUL"), other)[1]
        elif step == 4:
            order = [0, 2, 1]
            shape = tuple(value.shape[axis] for axis in order)
            inputs = [value, b.integers(*order)]
            made = [b.operator("TRANSPOSE", inputs, b.like(value, shape), "TransposeOptions")]
        else:
            made = [b.operator("RELU", [value], b.like(value, value.shape))]
        values += made
    return [source], [v for v in values[1:] if v.index not in used or b.chance(0.15)]


FAMILIES: dict[str, Family] = {
    "views": views,
    "transpose": transpose,
    "slice": cut,
    "strided_slice": strided,
    "split": split,
    "pack": pack,
    "unpack": unpack,
    "pad_types": pad,
    "mirror_pad": mirror_pad,
    "depth_space": depth_space,
    "batch_space": batch_space,
    "broadcast_to": broadcast_to,
    "reverse": reverse,
    "concatenation_types": concatenation,
}
