# SPDX-License-Identifier: Apache-2.0
"""Geometry and per-channel parameters that convolutions and fully connected layers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gen_fw.model.enums import Padding
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import (
    FAST_LIMIT,
    activation_range,
    fast_scaling,
    quantize_multiplier,
    scaled,
)
from gen_fw.runtimes.aot.layer import Site

Array = np.ndarray[Any, Any]
#: more than any image has rows or columns; offsets in the generated code stay within 32 bits
_FARTHEST = 1 << 20

#: sums of pairs must stay inside the lower field of the 64-bit accumulator: 23 bits with sign
PAIR_FIELD = 1 << 22


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window over images [batch, height, width, channels]; padding before the first
    row and column."""

    batch: int
    height: int
    width: int
    depth: int
    out_height: int
    out_width: int
    out_depth: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int

    @property
    def padded(self) -> bool:
        """True when some window reaches outside the image."""
        return (
            self.pad_top > 0
            or self.pad_left > 0
            or self._end(self.out_height, self.stride_height, self.dilation_height, vertical=True)
            > self.height
            or self._end(self.out_width, self.stride_width, self.dilation_width, vertical=False)
            > self.width
        )

    def _end(self, size: int, stride: int, dilation: int, *, vertical: bool) -> int:
        kernel = self.kernel_height if vertical else self.kernel_width
        pad = self.pad_top if vertical else self.pad_left
        return (size - 1) * stride + (kernel - 1) * dilation + 1 - pad

    def words(self) -> dict[str, Any]:
        """Constants for the C templates."""
        return {name: getattr(self, name) for name in self.__slots__} | {"padded": self.padded}


