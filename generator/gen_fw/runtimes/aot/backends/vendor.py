# SPDX-License-Identifier: Apache-2.0
"""What calls of the vendors' kernel libraries have in common: weights in the model's order, scales
as TensorFlow Lite has them, scratch in the arena."""

from __future__ import annotations

from typing import Any

import numpy as np

from gen_fw.runtimes.aot.backends import Depthwise, Product, Sum
from gen_fw.runtimes.aot.filters import Window
from gen_fw.runtimes.aot.layer import Argument, DataArgument, Over, ScratchArgument, Step
from gen_fw.runtimes.tflm.arena.scratch.window import Window as ScratchWindow


def layer_words(layer: Product | Depthwise) -> dict[str, Any]:
    """Constants of a layer for the templates."""
    outcome = layer.outcome
    return {
        **layer.size.words(),
        "input_zero": layer.input_zero,
        "output_zero": outcome.zero_point,
        "low": outcome.low,
        "high": outcome.high,
    }


def layer_step(
    layer: Product | Depthwise,
    template: str,
    words: dict[str, Any],
    scratch: int = 0,
    *more: Argument,
    scales: bool = True,
) -> Step:
    """A call with weights, biases and, unless they are words, multipliers and shifts."""
    site, raw = layer.site, layer.outcome.raw
    weights = layer.weights.T if isinstance(layer, Depthwise) else layer.weights
    given: list[Argument] = [
        site.reads("input", site.input(0)),
        site.writes("output", site.output()),
        DataArgument("weights", "int8_t", weights, "weights"),
        DataArgument("biases", "int32_t", raw[:, 0], "biases"),
        *more,
    ]
    if scales:
        given.append(DataArgument("multipliers", "int32_t", raw[:, 2], "multipliers"))
        given.append(DataArgument("shifts", "int32_t", raw[:, 3], "shifts"))
    if scratch:
        given.append(ScratchArgument("buffer", "int8_t", scratch))
    return Step(
        template,
        {**layer_words(layer), **words, "scratch": scratch},
        tuple(given),
        layer.comment,
    )


def one_scale(layer: Product) -> bool:
    """All channels are scaled alike."""
    return bool((layer.outcome.raw[:, 2:] == layer.outcome.raw[0, 2:]).all())


def dense_words(layer: Product) -> dict[str, Any]:
    """Constants of a fully connected layer."""
    _, _, multiplier, shift = layer.outcome.raw[0].tolist()
    return {
        "pixels": layer.pixels,
        "taps": layer.weights.shape[1],
        "per_channel": not one_scale(layer),
        "multiplier": multiplier,
        "shift": shift,
    }


def sum_step(layer: Sum, template: str, over: tuple[Over, ...]) -> Step:
    """A call for ADD."""
    site = layer.site
    return Step(
        template,
        {
            "elements": layer.elements,
            "multipliers": [list(pair) for pair in layer.multipliers],
            "zeros": list(layer.zeros),
            "left": layer.left,
            "output": list(layer.output),
            "output_zero": layer.zero_point,
            "low": layer.low,
            "high": layer.high,
        },
        (
            site.reads("input0", site.input(0)),
            site.reads("input1", site.input(1)),
            site.writes("output", site.output()),
        ),
        f"{layer.elements} elements",
        over=over,
    )


def scratch_window(size: Window) -> ScratchWindow:
    """The window as the scratch size functions want it."""
    return ScratchWindow(
        in_w=size.width,
        in_h=size.height,
        in_c=size.depth,
        filter_w=size.kernel_width,
        filter_h=size.kernel_height,
        out_w=size.out_width,
        out_h=size.out_height,
        out_c=size.out_depth,
        stride_w=size.stride_width,
        stride_h=size.stride_height,
        pad_w=size.pad_left,
        pad_h=size.pad_top,
        dilation_w=size.dilation_width,
        dilation_h=size.dilation_height,
        group_c=size.depth,
        batches=size.batch,
    )


def folded(layer: Product) -> DataArgument:
    """Biases with the sums of the weights times the input's zero point, as CMSIS-NN's kernels with
    MVE want them."""
    sums = layer.outcome.raw[:, 1].astype(np.int32)
    return DataArgument("sums", "int32_t", sums, "sums")
