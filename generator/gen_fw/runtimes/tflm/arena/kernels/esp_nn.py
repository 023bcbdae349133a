# SPDX-License-Identifier: Apache-2.0
"""Scripts of the ESP-NN kernels (tensorflow/lite/micro/kernels/esp_nn of esp-tflite-micro 1.3.5 to
1.4.0; the same allocations in all).

Here are the kernels that take other memory than the reference kernels. ADD, AVERAGE_POOL_2D,
FULLY_CONNECTED, MAX_POOL_2D and MUL take the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script
from gen_fw.runtimes.tflm.arena.kernels import convolution
from gen_fw.runtimes.tflm.arena.kernels.shared import softmax_tables
from gen_fw.runtimes.tflm.arena.kernels.window import window_of
from gen_fw.runtimes.tflm.arena.scratch import esp_nn
from gen_fw.runtimes.tflm.arena.scratch.esp_nn import Chip


def _chip(kernel: Kernel) -> Chip:
    return cast(Chip, kernel.build.variant)


def _request(kernel: Kernel, size: int) -> None:
    """The kernels' ``if (scratch_buf_size > 0)`` around RequestScratchBufferInArena."""
    if size > 0:
        kernel.scratch(size)


def conv(kernel: Kernel) -> None:
    """Prepare of conv.cc: the reference kernel's, and scratch before the tensors are freed."""
    convolution.conv(kernel)
    if kernel["in0"].dtype is DType.INT8:
        _request(kernel, esp_nn.conv_scratch(_chip(kernel), window_of(kernel)))


def depthwise_conv(kernel: Kernel) -> None:
    """Prepare of depthwise_conv.cc: likewise."""
    convolution.depthwise_conv(kernel)
    if kernel["in0"].dtype is DType.INT8:
        multiplier = kernel.option("depth_multiplier", 1)
        _request(kernel, esp_nn.depthwise_scratch(_chip(kernel), window_of(kernel), multiplier))


def softmax(kernel: Kernel) -> None:
    """Prepare of softmax.cc."""
    kernel.temp("in0", "out0")
    softmax_tables(kernel)
    if kernel["in0"].dtype is DType.INT8 and kernel["out0"].dtype is DType.INT8:
        shape = kernel["in0"].shape
        if len(shape) > 1:
            _request(kernel, esp_nn.softmax_scratch(_chip(kernel), shape[1]))
        else:
            # Prepare reads dimension 1, which a vector has not: what follows it in the file
            kernel.confidence = "estimate"
    kernel.free("in0", "out0")


ESP_NN: Mapping[str, Script] = {
    "CONV_2D": Script(conv, source="esp_nn/conv.cc"),
    "DEPTHWISE_CONV_2D": Script(depthwise_conv, source="esp_nn/depthwise_conv.cc"),
    "SOFTMAX": Script(softmax, source="esp_nn/softmax.cc"),
}
