# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements: RESHAPE and its family, CONCATENATION, PAD."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType
from gen_fw.runtimes.aot.layer import C_TYPES, Alias, Site, Step
from gen_fw.runtimes.aot.strides import dense, merged
from gen_fw.runtimes.aot.table import operator


@operator("RESHAPE", "SQUEEZE", "EXPAND_DIMS", types="any", limits="the same memory: no code")
def reshape(site: Site) -> Sequence[Step | Alias]:
    source = site.of_type(site.input(0), *C_TYPES)
    target = site.of_type(site.output(), source.dtype)
    site.require(source.elements == target.elements > 0, "element counts differ")
    shared = source.index in site.pinned and target.index in site.pinned
    if not shared and not site.model.is_constant(source):
        return [Alias(source.index, target.index)]
    return [_copy(site, 0, 1, source.bytes, source.bytes, 0)]


@operator("CONCATENATION", types="any", limits="inputs quantized like the output; no activation")
def concatenation(site: Site) -> Sequence[Step]:
    target = site.of_type(site.output(), *C_TYPES)
    options = site.options
    none = options.fused_activation_function is ActivationFunctionType.NONE
    site.require(none, "a fused activation")
    rank = len(target.shape)
    site.require(-rank <= options.axis < rank, "an axis that does not exist")
    axis = options.axis % rank
    element = target.dtype.bits // 8
    rows = math.prod(target.shape[:axis])
    stride = math.prod(target.shape[axis:]) * element
    steps, at = [], 0
    for position in range(len(site.operator.inputs)):
        source = site.of_type(site.input(position), target.dtype)
        outside = [d for i, d in enumerate(source.shape) if i != axis]
        expected = [d for i, d in enumerate(target.shape) if i != axis]
        site.require(len(source.shape) == rank and outside == expected, "shapes differ")
        if target.dtype is DType.INT8:
            alike = site.affine(source) == site.affine(target)
            site.require(alike, "input and output are quantized differently")
        run = math.prod(source.shape[axis:]) * element
        if source.elements:
            steps.append(_copy(site, position, rows, run, stride, at, at if rows == 1 else None))
        at += run
    site.require(at == stride and target.elements > 0, "sizes differ")
    return steps


def _copy(
    site: Site,
    position: int,
    rows: int,
    run: int,
    stride: int,
    at: int,
    inside: int | None = None,
) -> Step:
    """Copies ``rows`` runs of ``run`` bytes to every ``stride`` bytes from byte ``at`` on."""
    return Step(
        "copy",
        {
            "rows": rows,
            "run": run,
            "stride": stride,
            "at": at,
            "byte": site.output().dtype.bits == 8,
        },
        (site.reads("input", site.input(position)), site.writes("output", site.output())),
        f"input {position}, {rows} x {run} bytes",
        inside=inside,
    )


@operator("PAD", "PADV2", types="int8", limits="constant paddings that are not negative")
def pad(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    paddings = site.constant(site.of_type(site.input(1), DType.INT32, DType.INT64))
    rank = len(source.shape)
    site.require(paddings.size == 2 * rank and len(target.shape) == rank, "paddings")
    pairs = paddings.reshape(-1, 2).tolist()
    site.require(min(min(pair) for pair in pairs) >= 0, "negative paddings")
    padded = [size + sum(pair) for size, pair in zip(source.shape, pairs, strict=True)]
    site.require(tuple(padded) == target.shape and source.elements > 0, "shapes")
    value = site.affine(target)[1]
    filler = site.optional(2)
    if filler is not None:
        site.require(site.affine(filler) == site.affine(target), "a value quantized differently")
        value = int(site.constant(site.of_type(filler, DType.INT8)).reshape(-1)[0])
    steps = dense(target.shape)
    start = sum(pair[0] * step for pair, step in zip(pairs, steps, strict=True))
    loops = merged(source.shape, [dense(source.shape), steps])
    # the innermost loop is one run of bytes
    run = loops.pop()[0] if loops[-1][1] == (1, 1) else 1
    return [
        Step(
            "pad",
            {"loops": loops, "run": run, "start": start, "value": value, "bytes": target.bytes},
            (site.reads("input", source), site.writes("output", target)),
            f"{list(source.shape)} to {list(target.shape)}",
        )
    ]
