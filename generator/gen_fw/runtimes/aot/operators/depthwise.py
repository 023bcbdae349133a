# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D: every output channel reads one input channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.filters import (
    PAIR_FIELD,
    Array,
    Channels,
    Window,
    channels,
    window,
)
from gen_fw.runtimes.aot.layer import DataArgument, Over, ScratchArgument, Site, Step
from gen_fw.runtimes.aot.table import operator

#: kernels of at most so many taps are written out
_UNROLLED = 16


@operator(
    "DEPTHWISE_CONV_2D",
    types="int8, int4 or int8 weights, per tensor and per channel",
    limits="constant weights; any depth multiplier",
)
def depthwise_conv_2d(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    filters = site.of_type(site.input(1), DType.INT8, DType.INT4)
    target = site.of_type(site.output(), DType.INT8)
    site.require(len(filters.shape) == 4 and filters.shape[0] == 1, "filters need [1, h, w, c]")
    options = site.options
    size = window(site, source, target, (filters.shape[1], filters.shape[2]), options)
    count = filters.shape[3]
    site.require(count == size.out_depth, "filters and output channels differ")
    site.require(count % size.depth == 0, "channels are no multiple of the input's")
    taps = size.kernel_height * size.kernel_width
    weights = site.constant(filters).reshape(taps, count).T
    outcome = channels(
        site,
        weights,
        source,
        filters,
        site.optional(2),
        target,
        options.fused_activation_function,
    )
    return [_plane(site, size, weights, outcome)]


def _plane(site: Site, size: Window, weights: Array, outcome: Channels) -> Step:
    """Channel by channel: its padded image goes to scratch, where all taps are at fixed places.

    With "pairs", a word holds two places of the image that lie half the output apart, and one
    multiply-accumulate computes two outputs.
    """
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
    tile = _tile(columns, site.target.registers, paired=paired)
    words: dict[str, Any] = {
        **size.words(),
        **outcome.words(),
        "input_zero": site.affine(site.input(0))[1] if size.padded else 0,
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
        **_fill(size, height, width, apart_rows * size.stride_height),
        "tile": tile,
        "unrolled": taps <= _UNROLLED,
        "reads": _reads(size, width, tile),
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
        f"{size.kernel_height}x{size.kernel_width}, stride {size.stride_height}x"
        f"{size.stride_width}, {size.depth} to {count} channels, "
        f"{size.out_height}x{size.out_width} pixels",
        over=_over(size, count),
    )


def _over(size: Window, count: int) -> tuple[Over, ...]:
    """A channel is read whole before it is written, and at such a distance its outputs lie over
    its own inputs only."""
    own = size.batch == 1 and (count == size.depth or size.depth == 1)
    return (Over("input", every=size.depth),) if own else ()


def _fill(size: Window, height: int, width: int, apart: int) -> dict[str, int]:
    """The part of the plane that is copied from the image: rows that hold a place of it, here or
    ``apart`` rows below, and columns; ``fill_step`` cells at a time."""
    cells = min(size.width, width - size.pad_left)
    top = 0 if apart else size.pad_top
    return {
        "fill_top": min(max(size.pad_top - apart, top), height),
        "fill_bottom": min(size.height + size.pad_top, height),
        "fill_width": cells,
        "fill_step": max(step for step in range(1, 9) if cells % step == 0),
    }


def _tile(columns: int, registers: int, *, paired: bool) -> int:
    """Neighbouring outputs that are computed together: many share their inputs, as far as sums
    fit into registers; the last tile should not repeat much of the one before it."""
    most = 3 if paired else max(4, registers // 5)
    sizes = range(1, min(most, columns) + 1)
    return min(sizes, key=lambda tile: (-(-columns // tile) * (tile + 1), -tile))


def _reads(size: Window, width: int, tile: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """Every place that a tile reads, with the sums and taps that it contributes to."""
    places: dict[int, list[tuple[int, int]]] = {}
    for ky in range(size.kernel_height):
        for kx in range(size.kernel_width):
            for t in range(tile):
                column = t * size.stride_width + kx * size.dilation_width
                place = ky * size.dilation_height * width + column
                places.setdefault(place, []).append((t, ky * size.kernel_width + kx))
    return sorted(places.items())
