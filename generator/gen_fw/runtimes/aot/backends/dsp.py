# SPDX-License-Identifier: Apache-2.0
"""Kernels with Arm's DSP extension for Cortex-M4, M7 and M33: two products of 16 bits an
instruction. The generated code has plain C beside them, for machines without the extension."""

from __future__ import annotations

from typing import Any

import numpy as np

from gen_fw.runtimes.aot.backends import Product, loop_of
from gen_fw.runtimes.aot.filters import Array, blocks
from gen_fw.runtimes.aot.layer import DataArgument, Over, ScratchArgument, Step
from gen_fw.runtimes.aot.overlap import window_below

#: taps of a word of inputs
_WORD = 4
#: pixels of a tile
_PIXELS = 4
#: offsets of stores have 12 bits
_MOST_CHANNELS = 4095 // _PIXELS


def product(layer: Product) -> Step | str:
    """Tiles of four pixels and two channels; of one pixel and four channels where there are fewer
    pixels, as in fully connected layers."""
    count, taps = layer.weights.shape
    if layer.outcome.scaling == "plain":
        return "an output scale that needs both roundings"
    if layer.pixels >= _PIXELS and 2 <= count <= _MOST_CHANNELS:
        return _tiles(layer)
    if layer.direct and layer.pixels < _PIXELS and count >= 4 and taps >= _WORD:
        return _rows(layer)
    return f"{layer.pixels} pixels of {count} channels"


def _tiles(layer: Product) -> Step:
    size, weights = layer.size, layer.weights
    taps = weights.shape[1]
    steps = 2 * -(-taps // _WORD)
    padded = np.pad(weights, ((0, 0), (0, 2 * steps - taps)))
    rounds, unroll = loop_of(steps - 1, 2 if layer.site.target.optimise == "size" else 8)
    run = taps if layer.direct else size.kernel_width * size.depth
    # a pixel's window is copied first where it has no runs of whole words, or reaches outside
    dilated = size.dilation_width > 1 and not layer.direct
    gathers = bool(size.padded or run % _WORD or dilated)
    return Step(
        "conv_dsp",
        {**_words(layer), "steps": steps, "rounds": rounds, "unroll": unroll, "gathers": gathers},
        (
            layer.site.reads("input", layer.site.input(0)),
            layer.site.writes("output", layer.site.output()),
            DataArgument("weights", "int32_t", _blocks(layer, padded, 2), "weights"),
            ScratchArgument("columns", "int32_t", 16 * steps + (2 * steps if gathers else 0)),
        ),
        layer.comment,
        over=(Over("input", window_below(size, _PIXELS)),),
    )


def _rows(layer: Product) -> Step:
    taps = layer.weights.shape[1]
    steps = -(-taps // _WORD)
    last = taps - _WORD
    padded = np.zeros((len(layer.weights), steps * _WORD), np.int8)
    whole = taps // _WORD * _WORD
    padded[:, :whole] = layer.weights[:, :whole]
    if taps > whole:
        padded[:, whole - taps :] = layer.weights[:, whole:]
    table = layer.outcome.table
    # one multiplier, offset and shift for all channels: before the weights
    uniform = len(table) % 4 == 0 and bool((table[:, 1:] == table[0, 1:]).all())
    stream = _blocks(layer, padded, 4, uniform=uniform).reshape(-1)
    if uniform:
        stream = np.concatenate([table[0, 1:], stream])
    rounds, unroll = loop_of(steps - 2, 2 if layer.site.target.optimise == "size" else 4)
    return Step(
        "dense_dsp",
        {
            **_words(layer),
            "steps": steps,
            "rounds": rounds,
            "unroll": unroll,
            "last": last,
            "uniform": uniform,
            "block_words": 4 * steps + (4 if uniform else 16),
        },
        (
            layer.site.reads("input", layer.site.input(0)),
            layer.site.writes("output", layer.site.output()),
            DataArgument("weights", "int32_t", stream, "weights"),
        ),
        layer.comment,
        over=(Over("input", window_below(layer.size, 1, buffered=False)),),
    )


def _words(layer: Product) -> dict[str, Any]:
    return {
        **layer.size.words(),
        **layer.outcome.words(),
        "input_zero": layer.input_zero if layer.size.padded else 0,
        "pixels": layer.pixels,
        "taps": layer.weights.shape[1],
        "direct": layer.direct,
    }


def _blocks(layer: Product, weights: Array, size: int, *, uniform: bool = False) -> Array:
    """int32 [block, weights and channels]. A word of weights has two taps of two channels, as
    SXTB16 separates them: bytes are channel 0, channel 1 of one tap, then of the other; inputs are
    widened alike, so that taps 0 and 2, 1 and 3 of four are together."""
    table = layer.outcome.table.astype(np.int64)
    table[:, 0] *= 4
    if uniform:
        table = table[:, :1]
    rows = []
    for at in blocks(len(weights), size):
        block = weights[at : at + size].reshape(size // 2, 2, -1, 2, 2)
        # [pair of channels, channel, word, high or low, parity] -> word, parity, pair, taps
        words = block.transpose(2, 4, 0, 3, 1).reshape(-1, 4).astype(np.uint8).astype(np.int64)
        packed = words @ np.array([1, 1 << 8, 1 << 16, 1 << 24])
        packed = np.where(packed >= 1 << 31, packed - (1 << 32), packed)
        rows.append(np.concatenate([packed, table[at : at + size].reshape(-1)]))
    stacked: Array = np.stack(rows).astype(np.int32)
    return stacked
