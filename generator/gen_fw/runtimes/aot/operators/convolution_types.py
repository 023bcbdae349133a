# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED in float32 and with 16-bit activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import float32, quantize_multiplier
from gen_fw.runtimes.aot.filters import Array, Window, depthwise_window, grouped_window
from gen_fw.runtimes.aot.layer import Site, Step
from gen_fw.runtimes.aot.numbers import Numbers, channel_scales, float_numbers, int16_numbers
from gen_fw.runtimes.aot.operators.batch_matmul import runtime_dense
from gen_fw.runtimes.aot.products import plane_step, tile_step
from gen_fw.runtimes.aot.table import operator

_FLOAT = "float32"
_WIDE = "int16, int8 weights, int64 or int32 bias"


@operator("CONV_2D", types=_FLOAT, limits="constant weights; groups", of=(DType.FLOAT32,))
@operator("CONV_2D", types=_WIDE, limits="constant weights; groups", of=(DType.INT16,))
def conv_2d(site: Site) -> Sequence[Step]:
    """Conv of reference/conv.h, ConvPerChannel of reference/integer_ops/conv.h."""
    source, filters, target = _tensors(site)
    size, groups = grouped_window(site, source, filters, target)
    count, options = size.out_depth, site.options
    weights = site.constant(filters).reshape(count, -1)
    numbers = _numbers(site, weights, options, channels=True)
    what = f"{size.kernel_height}x{size.kernel_width}, stride {size.stride_height}x"
    what += f"{size.stride_width}, {size.depth} to {count} channels"
    what += f" in {groups} groups" if groups > 1 else ""
    pixels = size.batch * size.out_height * size.out_width
    return [tile_step(site, size, weights, numbers, f"{what}, {pixels} pixels", groups)]


@operator("DEPTHWISE_CONV_2D", types=_FLOAT, limits="constant weights", of=(DType.FLOAT32,))
@operator(
    "DEPTHWISE_CONV_2D",
    types="int16, int8 weights, int64 bias",
    limits="constant weights",
    of=(DType.INT16,),
)
def depthwise_conv_2d(site: Site) -> Sequence[Step]:
    """DepthwiseConv of reference/depthwiseconv_float.h, DepthwiseConvPerChannel of
    reference/integer_ops/depthwise_conv.h."""
    source, filters, target = _tensors(site)
    size = depthwise_window(site, source, filters, target)
    count, options = size.out_depth, site.options
    taps = size.kernel_height * size.kernel_width
    weights = site.constant(filters).reshape(taps, count).T
    bias = site.optional(2)
    wide = bias is None or bias.dtype is not DType.INT32
    site.require(wide, "a bias of 32 bits, which TFLM's kernel reads as 64 bits")
    return [plane_step(site, size, weights, _numbers(site, weights, options, channels=True))]


@operator("FULLY_CONNECTED", types=_FLOAT, of=(DType.FLOAT32,))
@operator(
    "FULLY_CONNECTED",
    types=_WIDE,
    limits="constant weights have zero point 0, computed ones one scale",
    of=(DType.INT16,),
)
def fully_connected(site: Site) -> Sequence[Step]:
    """FullyConnected of reference/fully_connected.h and reference/integer_ops."""
    source, filters, target = _tensors(site)
    if not site.model.is_constant(filters):
        return [runtime_dense(site)]
    weights = site.constant(filters)
    weights = weights.reshape(-1, weights.shape[-1])
    count, depth = weights.shape
    rows = target.elements // max(count, 1)
    site.require(source.elements == rows * depth and target.elements == rows * count, "shapes")
    site.require(target.elements > 0 and depth > 0, "a tensor without elements")
    numbers = _numbers(site, weights, site.options, channels=False)
    size = Window(1, 1, rows, depth, 1, rows, count, 1, 1, 1, 1, 1, 1, 0, 0)
    return [tile_step(site, size, weights, numbers, f"{rows} rows, {depth} to {count}")]


def _tensors(site: Site) -> tuple[Tensor, Tensor, Tensor]:
    """Input, filters and output with element types that TFLM has kernels for."""
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT16)
    kind = DType.FLOAT32 if source.dtype is DType.FLOAT32 else DType.INT8
    return source, site.of_type(site.input(1), kind), site.of_type(site.output(), source.dtype)


def _numbers(site: Site, weights: Array, options: Any, *, channels: bool) -> Numbers:
    """``channels``: a convolution, whose scales are always by channel and whose zero points the
    kernel does not look at."""
    source, filters, target = _tensors(site)
    bias, activation = site.optional(2), options.fused_activation_function
    if source.dtype is DType.FLOAT32:
        return float_numbers(site, weights, bias, activation)
    narrow = getattr(options, "quantized_bias_type", None) is DType.INT32
    if bias is not None:
        narrow = bias.dtype is DType.INT32
    if channels:
        scales = channel_scales(site, source, filters, target, len(weights))
        return int16_numbers(site, weights, scales, bias, target, activation, narrow=narrow)
    site.require(not any(site.quantization(filters).zero_point), "weights with a zero point")
    if site.quantization(filters).per_channel:
        scales = channel_scales(site, source, filters, target, len(weights))
    else:
        scales = [_per_tensor(site, source, filters, target, bias)] * len(weights)
    return int16_numbers(
        site,
        weights,
        scales,
        bias,
        target,
        activation,
        narrow=narrow,
        input_zero=site.affine(source)[1],
        output_zero=site.affine(target)[1],
    )


def _per_tensor(
    site: Site, source: Tensor, filters: Tensor, target: Tensor, bias: Tensor | None
) -> tuple[int, int]:
    """GetQuantizedConvolutionMultipler of kernels/kernel_util.cc: the product of the scales is
    rounded to single precision, and the bias's scale must be near it."""
    product = site.affine(source)[0] * site.quantization(filters).scale[0]
    output_scale, _ = site.affine(target)
    site.require(output_scale > 0, "a scale of 0")
    if bias is not None:
        scale = bias.quantization.scale[0] if bias.quantization else 0.0
        near = abs(product - scale) / output_scale <= 0.02
        site.require(near, "a bias whose scale is not that of the products")
    return quantize_multiplier(float32(product) / output_scale)
