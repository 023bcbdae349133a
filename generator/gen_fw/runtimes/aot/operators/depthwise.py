# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D: every output channel reads one input channel."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.backends import Depthwise, depthwise
from gen_fw.runtimes.aot.filters import channels, depthwise_window
from gen_fw.runtimes.aot.layer import Site, Step
from gen_fw.runtimes.aot.table import operator


@operator(
    "DEPTHWISE_CONV_2D",
    types="int8, int4 or int8 weights, per tensor and per channel",
    limits="constant weights; any depth multiplier",
)
def depthwise_conv_2d(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    filters = site.of_type(site.input(1), DType.INT8, DType.INT4)
    target = site.of_type(site.output(), DType.INT8)
    size = depthwise_window(site, source, filters, target)
    count, options = size.out_depth, site.options
    taps = size.kernel_height * size.kernel_width
    weights = site.constant(filters).reshape(taps, count).T
    outcome = channels(
        site,
        weights,
        source,
        filters,
        site.optional(2),
        target,
        options.fused_activation_function,
    )
    return [depthwise(Depthwise(site, size, weights, outcome, site.affine(source)[1]))]
