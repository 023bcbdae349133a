# SPDX-License-Identifier: Apache-2.0
"""How far a kernel's output must begin before its input so that the two may overlap.

A kernel works in moments: a moment reads, then writes. What it writes may destroy only input that
no later moment reads. With the output ``below`` bytes before the input, the end of what moment k
writes is ``ends[k] - below`` bytes behind the input's begin; that must not be beyond the first byte
that any later moment reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.types import Tensor
from gen_fw.runtimes.aot.filters import Array, Window
from gen_fw.runtimes.aot.layer import Over

#: farther than any image reaches
_NEVER = 1 << 40
#: copies of more runs have memory of their own
_RUNS = 1 << 20


def below(ends: Any, begins: Any, *, buffered: bool = True) -> int:
    """The distance in bytes. ``ends[k]``: the end of what moment k writes, from the output's begin;
    ``begins[k]``: the first byte that it reads, from the input's.

    ``buffered``: a moment reads all before it writes. Otherwise its writes spare what it reads.
    """
    later = np.minimum.accumulate(np.asarray(begins, np.int64)[::-1])[::-1]
    if buffered:
        later = np.append(later[1:], _NEVER)
    return max(0, int((np.asarray(ends, np.int64) - later).max()))


def above(begins: Any, ends: Any) -> int:
    """The distance in bytes behind the input for a kernel that runs from the last moment to the
    first, whose writes spare what it reads. ``begins[k]``: the begin of what moment k writes, from
    the output's; ``ends[k]``: behind the last byte that it reads, from the input's."""
    earlier = np.maximum.accumulate(np.asarray(ends, np.int64))
    return max(0, int((earlier - np.asarray(begins, np.int64)).max()))


def window_above(size: Window) -> int:
    """For int8 kernels whose moments are output pixels, all channels, from the last one on."""
    rows = _last(
        size.out_height,
        size.stride_height,
        size.pad_top,
        size.kernel_height,
        size.dilation_height,
        size.height,
    )
    columns = _last(
        size.out_width,
        size.stride_width,
        size.pad_left,
        size.kernel_width,
        size.dilation_width,
        size.width,
    )
    image = rows[:, None] * size.width + columns[None, :] + 1
    image = np.where((rows[:, None] < 0) | (columns[None, :] < 0), 0, image).reshape(-1)
    images = np.arange(size.batch)[:, None] * (size.height * size.width)
    ends = np.where(image > 0, images + image[None, :], 0).reshape(-1) * size.depth
    return above(np.arange(len(ends)) * size.out_depth, ends)


def _last(count: int, stride: int, pad: int, taps: int, dilation: int, size: int) -> Array:
    """The last row (or column) inside the image that the window of each output reads; negative
    where there is none."""
    corner = np.arange(count, dtype=np.int64) * stride - pad
    last = corner + (taps - 1) * dilation
    beyond = np.maximum(last - (size - 1), 0)
    last = last - -(-beyond // dilation) * dilation
    return np.where(last < corner, -1, last)


def copied(
    reads: Sequence[Array],
    writes: Sequence[Array],
    starts: tuple[int, int],
    run: int,
    target: Tensor,
) -> tuple[Over, ...]:
    """For kernels that copy runs of ``run`` elements in nested loops: by loop, outermost first, the
    elements that its turns add to the places where they read and write. They use memcpy, so a run
    must not meet itself. Nothing where the output would have to lie apart anyway."""
    if math.prod(map(len, reads)) > _RUNS:
        return ()
    begins, ends = (np.full(1, start, np.int64) for start in starts)
    for read, written in zip(reads, writes, strict=True):
        begins = (begins[:, None] + read).reshape(-1)
        ends = (ends[:, None] + written).reshape(-1)
    distance = below(ends + run, begins, buffered=run == 1)
    if distance >= target.elements:
        return ()
    return (Over("input", distance * target.dtype.bits // 8),)


def window_below(size: Window, tile: int, *, buffered: bool = True) -> int:
    """For int8 kernels whose moments are tiles of output pixels, all channels, in order; the last
    tile ends with the last pixel and may repeat some of the one before it."""
    pixels = size.batch * size.out_height * size.out_width
    rows = _first(size.out_height, size.stride_height, size.pad_top, size.dilation_height)
    rows = np.where(rows < size.height, rows * size.width, _NEVER)
    columns = _first(size.out_width, size.stride_width, size.pad_left, size.dilation_width)
    columns = np.where(columns < size.width, columns, _NEVER)
    image = (rows[:, None] + columns[None, :]).reshape(-1)
    images = np.arange(size.batch)[:, None] * (size.height * size.width)
    reads = np.minimum(images + image[None, :], _NEVER).reshape(-1) * size.depth
    starts = np.minimum(np.arange(0, pixels, tile), pixels - tile)
    begins = np.min([reads[starts + i] for i in range(tile)], axis=0)
    return below((starts + tile) * size.out_depth, begins, buffered=buffered)


def _first(count: int, stride: int, pad: int, dilation: int) -> Array:
    """The first row (or column) inside the image that the window of each output could read."""
    corner = np.arange(count, dtype=np.int64) * stride - pad
    return np.where(corner < 0, corner % dilation, corner)
