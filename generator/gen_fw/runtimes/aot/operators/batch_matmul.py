# SPDX-License-Identifier: Apache-2.0
"""BATCH_MATMUL, and layers whose weights are computed too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import activation_range, exact_ratio, quantize_multiplier
from gen_fw.runtimes.aot.layer import C_TYPES, Site, Step
from gen_fw.runtimes.aot.numbers import LIMITS_16, float_range, wide_scaling
from gen_fw.runtimes.aot.strides import broadcast, dense, merged
from gen_fw.runtimes.aot.table import operator


@operator("BATCH_MATMUL", types="int8, int16, float32", limits="2 to 5 dimensions")
def batch_matmul(site: Site) -> Sequence[Step]:
    """BatchMatMul of reference/batch_matmul.h; its transposed copies are other steps here."""
    first = site.of_type(site.input(0), DType.FLOAT32, DType.INT8, DType.INT16)
    second = site.of_type(site.input(1), first.dtype)
    target = site.of_type(site.output(), first.dtype)
    shapes = first.shape, second.shape
    site.require(all(2 <= len(shape) <= 5 for shape in shapes), "2 to 5 dimensions are needed")
    options = site.options
    rows, depth = shapes[0][-2:] if not options.adj_x else shapes[0][:-3:-1]
    columns, inner = shapes[1][-2:] if options.adj_y else shapes[1][:-3:-1]
    site.require(depth == inner, f"rows of {depth} elements times columns of {inner}")
    batch = _batch(site, shapes[0][:-2], shapes[1][:-2])
    site.require(target.elements > 0 and depth > 0, "a tensor without elements")
    site.require(target.shape == (*batch, rows, columns), "shapes")
    steps = [
        [step * shape[-2] * shape[-1] for step in broadcast(shape[:-2], batch, site)]
        for shape in shapes
    ]
    outer = [step * rows * columns for step in dense(batch)]
    words: dict[str, Any] = {
        "loops": [loop for loop in merged(batch, [*steps, outer]) if loop[0] > 1],
        "rows": rows,
        "columns": columns,
        "depth": depth,
        "a_row": 1 if options.adj_x else depth,
        "a_step": rows if options.adj_x else 1,
        "b_row": depth if options.adj_y else 1,
        "b_step": 1 if options.adj_y else columns,
        "biased": False,
        "limited": False,
        "value": C_TYPES[first.dtype],
        "weight_type": C_TYPES[first.dtype],
        "sum_type": "float",
    }
    if first.dtype is not DType.FLOAT32:
        words |= _integers(site, first, second, target, depth)
    return [
        Step(
            "matmul",
            words,
            (
                site.reads("input0", first),
                site.reads("input1", second),
                site.writes("output", target),
            ),
            f"{rows}x{depth} times {depth}x{columns}",
        )
    ]


def runtime_dense(site: Site) -> Step:
    """FULLY_CONNECTED whose weights are computed: FullyConnected of reference/fully_connected.h
    and reference/integer_ops/fully_connected.h."""
    source, filters, target = (
        site.input(0),
        site.input(1),
        site.of_type(site.output(), site.input(0).dtype),
    )
    kind = DType.FLOAT32 if source.dtype is DType.FLOAT32 else DType.INT8
    site.of_type(filters, kind)
    site.require(len(filters.shape) >= 2, "weights need 2 dimensions")
    count, depth = filters.shape[-2:]
    rows = target.elements // max(count, 1)
    shapes = source.elements == rows * depth and target.elements == rows * count > 0
    site.require(shapes and depth > 0 and filters.elements == count * depth, "shapes")
    activation = site.options.fused_activation_function
    bias = site.optional(2)
    words: dict[str, Any] = {
        "loops": [],
        "rows": rows,
        "columns": count,
        "depth": depth,
        "a_row": depth,
        "a_step": 1,
        "b_row": depth,
        "b_step": 1,
        "biased": bias is not None,
        "limited": True,
        "value": C_TYPES[source.dtype],
        "weight_type": C_TYPES[filters.dtype],
        "sum_type": "float",
    }
    wanted = [DType.FLOAT32]
    if source.dtype is DType.FLOAT32:
        words |= float_range(activation)
    else:
        site.require(not site.quantization(filters).per_channel, "weights quantized per channel")
        narrow = source.dtype is DType.INT8 or (
            bias.dtype is DType.INT32
            if bias is not None
            else site.options.quantized_bias_type is DType.INT32
        )
        words |= _integers(site, source, filters, target, depth, dense=True, narrow=narrow)
        limits = (-128, 127) if source.dtype is DType.INT8 else LIMITS_16
        low, high = activation_range(activation, *site.affine(target), limits)
        site.require(low <= high, "an activation whose range is empty")
        words |= {"low": low, "high": high}
        wanted = [DType.INT32 if narrow else DType.INT64]
    biases = []
    if bias is not None:
        site.require(site.of_type(bias, *wanted).elements == count, f"{bias.elements} biases")
        biases = [site.reads("bias", bias)]
    return Step(
        "matmul",
        words,
        (
            site.reads("input0", source),
            site.reads("input1", filters),
            site.writes("output", target),
            *biases,
        ),
        f"{rows} rows, {depth} to {count}, computed weights",
    )


def _batch(site: Site, first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """The dimensions before the matrices, repeated to each other."""
    rank = max(len(first), len(second))
    pairs = zip(
        (1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True
    )
    sizes = []
    for a, b in pairs:
        site.require(a == b or 1 in (a, b), "batches do not broadcast")
        sizes.append(b if a == 1 else a)
    return tuple(sizes)


def _integers(
    site: Site,
    first: Tensor,
    second: Tensor,
    target: Tensor,
    depth: int,
    *,
    dense: bool = False,
    narrow: bool = False,
) -> dict[str, Any]:
    """Zero points and scaling. int16 is summed in 64 bits, unless ``narrow``; zero points of int16
    are 0, unless ``dense``. The product of the scales is not rounded to single precision, as
    ``exact_ratio`` has it: one output in a hundred thousand shows it."""
    (scale, zero), (other_scale, other_zero) = site.affine(first), site.affine(second)
    out_scale, out_zero = site.affine(target)
    site.require(out_scale > 0, "a scale of 0")
    multiplier, shift = quantize_multiplier(exact_ratio(scale * other_scale, out_scale))
    words = {"a_zero": zero, "b_zero": other_zero, "out_zero": out_zero}
    wide = first.dtype is DType.INT16
    if wide:
        site.require(dense or zero == other_zero == out_zero == 0, "a zero point that is not 0")
    if wide and not narrow:
        site.require(depth < 1 << 15, "so many products that their sum overflows")
        multiplier, right = wide_scaling(site, multiplier, shift)
        low, high = LIMITS_16
        words |= {"multiplier": multiplier, "right": right, "left": 0, "low": low, "high": high}
        return words | {"wide": True, "sum_type": "int64_t"}
    site.require(depth < 1 << 15, "so many products that their sum overflows")
    site.require(shift <= 30, "an output scale that is far too small")
    words |= {"multiplier": multiplier, "left": max(shift, 0), "right": max(-shift, 0)}
    # 32-bit sums of 16-bit inputs that overflow wrap: the lower half of 64 bits
    sum_type = "int64_t" if wide else "int32_t"
    return words | {"low": -128, "high": 127, "wide": False, "sum_type": sum_type}
