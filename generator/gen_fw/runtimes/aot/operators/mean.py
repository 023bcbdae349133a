# SPDX-License-Identifier: Apache-2.0
"""MEAN over any axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import quantize_multiplier, rescaling
from gen_fw.runtimes.aot.layer import Over, Site, Step
from gen_fw.runtimes.aot.overlap import below
from gen_fw.runtimes.aot.strides import Loop, dense, merged
from gen_fw.runtimes.aot.table import operator


@operator("MEAN", types="int8", limits="constant axes")
def mean(site: Site) -> Sequence[Step]:
    """QuantizedMeanOrSum of reference/reduce.h: 1 / count is part of the multiplier."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    axes = site.constant(site.of_type(site.input(1), DType.INT32)).reshape(-1).tolist()
    rank = len(source.shape)
    site.require(all(-rank <= axis < rank for axis in axes), "an axis that does not exist")
    reduced = {axis % rank for axis in axes}
    kept = [axis for axis in range(rank) if axis not in reduced]
    shape, steps = source.shape, dense(source.shape)
    count = math.prod(shape[axis] for axis in reduced)
    outputs = math.prod(shape[axis] for axis in kept)
    site.require(count > 0 and outputs == target.elements > 0, "shapes")
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    multiplier, shift = quantize_multiplier(scale / out_scale)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    site.require(extra >= 0 and count < 1 << 23, "so many elements that the sum may overflow")
    multiplier = (multiplier << extra) // count
    sizes = [shape[axis] for axis in kept]
    outer = merged(sizes, [[steps[axis] for axis in kept], dense(sizes)])
    within = [axis for axis in range(rank) if axis in reduced]
    inner = merged([shape[axis] for axis in within], [[steps[axis] for axis in within]])
    return [
        Step(
            "mean",
            {
                "outer": outer,
                "inner": inner,
                "bias": -zero * count,
                "scaling": rescaling(multiplier, shift - extra, out_zero, 255 * count),
            },
            (site.reads("input", source), site.writes("output", target)),
            f"of {count} elements, {outputs} times",
            over=(Over("input", below(np.arange(outputs) + 1, _begins(outer))),),
        )
    ]


def _begins(outer: Sequence[Loop]) -> np.ndarray[Any, Any]:
    """By output: the first element that it reads."""
    begins = np.zeros(1, np.int64)
    for size, steps in outer:
        begins = (begins[:, None] + np.arange(size) * steps[0]).reshape(-1)
    return begins
