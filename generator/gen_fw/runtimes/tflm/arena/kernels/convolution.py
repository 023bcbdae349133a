# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV (reference kernels of tflite-micro 90b983c2)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script


def conv_op_data(kernel: Kernel) -> None:
    """CalculateOpDataConv of conv_common.cc."""
    kernel.look("in0", "in1", "in2", "out0")


def conv(kernel: Kernel) -> None:
    """ConvPrepare of conv_common.cc."""
    kernel.temp("out0", "in0", "in1")
    channels = kernel["in1"].shape[0]
    kernel.keep(4 * channels)
    kernel.keep(4 * channels)
    conv_op_data(kernel)
    if kernel["in1"].dtype is DType.INT4:
        kernel.scratch(kernel["in1"].elements)
    kernel.free("in1", "in0", "out0")


CONVOLUTION: Mapping[str, Script] = {
    "CONV_2D": Script(conv, source="conv_common.cc"),
}
