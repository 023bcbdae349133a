# SPDX-License-Identifier: Apache-2.0
"""Scripts of the CMSIS-NN kernels (tensorflow/lite/micro/kernels/cmsis_nn at 90b983c2).

Here are the kernels that take other memory than the reference kernels. ADD, MUL, MAXIMUM, MINIMUM,
MAX_POOL_2D, PAD, PADV2, SOFTMAX and TRANSPOSE differ in the size of their operator data at most,
which the ABI tables know. The registrations of one type (Register_CONV_2D_INT8, …) are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script
from gen_fw.runtimes.tflm.arena.kernels.convolution import (
    conv_op_data,
    depthwise_conv_op_data,
    transpose_conv_op_data,
)
from gen_fw.runtimes.tflm.arena.kernels.matrix import LSTM_TENSORS, lstm_states
from gen_fw.runtimes.tflm.arena.kernels.shared import (
    BATCH_MATMUL_QUANTIZATION,
    fully_connected_op_data,
    keep_per_channel,
    per_channel,
    transposed_operand,
)
from gen_fw.runtimes.tflm.arena.kernels.window import transposed_window_of, window_of
from gen_fw.runtimes.tflm.arena.scratch import cmsis_nn
from gen_fw.runtimes.tflm.arena.scratch.cmsis_nn import Variant
from gen_fw.runtimes.tflm.arena.scratch.window import Window

_QUANTIZED = (DType.INT8, DType.INT16)


def _variant(kernel: Kernel) -> Variant:
    return cast(Variant, kernel.build.variant)


def _request(kernel: Kernel, size: int) -> None:
    """The kernels' ``if (buf_size > 0)`` around RequestScratchBufferInArena."""
    if size > 0:
        kernel.scratch(size)


def conv(kernel: Kernel) -> None:
    """Prepare of conv.cc."""
    # the bias is asked for as *output* 2, which no CONV_2D has: the kernel takes it for absent
    kernel.temp("in0", "in1", "out0", "out2")
    source, size = kernel["in0"].dtype, 0
    if source in _QUANTIZED:
        keep_per_channel(kernel, kernel["in1"].shape[0])
    conv_op_data(kernel)
    if source is DType.INT8:
        # of int4 filters too
        size = cmsis_nn.conv_s8(_variant(kernel), window_of(kernel))
    elif source is DType.INT16:
        size = cmsis_nn.conv_s16(_variant(kernel), window_of(kernel))
    _request(kernel, size)
    kernel.free("out0", "in0", "in1", "out2")


def depthwise_conv(kernel: Kernel) -> None:
    """Prepare of depthwise_conv.cc. int16 gets no scratch."""
    kernel.temp("in0", "in1", "out0")
    if kernel["in0"].dtype in _QUANTIZED:
        keep_per_channel(kernel, kernel["in1"].shape[3])
    depthwise_conv_op_data(kernel)
    if kernel["in0"].dtype is DType.INT8:
        variant = _variant(kernel)
        # Prepare leaves the stride unset; 1 keeps clear of the path that looks at it
        w = replace(window_of(kernel), stride_w=1, stride_h=1)
        if kernel["in1"].dtype is DType.INT4:
            _request(kernel, cmsis_nn.depthwise_s4(variant, w))
        else:
            _request(kernel, cmsis_nn.depthwise_s8(variant, w))
            if variant == "mve" and _stride_decides(w):
                kernel.confidence = "upper bound"
    kernel.free("out0", "in0", "in1")


def _stride_decides(w: Window) -> bool:
    """True where CMSIS-NN's answer depends on the stride that Prepare does not set: one input
    channel, 1 x n, run as a convolution. The size for a stride that is no multiple of 4 is the
    larger one: 4 * align(n, 16) against n + padding."""
    pointwise = w.filter_w == 1 and (w.pad_w, w.pad_h, w.dilation_h) == (0, 0, 1)
    flat = w.in_h == 1 and w.filter_h == 1 and w.dilation_w == 1
    return w.in_c == 1 and w.out_c > 1 and flat and not pointwise


def fully_connected(kernel: Kernel) -> None:
    """Prepare of fully_connected.cc."""
    kernel.temp("in0", "in1", "in2", "out0")
    source, weights = kernel["in0"].dtype, kernel["in1"]
    fully_connected_op_data(kernel, "in0", "in1")
    size = 0
    if source is DType.INT8 and weights.dtype is not DType.INT4:
        outputs = kernel["out0"].shape[-1]
        if len(kernel["out0"].shape) > 2 and weights.shape[-1] % 4 == 0:
            # runs as a 1x1 convolution, whose own scratch is 0; this fakes per-channel scales
            if not per_channel(weights):
                kernel.scratch(8 * outputs)
        else:
            size = cmsis_nn.fully_connected_s8(_variant(kernel), outputs)
            constant = kernel.constant("in1")
            constant = constant and (not kernel.has("in2") or kernel.constant("in2"))
            if size > 0 and constant and kernel.build.optimise == "speed":
                kernel.keep(size)
                size = 0
    _request(kernel, size)
    kernel.free("out0", "in0", "in1", "in2")


