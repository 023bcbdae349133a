# SPDX-License-Identifier: Apache-2.0
"""The operators of the ahead-of-time runtime with random shapes and options, one function each."""

from __future__ import annotations

import math

import numpy as np

from fuzz_builder import Builder, Shape, Value, window
from gen_fw.model.enums import Padding
from gen_fw.model.types import DType

Parts = tuple[list[Value], list[Value]]


def image(
    b: Builder, largest: int = 12, channels: int | None = None, dtype: DType = DType.INT8
) -> Value:
    batch = 2 if b.chance(0.05) else 1
    depth = channels or b.pick(1, 2, 3, 4, 5, 8, 12, 16, 17)
    return b.value((batch, b.between(1, largest), b.between(1, largest), depth), dtype=dtype)


def _geometry(b: Builder, source: Value, dilate: bool) -> tuple[list[int], list[int], list[int]]:
    """(kernel, strides, dilations), each height and width."""
    kernel = [b.pick(1, 1, 2, 3, 3, 4, 5), b.pick(1, 1, 2, 3, 3, 4, 5)]
    if b.chance(0.4):
        kernel = b.pick([1, 1], [3, 3])
    elif b.chance(0.05):
        kernel = b.pick([10, 4], [10, 8], [1, 9], [7, 1])
    strides = [b.between(1, 3), b.between(1, 3)] if b.chance(0.4) else [1, 1]
    dilations = [1, 1]
    if dilate and b.chance(0.15):
        dilations = [b.between(1, 3), b.between(1, 3)]
    return kernel, strides, dilations


def _padding(b: Builder, source: Value, kernel: list[int], dilations: list[int]) -> Padding:
    """VALID only when the window fits."""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    fits = source.shape[1] >= reach[0] and source.shape[2] >= reach[1]
    return b.padding() if fits else Padding.SAME


def _bias(b: Builder, source: Value, scales: list[float], channels: int, terms: int) -> int:
    """The bias, or -1 for none."""
    return -1 if b.chance(0.12) else b.bias(source, scales, channels, terms)


def conv(
    b: Builder, source: Value, channels: int = 0, pointwise: bool = False, groups: int = 1
) -> Value:
    batch, height, width, depth = source.shape
    kernel, strides, dilations = _geometry(b, source, dilate=True)
    if pointwise:
        kernel, strides, dilations = [1, 1], [1, 1], [1, 1]
    padding = _padding(b, source, kernel, dilations)
    channels = channels or b.pick(1, 2, 3, 4, 5, 7, 8, 16, 20)
    depth //= groups
    terms = kernel[0] * kernel[1] * depth
    shape = (channels, *kernel, depth)
    activation = b.activation()
    weights, scales, fit = b.weights(shape, channels, 0, terms, source)
    rows = window(height, kernel[0], strides[0], dilations[0], padding)
    columns = window(width, kernel[1], strides[1], dilations[1], padding)
    return b.operator(
        "CONV_2D",
        [source, weights, _bias(b, source, scales, channels, terms)],
        b.output((batch, rows, columns, channels), fit, activation, source.dtype),
        "Conv2DOptions",
        padding=padding,
        stride_h=strides[0],
        stride_w=strides[1],
        dilation_h_factor=dilations[0],
        dilation_w_factor=dilations[1],
        fused_activation_function=activation,
    )


def depthwise(b: Builder, source: Value) -> Value:
    batch, height, width, depth = source.shape
    kernel, strides, dilations = _geometry(b, source, dilate=True)
    padding = _padding(b, source, kernel, dilations)
    multiplier = b.pick(1, 2, 3, 4, 8) if b.chance(0.25) else 1
    channels, terms = depth * multiplier, kernel[0] * kernel[1]
    activation = b.activation()
    # always with a bias: TFLM's depthwise kernel reads it without looking whether it is there
    weights, scales, fit = b.weights((1, *kernel, channels), channels, 3, terms, source)
    rows = window(height, kernel[0], strides[0], dilations[0], padding)
    columns = window(width, kernel[1], strides[1], dilations[1], padding)
    return b.operator(
        "DEPTHWISE_CONV_2D",
        [source, weights, b.bias(source, scales, channels, terms)],
        b.output((batch, rows, columns, channels), fit, activation, source.dtype),
        "DepthwiseConv2DOptions",
        padding=padding,
        stride_h=strides[0],
        stride_w=strides[1],
        depth_multiplier=multiplier,
        dilation_h_factor=dilations[0],
        dilation_w_factor=dilations[1],
        fused_activation_function=activation,
    )


