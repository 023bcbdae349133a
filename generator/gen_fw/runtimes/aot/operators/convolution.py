# SPDX-License-Identifier: Apache-2.0
"""CONV_2D and FULLY_CONNECTED: matrix products in tiles of output channels and pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import float32, quantize_multiplier
from gen_fw.runtimes.aot.filters import (
    PAIR_FIELD,
    Array,
    Channels,
    Window,
    blocked,
    blocked_rows,
    channels,
    window,
)
from gen_fw.runtimes.aot.layer import DataArgument, Over, ScratchArgument, Site, Step
from gen_fw.runtimes.aot.operators.batch_matmul import runtime_dense
from gen_fw.runtimes.aot.overlap import window_below
from gen_fw.runtimes.aot.products import grouped_bytes
from gen_fw.runtimes.aot.table import operator

#: output pixels of a tile
PIXELS = 4


@operator(
    "CONV_2D",
    types="int8, int4 or int8 weights, per tensor and per channel",
    limits="constant weights; groups",
)
def conv_2d(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    filters = site.of_type(site.input(1), DType.INT8, DType.INT4)
    target = site.of_type(site.output(), DType.INT8)
    site.require(len(filters.shape) == 4, "filters need 4 dimensions")
    options = site.options
    size = window(site, source, target, (filters.shape[1], filters.shape[2]), options)
    count, depth = filters.shape[0], filters.shape[3]
    site.require(count == size.out_depth, "filters and output channels differ")
    site.require(depth > 0 and size.depth % depth == 0, "channels are no multiple of the filters'")
    groups = size.depth // depth
    site.require(count % groups == 0, "output channels are no multiple of the groups")
    weights = site.constant(filters).reshape(count, -1)
    bias = site.optional(2)
    outcome = channels(
        site, weights, source, filters, bias, target, options.fused_activation_function
    )
    if groups > 1:
        return [grouped_bytes(site, size, weights, outcome, site.affine(source)[1])]
    return [_product(site, size, weights, outcome, site.affine(source)[1])]


@operator(
    "FULLY_CONNECTED",
    types="int8, int4 or int8 weights, per tensor and per channel",
    limits="constant weights have zero point 0, computed ones one scale",
)
def fully_connected(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    filters = site.of_type(site.input(1), DType.INT8, DType.INT4)
    target = site.of_type(site.output(), DType.INT8)
    options = site.options
    if filters.dtype is DType.INT8 and not site.model.is_constant(filters):
        return [runtime_dense(site)]
    weights = site.constant(filters)
    weights = weights.reshape(-1, weights.shape[-1])
    count, depth = weights.shape
    rows = target.elements // max(count, 1)
    site.require(source.elements == rows * depth and target.elements == rows * count, "shapes")
    site.require(target.elements > 0 and depth > 0, "a tensor without elements")
    site.require(not any(site.quantization(filters).zero_point), "weights with a zero point")
    bias = site.optional(2)
    per_tensor = None
    if not site.quantization(filters).per_channel:
        per_tensor = quantize_multiplier(_per_tensor_scale(site))
    outcome = channels(
        site,
        weights,
        source,
        filters,
        bias,
        target,
        options.fused_activation_function,
        per_tensor=per_tensor,
    )
    size = Window(1, 1, rows, depth, 1, rows, count, 1, 1, 1, 1, 1, 1, 0, 0)
    return [_product(site, size, weights, outcome, 0)]


def _per_tensor_scale(site: Site) -> float:
    """GetQuantizedConvolutionMultipler of kernels/kernel_util.cc: the product of the scales is
    rounded to single precision before the division."""
    input_scale, _ = site.affine(site.input(0))
    filter_scale = site.quantization(site.input(1)).scale[0]
    output_scale, _ = site.affine(site.output())
    return float32(input_scale * filter_scale) / output_scale


def _tile(pixels: int) -> int:
    """Pixels of a tile: the last tile overlaps the one before it, and with 9 pixels a tile of 3
    wastes nothing. A tap costs 4 weights, and an input and 4 products with sums for each pixel."""
    if pixels < PIXELS - 1:
        return 1
    sizes = [size for size in (PIXELS, PIXELS - 1) if size <= pixels]
    return min(sizes, key=lambda size: -(-pixels // size) * (4 + 9 * size))


def _product(site: Site, size: Window, weights: Array, outcome: Channels, input_zero: int) -> Step:
    """One matrix product: [pixels, taps] x [taps, channels]."""
    count, taps = weights.shape
    pixels = size.batch * size.out_height * size.out_width
    wide = 128 * int(np.abs(weights.astype(np.int64)).sum(axis=1).max())
    paired = (
        site.target.technique == "pairs" and pixels >= PIXELS and count > 1 and wide < PAIR_FIELD
    )
    tile = PIXELS if paired else _tile(pixels)
    small = site.target.optimise == "size"
    unroll, spare = (min(taps, 4 if tile == 1 else 2), 0)
    if paired:
        unroll = 8 if -taps % 8 <= taps // 16 and not small else 4
        spare = -taps % unroll
    block = min(count, 2 if paired else 4)
    direct = size.kernel_height == size.kernel_width == size.stride_height == size.stride_width == 1
    words: dict[str, Any] = {
        **size.words(),
        **outcome.words(),
        "input_zero": input_zero if size.padded else 0,
        "pixels": pixels,
        "taps": taps,
        "tile": tile,
        "block": block,
        "blocks": math.ceil(count / block),
        "overlap": count % block,
        "direct": direct,
        "unroll": unroll,
        "spare": spare,
        "shared": small,
    }
    scratch: list[ScratchArgument] = []
    if paired:
        scratch = [ScratchArgument("columns", "int32_t", 4 * (taps + spare) * tile // 2)]
    elif not direct:
        scratch = [ScratchArgument("columns", "int8_t", taps * tile)]
    what = f"{size.kernel_height}x{size.kernel_width}, stride {size.stride_height}x"
    what += f"{size.stride_width}, {size.depth} to {count} channels, {pixels} pixels"
    return Step(
        "conv_pairs" if paired else "conv_tile",
        words,
        (
            site.reads("input", site.input(0)),
            site.writes("output", site.output()),
            DataArgument(
                "weights",
                "int8_t",
                blocked(np.pad(weights, ((0, 0), (0, spare))), block),
                "weights",
            ),
            DataArgument("channels", "channel", blocked_rows(outcome.table, block), "channels"),
            *scratch,
        ),
        what if site.operator.name == "CONV_2D" else f"{pixels} rows, {taps} to {count}",
        # with columns, a tile is read before it is written
        over=(Over("input", window_below(size, tile, buffered=bool(scratch))),),
    )
