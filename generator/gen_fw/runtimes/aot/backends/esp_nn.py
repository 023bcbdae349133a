# SPDX-License-Identifier: Apache-2.0
"""Espressif's ESP-NN, called directly: assembler on ESP32-S3 and -P4, C elsewhere. Never compiled
for Xtensa by gen-fw's tests; the C variant runs in them."""

from __future__ import annotations

from typing import cast

from gen_fw.runtimes.aot.backends import Depthwise, Product, Sum, vendor
from gen_fw.runtimes.aot.layer import Step
from gen_fw.runtimes.tflm.arena.scratch import esp_nn as scratch

#: rows and columns of fully connected layers are 16 bits wide
_MOST = 0xFFFF


def product(layer: Product) -> Step | str:
    """esp_nn_conv_s8 or esp_nn_fully_connected_s8."""
    chip = cast(scratch.Chip, layer.site.target.esp_nn)
    if layer.site.operator.name == "FULLY_CONNECTED":
        if max(layer.weights.shape) > _MOST:
            return "more than 65535 rows or columns"
        words = vendor.dense_words(layer)
        return vendor.layer_step(layer, "esp_dense", words, 0, scales=bool(words["per_channel"]))
    size = layer.size
    if (size.dilation_height, size.dilation_width) != (1, 1):
        return "dilation"
    bytes_ = scratch.conv_scratch(chip, vendor.scratch_window(size))
    return vendor.layer_step(layer, "esp_conv", {"kind": "conv"}, bytes_)


def depthwise(layer: Depthwise) -> Step | str:
    """esp_nn_depthwise_conv_s8."""
    size = layer.size
    if (size.dilation_height, size.dilation_width) != (1, 1):
        return "dilation"
    chip = cast(scratch.Chip, layer.site.target.esp_nn)
    multiplier = size.out_depth // size.depth
    bytes_ = scratch.depthwise_scratch(chip, vendor.scratch_window(size), multiplier)
    return vendor.layer_step(layer, "esp_conv", {"kind": "depthwise_conv"}, bytes_)


def add(layer: Sum) -> Step | str:
    """esp_nn_add_elementwise_s8."""
    if layer.elements is None:
        return "broadcasting"
    return vendor.sum_step(layer, "esp_add", ())
