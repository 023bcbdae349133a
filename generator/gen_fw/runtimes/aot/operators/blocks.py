# SPDX-License-Identifier: Apache-2.0
"""Images in other arrangements: blocks of pixels as channels or batches, mirrored borders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gen_fw.model.enums import MirrorPadMode
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.elements import integers
from gen_fw.runtimes.aot.indexed import offset, picked
from gen_fw.runtimes.aot.layer import C_TYPES, Alias, Site, Step
from gen_fw.runtimes.aot.moves import Box, moved
from gen_fw.runtimes.aot.table import operator


def _images(site: Site, ranks: Sequence[int] = (4,)) -> tuple[Tensor, Tensor]:
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8)
    target = site.of_type(site.output(), source.dtype)
    fits = len(source.shape) == len(target.shape) and len(source.shape) in ranks
    site.require(fits and target.elements > 0, "shapes")
    return source, target


@operator("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", types="float32, int8")
def depth_and_space(site: Site) -> Sequence[Step | Alias]:
    """Output channel (i * block + j) * depth + c of SPACE_TO_DEPTH is channel c of pixel [i, j] of
    the block; DEPTH_TO_SPACE is its inverse."""
    source, target = _images(site)
    block = site.options.block_size
    site.require(block > 0, f"blocks of {block}")
    to_depth = site.operator.name == "SPACE_TO_DEPTH"
    flat, deep = (source, target) if to_depth else (target, source)
    batch, height, width, depth = flat.shape
    site.require(height % block == width % block == 0, "no whole blocks")
    rows, columns = height // block, width // block
    site.require(deep.shape == (batch, rows, columns, depth * block * block), "shapes differ")
    shape = (batch, rows, block, columns, block, depth)
    row = width * depth
    in_flat = (height * row, block * row, row, block * depth, depth, 1)
    pixel = block * block * depth
    in_deep = (height * row, columns * pixel, block * depth, pixel, depth, 1)
    if to_depth:
        return [moved(site, source, target, Box(shape, in_flat, in_deep).ordered())]
    return [moved(site, source, target, Box(shape, in_deep, in_flat))]


def _four(shape: Sequence[int]) -> tuple[int, ...]:
    """Three dimensions as an image of width 1."""
    return tuple(shape) if len(shape) == 4 else (shape[0], shape[1], 1, shape[2])


def _blocks(site: Site, rank: int) -> tuple[list[int], list[int]]:
    """(block height and width, margins top, bottom, left, right)"""
    block = integers(site, site.input(1))
    margins = integers(site, site.input(2))
    site.require(len(block) == rank - 2 and len(margins) == 2 * len(block), "blocks")
    site.require(min(block) > 0 and min(margins) >= 0, "blocks")
    return [*block, 1][:2], [*margins, 0, 0][:4]


@operator(
    "SPACE_TO_BATCH_ND",
    types="float32, int8",
    limits="constant blocks and paddings, 3 or 4 dimensions; padded with 0",
)
def space_to_batch(site: Site) -> Sequence[Step | Alias]:
    source, target = _images(site, (3, 4))
    block, margins = _blocks(site, len(source.shape))
    batch, height, width, depth = _four(source.shape)
    padded = [height + sum(margins[:2]), width + sum(margins[2:])]
    site.require(padded[0] % block[0] == padded[1] % block[1] == 0, "no whole blocks")
    rows, columns = padded[0] // block[0], padded[1] // block[1]
    expected = (batch * block[0] * block[1], rows, columns, depth)
    site.require(_four(target.shape) == expected, "shapes differ")
    site.require(source.elements > 0, "a tensor without elements")
    if not any(margins):
        shape = (*block, batch, rows, columns, depth)
        row = width * depth
        read = (row, depth, height * row, block[0] * row, block[1] * depth, 1)
        image = rows * columns * depth
        written = (block[1] * batch * image, batch * image, image, columns * depth, depth, 1)
        return [moved(site, source, target, Box(shape, read, written))]
    # TFLM never sets the element that it pads with; in memory that was cleared it is 0
    words = {
        "c_type": C_TYPES[source.dtype],
        "out_batch": expected[0],
        "out_height": rows,
        "out_width": columns,
        "batch": batch,
        "height": height,
        "width": width,
        "depth": depth,
        "depth_bytes": depth * source.dtype.bits // 8,
        "block_height": block[0],
        "block_width": block[1],
        "pad_top": margins[0],
        "pad_left": margins[2],
    }
    arguments = (site.reads("input", source), site.writes("output", target))
    what = f"{list(source.shape)} to {list(target.shape)}"
    return [Step("space_to_batch", words, arguments, what)]


@operator(
    "BATCH_TO_SPACE_ND",
    types="float32, int8",
    limits="constant blocks and crops, 3 or 4 dimensions",
)
def batch_to_space(site: Site) -> Sequence[Step | Alias]:
    source, target = _images(site, (3, 4))
    block, crops = _blocks(site, len(source.shape))
    batches, height, width, depth = _four(source.shape)
    batch = batches // (block[0] * block[1])
    site.require(batch * block[0] * block[1] == batches, "no whole blocks")
    rows = height * block[0] - crops[0] - crops[1]
    columns = width * block[1] - crops[2] - crops[3]
    site.require(_four(target.shape) == (batch, rows, columns, depth), "shapes differ")
    row = width * depth
    image = height * row
    if not any(crops):
        shape = (batch, height, block[0], width, block[1], depth)
        read = (image, row, block[1] * batch * image, depth, batch * image, 1)
        out_row = columns * depth
        written = (rows * out_row, block[0] * out_row, out_row, block[1] * depth, depth, 1)
        return [moved(site, source, target, Box(shape, read, written))]
    y, x = np.arange(rows) + crops[0], np.arange(columns) + crops[2]
    offsets = [
        np.arange(batch) * image,
        y % block[0] * (block[1] * batch * image) + y // block[0] * row,
        x % block[1] * (batch * image) + x // block[1] * depth,
    ]
    return [offset(site, source, target, offsets, depth)]


@operator("MIRROR_PAD", types="float32, int8", limits="constant paddings")
def mirror_pad(site: Site) -> Sequence[Step]:
    """GetInputDimension of kernels/mirror_pad.cc: without the border (REFLECT) or with it."""
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8)
    target = site.of_type(site.output(), source.dtype)
    paddings = integers(site, site.input(1), dtypes=(DType.INT32, DType.INT64))
    rank = len(source.shape)
    site.require(len(paddings) == 2 * rank == 2 * len(target.shape) > 0, "paddings")
    border = int(site.options.mode is MirrorPadMode.REFLECT)
    places = []
    for size, out, low, high in zip(
        source.shape, target.shape, paddings[::2], paddings[1::2], strict=True
    ):
        fits = min(low, high) >= 0 and max(low, high) <= size - border and out == low + size + high
        site.require(fits, "paddings that no mirror fills")
        before = low + border - 1 - np.arange(low)
        after = size - 1 - border - np.arange(high)
        places.append(np.concatenate([before, np.arange(size), after]).astype(np.int64))
    return [picked(site, source, target, source.shape, places)]
