# SPDX-License-Identifier: Apache-2.0
"""Scratch bytes of CMSIS-NN's kernels, as its own size functions give them.

Source: Source/*/arm_*_get_buffer_sizes_*.c and Include/arm_nnsupportfunctions.h of CMSIS-NN
99f736a6, compiled by GCC or Clang (Arm's own compiler has other fast paths), and only the
functions that tensorflow/lite/micro/kernels/cmsis_nn of tflite-micro 90b983c2 calls. ``variant``
is what the C preprocessor chooses: "mve" (ARM_MATH_MVEI), "dsp" (ARM_MATH_DSP) or "plain".

Functions that return 0 for every variant have no port: arm_convolve_1x1_s8_fast_get_buffer_size
and arm_fully_connected_s16_get_buffer_size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from gen_fw.runtimes.tflm.arena.scratch.window import Window, align_up

Variant = Literal["mve", "dsp", "plain"]

#: CH_IN_BLOCK_MVE
_CHANNEL_BLOCK = 124
#: REVERSE_TCOL_EFFICIENT_THRESHOLD
_REVERSE_CHANNELS = 16
#: CONVERT_DW_CONV_WITH_ONE_INPUT_CH_AND_OUTPUT_CH_ABOVE_THRESHOLD, unless Arm's compiler
_ONE_CHANNEL_OUTPUTS = 1


def conv_s8(variant: Variant, w: Window) -> int:
    """arm_convolve_wrapper_s8_get_buffer_size."""
    undilated = w.dilation_w == 1 and w.dilation_h == 1
    unpadded = w.pad_w == 0 and w.pad_h == 0
    if unpadded and undilated and (w.filter_w, w.filter_h, w.group_c) == (1, 1, w.in_c):
        return 0
    flat = w.in_h == 1 and w.filter_h == 1 and w.dilation_w == 1
    if variant == "mve" and flat and w.stride_w * w.in_c % 4 == 0 and w.group_c == w.in_c:
        return _conv_1_x_n_mve(w)
    return _conv_general_s8(variant, w)


def _conv_general_s8(variant: Variant, w: Window) -> int:
    """arm_convolve_s8_get_buffer_size."""
    if variant == "mve":
        return 4 * align_up(w.column, 16)
    return 2 * align_up(w.column, 4) * 2


def _conv_1_x_n_mve(w: Window) -> int:
    """arm_convolve_1_x_n_s8_get_buffer_size_mve."""
    total = (w.out_w - 1) * w.stride_w + w.filter_w - w.in_w
    # C's remainder has the sign of the dividend
    odd = total % 2 if total >= 0 else -(-total % 2)
    right = max(1, (w.pad_w + odd + w.stride_w - 1) // w.stride_w) if w.pad_w + odd else 0
    left = max(1, (w.pad_w + w.stride_w - 1) // w.stride_w) if w.pad_w else 0
    middle = max(0, w.out_w - right - left)
    if right + middle + left != w.out_w:
        return _conv_general_s8("mve", w)
    padded_left = w.pad_w * w.in_c
    padded_right = right * w.in_c if odd else padded_left
    row = w.filter_w * w.in_c
    return max(row + padded_left, row - w.in_c + padded_right)


def conv_s16(variant: Variant, w: Window) -> int:
    """arm_convolve_wrapper_s16_get_buffer_size: the same for every shape, pointwise too."""
    return 8 * align_up(w.column, 8) if variant == "mve" else 4 * w.column


def depthwise_s8(variant: Variant, w: Window) -> int:
    """arm_depthwise_conv_wrapper_s8_get_buffer_size."""
    if variant == "mve" and w.in_c == 1 and w.out_c > _ONE_CHANNEL_OUTPUTS:
        # runs as a convolution with reordered weights
        as_conv = replace(w, group_c=1)
        return conv_s8("mve", as_conv) + w.out_c * w.filter_h * w.filter_w
    if not _depthwise_optimised(w):
        return 0
    if variant == "mve":
        return _depthwise_optimised_bytes("mve", w)
    if (w.filter_w, w.filter_h) == (3, 3) and w.pad_h <= 1 and w.pad_w <= 1:
        return 0
    return _depthwise_optimised_bytes("dsp", w) if variant == "dsp" else 0


def depthwise_s4(variant: Variant, w: Window) -> int:
    """arm_depthwise_conv_wrapper_s4_get_buffer_size: without DSP as with it."""
    return _depthwise_optimised_bytes(variant, w) if _depthwise_optimised(w) else 0


def _depthwise_optimised(w: Window) -> bool:
    one = w.batches == 1 and w.dilation_w == 1 and w.dilation_h == 1
    return one and w.in_c == w.out_c


def _depthwise_optimised_bytes(variant: Variant, w: Window) -> int:
    """arm_depthwise_conv_s8_opt_get_buffer_size_mve and _dsp."""
    if variant == "mve":
        return 4 * _CHANNEL_BLOCK * w.filter_w * w.filter_h
    return 2 * w.column


def transpose_conv_s8(variant: Variant, w: Window) -> int:
    """arm_transpose_conv_s8_get_buffer_size; ``w`` is the transposed convolution's own window,
    padding and dilation unused."""
    if _reversible(w):
        return _conv_general_s8(variant, w)
    # stride.h where one expects stride.w: as the vendor has it
    columns = ((w.in_w - 1) * w.stride_w + max(w.filter_w, w.stride_h)) * w.out_c
    return columns * max(w.filter_h, w.stride_h) * 4


def transpose_conv_reverse_s8(w: Window) -> int:
    """arm_transpose_conv_s8_get_reverse_conv_buffer_size: room for the reversed filter."""
    return w.column * w.out_c if _reversible(w) else 0


def _reversible(w: Window) -> bool:
    return w.stride_w <= 2 and w.stride_h <= 2 and w.in_c > _REVERSE_CHANNELS


def fully_connected_s8(variant: Variant, outputs: int) -> int:
    """arm_fully_connected_s8_get_buffer_size: one sum of weights for each output."""
    return 4 * outputs if variant == "mve" else 0


def svdf_s8(variant: Variant, filters: int) -> int:
    """arm_svdf_s8_get_buffer_size."""
    return 4 * filters if variant == "mve" else 0


def average_pool(variant: Variant, channels: int) -> int:
    """arm_avgpool_s8_get_buffer_size and arm_avgpool_s16_get_buffer_size."""
    return 4 * channels if variant == "dsp" else 0
