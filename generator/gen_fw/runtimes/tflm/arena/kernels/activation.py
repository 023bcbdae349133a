# SPDX-License-Identifier: Apache-2.0
"""Activations and normalisations (reference kernels of tflite-micro 90b983c2)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script
from gen_fw.runtimes.tflm.arena.kernels.shared import (
    in_out,
    looks,
    softmax_tables,
    two_in_out,
)


def tanh(kernel: Kernel) -> None:
    """TanhPrepare of tanh.cc, whose CalculateArithmeticOpData takes the input again."""
    kernel.temp("in0")
    kernel.look("in0", "out0")
    kernel.free("in0")


def softmax(kernel: Kernel) -> None:
    """SoftmaxPrepare of softmax_common.cc."""
    kernel.temp("in0", "out0")
    softmax_tables(kernel)
    kernel.free("in0", "out0")


def log_softmax(kernel: Kernel) -> None:
    """CalculateOpData of log_softmax.cc; its Init keeps nothing."""
    kernel.temp("in0", "out0")
    if kernel["in0"].dtype is DType.INT8:
        kernel.keep_type("log_softmax.cc", "LogSoftmaxOpData")
    kernel.free("in0", "out0")


ACTIVATION: Mapping[str, Script] = {
    "ELU": Script(in_out, source="elu.cc"),
    "HARD_SWISH": Script(in_out, source="hard_swish_common.cc"),
    "L2_NORMALIZATION": Script(in_out, source="l2norm.cc"),
    "LEAKY_RELU": Script(in_out, source="leaky_relu_common.cc"),
    "LOGISTIC": Script(in_out, source="logistic_common.cc"),
    "LOG_SOFTMAX": Script(log_softmax, source="log_softmax.cc"),
    "PRELU": Script(two_in_out, source="prelu_common.cc"),
    "RELU": Script(in_out, source="activations_common.cc"),
    "RELU6": Script(looks("in0"), source="activations_common.cc"),
    "SOFTMAX": Script(softmax, source="softmax_common.cc"),
    "TANH": Script(tanh, source="tanh.cc"),
}
