# SPDX-License-Identifier: Apache-2.0
"""Random layers that fuzz_operators does not have: transposed convolutions, matrix products."""

from __future__ import annotations

import numpy as np

from fuzz_builder import Builder, Value
from fuzz_operators import Parts, image
from gen_fw.model.enums import ActivationFunctionType, Padding
from gen_fw.model.types import DType


def transpose_conv(b: Builder, dtype: DType) -> Parts:
    """Any output size that the padding allows, and now and then another one."""
    source = image(b, 6, dtype=dtype)
    batch, height, width, depth = source.shape
    kernel = [b.between(1, 5), b.between(1, 5)]
    strides = b.pick([1, 1], [2, 2], [b.between(1, 4), b.between(1, 4)])
    padding = b.padding()
    sizes = [
        size * stride if padding is Padding.SAME else (size - 1) * stride + taps
        for size, stride, taps in zip((height, width), strides, kernel, strict=True)
    ]
    if b.chance(0.2):
        sizes = [max(1, size - b.between(0, 2)) for size in sizes]
    channels = b.pick(1, 2, 3, 4, 5, 7, 8)
    terms = max(1, kernel[0] * kernel[1] * depth // (strides[0] * strides[1]))
    activation = b.activation()
    weights, scales, fit = b.weights((channels, *kernel, depth), channels, 0, terms, source)
    inputs: list[Value | int] = [b.integers(batch, *sizes, channels), weights, source]
    if b.chance(0.7):
        inputs.append(_bias(b, source, scales, channels, terms))
    output = b.output((batch, *sizes, channels), fit, activation, dtype)
    made = b.operator(
        "TRANSPOSE_CONV",
        inputs,
        output,
        "TransposeConvOptions",
        padding=padding,
        stride_h=strides[0],
        stride_w=strides[1],
        fused_activation_function=activation,
    )
    return [source], [made]


def _bias(b: Builder, source: Value, scales: list[float], channels: int, terms: int) -> int:
    if source.dtype is DType.INT16 and b.chance(0.3):
        array = b.rng.integers(-(1 << 15), 1 << 15, channels).astype(np.int16)
        return b.constant(array, [float(np.float32(source.scale * s)) for s in scales])
    return b.bias(source, scales, channels, terms)


def batch_matmul(b: Builder, dtype: DType) -> Parts:
    rows, depth, columns = (b.pick(1, 2, 3, 5, 8) for _ in range(3))
    batch = b.pick((), (1,), (3,), (2, 3), (2, 1, 2))
    other = tuple(size if b.chance(0.6) else 1 for size in batch)
    if b.chance(0.3):
        other = other[b.between(0, len(other)) :]
    if b.chance(0.2):
        batch, other = other, batch
    adj_x, adj_y = b.chance(0.3), b.chance(0.5)
    shape = (*batch, depth, rows) if adj_x else (*batch, rows, depth)
    other_shape = (*other, columns, depth) if adj_y else (*other, depth, columns)
    first = b.value(shape, dtype=dtype)
    inputs, operands = [first], [first]
    if b.chance(0.3):
        second = _constant(b, other_shape, dtype)
    else:
        second = b.value(other_shape, dtype=dtype)
        inputs.append(second)
    operands.append(second)
    fit = first.scale * second.scale * 70 * np.sqrt(depth) * b.scale(0.5, 3.0)
    fit *= 256 * 256 if dtype is DType.INT16 else 1
    result = (*np.broadcast_shapes(batch, other), rows, columns)
    output = b.output(result, fit, ActivationFunctionType.NONE, dtype)
    made = b.operator(
        "BATCH_MATMUL", operands, output, "BatchMatMulOptions", adj_x=adj_x, adj_y=adj_y
    )
    return inputs, [made]


def _constant(b: Builder, shape: tuple[int, ...], dtype: DType) -> Value:
    if dtype is DType.FLOAT32:
        array = b.rng.normal(0, 1, shape).astype(np.float32)
        return Value(b.constant(array), shape, dtype=dtype)
    wide = dtype is DType.INT16
    reach = 1 << (15 if wide else 7)
    array = b.rng.integers(-reach, reach, shape).astype(np.int16 if wide else np.int8)
    scale, zero = b.scale() / (256 if wide else 1), b.zero_point(dtype)
    scale = float(np.float32(scale))
    return Value(b.constant(array, [scale], [zero]), shape, scale, zero, dtype)


def runtime_dense(b: Builder, dtype: DType) -> Parts:
    """A fully connected layer whose weights are an input."""
    rows, depth, count = b.pick(1, 1, 3), b.pick(1, 4, 9), b.pick(1, 3, 8)
    kind = DType.FLOAT32 if dtype is DType.FLOAT32 else DType.INT8
    source = b.value((rows, depth), dtype=dtype)
    weights = b.value((count, depth), b.scale(0.002, 0.02), 0, kind)
    activation = b.activation()
    inputs: list[Value | int] = [source, weights]
    product = float(np.float32(source.scale * weights.scale))
    if b.chance(0.7):
        wide = dtype is DType.INT16
        array = b.rng.integers(-20_000, 20_000, count)
        if dtype is DType.FLOAT32:
            inputs.append(b.constant(array.astype(np.float32)))
        else:
            narrow = b.chance(0.4) or not wide
            inputs.append(b.constant(array.astype(np.int32 if narrow else np.int64), [product]))
    fit = product * 74 * 74 * np.sqrt(depth) / 60 * (256 if dtype is DType.INT16 else 1)
    made = b.operator(
        "FULLY_CONNECTED",
        inputs,
        b.output((rows, count), fit, activation, dtype),
        "FullyConnectedOptions",
        fused_activation_function=activation,
    )
    return [source, weights], [made]
