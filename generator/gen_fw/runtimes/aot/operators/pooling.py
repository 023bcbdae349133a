# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import activation_range, float32
from gen_fw.runtimes.aot.filters import window
from gen_fw.runtimes.aot.layer import Over, Site, Step
from gen_fw.runtimes.aot.overlap import window_below
from gen_fw.runtimes.aot.table import operator


@operator("AVERAGE_POOL_2D", "MAX_POOL_2D", types="int8", limits="input and output quantized alike")
def pool(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    options = site.options
    size = window(site, source, target, (options.filter_height, options.filter_width), options)
    site.require(size.depth == size.out_depth, "channels differ")
    (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
    alike = abs(float32(scale - out_scale)) <= 1e-6 and zero == out_zero
    site.require(alike, "input and output are quantized differently")
    low, high = activation_range(options.fused_activation_function, out_scale, out_zero)
    average = site.operator.name == "AVERAGE_POOL_2D"
    return [
        Step(
            "pool_average" if average else "pool_maximum",
            {**size.words(), "low": low, "high": high},
            (site.reads("input", source), site.writes("output", target)),
            f"{size.kernel_height}x{size.kernel_width}, {size.depth} channels",
            # pixel by pixel: its channels do not meet at a distance of whole pixels or more
            over=(Over("input", window_below(size, 1)),),
        )
    ]