def dense(b: Builder, source: Value) -> Value:
    keep = len(source.shape) > 2 and b.chance(0.3)
    rows = source.shape[:-1] if keep else source.shape[:1]
    terms = math.prod(source.shape[len(rows) :])
    channels = b.pick(1, 2, 3, 4, 5, 8, 10, 16, 33)
    activation = b.activation()
    weights, scales, fit = b.weights((channels, terms), channels, 0, terms, source)
    return b.operator(
        "FULLY_CONNECTED",
        [source, weights, _bias(b, source, scales, channels, terms)],
        b.output((*rows, channels), fit, activation, source.dtype),
        "FullyConnectedOptions",
        keep_num_dims=keep,
        fused_activation_function=activation,
    )


def pool(b: Builder, source: Value, name: str) -> Value:
    batch, height, width, depth = source.shape
    kernel, strides, _ = _geometry(b, source, dilate=False)
    if b.chance(0.3):
        kernel = [height, width]
    if b.chance(0.3):
        strides = kernel
    padding = _padding(b, source, kernel, [1, 1])
    rows = window(height, kernel[0], strides[0], 1, padding)
    columns = window(width, kernel[1], strides[1], 1, padding)
    return b.operator(
        name,
        [source],
        b.like(source, (batch, rows, columns, depth)),
        "Pool2DOptions",
        padding=padding,
        stride_h=strides[0],
        stride_w=strides[1],
        filter_height=kernel[0],
        filter_width=kernel[1],
        fused_activation_function=b.activation(),
    )


def arithmetic(b: Builder, source: Value, name: str, other: Value | None = None) -> Parts:
    """ADD or MUL with a second input, itself, or a constant; sometimes broadcast."""
    if other is None and b.chance(0.1):  # both are repeated
        source = b.value(tuple(size if b.chance(0.5) else 1 for size in source.shape))
    inputs = [source]
    operands: list[Value | int] = [source]
    shape = source.shape
    if other is not None:
        operands.append(other)
        first = other
    else:
        if b.chance(0.25):
            shape = tuple(size if b.chance(0.5) else 1 for size in shape)
            shape = b.pick(shape, shape, (source.shape[-1],), (1,))
        if b.chance(0.1):
            ones = source.shape[len(source.shape) - len(shape) :]
            shape = tuple(
                b.between(1, 4) if n == 1 else m for n, m in zip(ones, shape, strict=True)
            )
        scale = b.scale() if b.chance(0.7) else source.scale
        if b.chance(0.3):
            array = b.rng.integers(-128, 128, shape).astype(np.int8)
            zero = b.zero_point()
            first = Value(b.constant(array, [scale], [zero]), shape, scale, zero)
        elif b.chance(0.1):
            first = source
        else:
            first = b.value(shape, scale)
            inputs.append(first)
        operands.append(first)
    if b.chance(0.3):
        operands.reverse()
    if name == "ADD":
        fit = max(source.scale, first.scale) * float(np.exp(b.rng.normal(0.3, 0.5)))
    else:
        fit = source.scale * first.scale * 70 * float(np.exp(b.rng.normal(0, 0.8)))
    activation = b.activation()
    output = b.operator(
        name,
        operands,
        b.output(np.broadcast_shapes(source.shape, first.shape), fit, activation),
        f"{name.capitalize()}Options",
        fused_activation_function=activation,
    )
    return inputs, [output]


def pad(b: Builder, source: Value) -> Value:
    margins = [[b.between(0, 3), b.between(0, 3)] for _ in source.shape]
    if b.chance(0.6):  # the usual case: rows and columns
        margins[0] = margins[-1] = [0, 0]
    shape = tuple(n + m[0] + m[1] for n, m in zip(source.shape, margins, strict=True))
    inputs: list[Value | int] = [source, b.constant(np.array(margins, np.int32))]
    output = b.like(source, shape)
    if b.chance(0.3):
        value = b.rng.integers(-128, 128, (1,)).astype(np.int8)
        inputs.append(b.constant(value, [source.scale], [source.zero_point]))
        return b.operator("PADV2", inputs, output, "PadV2Options")
    return b.operator("PAD", inputs, output, "PadOptions")


def concatenation(b: Builder) -> Parts:
    first = image(b, 6) if b.chance(0.7) else b.value((1, b.between(1, 20)))
    axis = b.between(0, len(first.shape) - 1)
    inputs, operands = [first], [first]
    for _ in range(b.between(1, 3)):
        shape = list(first.shape)
        shape[axis] = b.between(1, 6)
        if b.chance(0.1):
            array = b.rng.integers(-128, 128, shape).astype(np.int8)
            constant = b.constant(array, [first.scale], [first.zero_point])
            operands.append(Value(constant, tuple(shape), first.scale, first.zero_point))
        else:
            inputs.append(b.like(first, tuple(shape)))
            operands.append(inputs[-1])
    shape = list(first.shape)
    shape[axis] = sum(value.shape[axis] for value in operands)
    given = axis - len(shape) if b.chance(0.4) else axis
    output = b.operator(
        "CONCATENATION", operands, b.like(first, tuple(shape)), "ConcatenationOptions", axis=given
    )
    return inputs, [output]


