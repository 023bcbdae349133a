# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX over the last dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import (
    exp_on_negative_values,
    input_radius,
    quantize_multiplier,
    scaled,
)
from gen_fw.runtimes.aot.layer import DataArgument, Over, Site, Step
from gen_fw.runtimes.aot.table import operator

#: kScaledDiffIntegerBits of softmax_common.cc
_DIFFERENCE_BITS = 5


@operator("SOFTMAX", types="int8 to int8 or int16", limits="fewer than 4096 classes")
def softmax(site: Site) -> Sequence[Step]:
    """Softmax of kernels/internal/reference/softmax.h; its exponentials are a table here."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8, DType.INT16)
    bits = target.dtype.bits
    (out_scale, out_zero), unit = site.affine(target), 2.0**-bits
    near = abs(out_scale - unit) <= (0 if bits == 8 else 0.001 * unit)
    site.require(near, f"an output scale that is not 1/{1 << bits}")
    site.require(out_zero == -(1 << (bits - 1)), f"an output zero point of {out_zero}")
    site.require(len(source.shape) >= 1 and source.shape == target.shape, "shapes differ")
    depth = source.shape[-1]
    site.require(0 < depth < 4096 and target.elements > 0, f"{depth} classes")
    options = site.options
    real = min(
        options.beta * site.affine(source)[0] * (1 << (31 - _DIFFERENCE_BITS)), (1 << 31) - 1.0
    )
    site.require(real > 1.0, "an input scale out of range")
    multiplier, left = quantize_multiplier(real)
    reach = min(255, input_radius(_DIFFERENCE_BITS, left))
    table = np.zeros(256, np.int32)
    for difference in range(reach + 1):
        exponent = scaled(-difference, multiplier, left)
        table[difference] = exp_on_negative_values(exponent, _DIFFERENCE_BITS)
    return [
        Step(
            "softmax",
            {"rows": math.prod(source.shape[:-1]), "depth": depth, "bits": bits},
            (
                site.reads("input", source),
                site.writes("output", target),
                DataArgument("exponentials", "int32_t", table, "exponentials"),
            ),
            f"{depth} classes",
            # the maximum and the sum of a row are known before its first output
            over=(Over("input", (bits - 8) // 8 * source.elements),),
        )
    ]
