# SPDX-License-Identifier: Apache-2.0
"""Geometry of the convolutions of a model, as Prepare hands it to the vendors' size functions."""

from __future__ import annotations

from gen_fw.runtimes.tflm.arena.kernel import Kernel
from gen_fw.runtimes.tflm.arena.scratch.window import Window


def window_of(kernel: Kernel) -> Window:
    """The window of CONV_2D and DEPTHWISE_CONV_2D (NHWC input, OHWI or 1HWC filters)."""
    batches, in_h, in_w, in_c = kernel["in0"].shape
    _, filter_h, filter_w, filter_c = kernel["in1"].shape
    _, out_h, out_w, out_c = kernel["out0"].shape
    stride_w, stride_h = kernel.option("stride_w", 1), kernel.option("stride_h", 1)
    dilation_w = kernel.option("dilation_w_factor", 1)
    dilation_h = kernel.option("dilation_h_factor", 1)
    same = kernel.option("padding") == 0
    return Window(
        in_w,
        in_h,
        in_c,
        out_w,
        out_h,
        out_c,
        filter_w,
        filter_h,
        stride_w,
        stride_h,
        padding(same, in_w, filter_w, stride_w, dilation_w),
        padding(same, in_h, filter_h, stride_h, dilation_h),
        dilation_w,
        dilation_h,
        batches,
        filter_c,
    )


def transposed_window_of(kernel: Kernel) -> Window:
    """The window of TRANSPOSE_CONV, whose input is ``in2``; padding unused."""
    batches, in_h, in_w, in_c = kernel["in2"].shape
    out_c, filter_h, filter_w, _ = kernel["in1"].shape
    _, out_h, out_w, _ = kernel["out0"].shape
    return Window(
        in_w,
        in_h,
        in_c,
        out_w,
        out_h,
        out_c,
        filter_w,
        filter_h,
        kernel.option("stride_w", 1),
        kernel.option("stride_h", 1),
        pad_w=0,
        pad_h=0,
        batches=batches,
    )


def padding(same: bool, size: int, window: int, stride: int, dilation: int) -> int:
    """ComputePaddingHeightWidth of tensorflow/lite/kernels/padding.h, one direction: elements
    before the first. It counts the outputs anew and does not look at the output tensor."""
    reach = (window - 1) * dilation + 1
    count = -(-size // stride) if same else (size + stride - reach) // stride
    return max(0, (count - 1) * stride + reach - size) // 2
