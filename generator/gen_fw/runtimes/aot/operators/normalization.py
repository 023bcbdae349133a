# SPDX-License-Identifier: Apache-2.0
"""L2_NORMALIZATION and LOG_SOFTMAX over the last dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import (
    exp_on_negative_values,
    input_radius,
    multiplier_below_one,
    quantize_multiplier,
    rounded_shift,
    scaled,
)
from gen_fw.runtimes.aot.layer import DataArgument, Over, Site, Step
from gen_fw.runtimes.aot.table import operator

#: kScaledDiffIntegerBits of log_softmax.cc
_DIFFERENCE_BITS = 5


def _rows(site: Site) -> tuple[Tensor, Tensor, int]:
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8)
    target = site.of_type(site.output(), source.dtype)
    site.require(source.shape == target.shape and len(source.shape) > 0, "shapes differ")
    site.require(source.elements > 0, "a tensor without elements")
    return source, target, source.shape[-1]


@operator("L2_NORMALIZATION", types="float32, int8", limits="int8 results at scale 1/128")
def l2_normalization(site: Site) -> Sequence[Step]:
    """L2Normalization of kernels/internal/reference, which takes the output scale for granted."""
    source, target, depth = _rows(site)
    none = site.options.fused_activation_function is ActivationFunctionType.NONE
    site.require(none and len(source.shape) <= 4, "an activation or more than 4 dimensions")
    zero = 0
    if source.dtype is DType.INT8:
        zero = site.affine(source)[1]
        site.require(depth * 255 * 255 < 1 << 31, "so many elements that the sum may overflow")
    words = {
        "rows": math.prod(source.shape[:-1]),
        "depth": depth,
        "zero": zero,
        "real": source.dtype is DType.FLOAT32,
    }
    arguments = (site.reads("input", source), site.writes("output", target))
    # the norm of a row is known before its first output
    over = (Over("input"),)
    return [Step("l2_normalization", words, arguments, f"rows of {depth}", over=over)]


@operator("LOG_SOFTMAX", types="float32", of=[DType.FLOAT32])
def log_softmax(site: Site) -> Sequence[Step]:
    source, target, depth = _rows(site)
    words = {"rows": math.prod(source.shape[:-1]), "depth": depth}
    arguments = (site.reads("input", source), site.writes("output", target))
    over = (Over("input"),)
    return [Step("log_softmax_float", words, arguments, f"{depth} classes", over=over)]


@operator("LOG_SOFTMAX", types="int8", limits="fewer than 4096 classes", of=[DType.INT8])
def log_softmax_8(site: Site) -> Sequence[Step]:
    """LogSoftmaxQuantized of kernels/internal/reference/log_softmax.h; differences and their
    exponentials are tables here."""
    source, target, depth = _rows(site)
    site.require(site.affine(target) == (1 / 16, 127), "an output scale that is not 1/16")
    site.require(depth < 4096, f"{depth} classes")
    real = site.affine(source)[0] * (1 << (31 - _DIFFERENCE_BITS))
    real = min(real, (1 << 31) - 1.0)
    site.require(real > 1.0, "an input scale out of range")
    multiplier, left = quantize_multiplier(real)
    divisor, shift = multiplier_below_one((1 << (31 - left)) / multiplier)
    radius = input_radius(_DIFFERENCE_BITS, left)
    reach = min(255, radius)
    differences = np.zeros(256, np.int32)
    exponentials = np.zeros(256, np.int32)
    for difference in range(reach + 1):
        exponent = scaled(-difference, multiplier, left)
        differences[difference] = exponent
        value = exp_on_negative_values(exponent, _DIFFERENCE_BITS)
        exponentials[difference] = rounded_shift(value, 12)
    words = {
        "rows": math.prod(source.shape[:-1]),
        "depth": depth,
        "least": -radius - 1,
        "divisor": divisor,
        "right": -shift,
    }
    arguments = (
        site.reads("input", source),
        site.writes("output", target),
        DataArgument("differences", "int32_t", differences, "differences"),
        DataArgument("exponentials", "int32_t", exponentials, "exponentials"),
    )
    over = (Over("input"),)
    return [Step("log_softmax", words, arguments, f"{depth} classes", over=over)]
