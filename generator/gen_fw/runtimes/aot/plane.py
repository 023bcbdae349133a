# SPDX-License-Identifier: Apache-2.0
"""Geometry of depthwise kernels: the image of one channel and its padding are copied to scratch."""

from __future__ import annotations

from gen_fw.runtimes.aot.filters import Window
from gen_fw.runtimes.aot.layer import Over


def over(size: Window, count: int, element: int = 1) -> tuple[Over, ...]:
    """For elements of so many bytes. A channel is read whole before it is written, and at such a
    distance its outputs lie over its own inputs only."""
    own = size.batch == 1 and (count == size.depth or size.depth == 1)
    return (Over("input", every=size.depth * element),) if own else ()


def fill(size: Window, height: int, width: int, apart: int) -> dict[str, int]:
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


def tile(columns: int, registers: int, *, paired: bool) -> int:
    """Neighbouring outputs that are computed together: many share their inputs, as far as sums
    fit into registers; the last tile should not repeat much of the one before it."""
    most = 3 if paired else max(4, registers // 5)
    sizes = range(1, min(most, columns) + 1)
    return min(sizes, key=lambda tile: (-(-columns // tile) * (tile + 1), -tile))


def reads(size: Window, width: int, tile: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """Every place that a tile reads, with the sums and taps that it contributes to."""
    places: dict[int, list[tuple[int, int]]] = {}
    for ky in range(size.kernel_height):
        for kx in range(size.kernel_width):
            for t in range(tile):
                column = t * size.stride_width + kx * size.dilation_width
                place = ky * size.dilation_height * width + column
                places.setdefault(place, []).append((t, ky * size.kernel_width + kx))
    return sorted(places.items())
