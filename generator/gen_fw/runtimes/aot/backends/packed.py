# SPDX-License-Identifier: Apache-2.0
"""Two pixels in one 32-bit multiplication, for processors whose multiplier gives 32 bits only:
x = a + b * 2^16 times a weight. The lower half of a sum must stay inside 16 bits, so the halves are
separated after as many taps as the weights allow; layers with small weights profit."""

from __future__ import annotations

from typing import Any

import numpy as np

from gen_fw.runtimes.aot.backends import Product
from gen_fw.runtimes.aot.filters import Array, blocked_rows, blocks
from gen_fw.runtimes.aot.layer import DataArgument, Over, ScratchArgument, Step
from gen_fw.runtimes.aot.overlap import window_below

#: pixels and channels of a tile
_PIXELS, _CHANNELS = 4, 2
#: bytes of weights of a group, whose length is one byte
_MOST = 254
#: instructions (fitted to 27 layers on rv32imc, GCC 12, within 3 %): of a tap with its products,
#: of a step of the loop, of separating the halves, of a tile's outputs, of packing a tap
_TAP, _LOOP, _GROUP, _OUTPUTS, _PACK = 11.8, 2.7, 41.5, 114.5, 23.0
#: the same of plain tiles of 4 x 4: of a tap, of the outputs, of copying a tap to columns
_PLAIN_TAP, _PLAIN_OUTPUTS, _PLAIN_COPY = 42.0, 200.0, 23.0


def product(layer: Product) -> Step | None:
    """The step, where it takes fewer instructions than plain tiles."""
    count, taps = layer.weights.shape
    if layer.pixels < _PIXELS or count < _CHANNELS:
        return None
    best: tuple[float, int, list[list[int]]] | None = None
    for unroll in (8, 4, 2, 1):
        lengths = _lengths(layer.weights, unroll)
        if lengths is None:
            continue
        padded = -(-taps // unroll) * unroll
        groups = sum(map(len, lengths)) / len(lengths)
        tile = padded * (_TAP + _LOOP / unroll) + groups * _GROUP + _OUTPUTS
        cost = len(lengths) * tile + padded * _PACK
        if best is None or cost < best[0]:
            best = cost, unroll, lengths
    plain = -(-count // 4) * (taps * _PLAIN_TAP + _PLAIN_OUTPUTS)
    plain += 0 if layer.direct else taps * _PLAIN_COPY
    if best is None or best[0] >= plain:
        return None
    return _step(layer, best[1], best[2])


def _lengths(weights: Array, unroll: int) -> list[list[int]] | None:
    """For each block of two channels the bytes of weights of its groups, multiples of 2 ``unroll``;
    None where so few taps overflow."""
    count, taps = weights.shape
    spare = -taps % unroll
    sizes = np.pad(np.abs(weights.astype(np.int64)), ((0, 0), (0, spare)))
    steps = 128 * sizes.reshape(count, -1, unroll).sum(axis=2)
    if int(steps.max()) >= 1 << 15:
        return None
    most = _MOST // (_CHANNELS * unroll)
    pairs = np.stack([steps[at : at + _CHANNELS] for at in blocks(count, _CHANNELS)])
    result: list[list[int]] = [[] for _ in pairs]
    sums = np.zeros(pairs.shape[:2], np.int64)
    length = np.zeros(len(pairs), np.int64)
    for step in np.moveaxis(pairs, 2, 0):  # of all blocks at once
        full = (length == most) | ((sums + step).max(axis=1) >= 1 << 15)
        for block in np.flatnonzero(full):
            result[block].append(_CHANNELS * unroll * int(length[block]))
        sums = np.where(full[:, None], 0, sums) + step
        length = np.where(full, 0, length) + 1
    for block, rest in enumerate(length.tolist()):
        result[block].append(_CHANNELS * unroll * rest)
    return result


def _step(layer: Product, unroll: int, lengths: list[list[int]]) -> Step:
    count, taps = layer.weights.shape
    spare = -taps % unroll
    words: dict[str, Any] = {
        **layer.size.words(),
        **layer.outcome.words(),
        "input_zero": layer.input_zero if layer.size.padded else 0,
        "pixels": layer.pixels,
        "taps": taps,
        "tile": _PIXELS,
        "blocks": len(lengths),
        "overlap": count % _CHANNELS,
        "direct": layer.direct,
        "unroll": unroll,
        "spare": spare,
    }
    padded = np.pad(layer.weights, ((0, 0), (0, spare)))
    ordered = np.stack([padded[at : at + 2].T for at in blocks(count, _CHANNELS)])
    table = blocked_rows(layer.outcome.table, _CHANNELS)
    flat = np.array([length for block in lengths for length in block], np.uint8)
    return Step(
        "conv_packed",
        words,
        (
            layer.site.reads("input", layer.site.input(0)),
            layer.site.writes("output", layer.site.output()),
            DataArgument("weights", "int8_t", ordered, "weights"),
            DataArgument("lengths", "uint8_t", flat, "lengths"),
            DataArgument("channels", "channel", table, "channels"),
            ScratchArgument("columns", "int32_t", 8 * (taps + spare)),
        ),
        layer.comment,
        over=(Over("input", window_below(layer.size, _PIXELS)),),
    )