def average_pool(kernel: Kernel) -> None:
    """AveragePrepare of pooling.cc."""
    # PoolingPrepare
    kernel.look("in0", "out0")
    kernel.temp("in0", "out0")
    if kernel["in0"].dtype in _QUANTIZED:
        channels = kernel["in0"].shape[3]
        _request(kernel, cmsis_nn.average_pool(_variant(kernel), channels))
    kernel.free("out0", "in0")


def svdf(kernel: Kernel) -> None:
    """CmsisNnPrepareSvdf of svdf.cc."""
    slots = ("in0", "in1", "in2", "in3", "in4", "out0")
    kernel.temp(*slots)
    batches, filters = kernel["in0"].shape[0], kernel["in1"].shape[0]
    kernel.scratch(4 * batches * filters)
    if kernel["in0"].dtype is DType.INT8:
        kernel.scratch(4 * batches * (filters // kernel.option("rank", 1)))
        size = cmsis_nn.svdf_s8(_variant(kernel), filters)
        if size > 0 and kernel.build.optimise == "speed":
            kernel.keep(size)
        else:
            _request(kernel, size)
    kernel.free(*slots)


def transpose_conv(kernel: Kernel) -> None:
    """Prepare of transpose_conv.cc."""
    kernel.temp("out0", "in2", "in1")
    source, target = kernel["in2"], kernel["out0"]
    keep_per_channel(kernel, kernel["in1"].shape[0])
    if source.dtype is DType.INT8:
        w = transposed_window_of(kernel)
        # both are requested whatever they are; 0 bytes are a buffer
        kernel.scratch(cmsis_nn.transpose_conv_s8(_variant(kernel), w))
        kernel.scratch(cmsis_nn.transpose_conv_reverse_s8(w))
    elif source.dtype is DType.INT16:
        kernel.scratch(8 * target.elements)
    transpose_conv_op_data(kernel)
    kernel.free("out0", "in2", "in1")


def batch_matmul(kernel: Kernel) -> None:
    """Prepare of batch_matmul.cc."""
    kernel.temp("in0", "in1", "out0")
    if kernel.option("adj_x"):
        transposed_operand(kernel, "in0")
    if not kernel.option("adj_y"):
        transposed_operand(kernel, "in1")
    # ReshapeOutputTensor
    kernel.keep_dims("out0")
    if kernel["in0"].dtype is not DType.FLOAT32:
        kernel.keep(BATCH_MATMUL_QUANTIZATION)
        if kernel["in0"].dtype is DType.INT8:
            outputs = kernel["out0"].shape[-1]
            _request(kernel, cmsis_nn.fully_connected_s8(_variant(kernel), outputs))
    kernel.free("out0", "in0", "in1")


def lstm(kernel: Kernel) -> None:
    """UnidirectionalSequenceLstmPrepare of unidirectional_sequence_lstm.cc."""
    kernel.temp(*LSTM_TENSORS)
    source, cell = kernel["in0"].dtype, kernel["in19"].dtype
    hidden = kernel["in18"].shape[1]
    buffers = 4
    if cell is DType.INT16:
        # PrepareGateParametersInteger: forget, input, cell and output gate
        for gate in (2, 1, 3, 4):
            fully_connected_op_data(kernel, "in0", f"in{gate}")
            fully_connected_op_data(kernel, "in18", f"in{gate + 4}")
    if cell is DType.INT16 and source in _QUANTIZED:
        # CMSIS_NN_PortOpData: sums of the weights, of the bias's type
        buffers = 3
        for _ in range(8):
            kernel.keep((4 if source is DType.INT8 else 8) * hidden)
    for _ in range(buffers):
        kernel.scratch(lstm_states(kernel) * cell.bits // 8)
    kernel.free(*LSTM_TENSORS)


CMSIS_NN: Mapping[str, Script] = {
    "AVERAGE_POOL_2D": Script(average_pool, source="cmsis_nn/pooling.cc"),
    "BATCH_MATMUL": Script(batch_matmul, source="cmsis_nn/batch_matmul.cc"),
    "CONV_2D": Script(conv, source="cmsis_nn/conv.cc"),
    "DEPTHWISE_CONV_2D": Script(depthwise_conv, source="cmsis_nn/depthwise_conv.cc"),
    "FULLY_CONNECTED": Script(fully_connected, source="cmsis_nn/fully_connected.cc"),
    "SVDF": Script(svdf, source="cmsis_nn/svdf.cc"),
    "TRANSPOSE_CONV": Script(transpose_conv, source="cmsis_nn/transpose_conv.cc"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Script(lstm, source="cmsis_nn/unidirectional_sequence_lstm.cc"),
}
