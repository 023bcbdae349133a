# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED, BATCH_MATMUL, SVDF, UNIDIRECTIONAL_SEQUENCE_LSTM (reference kernels of
tflite-micro 90b983c2)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script
from gen_fw.runtimes.tflm.arena.kernels.convolution import unpacked_filter
from gen_fw.runtimes.tflm.arena.kernels.shared import (
    BATCH_MATMUL_QUANTIZATION,
    fully_connected_op_data,
    transposed_operand,
)


def fully_connected(kernel: Kernel) -> None:
    """FullyConnectedPrepare of fully_connected.cc."""
    kernel.temp("in0", "in1", "in2", "out0")
    unpacked_filter(kernel, "in1")
    fully_connected_op_data(kernel, "in0", "in1")
    kernel.free("in0", "in1", "in2", "out0")


def batch_matmul(kernel: Kernel) -> None:
    """BatchMatMulPrepare of batch_matmul.cc. The kernel wants the right operand transposed, so
    adj_y = false costs a copy of it."""
    kernel.temp("in0", "in1", "out0")
    if kernel["in0"].dtype in (DType.INT8, DType.INT16):
        kernel.keep(BATCH_MATMUL_QUANTIZATION)
    if kernel.option("adj_x"):
        transposed_operand(kernel, "in0")
    if not kernel.option("adj_y"):
        transposed_operand(kernel, "in1")
    kernel.keep_dims("out0")
    kernel.free("in0", "in1", "out0")


def svdf(kernel: Kernel) -> None:
    """PrepareSvdf of svdf_common.cc."""
    kernel.temp("in0", "in1", "in2", "in3", "in4", "out0")
    batches, filters = kernel["in0"].shape[0], kernel["in1"].shape[0]
    kernel.scratch(4 * batches * filters)
    if kernel["in0"].dtype is DType.INT8:
        kernel.scratch(4 * batches * (filters // max(1, kernel.option("rank"))))
    kernel.free("in0", "in1", "in2", "in4", "out0", "in3")


#: inputs of UNIDIRECTIONAL_SEQUENCE_LSTM as lstm_shared.h numbers them, and the output
LSTM_TENSORS = (*(f"in{position}" for position in range(24)), "out0")


def lstm_states(kernel: Kernel) -> int:
    """Elements of one state: batch_size * state_dimension of CreateLstmSizeInfo
    (lstm_eval_common.cc)."""
    batches = kernel["in0"].shape[1 if kernel.option("time_major") else 0]
    return batches * kernel["in18"].shape[1]


def unidirectional_sequence_lstm(kernel: Kernel) -> None:
    """UnidirectionalSequenceLstmPrepare of unidirectional_sequence_lstm.cc: four buffers of the
    cell's type, requested while all tensors are in use."""
    kernel.temp(*LSTM_TENSORS)
    for _ in range(4):
        kernel.scratch(lstm_states(kernel) * kernel["in19"].dtype.bits // 8)
    kernel.free(*LSTM_TENSORS)


MATRIX: Mapping[str, Script] = {
    "BATCH_MATMUL": Script(batch_matmul, source="batch_matmul.cc"),
    "FULLY_CONNECTED": Script(fully_connected, source="fully_connected.cc"),
    "SVDF": Script(svdf, source="svdf_common.cc"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Script(
        unidirectional_sequence_lstm, source="unidirectional_sequence_lstm.cc"
    ),
}
