# SPDX-License-Identifier: Apache-2.0
"""Kernels with Arm's vector extension for Cortex-M55 and M85 (MVE, Helium): 16 products an
instruction. The generated code has plain C beside them, for machines without MVE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gen_fw.runtimes.aot.arithmetic import doubling_high_product, scaled
from gen_fw.runtimes.aot.backends import Depthwise, Product, Sum, loop_of
from gen_fw.runtimes.aot.filters import Array, Channels, Window, blocked_rows, blocks
from gen_fw.runtimes.aot.layer import DataArgument, Over, ScratchArgument, Step
from gen_fw.runtimes.aot.overlap import window_above, window_below

#: bytes of a vector
_VECTOR = 16
#: channels of a tile: as many sums as there are even registers, for two pixels
_CHANNELS = 4
#: steps of 16 taps that are written out; offsets of loads have 7 bits
_STEPS = 8
#: depthwise taps whose pointers fit into registers, and that are written out at all
_POINTERS = 9
_MOST_TAPS = 64


def product(layer: Product) -> Step | str:
    """Tiles of two pixels (one, where there is no other) and four channels."""
    size, weights = layer.size, layer.weights
    count, taps = weights.shape
    if count < _CHANNELS:
        return f"{count} output channels, fewer than 4"
    direct = layer.direct and taps >= _VECTOR
    tile = 1 if layer.pixels == 1 else 2
    steps = -(-taps // _VECTOR)
    rounding = rounding_of(layer.outcome)
    small = layer.site.target.optimise == "size"
    straight = 4 if small else _STEPS
    looped = steps > straight
    rounds, unroll = loop_of(steps - 2, straight) if looped else (0, 0)
    # not in pieces: the biases alone cannot be addressed as blocks with their scales
    raw = layer.outcome.raw
    uniform = tile == 1 and count % _CHANNELS == 0 and bool((raw[:, 2:] == raw[0, 2:]).all())
    words: dict[str, Any] = {
        **size.words(),
        "input_zero": layer.input_zero if size.padded else 0,
        "zero_point": layer.outcome.zero_point,
        "low": layer.outcome.low,
        "high": layer.outcome.high,
        "rounding": rounding,
        "parameters": 4 if rounding == "plain" else 3,
        # one multiplier and shift for all channels, before the biases
        "uniform": uniform,
        "pixels": layer.pixels,
        "taps": taps,
        "tile": tile,
        "steps": steps,
        "looped": looped,
        "rounds": rounds,
        "unroll": unroll,
        # where the last 16 taps begin, which may overlap those before them
        "last": max(0, taps - _VECTOR),
        "direct": direct,
        # from a pixel's taps to those of the next one
        "stride": taps if direct else max(taps, _VECTOR),
    }
    scratch = []
    if not direct:
        scratch = [ScratchArgument("columns", "int8_t", tile * max(taps, _VECTOR))]
    return Step(
        "conv_mve",
        words,
        (
            layer.site.reads("input", layer.site.input(0)),
            layer.site.writes("output", layer.site.output()),
            DataArgument("weights", "int8_t", _vectors(weights), "weights"),
            DataArgument(
                "channels",
                "int32_t",
                (uniform_parameters if uniform else blocked_parameters)(
                    layer.outcome, rounding, _CHANNELS
                ),
                "channels",
            ),
            *scratch,
        ),
        layer.comment,
        over=(Over("input", window_below(size, tile, buffered=not direct)),),
    )


def rounding_of(outcome: Channels) -> str:
    """How sums are scaled: "plain" shifts to the left before; "fast" and "clamped" shift to the
    right only, and of these the second leaves halves of negative values as they come, because the
    clamp hides them."""
    multipliers, shifts = outcome.raw[:, 2], outcome.raw[:, 3]
    if (shifts > 0).any():
        return "plain"
    if outcome.low >= outcome.zero_point:
        return "clamped"
    return "fast" if ((shifts < 0) | (multipliers == 0)).all() else "plain"


def parameters(outcome: Channels, rounding: str) -> Array:
    """int64 [channels, 3 or 4]: bias, shift to the left where there are some, multiplier, shift to
    the right as a negative number."""
    _, bias, multiplier, shift = outcome.raw.T
    columns = [bias, multiplier, np.minimum(shift, 0)]
    if rounding == "plain":
        columns.insert(1, np.maximum(shift, 0))
    return np.stack(columns, axis=1)


def blocked_parameters(outcome: Channels, rounding: str, size: int) -> Array:
    """int32 [block, parameter, channel of the block]."""
    table = blocked_rows(parameters(outcome, rounding), size)
    return table.reshape(-1, size, table.shape[1]).transpose(0, 2, 1).astype(np.int32)


def uniform_parameters(outcome: Channels, rounding: str, size: int) -> Array:
    """int32: all parameters but the bias, ``size`` times each, then the biases."""
    table = parameters(outcome, rounding)
    scales = np.repeat(table[0, 1:], size)
    joined: Array = np.concatenate([scales, table[:, 0]]).astype(np.int32)
    return joined


def _vectors(weights: Array) -> Array:
    """[channels, taps] -> [block of 4 channels, step of 16 taps, channel, 16]. The last step ends
    with the last tap: taps that the step before has are 0 in it."""
    count, taps = weights.shape
    steps = -(-taps // _VECTOR)
    padded = np.zeros((count, steps * _VECTOR), np.int8)
    if taps < _VECTOR:
        padded[:, :taps] = weights
    else:
        whole = taps // _VECTOR * _VECTOR
        padded[:, :whole] = weights[:, :whole]
        if taps > whole:
            padded[:, whole - taps :] = weights[:, whole:]
    shaped = padded.reshape(count, steps, _VECTOR)
    order = [shaped[at : at + _CHANNELS].transpose(1, 0, 2) for at in blocks(count, _CHANNELS)]
    return np.stack(order)


def depthwise(layer: Depthwise) -> Step | str:
    """16 channels at a time, with sums of 16 bits for groups of taps."""
    size, weights = layer.size, layer.weights
    count, taps = weights.shape
    if count != size.depth:
        if size.depth == 1:
            return product(
                Product(layer.site, size, weights, layer.outcome, layer.input_zero, layer.comment)
            )
        return "several output channels for each of several input channels"
    if taps > _MOST_TAPS:
        return f"{taps} taps, more than {_MOST_TAPS}"
    groups = tap_groups(weights, small=layer.site.target.optimise == "size")
    order = [tap for group in groups for tap in group]
    numbers = iter(range(taps))
    places = [[next(numbers) for _ in group] for group in groups]
    rounding = rounding_of(layer.outcome)
    table = parameters(layer.outcome, rounding)
    first, end = _inner(size)
    words: dict[str, Any] = {
        **size.words(),
        "input_zero": layer.input_zero if size.padded else 0,
        "zero_point": layer.outcome.zero_point,
        "low": layer.outcome.low,
        "high": layer.outcome.high,
        "rounding": rounding,
        "parameters": table.shape[1],
        "taps": taps,
        "groups": places,
        "order": [divmod(tap, size.kernel_width) for tap in order],
        "blocks": -(-count // _VECTOR),
        "in_memory": taps > _POINTERS,
        "inner_first": first,
        "inner_end": end,
    }
    below, above = window_below(size, 1, buffered=False), window_above(size)

    def step(*, backward: bool) -> Step:
        starts = blocks(max(count, _VECTOR), _VECTOR)
        if backward:
            starts = [max(count, _VECTOR) - _VECTOR - at for at in starts]
        return Step(
            "depthwise_mve",
            {**words, "backward": backward},
            (
                layer.site.reads("input", layer.site.input(0)),
                layer.site.writes("output", layer.site.output()),
                DataArgument("weights", "int8_t", _lanes(weights[:, order], starts), "weights"),
                DataArgument("channels", "int32_t", _quarters(table, starts), "channels"),
            ),
            layer.comment,
            over=(Over("input", below, above=above),),
        )

    return replace(step(backward=False), backward=step(backward=True))


def tap_groups(weights: Array, *, small: bool = False) -> list[list[int]]:
    """Taps in groups: whatever the int8 inputs are, the sum of a group's products stays inside 16
    bits, in every channel. ``weights`` is int8 [channels, taps].

    As few groups as first fit finds, or as neighbouring taps make: then layers share a kernel more
    often. With ``small``, pairs of neighbours, which all layers share whose weights are above -128.
    """
    wide = weights.astype(np.int64)
    up = np.where(wide > 0, 127 * wide, -128 * wide)
    down = np.where(wide > 0, 128 * wide, -127 * wide)

    def sound(group: list[int]) -> bool:
        above, below = up[:, group].sum(axis=1), down[:, group].sum(axis=1)
        return bool(above.max() < 1 << 15 and below.max() <= 1 << 15)

    taps = weights.shape[1]
    pairs = [list(range(at, min(at + 2, taps))) for at in range(0, taps, 2)]
    if small and all(map(sound, pairs)):
        return pairs
    neighbours: list[list[int]] = [[0]]
    for tap in range(1, taps):
        if sound([*neighbours[-1], tap]):
            neighbours[-1].append(tap)
        else:
            neighbours.append([tap])
    fitted: list[list[int]] = []
    for tap in np.argsort(-np.abs(wide).sum(axis=0), kind="stable").tolist():
        group = next((group for group in fitted if sound([*group, tap])), None)
        if group is None:
            fitted.append([tap])
        else:
            group.append(tap)
    for groups in (pairs, neighbours):
        if len(groups) <= len(fitted) and all(map(sound, groups)):
            return groups
    return fitted


def _inner(size: Window) -> tuple[int, int]:
    """Output columns, from the first to before the second, whose windows lie inside the image."""
    reach = (size.kernel_width - 1) * size.dilation_width + 1
    first = -(-size.pad_left // size.stride_width)
    last = (size.width - reach + size.pad_left) // size.stride_width
    return first, max(first, min(size.out_width, last + 1))


def _lanes(weights: Array, starts: Sequence[int]) -> Array:
    """[channels, taps] -> [block of 16 channels, tap, channel]; zeros behind fewer than 16."""
    weights = np.pad(weights, ((0, max(0, _VECTOR - len(weights))), (0, 0)))
    return np.stack([weights[at : at + _VECTOR].T for at in starts])


def _quarters(table: Array, starts: Sequence[int]) -> Array:
    """[channels, parameters] -> [block of 16, quarter, parameter, 4]; the quarters are the channels
    0, 4, 8, 12 and those 2, 1, 3 behind them: so do products and sums get wider."""
    table = np.pad(table, ((0, max(0, _VECTOR - len(table))), (0, 0)))
    rows = np.stack([table[at : at + _VECTOR] for at in starts])
    shaped = rows.reshape(-1, 4, 4, table.shape[1])[:, :, [0, 2, 1, 3], :]
    quarters: Array = shaped.transpose(0, 2, 3, 1).astype(np.int32)
    return quarters


def add(layer: Sum) -> Step | str:
    """Four sums at a time; halves of negative values only where one of 256 inputs has some."""
    if layer.elements is None:
        return "broadcasting"
    inputs = []
    for (multiplier, shift), zero in zip(layer.multipliers, layer.zeros, strict=True):
        words: dict[str, Any] = _rounding(multiplier, shift, zero)
        values = [(element - zero) << layer.left for element in range(-128, 128)]
        words["away"] = any(
            scaled(value, multiplier, shift)
            != (doubling_high_product(value, multiplier) + (1 << -shift >> 1)) >> -shift
            for value in values
        )
        inputs.append(words | {"exact": (multiplier, shift) == (1 << 30, 0)})
    multiplier, shift = layer.output
    output = _rounding(multiplier, shift, layer.zero_point)
    output["away"] = layer.low < layer.zero_point
    site = layer.site
    return Step(
        "add_mve",
        {
            "inputs": inputs,
            "output": output,
            "left": layer.left,
            "low": layer.low,
            "high": layer.high,
            "elements": layer.elements,
        },
        (
            site.reads("input0", site.input(0)),
            site.reads("input1", site.input(1)),
            site.writes("output", site.output()),
        ),
        f"{layer.elements} elements",
        over=(Over("input0"), Over("input1")),
    )


def _rounding(multiplier: int, shift: int, zero: int) -> dict[str, Any]:
    return {"multiplier": multiplier, "right": -shift, "zero": zero}
