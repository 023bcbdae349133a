# SPDX-License-Identifier: Apache-2.0
"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_ALL, CUMSUM, ARG_MAX, ARG_MIN and pooling (reference
kernels of tflite-micro 90b983c2)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script, no_op
from gen_fw.runtimes.tflm.arena.kernels.shared import in_out, own_dims

#: its MEAN and SUM have the index and the axes on the stack
INDEX_ON_STACK = ("esp-tflite-micro-1.3.5",)


def simple(kernel: Kernel) -> None:
    """PrepareSimple of reduce_common.cc."""
    kernel.temp("in0", "in1")
    if kernel["in0"].dtype is DType.INT8:
        kernel.look("out0")
    kernel.free("in1", "in0")


def _index_and_axes(kernel: Kernel) -> None:
    """Scratch for the index of an input element, and for the axes counted from the front."""
    kernel.scratch(4 * len(kernel["in0"].shape))
    kernel.scratch(4 * kernel["in1"].elements)


def mean_or_sum(kernel: Kernel) -> None:
    """PrepareMeanOrSumHelper of reduce_common.cc: int32 sums of int8 and int16 are scratch."""
    kernel.temp("in0", "out0", "in1")
    if kernel["in0"].dtype in (DType.INT8, DType.INT16):
        kernel.scratch(4 * kernel["out0"].elements)
    if kernel.build.release not in INDEX_ON_STACK:
        _index_and_axes(kernel)
    simple(kernel)
    kernel.free("in0", "out0", "in1")


def min_max(kernel: Kernel) -> None:
    """PrepareMinMaxHelper of reduce_common.cc."""
    simple(kernel)
    kernel.temp("in0", "out0", "in1")
    _index_and_axes(kernel)
    kernel.free("in0", "out0", "in1")


def reduce_all(kernel: Kernel) -> None:
    """PrepareAllHelper of reduce_common.cc."""
    kernel.temp("in0", "out0", "in1")
    simple(kernel)
    _index_and_axes(kernel)
    kernel.free("in0", "out0", "in1")


def cumsum(kernel: Kernel) -> None:
    """CalculateOpData of cumsum.cc; its Init keeps nothing."""
    kernel.temp("in0", "in1", "out0")
    if kernel["out0"].dtype is DType.INT8:
        kernel.keep_type("cumsum.cc", "OpData")
    kernel.free("in0", "in1", "out0")


def l2_pool_2d(kernel: Kernel) -> None:
    """L2Prepare of l2_pool_2d.cc: it computes the output's height and width anew."""
    kernel.temp("out0", "in0")
    batches, height, width, channels = kernel["in0"].shape
    same = kernel.option("padding") == 0
    height = _outputs(same, height, kernel.option("filter_height", 1), kernel.option("stride_h", 1))
    width = _outputs(same, width, kernel.option("filter_width", 1), kernel.option("stride_w", 1))
    own_dims(kernel, batches, height, width, channels)
    kernel.free("out0", "in0")


def _outputs(same: bool, size: int, window: int, stride: int) -> int:
    """ComputeOutSize of tensorflow/lite/kernels/padding.h, one direction."""
    return -(-size // stride) if same else (size + stride - window) // stride


REDUCTION: Mapping[str, Script] = {
    "ARG_MAX": Script(no_op, source="arg_min_max.cc"),
    "ARG_MIN": Script(no_op, source="arg_min_max.cc"),
    "AVERAGE_POOL_2D": Script(in_out, source="pooling_common.cc"),
    "CUMSUM": Script(cumsum, source="cumsum.cc"),
    "L2_POOL_2D": Script(l2_pool_2d, source="l2_pool_2d.cc"),
    "MAX_POOL_2D": Script(in_out, source="pooling_common.cc"),
    "MEAN": Script(mean_or_sum, source="reduce_common.cc"),
    "REDUCE_ALL": Script(reduce_all, source="reduce_common.cc"),
    "REDUCE_MAX": Script(min_max, source="reduce_common.cc"),
    "REDUCE_MIN": Script(min_max, source="reduce_common.cc"),
    "SUM": Script(mean_or_sum, source="reduce_common.cc"),
}
