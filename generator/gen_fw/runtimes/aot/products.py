# SPDX-License-Identifier: Apache-2.0
"""Steps of float and int16x8 layers: the tiles and planes of the int8 ones, other numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gen_fw.runtimes.aot import plane
from gen_fw.runtimes.aot.backends import tvm
from gen_fw.runtimes.aot.filters import Array, Channels, Window, blocked, blocked_rows
from gen_fw.runtimes.aot.layer import DataArgument, Over, ScratchArgument, Site, Step
from gen_fw.runtimes.aot.numbers import Numbers
from gen_fw.runtimes.aot.overlap import window_below

#: kernels of at most so many taps are written out
_UNROLLED = 16


def tile_step(
    site: Site, size: Window, weights: Array, numbers: Numbers, what: str, groups: int = 1
) -> Step:
    """A matrix product [pixels, taps] x [taps, channels] in tiles, group by group. ``weights``:
    [channels, taps of a group]."""
    if "tvm" in site.target.backends:
        zero = numbers.words.get("input_zero", 0)
        return tvm.matrix(site, size, weights, numbers, what, groups, zero)
    count, taps = weights.shape
    pixels = size.batch * size.out_height * size.out_width
    short = numbers.sum64 or (site.target.technique == "pairs" and numbers.element == 2)
    tile = _tile(pixels, 2 if short else 4)
    each = count // groups
    block = min(each, 2 if numbers.sum64 else 4)
    unroll = min(taps, 4 if tile == 1 else 2)
    pointwise = size.kernel_height == size.kernel_width == 1
    direct = pointwise and size.stride_height == size.stride_width == 1 and groups == 1
    words: dict[str, Any] = {
        **size.words(),
        "input_zero": 0,
        **numbers.words,
        "depth": size.depth // groups,
        "image_depth": size.depth,
        "groups": groups,
        "pixels": pixels,
        "taps": taps,
        "tile": tile,
        "block": block,
        "blocks": math.ceil(each / block),
        "overlap": each % block,
        "direct": direct,
        "unroll": unroll,
    }
    scratch = []
    if not direct:
        scratch = [ScratchArgument("columns", numbers.c_type, taps * tile * numbers.element)]
    rows = [range(group * each, (group + 1) * each) for group in range(groups)]
    data = np.concatenate([blocked(weights[part], block).reshape(-1) for part in rows])
    below = window_below(size, tile, buffered=bool(scratch)) * numbers.element
    return Step(
        "conv_tile",
        words,
        (
            site.reads("input", site.input(0)),
            site.writes("output", site.output()),
            DataArgument("weights", numbers.weight_type, data, "weights"),
            *(
                DataArgument(
                    name,
                    c_type,
                    np.concatenate([blocked_rows(table[part], block) for part in rows]),
                    name,
                )
                for name, c_type, table in numbers.tables
            ),
            *scratch,
        ),
        what,
        # the second group still reads what the first one has written over
        over=(Over("input", below),) if groups == 1 else (),
    )


def grouped_bytes(
    site: Site, size: Window, weights: Array, outcome: Channels, input_zero: int
) -> Step:
    """An int8 convolution in groups; ``weights``: [channels, taps of a group]."""
    words = {**outcome.words(), "kind": "int8", "biased": False}
    words["input_zero"] = input_zero if size.padded else 0
    tables = (("channels", "channel", outcome.table),)
    numbers = Numbers(words, tables, 1, "int8_t", "int8_t")
    groups = size.depth * size.kernel_height * size.kernel_width // weights.shape[1]
    what = f"{size.depth} to {len(weights)} channels in {groups} groups"
    return tile_step(site, size, weights, numbers, what, groups)


def _tile(pixels: int, most: int) -> int:
    """Pixels of a tile: the last tile overlaps the one before it."""
    sizes = [size for size in ((4, 3) if most == 4 else (2,)) if size <= pixels]
    return min(sizes, key=lambda size: -(-pixels // size) * (4 + 9 * size), default=1)


def _what(size: Window, count: int) -> str:
    return (
        f"{size.kernel_height}x{size.kernel_width}, stride {size.stride_height}x"
        f"{size.stride_width}, {size.depth} to {count} channels, "
        f"{size.out_height}x{size.out_width} pixels"
    )


def plane_step(site: Site, size: Window, weights: Array, numbers: Numbers) -> Step:
    """A depthwise layer; ``weights``: [channels, taps]."""
    if "tvm" in site.target.backends:
        return tvm.plane(site, size, weights, numbers, _what(size, len(weights)))
    count, taps = weights.shape
    rows, columns = size.out_height, size.out_width
    height = (rows - 1) * size.stride_height + (size.kernel_height - 1) * size.dilation_height + 1
    width = (columns - 1) * size.stride_width + (size.kernel_width - 1) * size.dilation_width + 1
    tile = plane.tile(columns, site.target.registers, paired=numbers.sum64)
    words: dict[str, Any] = {
        **size.words(),
        **numbers.words,
        "input_zero": 0,
        "multiplier": count // size.depth,
        "taps": taps,
        "paired": False,
        "rows": rows,
        "columns": columns,
        "apart_height": 0,
        "apart_width": 0,
        "apart": 0,
        "plane_height": height,
        "plane_width": width,
        **plane.fill(size, height, width, 0),
        "tile": tile,
        "unrolled": taps <= _UNROLLED,
        "reads": plane.reads(size, width, tile),
    }
    return Step(
        "depthwise_plane",
        words,
        (
            site.reads("input", site.input(0)),
            site.writes("output", site.output()),
            DataArgument("weights", numbers.weight_type, weights, "weights"),
            *(DataArgument(name, c_type, table, name) for name, c_type, table in numbers.tables),
            ScratchArgument("plane", numbers.c_type, numbers.element * height * width),
        ),
        _what(size, count),
        over=plane.over(size, count, numbers.element),
    )
