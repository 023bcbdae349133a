# SPDX-License-Identifier: Apache-2.0
"""Scratch bytes of esp-nn's convolutions and softmax, as its own size functions give them.

Source: esp-nn 1.2.3 (d45b843c), esp_nn_conv_esp32s3.c, esp_nn_depthwise_conv_s8_esp32s3.c,
esp_nn_conv_esp32p4.c, esp_nn_depthwise_conv_esp32p4.c, esp_nn_softmax_*.c; the arguments are those
of esp-tflite-micro's kernels/esp_nn/{conv,depthwise_conv,softmax}.cc. All sizes are bytes, all
tensors int8. esp-tflite-micro 1.3.5 to 1.4.0 take any esp-nn from 1.1.1 on, and the sizes of 1.1.1,
1.2.0, 1.2.1 and 1.2.3 differ; generated projects pin 1.2.3, so there is one set of formulas.
"""

from __future__ import annotations

from typing import Literal

from gen_fw.runtimes.tflm.arena.scratch.window import Window, align_up

Chip = Literal["esp32s3", "esp32p4", "generic"]

#: L1D_BUDGET of esp_nn_conv_esp32p4.c
_P4_TILE_BUDGET = 32 * 1024


def _pointwise(w: Window) -> bool:
    return (w.filter_w, w.filter_h, w.pad_w, w.pad_h, w.stride_w, w.stride_h) == (1, 1, 0, 0, 1, 1)


def _pointwise_bytes(w: Window, margin: int) -> int:
    channels = align_up(w.in_c, 8)
    pixels = w.in_w * w.in_h
    transpose = 16 * channels if pixels >= 8 else 0
    copied_input = pixels * channels if w.in_c % 8 else 0
    return copied_input + channels * w.out_c + transpose + margin


def conv_scratch(chip: Chip, w: Window) -> int:
    """esp_nn_get_conv_scratch_size."""
    if chip == "esp32s3":
        return _conv_s3(w)
    return _conv_p4(w) if chip == "esp32p4" else 0


def _conv_s3(w: Window) -> int:
    margin = 64
    if _pointwise(w):
        return _pointwise_bytes(w, margin)
    row, window = w.filter_w * w.in_c, w.filter_w * w.filter_h * w.in_c
    if row < 16 <= window:
        aligned = align_up(window, 16)
        return w.out_c * 4 + 16 + w.out_c * aligned + 16 + aligned + margin
    padded = 0
    if w.pad_w or w.pad_h:
        padded = (w.in_w + 2 * w.pad_w) * (w.in_h + 2 * w.pad_h) * w.in_c
    filters = w.filter_w * w.filter_h * align_up(w.in_c, 16) * w.out_c
    aligned_rows = align_up(row, 16) * w.filter_h * w.out_c
    right = max(0, w.out_w * w.stride_w + w.filter_w - 1 - w.in_w)
    bottom = max(0, w.out_h * w.stride_h + w.filter_h - 1 - w.in_h)
    boundary = (w.in_w + right) * (w.in_h + bottom) * w.in_c if right or bottom else 0
    return padded + filters + aligned_rows + boundary + margin + w.out_c * 4


def _conv_p4(w: Window) -> int:
    margin = 32
    if _pointwise(w):
        if w.in_c < 16:
            return w.out_c * 4 + 16 * w.out_c + 32 + margin
        return _pointwise_bytes(w, margin)
    sums = w.out_c * 4
    row, window = w.filter_w * w.in_c, w.filter_w * w.filter_h * w.in_c
    filters = w.filter_w * w.filter_h * align_up(w.in_c, 16) * w.out_c
    unpadded = w.pad_w == 0 and w.pad_h == 0
    if unpadded and row >= 16:
        return filters + margin + sums
    if window >= 16:
        return sums + window + margin
    if unpadded:
        channels = align_up(-(-16 // w.filter_w), 16)
        return sums + channels * (w.filter_w * w.filter_h * w.out_c + w.in_w * w.in_h) + margin
    return _conv_p4_padded(w, filters) + margin + sums


def _conv_p4_padded(w: Window, filters: int) -> int:
    width, sums = w.in_w + 2 * w.pad_w, w.out_c * 4
    whole = width * (w.in_h + 2 * w.pad_h) * w.in_c
    if whole + sums <= _P4_TILE_BUDGET:
        return whole + filters
    channels, aligned = w.in_c, 0
    if w.filter_w * w.in_c < 16:
        channels = align_up(-(-16 // w.filter_w), 16)
        aligned = w.filter_w * w.filter_h * channels * w.out_c
    row = width * channels
    budget = _P4_TILE_BUDGET - sums - aligned
    tile = 1
    if 0 < budget >= w.filter_h * row:
        tile = min(w.out_h, (budget - w.filter_h * row) // (w.stride_h * row) + 1)
    return ((tile - 1) * w.stride_h + w.filter_h + 2 * w.pad_h) * row + aligned


def depthwise_scratch(chip: Chip, w: Window, multiplier: int) -> int:
    """esp_nn_get_depthwise_conv_scratch_size; ``multiplier`` is the depth multiplier."""
    if chip != "esp32s3":
        return 0
    filters = w.filter_w * w.filter_h * w.in_c * multiplier
    whole = w.in_w * w.in_h * w.in_c
    if multiplier == 1 and w.in_c % 8 == 0:
        if (w.filter_w, w.filter_h) == (3, 3):
            return _depthwise_s3_3x3(w, filters)
        if 2 * (filters + whole) <= 48 * 1024:
            return 2 * (filters + whole) + 32
        return 2 * filters + 2 * w.in_w * w.filter_h * w.in_c + 32
    if multiplier == 1 and w.in_c > 3:
        channels = align_up(w.in_c, 8)
        size = align_up(2 * w.filter_w * w.filter_h * channels, 16)
        size = align_up(size + 2 * w.in_w * w.in_h * channels, 16)
        size = align_up(size + w.out_w * w.out_h * channels, 16)
        return size + 3 * 4 * channels + 16
    return 2 * (filters + whole) + 32 if multiplier % 4 == 0 else 32


def _depthwise_s3_3x3(w: Window, filters: int) -> int:
    extra_w = w.out_w * w.stride_w + w.filter_w - 1 - w.in_w
    extra_h = w.out_h * w.stride_h + w.filter_h - 1 - w.in_h
    if w.in_c % 16 == 0:
        if w.pad_w or w.pad_h:
            extra_w, extra_h = 2 * w.pad_w, 2 * w.pad_h
        if not (extra_w or extra_h):
            return filters + 16
        whole = (w.in_w + extra_w) * (w.in_h + extra_h) * w.in_c
        if whole > 40 * 1024:
            whole = (w.in_w + extra_w) * w.filter_h * w.in_c
        return filters + whole + 16
    if w.in_c < 12:
        return 2 * (filters + w.in_w * w.in_h * w.in_c) + 32
    channels = align_up(w.in_c, 16)
    width = w.in_w + 2 * w.pad_w + max(0, extra_w)
    height = w.in_h + 2 * w.pad_h + max(0, extra_h)
    return channels * (9 + width * height + w.out_w * w.out_h) + 64


def softmax_scratch(chip: Chip, width: int) -> int:
    """esp_nn_get_softmax_scratch_size; ``width`` is dimension 1 of the input."""
    del chip  # the same on all: generic (opt), ESP32-S3, ESP32-P4
    return width * 4
