# SPDX-License-Identifier: Apache-2.0
"""The old place of gen_fw.runtimes.tflm.arena.scratch.esp_nn."""

from gen_fw.runtimes.tflm.arena.scratch.esp_nn import (
    Chip,
    conv_scratch,
    depthwise_scratch,
    softmax_scratch,
)
from gen_fw.runtimes.tflm.arena.scratch.window import Window

__all__ = ["Chip", "Window", "conv_scratch", "depthwise_scratch", "softmax_scratch"]
