# SPDX-License-Identifier: Apache-2.0
"""Random models of operators whose elements come from computed places, and of constant tensors:
families beside those of fuzz_models."""

from __future__ import annotations

import numpy as np

from fuzz_builder import Builder, Shape, Value
from fuzz_moving import Family, any_axis, any_shape, any_source, typed
from fuzz_operators import Parts
from gen_fw.model.types import DType

_F, _8, _16, _32, _64 = DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32, DType.INT64


def resize(b: Builder, name: str, *dtypes: DType) -> Parts:
    shape = (b.pick(1, 1, 2), b.between(1, 7), b.between(1, 7), b.between(1, 4))
    source = typed(b, shape, b.pick(*dtypes))
    factor = b.pick(None, 2, 3)
    size = [n * factor if factor else b.between(1, 16) for n in shape[1:3]]
    align = b.chance(0.3)
    half = b.chance(0.4) and (not align or name == "RESIZE_NEAREST_NEIGHBOR")
    options = {"align_corners": align, "half_pixel_centers": half}
    table = "ResizeBilinearOptions" if name == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
    target = b.like(source, (shape[0], *size, shape[3]))
    made = b.operator(name, [source, b.integers(*size)], target, table, **options)
    return [source], [made]


def _places(b: Builder, shape: Shape, most: int) -> tuple[list[Value], Value | int]:
    """int32 indices below ``most``, given or constant."""
    if b.chance(0.5):
        value = b.plain(shape, _32, (0, most - 1))
        return [value], value
    return [], b.constant(b.rng.integers(0, most, shape).astype(np.int32))


def gather(b: Builder) -> Parts:
    source = any_source(b, _F, _8)
    rank = len(source.shape)
    axis, given = any_axis(b, rank)
    batch = b.between(0, axis) if b.chance(0.4) else 0
    shape = (*source.shape[:batch], *any_shape(b, 1, 2))
    more, indices = _places(b, shape, source.shape[axis])
    target = (*source.shape[:axis], *shape[batch:], *source.shape[axis + 1 :])
    fields = {"axis": given, "batch_dims": batch}
    inputs = [source, indices]
    made = b.operator("GATHER", inputs, b.like(source, target), "GatherOptions", **fields)
    return [source, *more], [made]


def gather_nd(b: Builder) -> Parts:
    source = any_source(b, _F, _8)
    count = b.between(1, len(source.shape))
    shape = (*any_shape(b, 1, 2), count)
    more, indices = _places(b, shape, min(source.shape[:count]))
    target = b.like(source, (*shape[:-1], *source.shape[count:]))
    made = b.operator("GATHER_ND", [source, indices], target, "GatherNdOptions")
    return [source, *more], [made]


def embedding(b: Builder) -> Parts:
    shape = (b.between(1, 9), *any_shape(b, 1, 2))
    dtype = b.pick(_F, _8, _8)
    table = b.value(shape, zero_point=0) if dtype is _8 else b.plain(shape, dtype)
    more, indices = _places(b, (b.between(1, 5),), shape[0])
    count = len(b.tensors[indices if isinstance(indices, int) else indices.index]["shape"])
    assert count == 1
    size = b.tensors[indices if isinstance(indices, int) else indices.index]["shape"][0]
    target = (size, *shape[1:])
    made = b.plain(target, _F) if dtype is _F or b.chance(0.5) else b.like(table, target)
    inputs = [indices, table]
    return [*more, table], [b.operator("EMBEDDING_LOOKUP", inputs, made)]


def update_slice(b: Builder) -> Parts:
    source = any_source(b, _F, _8, _16, _32)
    part = b.like(source, tuple(b.between(1, size) for size in source.shape))
    begins = b.plain((len(source.shape),), b.pick(_32, _64), (-2, 7))
    target = b.like(source, source.shape)
    inputs = [source, part, begins]
    return inputs, [b.operator("DYNAMIC_UPDATE_SLICE", inputs, target)]


def slice_at(b: Builder) -> Parts:
    """SLICE from a computed begin."""
    source = any_source(b, _F, _8, _16, _32, most=5)
    size = tuple(b.between(1, most) for most in source.shape)
    begin = b.plain((len(size),), b.pick(_32, _64), (0, 0))
    at = min(s - n for s, n in zip(source.shape, size, strict=True))
    b.limits[begin.index] = (0, at)
    kind = np.int32 if begin.dtype is _32 else np.int64
    inputs = [source, begin, b.constant(np.array(size, kind))]
    return [source, begin], [b.operator("SLICE", inputs, b.like(source, size), "SliceOptions")]


def shapes(b: Builder) -> Parts:
    """SHAPE, FILL, ZEROS_LIKE and BROADCAST_ARGS."""
    kind = b.between(0, 3)
    if kind == 0:
        source = any_source(b, _F, _8)
        made = b.plain((len(source.shape),), _32)
        return [source], [b.operator("SHAPE", [source], made, "ShapeOptions", out_type=int(_32))]
    if kind == 1:
        value = typed(b, (), b.pick(_F, _32, _8))
        shape = any_shape(b)
        inputs: list[Value | int] = [b.integers(*shape), value]
        return [value], [b.operator("FILL", inputs, b.like(value, shape), "FillOptions")]
    if kind == 2:
        source = any_source(b, _F, _8, _32, _64)
        made = b.like(source, source.shape)
        return [source], [b.operator("ZEROS_LIKE", [source], made, "ZerosLikeOptions")]
    whole = [b.between(1, 5) for _ in range(b.between(1, 4))]
    kind_of = b.pick(np.int32, np.int64)
    dtype = DType[kind_of.__name__.upper()]
    ones = [size if b.chance(0.5) else 1 for size in whole][b.between(0, len(whole) - 1) :]
    first = b.constant(np.array(ones, kind_of))
    # as the application would fill it: equal sizes
    second = b.plain((len(whole),), dtype, (1, 1))
    inputs = [first, second] if b.chance(0.5) else [second, first]
    made = b.operator("BROADCAST_ARGS", inputs, b.plain((len(whole),), dtype))
    return [second], [made]


FAMILIES: dict[str, Family] = {
    "resize_nearest": lambda b: resize(b, "RESIZE_NEAREST_NEIGHBOR", _F, _8, _16),
    "resize_bilinear": lambda b: resize(b, "RESIZE_BILINEAR", _F, _8),
    "gather": gather,
    "gather_nd": gather_nd,
    "embedding": embedding,
    "update_slice": update_slice,
    "slice_at": slice_at,
    "shapes": shapes,
}