def window(
    site: Site, source: Tensor, target: Tensor, kernel: tuple[int, int], options: Any
) -> Window:
    """The window of a convolution or pooling operator; padding as ComputePaddingHeightWidth of
    kernels/padding.h has it. Refuses shapes that do not follow from the options."""
    site.require(len(source.shape) == 4 and len(target.shape) == 4, "images need 4 dimensions")
    batch, height, width, depth = source.shape
    out_batch, out_height, out_width, out_depth = target.shape
    site.require(source.elements > 0 and target.elements > 0, "a tensor without elements")
    dilation_height = getattr(options, "dilation_h_factor", 1)
    dilation_width = getattr(options, "dilation_w_factor", 1)
    stride_height, stride_width = options.stride_h, options.stride_w
    site.require(
        min(*kernel, stride_height, stride_width, dilation_height, dilation_width) > 0,
        "a kernel size, stride or dilation that is not positive",
    )
    pads = []
    sizes = (
        (height, out_height, kernel[0], stride_height, dilation_height),
        (width, out_width, kernel[1], stride_width, dilation_width),
    )
    for size, out_size, taps, stride, dilation in sizes:
        reach = (taps - 1) * dilation + 1
        site.require(max(reach, stride) < _FARTHEST, "a window or stride beyond any image")
        same = options.padding is Padding.SAME
        expected = (size + stride - 1) // stride if same else (size + stride - reach) // stride
        site.require(out_size == expected, f"an output of {out_size} where {expected} is expected")
        pads.append(max(0, (out_size - 1) * stride + reach - size) // 2)
    site.require(batch == out_batch, "batches differ")
    return Window(
        batch,
        height,
        width,
        depth,
        out_height,
        out_width,
        out_depth,
        *kernel,
        stride_height,
        stride_width,
        dilation_height,
        dilation_width,
        *pads,
    )


def grouped_window(
    site: Site, source: Tensor, filters: Tensor, target: Tensor
) -> tuple[Window, int]:
    """The window of a convolution with filters [channels, height, width, depth of a group], and
    the number of groups. Refuses shapes that do not go together."""
    site.require(len(filters.shape) == 4, "filters need 4 dimensions")
    size = window(site, source, target, (filters.shape[1], filters.shape[2]), site.options)
    count, depth = filters.shape[0], filters.shape[3]
    site.require(count == size.out_depth, "filters and output channels differ")
    site.require(depth > 0 and size.depth % depth == 0, "channels are no multiple of the filters'")
    groups = size.depth // depth
    site.require(count % groups == 0, "output channels are no multiple of the groups")
    return size, groups


def depthwise_window(site: Site, source: Tensor, filters: Tensor, target: Tensor) -> Window:
    """The window of a depthwise convolution with filters [1, height, width, channels]. Refuses
    shapes that do not go together."""
    site.require(len(filters.shape) == 4 and filters.shape[0] == 1, "filters need [1, h, w, c]")
    size = window(site, source, target, (filters.shape[1], filters.shape[2]), site.options)
    count = filters.shape[3]
    site.require(count == size.out_depth, "filters and output channels differ")
    site.require(count % size.depth == 0, "channels are no multiple of the input's")
    return size


@dataclass(frozen=True, slots=True)
class Channels:
    """How accumulators of a layer become outputs."""

    #: int32 [channels, 4]: bias with the input's zero point folded in, multiplier, then for
    #: "fast" and "clamped": offset, shift of ``FastScaling``; for "plain": left, right shift
    table: Array
    #: "fast": the zero point in the offsets, unless ``added``; "clamped": fast without the
    #: correction of negative values, which the clamp hides; "plain": two roundings one after
    #: the other
    scaling: str
    low: int
    high: int
    zero_point: int
    #: the zero point is not part of the offsets, and is added at last
    added: bool
    #: int64 [channels, 4]: bias as the model has it, bias with the input's zero point folded in,
    #: multiplier, shift (to the left when positive), as TensorFlow Lite scales
    raw: Array

    def words(self) -> dict[str, Any]:
        """Constants for the C templates; ``zero_point`` only where the code contains it."""
        return {
            "scaling": self.scaling,
            "low": self.low,
            "high": self.high,
            "zero_point": self.zero_point if self.added else 0,
        }


def channels(
    site: Site,
    weights: Array,
    source: Tensor,
    filters: Tensor,
    bias: Tensor | None,
    target: Tensor,
    activation: Any,
    *,
    per_tensor: tuple[int, int] | None = None,
) -> Channels:
    """Parameters of every output channel. ``weights`` is int8 [channels, taps].

    ``per_tensor`` overrides multiplier and shift. Multipliers as
    PopulateConvolutionQuantizationParams of kernels/kernel_util.cc.
    """
    input_scale, input_zero = site.affine(source)
    output_scale, output_zero = site.affine(target)
    scales = site.quantization(filters).scale
    count = len(weights)
    site.require(len(scales) in (1, count), f"{len(scales)} filter scales, {count} channels")
    wide = weights.astype(np.int64)
    offsets = np.zeros(count, np.int64) if bias is None else _bias(site, bias, count)
    folded = offsets - input_zero * wide.sum(axis=1)
    positive = np.where(wide > 0, wide, 0).sum(axis=1)
    negative = wide.sum(axis=1) - positive
    high = folded + 127 * positive - 128 * negative
    low = folded - 128 * positive + 127 * negative
    partial = np.abs(folded) + 128 * np.abs(wide).sum(axis=1)
    site.require(int(partial.max()) < 1 << 31, "an accumulator that overflows 32 bits")
    act_low, act_high = activation_range(activation, output_scale, output_zero)
    site.require(act_low <= act_high, "an activation whose range is empty")
    raw = []
    for channel in range(count):
        scale = scales[channel if len(scales) > 1 else 0]
        real = input_scale * scale / output_scale
        multiplier, shift = per_tensor or quantize_multiplier(real)
        raw.append((int(offsets[channel]), int(folded[channel]), multiplier, shift))
    sums = [(int(a), int(b)) for a, b in zip(low, high, strict=True)]
    swing = [int(size) for size in 128 * np.abs(wide).sum(axis=1)]
    limits = act_low, act_high
    fast = [
        _fast(row, sums[channel], swing[channel], limits, output_zero, output_zero)
        for channel, row in enumerate(raw)
    ]
    added = None in fast
    if added:
        fast = [
            _fast(row, sums[channel], swing[channel], limits, output_zero, 0)
            for channel, row in enumerate(raw)
        ]
    rows = [row for row in fast if row is not None]
    if len(rows) == count:
        scaling = "clamped" if act_low >= output_zero else "fast"
    else:
        rows = [(bias, m, max(shift, 0), max(-shift, 0)) for _, bias, m, shift in raw]
        scaling, added = "plain", True
        site.require(max(row[2] for row in rows) <= 30, "an output scale that is far too small")
    table = np.array(rows, dtype=np.int64)
    site.require(int(np.abs(table).max()) < 1 << 31, "a parameter that overflows 32 bits")
    return Channels(
        table.astype(np.int32),
        scaling,
        act_low,
        act_high,
        output_zero,
        added,
        np.array(raw, dtype=np.int64),
    )


def _fast(
    raw: tuple[int, int, int, int],
    sums: tuple[int, int],
    swing: int,
    limits: tuple[int, int],
    output_zero: int,
    zero_point: int,
) -> tuple[int, int, int, int] | None:
    """Bias, multiplier, offset and shift of a channel in the form of ``FastScaling`` with
    ``zero_point``; None where there is none.

    ``sums``: the least and the largest sum; ``swing``: the largest without bias; ``limits``: of the
    output. A channel whose outputs are all equal (dead ones have biases of 2^30) needs no sum.
    """
    _, bias, multiplier, shift = raw
    if shift <= 0 and swing < FAST_LIMIT:
        ends = [
            max(limits[0], min(limits[1], scaled(value, multiplier, shift) + output_zero))
            for value in sums
        ]
        if ends[0] == ends[1]:
            return 0, 0, 4 * (ends[0] - output_zero + zero_point) + 3, 2
    form = fast_scaling(multiplier, shift, zero_point, max(abs(value) for value in sums))
    return None if form is None else (bias, form.multiplier, form.offset, form.shift)


def _bias(site: Site, bias: Tensor, count: int) -> Array:
    values = site.constant(site.of_type(bias, DType.INT32))
    site.require(values.size == count, f"{values.size} biases for {count} channels")
    return values.reshape(-1).astype(np.int64)


def blocks(count: int, size: int) -> list[int]:
    """First channels of blocks of ``size`` that cover ``count``: the last one may overlap the one
    before it, so that every block is full. ``size`` is at most ``count``."""
    return [min(start, count - size) for start in range(0, count, size)]


def blocked(matrix: Array, size: int) -> Array:
    """[channels, taps] -> [block, tap, channel of the block], the order in which tiles read it."""
    return np.stack([matrix[at : at + size].T for at in blocks(len(matrix), size)])


def blocked_rows(table: Array, size: int) -> Array:
    """Rows of channels in the order of ``blocks``, overlapping ones repeated."""
    return np.concatenate([table[at : at + size] for at in blocks(len(table), size)])
