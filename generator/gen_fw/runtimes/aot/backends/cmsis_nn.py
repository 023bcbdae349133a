# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN, called directly: constant parameters, scratch by its own size formulas, sums of weights
in flash. Its int8 kernels round twice as TensorFlow Lite's do (tests/sdk compares them)."""

from __future__ import annotations

from gen_fw.runtimes.aot.backends import Depthwise, Product, Sum, vendor
from gen_fw.runtimes.aot.layer import Over, Site, Step
from gen_fw.runtimes.tflm.arena.scratch import cmsis_nn as scratch


def _variant(site: Site) -> scratch.Variant:
    return site.target.simd or "plain"


def product(layer: Product) -> Step | str:
    """arm_convolve_wrapper_s8 or arm_fully_connected_s8."""
    variant = _variant(layer.site)
    if layer.site.operator.name == "FULLY_CONNECTED":
        words = vendor.dense_words(layer)
        sums = variant == "mve"
        more = [vendor.folded(layer)] if sums else []
        scales = bool(words["per_channel"])
        words["sums"] = sums
        return vendor.layer_step(layer, "cmsis_dense", words, 0, *more, scales=scales)
    size = scratch.conv_s8(variant, vendor.scratch_window(layer.size))
    return vendor.layer_step(layer, "cmsis_conv", {}, size)


def depthwise(layer: Depthwise) -> Step | str:
    """arm_depthwise_conv_wrapper_s8; with one input channel a convolution, which that would make
    of it at every inference."""
    size, site = layer.size, layer.site
    if size.depth == 1 and size.out_depth > 1:
        as_product = Product(
            site, size, layer.weights, layer.outcome, layer.input_zero, layer.comment
        )
        return product(as_product)
    bytes_ = scratch.depthwise_s8(_variant(site), vendor.scratch_window(size))
    return vendor.layer_step(layer, "cmsis_depthwise", {}, bytes_)


def add(layer: Sum) -> Step | str:
    """arm_elementwise_add_s8, element by element, which may be in place."""
    if layer.elements is None:
        return "broadcasting"
    return vendor.sum_step(layer, "cmsis_add", (Over("input0"), Over("input1")))
