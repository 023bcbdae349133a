# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D: every output channel reads one input channel."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.backends import Depthwise, depthwise
from gen_fw.runtimes.aot.filters import channels, window
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
    site.require(len(filters.shape) == 4 and filters.shape[0] == 1, "filters need [1, h, w, c]")
    options = site.options
    size = window(site, source, target, (filters.shape[1], filters.shape[2]), options)
    count = filters.shape[3]
    site.require(count == size.out_depth, "filters and output channels differ")
    site.require(count % size.depth == 0, "channels are no multiple of the input's")
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
