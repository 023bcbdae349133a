# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D in float32 and int16."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import activation_range, float32
from gen_fw.runtimes.aot.filters import window
from gen_fw.runtimes.aot.layer import C_TYPES, Over, Site, Step
from gen_fw.runtimes.aot.numbers import LIMITS_16, float_range
from gen_fw.runtimes.aot.overlap import window_below
from gen_fw.runtimes.aot.table import operator


@operator("L2_POOL_2D", types="float32")
def root_pool(site: Site) -> Sequence[Step]:
    """L2Pool of reference/pooling.h."""
    site.of_type(site.input(0), DType.FLOAT32)
    return [_pool(site, "pool_root")]


@operator("AVERAGE_POOL_2D", "MAX_POOL_2D", types="float32", of=(DType.FLOAT32,))
@operator(
    "AVERAGE_POOL_2D",
    "MAX_POOL_2D",
    types="int16",
    limits="input and output quantized alike",
    of=(DType.INT16,),
)
def pool(site: Site) -> Sequence[Step]:
    """AveragePool and MaxPool of reference/pooling.h and reference/integer_ops/pooling.h."""
    average = site.operator.name == "AVERAGE_POOL_2D"
    return [_pool(site, "pool_average" if average else "pool_maximum")]


def _pool(site: Site, template: str) -> Step:
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT16)
    target = site.of_type(site.output(), source.dtype)
    options = site.options
    size = window(site, source, target, (options.filter_height, options.filter_width), options)
    site.require(size.depth == size.out_depth, "channels differ")
    activation = options.fused_activation_function
    limits: dict[str, Any] = float_range(activation)
    if source.dtype is DType.INT16:
        (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
        alike = abs(float32(scale - out_scale)) <= 1e-6 and zero == out_zero
        site.require(alike, "input and output are quantized differently")
        low, high = activation_range(activation, out_scale, out_zero, LIMITS_16)
        limits = {"low": low, "high": high}
    return Step(
        template,
        {**size.words(), **limits, "value": C_TYPES[source.dtype], "top_value": LIMITS_16[1]},
        (site.reads("input", source), site.writes("output", target)),
        f"{size.kernel_height}x{size.kernel_width}, {size.depth} channels",
        # pixel by pixel: its channels do not meet at a distance of whole pixels or more
        over=(Over("input", window_below(size, 1) * source.dtype.bits // 8),),
    )
