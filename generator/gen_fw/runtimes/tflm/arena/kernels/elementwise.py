# SPDX-License-Identifier: Apache-2.0
"""Arithmetic, comparisons, logic and conversions of single elements, and CONCATENATION (reference
kernels of tflite-micro 90b983c2)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script, no_op
from gen_fw.runtimes.tflm.arena.kernels.shared import in_out, looks, two_in_out


def add_n(kernel: Kernel) -> None:
    """CalculateOpData of add_n.cc: scratch for a pointer to each input; no Init."""
    kernel.temp("in0", "out0")
    count = len(kernel.operator.inputs)
    for position in range(1, count):
        kernel.look(f"in{position}")
    if kernel["out0"].dtype is DType.INT8:
        kernel.keep_type("add_n.cc", "OpData")
    kernel.scratch(kernel.pointer * count)
    kernel.free("in0", "out0")


def concatenation(kernel: Kernel) -> None:
    """ConcatenationPrepare of concatenation.cc."""
    kernel.temp("in0", "out0")
    kernel.free("in0")
    for position in range(len(kernel.operator.inputs)):
        kernel.look(f"in{position}")
    kernel.free("out0")


def _all(script: Script, names: str) -> dict[str, Script]:
    return dict.fromkeys(names.split(), script)


ELEMENTWISE: Mapping[str, Script] = {
    "ADD": Script(two_in_out, source="add_common.cc"),
    "ADD_N": Script(add_n, source="add_n.cc"),
    "CAST": Script(in_out, source="cast.cc"),
    "CEIL": Script(in_out, source="ceil.cc"),
    "CONCATENATION": Script(concatenation, source="concatenation.cc"),
    "DEQUANTIZE": Script(in_out, source="dequantize_common.cc"),
    "DIV": Script(two_in_out, source="div.cc"),
    "EXP": Script(in_out, source="exp.cc"),
    "FLOOR": Script(no_op, source="floor.cc"),
    "FLOOR_DIV": Script(two_in_out, source="floor_div.cc"),
    "FLOOR_MOD": Script(two_in_out, source="floor_mod.cc"),
    "MUL": Script(two_in_out, source="mul_common.cc"),
    "NEG": Script(no_op, source="neg.cc"),
    "QUANTIZE": Script(in_out, source="quantize_common.cc"),
    "ROUND": Script(in_out, source="round.cc"),
    "SELECT_V2": Script(looks("in0", "in1", "in2", "out0"), source="select.cc"),
    "SQUARED_DIFFERENCE": Script(two_in_out, source="squared_difference.cc"),
    "SUB": Script(two_in_out, source="sub_common.cc"),
    **_all(
        Script(in_out, source="elementwise.cc"), "ABS COS LOG LOGICAL_NOT RSQRT SIN SQRT SQUARE"
    ),
    **_all(
        Script(looks("in0", "in1"), source="comparisons.cc"),
        "EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL NOT_EQUAL",
    ),
    **_all(Script(no_op, source="logical.cc"), "LOGICAL_AND LOGICAL_OR"),
    **_all(Script(no_op, source="maximum_minimum.cc"), "MAXIMUM MINIMUM"),
}
