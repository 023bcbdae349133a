# SPDX-License-Identifier: Apache-2.0
"""ADD and MUL of two tensors, with broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType
from gen_fw.runtimes.aot import backends
from gen_fw.runtimes.aot.arithmetic import activation_range, quantize_multiplier, rescaling
from gen_fw.runtimes.aot.backends import Sum
from gen_fw.runtimes.aot.layer import Over, Site, Step
from gen_fw.runtimes.aot.strides import broadcast, dense, merged
from gen_fw.runtimes.aot.table import operator

#: fraction bits that ADD gives its inputs (add_common.cc)
_ADD_LEFT = 20


@operator("ADD", types="int8", limits="broadcasting")
def add(site: Site) -> Sequence[Step]:
    """Both inputs at twice the larger scale with 20 fraction bits, as CalculateOpDataAdd."""
    scales = [site.affine(site.input(i))[0] for i in range(2)]
    out_scale, out_zero = site.affine(site.output())
    twice = 2 * max(scales)
    site.require(min(scales) > 0, "a scale of 0")
    multipliers = [quantize_multiplier(scale / twice) for scale in scales]
    output = quantize_multiplier(twice / ((1 << _ADD_LEFT) * out_scale))
    site.require(output[1] <= 0, "an output scale that is far smaller than the inputs'")
    words = {
        f"input{i}": rescaling(multiplier, shift, 0, 255 << _ADD_LEFT)
        for i, (multiplier, shift) in enumerate(multipliers)
    }
    for i, pair in enumerate(multipliers):
        if pair == (1 << 30, 0):  # exactly one half
            words[f"input{i}"] = {"form": "exact", "factor": 1 << (_ADD_LEFT - 1)}
    (plain,) = _binary(site, "add", words, output, out_zero, 1 << 29)
    sizes = {tensor.elements for tensor in (site.input(0), site.input(1), site.output())}
    layer = Sum(
        site,
        sizes.pop() if len(sizes) == 1 else None,
        (multipliers[0], multipliers[1]),
        (site.affine(site.input(0))[1], site.affine(site.input(1))[1]),
        _ADD_LEFT,
        output,
        out_zero,
        plain.words["low"],
        plain.words["high"],
    )
    return [backends.add(layer, lambda _: plain)]


@operator("MUL", types="int8", limits="broadcasting")
def mul(site: Site) -> Sequence[Step]:
    scales = [site.affine(site.input(i))[0] for i in range(2)]
    out_scale, out_zero = site.affine(site.output())
    multiplier = quantize_multiplier(scales[0] * scales[1] / out_scale)
    return _binary(site, "mul", {}, multiplier, out_zero, 255 * 255 + 1)


def _binary(
    site: Site,
    template: str,
    words: dict[str, Any],
    multiplier: tuple[int, int],
    out_zero: int,
    limit: int,
) -> list[Step]:
    """``limit`` is above every value that the last rescaling sees."""
    first = site.of_type(site.input(0), DType.INT8)
    second = site.of_type(site.input(1), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    options = site.options
    out_scale, _ = site.affine(target)
    low, high = activation_range(options.fused_activation_function, out_scale, out_zero)
    shape = target.shape
    loops = merged(
        shape,
        [broadcast(first.shape, shape, site), broadcast(second.shape, shape, site), dense(shape)],
    )
    return [
        Step(
            template,
            {
                **words,
                "zeros": [site.affine(first)[1], site.affine(second)[1]],
                "output_scaling": rescaling(*multiplier, out_zero, limit - 1, low),
                "loops": loops,
                "low": low,
                "high": high,
                "left": _ADD_LEFT,
            },
            (
                site.reads("input0", first),
                site.reads("input1", second),
                site.writes("output", target),
            ),
            f"{target.elements} elements",
            # element by element; one that is repeated is read again
            over=tuple(
                Over(f"input{i}")
                for i, source in enumerate((first, second))
                if source.elements == target.elements
            ),
        )
    ]
