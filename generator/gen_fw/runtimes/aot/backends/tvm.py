# SPDX-License-Identifier: Apache-2.0
"""Layers as TVM's kernels take them (gen_fw.compilers.tvm): weights with the output channels
innermost, so that a block of neighbouring channels is contiguous whatever its size; padding and
tiles are the schedule's matter. Only that compiler's target names this set."""

from __future__ import annotations

from typing import Any

import numpy as np

from gen_fw.runtimes.aot.backends import Depthwise, Product
from gen_fw.runtimes.aot.filters import Array, Channels, Window
from gen_fw.runtimes.aot.layer import DataArgument, Site, Step
from gen_fw.runtimes.aot.numbers import Numbers


def product(layer: Product) -> Step:
    """A matrix product of int8."""
    numbers = _int8(layer.outcome)
    return matrix(
        layer.site, layer.size, layer.weights, numbers, layer.comment, zero=layer.input_zero
    )


def depthwise(layer: Depthwise) -> Step:
    """A depthwise layer of int8."""
    numbers = _int8(layer.outcome)
    return plane(
        layer.site, layer.size, layer.weights, numbers, layer.comment, zero=layer.input_zero
    )


def _int8(outcome: Channels) -> Numbers:
    words = {**outcome.words(), "kind": "int8", "biased": False}
    return Numbers(words, (("channels", "channel", outcome.table),), 1, "int8_t", "int8_t")


def matrix(
    site: Site,
    size: Window,
    weights: Array,
    numbers: Numbers,
    comment: str,
    groups: int = 1,
    zero: int = 0,
) -> Step:
    """[pixels, taps] x [taps, channels] of each group; ``weights``: [channels, taps of a group]."""
    count, taps = weights.shape
    words: dict[str, Any] = {
        **_words(size, numbers, zero),
        "groups": groups,
        "taps": taps,
        "channels": count // groups,
    }
    data = [part.T.reshape(-1) for part in np.split(weights, groups)]
    return _step("tvm_product", site, words, np.concatenate(data), numbers, comment)


def plane(
    site: Site, size: Window, weights: Array, numbers: Numbers, comment: str, zero: int = 0
) -> Step:
    """A depthwise layer; ``weights``: [channels, taps]."""
    words = {**_words(size, numbers, zero), "multiplier": len(weights) // size.depth}
    return _step("tvm_depthwise", site, words, weights, numbers, comment)


def _words(size: Window, numbers: Numbers, zero: int) -> dict[str, Any]:
    return {
        **size.words(),
        **numbers.words,
        "sum64": numbers.sum64,
        "input_zero": zero if size.padded else 0,
    }


def _step(
    template: str,
    site: Site,
    words: dict[str, Any],
    weights: Array,
    numbers: Numbers,
    comment: str,
) -> Step:
    tables = [
        DataArgument(name, "int32_t" if c_type == "channel" else c_type, table.reshape(-1), name)
        for name, c_type, table in numbers.tables
    ]
    return Step(
        template,
        words,
        (
            site.reads("input", site.input(0)),
            site.writes("output", site.output()),
            DataArgument("weights", numbers.weight_type, weights.reshape(-1), "weights"),
            *tables,
        ),
        comment,
        name=template.removeprefix("tvm_"),
    )
