# SPDX-License-Identifier: Apache-2.0
"""TRANSPOSE_CONV: every output gathers the inputs that reach it, in the order of the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.enums import Padding
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import activation_range
from gen_fw.runtimes.aot.filters import Array, blocked, blocked_rows
from gen_fw.runtimes.aot.layer import DataArgument, Site, Step
from gen_fw.runtimes.aot.numbers import Numbers, channel_scales, float_numbers, int16_numbers
from gen_fw.runtimes.aot.table import operator

#: more than any image has rows or columns
_FARTHEST = 1 << 20


@operator(
    "TRANSPOSE_CONV",
    types="int8, float32, and int16 with int8 weights and int64 or int16 bias",
    limits="constant weights",
)
def transpose_conv(site: Site) -> Sequence[Step]:
    """TransposeConv of reference/transpose_conv.h and reference/integer_ops/transpose_conv.h.

    Input (iy, ix) reaches output (iy * stride - pad + ky, ix * stride - pad + kx).
    """
    source = site.of_type(site.input(2), DType.INT8, DType.INT16, DType.FLOAT32)
    kind = DType.FLOAT32 if source.dtype is DType.FLOAT32 else DType.INT8
    filters = site.of_type(site.input(1), kind)
    target = site.of_type(site.output(), source.dtype)
    ranks = {len(tensor.shape) for tensor in (source, filters, target)}
    site.require(ranks == {4}, "tensors need 4 dimensions")
    site.require(source.elements > 0 and target.elements > 0, "a tensor without elements")
    count, kernel_height, kernel_width, depth = filters.shape
    batch, height, width, _ = source.shape
    _, out_height, out_width, _ = target.shape
    shapes = source.shape[3] == depth and target.shape[3] == count and target.shape[0] == batch
    site.require(shapes and min(kernel_height, kernel_width) > 0, "shapes")
    options = site.options
    strides = options.stride_h, options.stride_w
    site.require(min(strides) > 0, "a stride that is not positive")
    site.require(max(strides) < _FARTHEST, "a stride beyond any image")
    weights = site.constant(filters).reshape(count, -1)
    numbers = _numbers(site, weights, source, filters, target)
    block = min(count, 2 if numbers.sum64 else 4)
    words = {
        **numbers.words,
        "batch": batch,
        "height": height,
        "width": width,
        "depth": depth,
        "out_height": out_height,
        "out_width": out_width,
        "out_depth": count,
        "kernel_height": kernel_height,
        "kernel_width": kernel_width,
        "stride_height": options.stride_h,
        "stride_width": options.stride_w,
        "pad_top": _padding(options, out_height, kernel_height, options.stride_h),
        "pad_left": _padding(options, out_width, kernel_width, options.stride_w),
        "taps": weights.shape[1],
        "block": block,
        "blocks": math.ceil(count / block),
        "overlap": count % block,
    }
    return [
        Step(
            "transpose_conv",
            words,
            (
                site.reads("input", source),
                site.writes("output", target),
                DataArgument("weights", numbers.weight_type, blocked(weights, block), "weights"),
                *(
                    DataArgument(name, c_type, blocked_rows(table, block), name)
                    for name, c_type, table in numbers.tables
                ),
            ),
            f"{kernel_height}x{kernel_width}, stride {options.stride_h}x{options.stride_w}, "
            f"{depth} to {count} channels, {out_height}x{out_width} pixels",
        )
    ]


def _padding(options: Any, size: int, taps: int, stride: int) -> int:
    """ComputePaddingHeightWidth of kernels/padding.h, with the output as the image."""
    same = options.padding is Padding.SAME
    windows = (size + stride - 1) // stride if same else (size + stride - taps) // stride
    return max(0, (windows - 1) * stride + taps - size) // 2


def _numbers(
    site: Site, weights: Array, source: Tensor, filters: Tensor, target: Tensor
) -> Numbers:
    bias, activation = site.optional(3), site.options.fused_activation_function
    if source.dtype is DType.FLOAT32:
        numbers = float_numbers(site, weights, bias, activation)
        return Numbers({**numbers.words, "input_zero": 0}, numbers.tables, 4, "float", "float")
    scales = channel_scales(site, source, filters, target, len(weights))
    if source.dtype is DType.INT16:
        numbers = int16_numbers(
            site,
            weights,
            scales,
            bias,
            target,
            activation,
            narrow=False,
            bias_types=(DType.INT64, DType.INT16),
        )
        words = {**numbers.words, "input_zero": 0}
        return Numbers(words, numbers.tables, 2, "int16_t", "int8_t", numbers.sum64)
    return _bytes(site, weights, scales, bias, source, target, activation)


def _bytes(
    site: Site,
    weights: Array,
    scales: list[tuple[int, int]],
    bias: Tensor | None,
    source: Tensor,
    target: Tensor,
    activation: Any,
) -> Numbers:
    """int8: the zero point cannot be folded in, since not every output sees every weight."""
    offsets = np.zeros(len(weights), np.int64)
    if bias is not None:
        offsets = site.constant(site.of_type(bias, DType.INT32)).reshape(-1).astype(np.int64)
        site.require(offsets.size == len(weights), f"{offsets.size} biases")
    most = np.abs(offsets) + 255 * np.abs(weights.astype(np.int64)).sum(axis=1)
    site.require(int(most.max()) < 1 << 31, "an accumulator that overflows 32 bits")
    low, high = activation_range(activation, *site.affine(target))
    site.require(low <= high, "an activation whose range is empty")
    site.require(max(shift for _, shift in scales) <= 30, "an output scale that is far too small")
    rows = [
        (int(start), multiplier, max(shift, 0), max(-shift, 0))
        for start, (multiplier, shift) in zip(offsets, scales, strict=True)
    ]
    words = {
        "kind": "int8",
        "biased": False,
        "scaling": "plain",
        "low": low,
        "high": high,
        "zero_point": site.affine(target)[1],
        "input_zero": site.affine(source)[1],
    }
    tables = (("channels", "channel", np.array(rows, np.int32)),)
    return Numbers(words, tables, 1, "int8_t", "int8_t")
