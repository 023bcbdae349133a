# SPDX-License-Identifier: Apache-2.0
"""Functions of TFLM that the Prepare of several kernel sets calls."""

from __future__ import annotations

from math import prod

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Step, quantized, tensor_bytes


def looks(*slots: str) -> Step:
    """A Prepare that takes these tensors, checks them and frees them."""

    def prepare(kernel: Kernel) -> None:
        kernel.look(*slots)

    return prepare


#: Prepare takes the input and the output, and no more
in_out = looks("in0", "out0")
#: Prepare takes both inputs and the output
two_in_out = looks("in0", "in1", "out0")


def own_dims(kernel: Kernel, *shape: int) -> None:
    """CreateWritableTensorDimsWithCopy, after which the kernel writes ``shape`` over the file's."""
    kernel.keep_dims("out0")
    if prod(shape) != kernel["out0"].elements:
        # the plan follows the kernel, the lifetimes here follow the file
        kernel.confidence = "estimate"


def keep_per_channel(kernel: Kernel, channels: int) -> None:
    """Multipliers and shifts of each output channel, int32."""
    kernel.keep(4 * channels)
    kernel.keep(4 * channels)


def per_channel(weights: Tensor) -> bool:
    """More than one scale, as CalculateOpDataFullyConnected sees it."""
    if weights.quantization is None or not quantized(weights):
        return False
    return len(weights.quantization.scale) > 1


def fully_connected_op_data(kernel: Kernel, source: str, weights: str) -> None:
    """CalculateOpDataFullyConnected of fully_connected_common.cc, for the tensors in two slots."""
    quantization = kernel[weights].quantization
    if kernel[source].dtype is not DType.FLOAT32 and quantization and per_channel(kernel[weights]):
        keep_per_channel(kernel, len(quantization.scale))


def transposed_operand(kernel: Kernel, slot: str) -> None:
    """AllocInitTransposeTensorFromTfLiteTensor of batch_matmul.cc: a tensor structure, its shape
    and a copy of the data."""
    kernel.keep(kernel.abi.struct("TfLiteEvalTensor")[0])
    kernel.keep_dims(slot)
    kernel.keep(tensor_bytes(kernel[slot]))


#: QuantizationOpDataBatchMatmul of batch_matmul.h: seven int32
BATCH_MATMUL_QUANTIZATION = 28


def softmax_tables(kernel: Kernel) -> None:
    """InitializeLutForInt16 of softmax_common.cc: two tables of kInt16LUTArraySize int16."""
    if kernel["in0"].dtype is DType.INT16:
        kernel.keep(2 * 513)
        kernel.keep(2 * 513)
