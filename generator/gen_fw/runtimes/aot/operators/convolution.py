# SPDX-License-Identifier: Apache-2.0
"""CONV_2D and FULLY_CONNECTED: what they compute; ``backends`` has the kernels."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import float32, quantize_multiplier
from gen_fw.runtimes.aot.backends import Product, product
from gen_fw.runtimes.aot.filters import Window, channels, grouped_window
from gen_fw.runtimes.aot.layer import Site, Step
from gen_fw.runtimes.aot.operators.batch_matmul import runtime_dense
from gen_fw.runtimes.aot.products import grouped_bytes
from gen_fw.runtimes.aot.table import operator


@operator(
    "CONV_2D",
    types="int8, int4 or int8 weights, per tensor and per channel",
    limits="constant weights; groups",
)
def conv_2d(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    filters = site.of_type(site.input(1), DType.INT8, DType.INT4)
    target = site.of_type(site.output(), DType.INT8)
    size, groups = grouped_window(site, source, filters, target)
    count, options = size.out_depth, site.options
    weights = site.constant(filters).reshape(count, -1)
    bias = site.optional(2)
    outcome = channels(
        site, weights, source, filters, bias, target, options.fused_activation_function
    )
    if groups > 1:
        return [grouped_bytes(site, size, weights, outcome, site.affine(source)[1])]
    what = f"{size.kernel_height}x{size.kernel_width}, stride {size.stride_height}x"
    what += f"{size.stride_width}, {size.depth} to {count} channels, "
    what += f"{size.batch * size.out_height * size.out_width} pixels"
    return [product(Product(site, size, weights, outcome, site.affine(source)[1], what))]


@operator(
    "FULLY_CONNECTED",
    types="int8, int4 or int8 weights, per tensor and per channel",
    limits="constant weights have zero point 0, computed ones one scale",
)
def fully_connected(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    filters = site.of_type(site.input(1), DType.INT8, DType.INT4)
    target = site.of_type(site.output(), DType.INT8)
    options = site.options
    if filters.dtype is DType.INT8 and not site.model.is_constant(filters):
        return [runtime_dense(site)]
    weights = site.constant(filters)
    weights = weights.reshape(-1, weights.shape[-1])
    count, depth = weights.shape
    rows = target.elements // max(count, 1)
    site.require(source.elements == rows * depth and target.elements == rows * count, "shapes")
    site.require(target.elements > 0 and depth > 0, "a tensor without elements")
    site.require(not any(site.quantization(filters).zero_point), "weights with a zero point")
    bias = site.optional(2)
    per_tensor = None
    if not site.quantization(filters).per_channel:
        per_tensor = quantize_multiplier(_per_tensor_scale(site))
    outcome = channels(
        site,
        weights,
        source,
        filters,
        bias,
        target,
        options.fused_activation_function,
        per_tensor=per_tensor,
    )
    size = Window(1, 1, rows, depth, 1, rows, count, 1, 1, 1, 1, 1, 1, 0, 0)
    what = f"{rows} rows, {depth} to {count}"
    return [product(Product(site, size, weights, outcome, site.affine(source)[1], what))]


def _per_tensor_scale(site: Site) -> float:
    """GetQuantizedConvolutionMultipler of kernels/kernel_util.cc: the product of the scales is
    rounded to single precision before the division."""
    input_scale, _ = site.affine(site.input(0))
    filter_scale = site.quantization(site.input(1)).scale[0]
    output_scale, _ = site.affine(site.output())
    return float32(input_scale * filter_scale) / output_scale
