# SPDX-License-Identifier: Apache-2.0
"""Upper bounds of what CMSIS-NN's kernels take from the arena beyond TFLM's reference kernels.

Source: the ``*_get_buffer_size`` functions of CMSIS-NN 99f736a63036
(arm_convolve_get_buffer_sizes_s8.c and its kin), the largest of the DSP and the MVE variant, and
the Prepare functions of tensorflow/lite/micro/kernels/cmsis_nn at tflite-micro 90b983c2.
"""

from __future__ import annotations

#: larger OpData structures, and alignment of one more request
OPERATOR_BYTES = 96
#: CH_IN_BLOCK_MVE of arm_nnsupportfunctions.h
_CHANNEL_BLOCK = 124
OPERATORS = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "BATCH_MATMUL",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "MAX_POOL_2D",
        "MAXIMUM",
        "MINIMUM",
        "MUL",
        "PAD",
        "SOFTMAX",
        "SVDF",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)


def conv(columns: int, element: int) -> int:
    """Scratch of a convolution: four columns of ``columns`` elements (kernel height × width ×
    input channels), each padded to 16; two of int16 with DSP. ``element`` is in bytes."""
    return 4 * _up(columns) * element


def depthwise(window: int, channels: int, outputs: int, element: int) -> int:
    """Scratch of a depthwise convolution with a kernel of ``window`` elements a channel; the
    optimised variant needs as many outputs as input channels."""
    opt = max(4 * _CHANNEL_BLOCK * window * element, 2 * channels * window) + 8
    # one input channel and many outputs: a convolution on reordered weights
    one = conv(window, element) + window * outputs if channels == 1 else 0
    return max(opt if channels == outputs else 0, one)


def fully_connected(outputs: int) -> int:
    """Sums of the weights, which KERNELS_OPTIMIZED_FOR_SPEED keeps."""
    return 4 * outputs


def fully_connected_1x1(outputs: int) -> int:
    """Scratch of a layer that runs as a convolution: parameters of each channel."""
    return 8 * outputs


def average_pool(channels: int) -> int:
    """Scratch of the sums of one output pixel."""
    return 4 * channels


def _up(count: int) -> int:
    return (count + 15) // 16 * 16
