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
from gen_fw.runtimes.aot.layer import DataArgument, ScratchArgument, Site, Step
from gen_fw.runtimes.aot.plane import fill as _fill
from gen_fw.runtimes.aot.plane import over as _over
from gen_fw.runtimes.aot.plane import reads as _reads
from gen_fw.runtimes.aot.plane import tile as _tile
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