def reshape(b: Builder, source: Value) -> Value:
    """RESHAPE, SQUEEZE or EXPAND_DIMS."""
    elements = math.prod(source.shape)
    kind = b.pick("RESHAPE", "RESHAPE", "SQUEEZE", "EXPAND_DIMS")
    if kind == "SQUEEZE":
        shape = tuple(size for size in source.shape if size != 1) or (1,)
        if math.prod(source.shape) > 1:
            return b.operator("SQUEEZE", [source], b.like(source, shape), "SqueezeOptions")
    if kind == "EXPAND_DIMS" and len(source.shape) < 4:
        axis = b.between(0, len(source.shape))
        shape = (*source.shape[:axis], 1, *source.shape[axis:])
        inputs: list[Value | int] = [source, b.integers(axis)]
        return b.operator("EXPAND_DIMS", inputs, b.like(source, shape), "ExpandDimsOptions")
    shape = b.pick((1, elements), (elements,), (1, 1, elements), (elements, 1))
    inputs = [source, b.integers(*(b.pick(shape, (-1, *shape[1:]))))]
    output = b.like(source, shape)
    return b.operator("RESHAPE", inputs, output, "ReshapeOptions", new_shape=list(shape))


def softmax(b: Builder, source: Value) -> Value:
    output = b.value(source.shape, 1 / 256, -128)
    if source.dtype is not DType.INT8:
        output = b.value(source.shape, 1 / 32768, 0, source.dtype)
    elif b.chance(0.2):
        output = b.value(source.shape, 1 / 65536, -32768, DType.INT16)
    beta = b.pick(1.0, 1.0, 1.0, 0.5, 2.0)
    return b.operator("SOFTMAX", [source], output, "SoftmaxOptions", beta=beta)


def logistic(b: Builder, source: Value) -> Value:
    return b.operator("LOGISTIC", [source], b.value(source.shape, 1 / 256, -128))


def mean(b: Builder, source: Value) -> Value:
    rank = len(source.shape)
    axes = [axis for axis in range(rank) if b.chance(0.5)] or [rank - 1]
    if rank == 4 and b.chance(0.5):
        axes = [1, 2]
    keep = b.chance(0.5)
    shape = tuple(
        1 if axis in axes else size
        for axis, size in enumerate(source.shape)
        if keep or axis not in axes
    )
    if not shape:
        keep, shape = True, (1,) * rank
    given = [axis - rank if b.chance(0.2) else axis for axis in axes]
    scale = source.scale if b.chance(0.4) else source.scale * b.scale(0.1, 1.5)
    zero = source.zero_point if b.chance(0.4) else b.zero_point()
    inputs: list[Value | int] = [source, b.integers(*given)]
    output = b.value(shape, scale, zero)
    return b.operator("MEAN", inputs, output, "ReducerOptions", keep_dims=keep)


def relu(b: Builder, source: Value) -> Value:
    if b.chance(0.4):
        output = b.like(source, source.shape)
    else:
        output = b.value(source.shape, source.scale * b.scale(0.3, 2.0))
    return b.operator("RELU", [source], output)


def relu6(b: Builder, source: Value) -> Value:
    return b.operator("RELU6", [source], b.like(source, source.shape))


def quantize(b: Builder) -> Parts:
    """float32, int8 or uint8 to int8, int8 to uint8."""
    shape = b.pick((1, b.between(1, 40)), (1, b.between(1, 5), b.between(1, 5), 3), (5,))
    kind = b.between(0, 3)
    if kind == 0:
        source = b.value(shape, dtype=DType.FLOAT32)
        output = b.value(shape, b.scale(0.002, 0.5))
    else:
        dtypes = [(DType.INT8, DType.INT8), (DType.UINT8, DType.INT8), (DType.INT8, DType.UINT8)]
        zero_points = [b.zero_point() + 128 * (t is DType.UINT8) for t in dtypes[kind - 1]]
        source = b.value(shape, None, zero_points[0], dtypes[kind - 1][0])
        scale = source.scale * (1.0 if b.chance(0.3) else b.scale(0.1, 5.0))
        output = b.value(shape, scale, zero_points[1], dtypes[kind - 1][1])
    return [source], [b.operator("QUANTIZE", [source], output, "QuantizeOptions")]


def dequantize(b: Builder, source: Value) -> Value:
    output = b.value(source.shape, dtype=DType.FLOAT32)
    return b.operator("DEQUANTIZE", [source], output, "DequantizeOptions")


def reshape_flat(b: Builder, value: Value) -> Value:
    shape: Shape = (value.shape[0], math.prod(value.shape[1:]))
    inputs: list[Value | int] = [value, b.integers(*shape)]
    return b.operator("RESHAPE", inputs, b.like(value, shape), "ReshapeOptions")
