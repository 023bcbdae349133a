# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV (reference kernels of tflite-micro 90b983c2)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script
from gen_fw.runtimes.tflm.arena.kernels.shared import keep_per_channel


def unpacked_filter(kernel: Kernel, slot: str) -> None:
    """Scratch for a filter of 4-bit elements, one byte each."""
    if kernel[slot].dtype is DType.INT4:
        kernel.scratch(kernel[slot].elements)


def conv_op_data(kernel: Kernel) -> None:
    """CalculateOpDataConv of conv_common.cc."""
    kernel.temp("in0", "in1", "in2", "out0")
    kernel.free("out0", "in0", "in1", "in2")


def conv(kernel: Kernel) -> None:
    """ConvPrepare of conv_common.cc."""
    kernel.temp("out0", "in0", "in1")
    keep_per_channel(kernel, kernel["in1"].shape[0])
    conv_op_data(kernel)
    unpacked_filter(kernel, "in1")
    kernel.free("in1", "in0", "out0")


def depthwise_conv_op_data(kernel: Kernel) -> None:
    """CalculateOpDataDepthwiseConv of depthwise_conv_common.cc."""
    kernel.look("in0", "in1", "in2", "out0")


def depthwise_conv(kernel: Kernel) -> None:
    """DepthwiseConvPrepare of depthwise_conv_common.cc."""
    kernel.temp("out0", "in0", "in1")
    keep_per_channel(kernel, kernel["in1"].shape[3])
    unpacked_filter(kernel, "in1")
    depthwise_conv_op_data(kernel)
    kernel.free("out0", "in0", "in1")


def transpose_conv_op_data(kernel: Kernel) -> None:
    """CalculateOpData of transpose_conv.cc; nothing for float32. Next to an int16 input, a bias of
    int16 is converted to int64 in scratch."""
    source = kernel["in2"].dtype
    if source is not DType.FLOAT32:
        kernel.temp("in2", "in1", "in3", "out0")
        if source is DType.INT16 and kernel.has("in3") and kernel["in3"].dtype is DType.INT16:
            kernel.scratch(8 * kernel["in3"].elements)
        kernel.free("in2", "in1", "out0", "in3")


def transpose_conv(kernel: Kernel) -> None:
    """TransposeConvPrepare of transpose_conv.cc: the sums of all outputs are scratch, int32 for
    int8 inputs and int64 for int16."""
    kernel.temp("out0", "in2", "in1")
    keep_per_channel(kernel, kernel["in1"].shape[0])
    sums = {DType.INT8: 4, DType.INT16: 8}.get(kernel["in2"].dtype, 0)
    if sums:
        kernel.scratch(sums * kernel["out0"].elements)
    transpose_conv_op_data(kernel)
    kernel.free("out0", "in2", "in1")


CONVOLUTION: Mapping[str, Script] = {
    "CONV_2D": Script(conv, source="conv_common.cc"),
    "DEPTHWISE_CONV_2D": Script(depthwise_conv, source="depthwise_conv_common.cc"),
    "TRANSPOSE_CONV": Script(transpose_conv, source="transpose_conv.cc"),
}
