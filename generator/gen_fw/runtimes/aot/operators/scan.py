# SPDX-License-Identifier: Apache-2.0
"""CUMSUM along one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.arithmetic import multiplier_below_one, rescaling
from gen_fw.runtimes.aot.elements import integers
from gen_fw.runtimes.aot.expressions import clamped, plus, rescaled
from gen_fw.runtimes.aot.layer import C_TYPES, Over, Site, Step
from gen_fw.runtimes.aot.table import operator


@operator("CUMSUM", types="float32, int8", limits="constant axis")
def cumsum(site: Site) -> Sequence[Step]:
    """CumSum of kernels/internal/reference/cumsum.h. int8 elements are halved exactly (half of 20
    fraction bits), the sum begins with the real value of element 0, and wraps around."""
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8)
    target = site.of_type(site.output(), source.dtype)
    axes = integers(site, site.input(1))
    shape = source.shape
    rank = len(shape)
    site.require(len(axes) == 1 and -rank <= axes[0] < rank, "an axis that does not exist")
    site.require(shape == target.shape and source.elements > 0, "shapes differ")
    axis = axes[0] % rank
    options = site.options
    words: dict[str, Any] = {
        "c_type": C_TYPES[source.dtype],
        "total": "float",
        "initial": "0.0f",
        "each": "total += x;",
        "lines": [],
        "result": "total",
    }
    if source.dtype is DType.INT8:
        (scale, zero), (out_scale, out_zero) = site.affine(source), site.affine(target)
        site.require(scale > 0 and out_scale > 0, "a scale that is not positive")
        multiplier = multiplier_below_one(2 * scale / ((1 << 20) * out_scale))
        to = rescaling(*multiplier, out_zero, (1 << 31) - 1)
        words |= {
            "total": "uint32_t",
            "initial": f"{-zero % (1 << 32)}u * {1 << 19}u",
            "each": f"total += (uint32_t)(x{plus(-zero)}) * {1 << 19}u;",
            "lines": [
                "const int32_t sum = (int32_t)total;",
                f"const int32_t value = {rescaled('sum', to)};",
            ],
            "result": clamped("value", "int8_t", -128, 127),
        }
    after = math.prod(shape[axis + 1 :])
    step = -after if options.reverse else after
    words |= {
        "before": math.prod(shape[:axis]),
        "size": shape[axis],
        "after": after,
        "first": (shape[axis] - 1) * after if options.reverse else 0,
        "step": step,
        "exclusive": bool(options.exclusive),
    }
    arguments = (site.reads("input", source), site.writes("output", target))
    # in the order of the elements: what is written was read
    over = (Over("input"),) if step == 1 else ()
    return [Step("cumsum", words, arguments, f"{target.elements} elements", over=over)]
