# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX over the last dimension in float32, int16, and from int8 to int16."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import quantize_multiplier
from gen_fw.runtimes.aot.layer import DataArgument, Over, Site, Step
from gen_fw.runtimes.aot.lookup import lookup_table
from gen_fw.runtimes.aot.table import operator

#: 10.0 / 65535: inputs that are 10 below the largest one count as nothing
_STEP = 10.0 / 65535.0


@operator("SOFTMAX", types="float32", of=(DType.FLOAT32,))
def softmax_float(site: Site) -> Sequence[Step]:
    """Softmax of reference/softmax.h: exponentials go to the output, then are divided."""
    source = site.of_type(site.input(0), DType.FLOAT32)
    target = site.of_type(site.output(), DType.FLOAT32)
    beta = site.options.beta
    return [
        Step(
            "softmax_float",
            {**_rows(site, source, target), "beta": f"{beta.hex()}f" if beta != 1.0 else ""},
            (site.reads("input", source), site.writes("output", target)),
            f"{source.shape[-1]} classes",
            over=(Over("input"),),
        )
    ]


@operator("SOFTMAX", types="int16", limits="zero points of 0", of=(DType.INT16,))
def softmax_wide(site: Site) -> Sequence[Step]:
    """SoftmaxInt16 of reference/softmax.h: two tables with interpolation."""
    source = site.of_type(site.input(0), DType.INT16)
    target = site.of_type(site.output(), DType.INT16)
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    site.require(zero == out_zero == 0, "a zero point that is not 0")
    near = abs(out_scale - 1 / 32768) <= 0.001 / 32768
    site.require(near, "an output scale that is not 1/32768")
    words = _rows(site, source, target)
    # TFLM sums up to depth * 32767 in an int32
    site.require(words["depth"] < 1 << 16, f"{words['depth']} classes")
    multiplier, shift = quantize_multiplier(scale * site.options.beta / _STEP)
    site.require(shift <= 15, "an input scale that is far too large")
    one = np.float32(1.0)
    tables = {
        "exponentials": lookup_table(
            np.float32(10.0) / np.float32(65535),
            32767,
            np.float32(2.0) / np.float32(65535),
            math.exp,
        ),
        "reciprocals": lookup_table(
            one / np.float32(65535),
            -32768,
            np.float32(2.0) / np.float32(65535),
            lambda value: float(one / (one + np.float32(value))),
        ),
    }
    return [
        Step(
            "softmax_wide",
            {**words, "multiplier": multiplier, "left": max(shift, 0), "right": max(-shift, 0)},
            (
                site.reads("input", source),
                site.writes("output", target),
                *(DataArgument(name, "int16_t", table, name) for name, table in tables.items()),
            ),
            f"{words['depth']} classes",
            # an element is read before the one at its place is written
            over=(Over("input"),),
        )
    ]


def _rows(site: Site, source: Tensor, target: Tensor) -> dict[str, int]:
    site.require(len(source.shape) >= 1 and source.shape == target.shape, "shapes differ")
    site.require(target.elements > 0, "a tensor without elements")
    return {"rows": math.prod(source.shape[:-1]), "depth": source.shape[-1]}
