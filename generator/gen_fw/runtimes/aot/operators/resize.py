# SPDX-License-Identifier: Apache-2.0
"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: where each output comes from is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.elements import integers
from gen_fw.runtimes.aot.indexed import picked
from gen_fw.runtimes.aot.layer import C_TYPES, DataArgument, Site, Step
from gen_fw.runtimes.aot.table import operator

_Array = np.ndarray[Any, Any]
_F = np.float32


def _images(site: Site, *dtypes: DType) -> tuple[Tensor, Tensor]:
    source = site.of_type(site.input(0), *dtypes)
    target = site.of_type(site.output(), source.dtype)
    size = integers(site, site.input(1))
    site.require(len(source.shape) == len(target.shape) == 4, "shapes")
    batch, _, _, depth = source.shape
    site.require(target.shape == (batch, *size, depth), "shapes differ")
    site.require(source.elements > 0 and target.elements > 0, "a tensor without elements")
    options = site.options
    both = options.align_corners and options.half_pixel_centers
    refused = both and site.operator.name == "RESIZE_BILINEAR"
    site.require(not refused, "aligned corners with half pixel centers")
    return source, target


@operator("RESIZE_NEAREST_NEIGHBOR", types="float32, int8, int16", limits="constant size")
def nearest(site: Site) -> Sequence[Step]:
    """GetNearestNeighbor of reference/resize_nearest_neighbor.h, in single precision."""
    source, target = _images(site, DType.FLOAT32, DType.INT8, DType.INT16)
    places = [np.arange(source.shape[0]), np.zeros(1), np.zeros(1), np.arange(source.shape[3])]
    for axis in (1, 2):
        size, out = source.shape[axis], target.shape[axis]
        align, half = site.options.align_corners, site.options.half_pixel_centers
        aligned = align and out > 1
        scale = _F(size - 1) / _F(out - 1) if aligned else _F(size) / _F(out)
        real = (np.arange(out, dtype=_F) + _F(0.5 if half else 0.0)) * scale
        near = np.floor(real + 0.5).astype(np.int64) if align else np.floor(real).astype(np.int64)
        places[axis] = np.clip(near, 0, size - 1)
    return [picked(site, source, target, source.shape, places)]


@operator("RESIZE_BILINEAR", types="float32, int8", limits="constant size")
def bilinear(site: Site) -> Sequence[Step]:
    """ResizeBilinear and ResizeBilinearInteger of reference/resize_bilinear.h; the rows and columns
    between which an output lies, and its distance from the first, are tables."""
    source, target = _images(site, DType.FLOAT32, DType.INT8)
    batch, height, width, depth = source.shape
    real = source.dtype is DType.FLOAT32
    axis = _between if real else _between_10_bits
    tables = []
    largest = 1
    for name, position, step in (("row", 1, width * depth), ("column", 2, depth)):
        low, high, weight = axis(site, source.shape[position], target.shape[position])
        places = np.stack([low, high], axis=-1) * step
        tables.append(DataArgument(f"{name}s", "int32_t", places, f"{name}s"))
        kind = "float" if real else "int16_t"
        tables.append(DataArgument(f"{name}_weights", kind, weight, f"{name}_weights"))
        if not real:
            largest *= int(np.maximum(np.abs(weight), np.abs(1024 - weight)).max()) * 2
    # the four terms of an output add up to at most this
    wide = not real and largest * 128 + (1 << 19) >= 1 << 31
    words = {
        "c_type": C_TYPES[source.dtype],
        "real": real,
        "sum": "int64_t" if wide else "int32_t",
        "batch": batch,
        "image": height * width * depth,
        "out_height": target.shape[1],
        "out_width": target.shape[2],
        "depth": depth,
    }
    arguments = (site.reads("input", source), site.writes("output", target))
    what = f"{height}x{width} to {target.shape[1]}x{target.shape[2]}, {depth} channels"
    return [Step("resize_bilinear", words, (*arguments, *tables), what)]


def _between(site: Site, size: int, out: int) -> tuple[_Array, _Array, _Array]:
    """ComputeInterpolationValues, in single precision: the neighbours' indices and the distance
    from the lower one."""
    aligned = site.options.align_corners and out > 1
    scale = _F(size - 1) / _F(out - 1) if aligned else _F(size) / _F(out)
    steps = np.arange(out, dtype=_F)
    half = site.options.half_pixel_centers
    real = (steps + _F(0.5)) * scale - _F(0.5) if half else steps * scale
    low = np.clip(np.floor(real).astype(np.int64), 0, size - 1)
    high = np.clip(np.ceil(real).astype(np.int64), 0, size - 1)
    return low, high, real - low.astype(_F)


def _between_10_bits(site: Site, size: int, out: int) -> tuple[_Array, _Array, _Array]:
    """ComputeInterpolationValuesInteger: distances have 10 fraction bits; C divides towards 0."""
    aligned = site.options.align_corners and out > 1
    parts, whole = (out - 1, size - 1) if aligned else (out, size)
    scale = (1024 * whole + parts // 2) // parts
    steps = np.arange(out, dtype=np.int64)
    real = steps * scale
    if site.options.half_pixel_centers:
        real += scale // 2 - 512
    low = np.clip((real / 1024).astype(np.int64), 0, size - 1)
    high = np.clip(((real + 1023) / 1024).astype(np.int64), 0, size - 1)
    weight = real - 1024 * low
    site.require(int(np.abs(weight).max()) < 1 << 15, "an enlargement beyond all measure")
    return low, high, weight
