# SPDX-License-Identifier: Apache-2.0
"""Plain C for every processor: pairs of pixels in 64-bit sums, or tiles of plain products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gen_fw.runtimes.aot.backends import Depthwise, Product, packed
from gen_fw.runtimes.aot.filters import PAIR_FIELD, blocked, blocked_rows
from gen_fw.runtimes.aot.layer import DataArgument, Over, ScratchArgument, Step
from gen_fw.runtimes.aot.overlap import window_below
from gen_fw.runtimes.aot.plane import fill, over, reads
from gen_fw.runtimes.aot.plane import tile as plane_tile

#: output pixels of a tile
PIXELS = 4
#: depthwise kernels of at most so many taps are written out
_UNROLLED = 16


def _pixels(pixels: int) -> int:
    """Pixels of a tile: the last tile overlaps the one before it, and with 9 pixels a tile of 3
    wastes nothing. A tap costs 4 weights, and an input and 4 products with sums for each pixel."""
    if pixels < PIXELS - 1:
        return 1
    sizes = [size for size in (PIXELS, PIXELS - 1) if size <= pixels]
    return min(sizes, key=lambda size: -(-pixels // size) * (4 + 9 * size))


def product(layer: Product) -> Step | str:
    """A matrix product for any layer."""
    if layer.site.target.packed:
        step = packed.product(layer)
        if step is not None:
            return step
    site, size, weights, outcome = layer.site, layer.size, layer.weights, layer.outcome
    count, taps = weights.shape
    pixels = layer.pixels
    wide = 128 * int(np.abs(weights.astype(np.int64)).sum(axis=1).max())
    paired = (
        site.target.technique == "pairs" and pixels >= PIXELS and count > 1 and wide < PAIR_FIELD
    )
    tile = PIXELS if paired else _pixels(pixels)
    small = site.target.optimise == "size"
    unroll, spare = (min(taps, 4 if tile == 1 else 2), 0)
    if paired:
        unroll = 8 if -taps % 8 <= taps // 16 and not small else 4
        spare = -taps % unroll
    block = min(count, 2 if paired else 4)
    direct = layer.direct
    words: dict[str, Any] = {
        **size.words(),
        **outcome.words(),
        "input_zero": layer.input_zero if size.padded else 0,
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
        layer.comment,
        # with columns, a tile is read before it is written
        over=(Over("input", window_below(size, tile, buffered=bool(scratch))),),
    )


def depthwise(layer: Depthwise) -> Step | str:
    """Channel by channel: its padded image goes to scratch, where all taps are at fixed places.

    With "pairs", a word holds two places of the image that lie half the output apart, and one
    multiply-accumulate computes two outputs.
    """
    site, size, weights, outcome = layer.site, layer.size, layer.weights, layer.outcome
    count, taps = weights.shape
    wide = 128 * int(np.abs(weights.astype(np.int64)).sum(axis=1).max())
    paired = (
        site.target.technique == "pairs"
        and size.out_height * size.out_width > 1
        and wide < PAIR_FIELD
    )
    rows, columns, apart_rows, apart_columns = size.out_height, size.out_width, 0, 0
    if paired and rows > 1:
        rows = (rows + 1) // 2
        apart_rows = size.out_height - rows
    elif paired:
        columns = (columns + 1) // 2
        apart_columns = size.out_width - columns
    height = (rows - 1) * size.stride_height + (size.kernel_height - 1) * size.dilation_height + 1
    width = (columns - 1) * size.stride_width + (size.kernel_width - 1) * size.dilation_width + 1
    tile = plane_tile(columns, site.target.registers, paired=paired)
    words: dict[str, Any] = {
        **size.words(),
        **outcome.words(),
        "input_zero": layer.input_zero if size.padded else 0,
        "multiplier": count // size.depth,
        "taps": taps,
        "paired": paired,
        "rows": rows,
        "columns": columns,
        "apart_height": apart_rows * size.stride_height,
        "apart_width": apart_columns * size.stride_width,
        "apart": apart_rows * size.out_width + apart_columns,
        "plane_height": height,
        "plane_width": width,
        **fill(size, height, width, apart_rows * size.stride_height),
        "tile": tile,
        "unrolled": taps <= _UNROLLED,
        "reads": reads(size, width, tile),
    }
    cell = 4 if paired else 1
    return Step(
        "depthwise_plane",
        words,
        (
            site.reads("input", site.input(0)),
            site.writes("output", site.output()),
            DataArgument("weights", "int8_t", weights, "weights"),
            DataArgument("channels", "channel", outcome.table, "channels"),
            ScratchArgument("plane", "int32_t" if paired else "int8_t", cell * height * width),
        ),
        layer.comment,
        over=over(size, count),
    )
