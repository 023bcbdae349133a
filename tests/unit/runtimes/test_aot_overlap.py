# SPDX-License-Identifier: Apache-2.0
"""Distances between inputs and outputs, against kernels that are run byte by byte on paper."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from gen_fw.runtimes.aot.filters import Window
from gen_fw.runtimes.aot.overlap import below, window_below


@dataclass(frozen=True, slots=True)
class _Moment:
    """Bytes of the input that are read, then bytes of the output that are written."""

    reads: frozenset[int]
    writes: frozenset[int]


def _moments(size: Window, tile: int) -> list[_Moment]:
    """Tiles of output pixels as the templates of convolutions and poolings walk over them."""
    pixels = size.batch * size.out_height * size.out_width
    found = []
    for start in range(0, pixels, tile):
        first = min(start, pixels - tile)
        reads: set[int] = set()
        writes: set[int] = set()
        for pixel in range(first, first + tile):
            image, place = divmod(pixel, size.out_height * size.out_width)
            y, x = divmod(place, size.out_width)
            for ky in range(size.kernel_height):
                for kx in range(size.kernel_width):
                    row = y * size.stride_height - size.pad_top + ky * size.dilation_height
                    column = x * size.stride_width - size.pad_left + kx * size.dilation_width
                    if 0 <= row < size.height and 0 <= column < size.width:
                        at = ((image * size.height + row) * size.width + column) * size.depth
                        reads.update(range(at, at + size.depth))
            writes.update(range(pixel * size.out_depth, (pixel + 1) * size.out_depth))
        found.append(_Moment(frozenset(reads), frozenset(writes)))
    return found


def _safe(moments: list[_Moment], distance: int, *, buffered: bool) -> bool:
    """Whether nothing that is written ``distance`` bytes lower is read afterwards."""
    unread: set[int] = set()
    for moment in reversed(moments):
        if not buffered:
            unread |= moment.reads
        if any(byte - distance in unread for byte in moment.writes):
            return False
        unread |= moment.reads
    return True


def _window(rng: random.Random) -> Window:
    kernel = [rng.randint(1, 3) for _ in range(2)]
    dilation = [rng.choice((1, 1, 2)) for _ in range(2)]
    stride = [rng.randint(1, 3) for _ in range(2)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [rng.randint(r, r + 6) for r in reach]
    pad = [rng.choice((0, (r - 1) // 2)) for r in reach]
    out = [(s + 2 * p - r) // t + 1 for s, p, r, t in zip(size, pad, reach, stride, strict=True)]
    depth, out_depth, batch = rng.randint(1, 5), rng.randint(1, 6), rng.choice((1, 1, 2))
    numbers = (batch, *size, depth, *out, out_depth, *kernel, *stride, *dilation, *pad)
    return Window(**dict(zip(Window.__slots__, numbers, strict=True)))


@pytest.mark.parametrize("buffered", [True, False])
def test_windows(buffered: bool) -> None:
    rng, tight = random.Random(7), 0
    for _ in range(300):
        size = _window(rng)
        pixels = size.batch * size.out_height * size.out_width
        tile = min(pixels, rng.choice((1, 3, 4)))
        moments = _moments(size, tile)
        distance = window_below(size, tile, buffered=buffered)
        assert _safe(moments, distance, buffered=buffered), size
        assert _safe(moments, distance + rng.randint(1, 99), buffered=buffered), size
        tight += distance == 0 or not _safe(moments, distance - 1, buffered=buffered)
    assert tight >= 290  # not larger than it must be, but for windows that skip the first bytes


def test_elements() -> None:
    # int8 to int8; float to int8; int8 to float, whose last write may destroy all
    assert below(range(1, 9), range(8)) == 0
    assert below(range(1, 9), range(0, 32, 4)) == 0
    assert below(range(4, 36, 4), range(8)) == 21
    # a kernel that writes everything before it reads, and the reverse
    assert below([8, 8], [0, 0]) == 8
    assert below([0, 8], [0, 0]) == 0
    assert below([0, 8], [0, 0], buffered=False) == 8
