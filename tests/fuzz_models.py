# SPDX-License-Identifier: Apache-2.0
"""Random int8 models of one or a few operators, a function of a seed each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fuzz_builder import Builder, Value
from fuzz_operators import (
    Parts,
    arithmetic,
    concatenation,
    conv,
    dense,
    depthwise,
    dequantize,
    image,
    logistic,
    mean,
    pad,
    pool,
    quantize,
    relu,
    relu6,
    reshape,
    reshape_flat,
    softmax,
)
from gen_fw.model.reader import read_model
from gen_fw.model.types import DType, Model, Tensor


@dataclass(frozen=True, slots=True)
class FuzzModel:
    """``content`` is the file, ``samples`` inputs for it as little-endian bytes."""

    name: str
    family: str
    content: bytes
    model: Model
    samples: tuple[tuple[bytes, ...], ...]


def _vector(b: Builder) -> Value:
    return b.value((b.pick(1, 1, 1, 3), b.pick(1, 2, 3, 7, 16, 31, 64, 120)))


def _any(b: Builder) -> Value:
    if b.chance(0.15):
        return b.value(b.pick((7,), (2, 5), (3, 4, 5), (1, 300), (2, 3, 2, 6), (1, 1, 1, 1)))
    return _vector(b) if b.chance(0.4) else image(b, 6)


def _wide(b: Builder) -> Parts:
    """Layers of the widths that real networks have: whole tiles, and their remainders."""
    depth = b.pick(16, 24, 32, 33, 48, 64)
    source = b.value((1, b.between(1, 7), b.between(1, 7), depth))
    kind = b.between(0, 3)
    if kind == 0:
        output = conv(b, source, channels=b.pick(8, 12, 16, 31, 64), pointwise=True)
    elif kind == 1:
        output = conv(b, source, channels=b.pick(8, 16, 18))
    elif kind == 2:
        output = depthwise(b, source)
    else:
        source = b.value((1, b.pick(128, 200, 256, 640)))
        output = dense(b, source)
    return [source], [output]


def _small(b: Builder) -> Value:
    """RELU6 wants the six inside the range: roughly 6 / 255 or less, or TFLM refuses."""
    zero = b.between(-128, 60)
    least = 6.0 / (127 - zero) * 1.01
    return b.value((1, b.between(1, 40)), least * b.scale(1.0, 4.0), zero)


def _chain(b: Builder) -> Parts:
    """A little network: what neighbours do to each other, and what the arena planner must get."""
    source = image(b, 10)
    value = source
    for _ in range(b.between(1, 4)):
        step = b.between(0, 6)
        if step == 0:
            value = conv(b, value)
        elif step == 1:
            value = conv(b, depthwise(b, value), pointwise=True)
        elif step == 2:
            value = conv(b, pad(b, value)) if math.prod(value.shape) < 2000 else conv(b, value)
        elif step == 3:
            value = pool(b, value, b.pick("AVERAGE_POOL_2D", "MAX_POOL_2D"))
        elif step == 4:  # a residual connection
            branch = conv(b, value, channels=value.shape[3], pointwise=True)
            value = arithmetic(b, value, b.pick("ADD", "MUL"), branch)[1][0]
        elif step == 5:
            value = relu(b, value)
        else:
            left = b.like(value, value.shape)
            b.operator("RELU", [value], left)
            shape = (*value.shape[:3], 2 * value.shape[3])
            joined = b.like(value, shape)
            value = b.operator(
                "CONCATENATION", [value, left], joined, "ConcatenationOptions", axis=3
            )
    outputs = [value]
    if b.chance(0.5):
        value = dense(b, reshape_flat(b, value))
        outputs = [softmax(b, value)] if b.chance(0.6) else [logistic(b, value), value]
    return [source], outputs


def _branches(b: Builder) -> Parts:
    """Values that several operators read, in any order: what lies over what, what must move, and
    operands that are written where they are concatenated."""
    source = b.value((1, b.between(1, 6), b.between(1, 6), b.pick(1, 3, 4, 8, 16)))
    values, used = [source], {source.index}
    for _ in range(b.between(3, 9)):
        value = b.pick(*values[-3:])
        like = [other for other in values if other.shape == value.shape]
        step = b.between(0, 6)
        if step == 0:
            other = b.pick(*like)
            used.add(other.index)
            made = arithmetic(b, value, b.pick("ADD", "MUL"), other)[1][0]
        elif step == 1:
            made = conv(b, value, channels=b.pick(1, 4, value.shape[3], 2 * value.shape[3]))
        elif step == 2:
            made = depthwise(b, value)
        elif step == 3:
            made = pool(b, value, b.pick("AVERAGE_POOL_2D", "MAX_POOL_2D"))
        elif step == 4:
            made = relu(b, value)
        else:  # operands have the quantization of the result, as TFLM wants
            operands = [value, *(b.pick(*like) for _ in range(b.between(1, 2)))]
            used.update(operand.index for operand in operands)
            operands = [
                one if one is value else b.operator("RELU", [one], b.like(value, one.shape))
                for one in operands
            ]
            axis = b.pick(1, 1, 2, 3)
            shape = list(value.shape)
            shape[axis] *= len(operands)
            joined = b.like(value, tuple(shape))
            made = b.operator("CONCATENATION", operands, joined, "ConcatenationOptions", axis=axis)
        used.add(value.index)
        values.append(made)
    return [source], [v for v in values[1:] if v.index not in used or b.chance(0.1)]


def _single(
    step: Callable[[Builder, Value], Value], source: Callable[[Builder], Value]
) -> Callable[[Builder], Parts]:
    def parts(b: Builder) -> Parts:
        value = source(b)
        return [value], [step(b, value)]

    return parts


#: family -> (weight, builder); the weights say how often each occurs in 41 models
FAMILIES: dict[str, tuple[int, Callable[[Builder], Parts]]] = {
    "conv": (5, _single(conv, image)),
    "depthwise": (4, _single(depthwise, image)),
    "dense": (3, _single(dense, _any)),
    "average_pool": (2, _single(lambda b, v: pool(b, v, "AVERAGE_POOL_2D"), image)),
    "max_pool": (2, _single(lambda b, v: pool(b, v, "MAX_POOL_2D"), image)),
    "add": (3, lambda b: arithmetic(b, _any(b), "ADD")),
    "mul": (2, lambda b: arithmetic(b, _any(b), "MUL")),
    "pad": (1, _single(pad, _any)),
    "concatenation": (1, concatenation),
    "reshape": (1, _single(reshape, _any)),
    "softmax": (1, _single(softmax, _any)),
    "logistic": (1, _single(logistic, _any)),
    "mean": (2, _single(mean, _any)),
    "relu": (1, _single(relu, _any)),
    "relu6": (1, _single(relu6, _small)),
    "quantize": (1, quantize),
    "dequantize": (1, _single(dequantize, _any)),
    "wide": (3, _wide),
    "chain": (3, _chain),
    "branches": (3, _branches),
}
_ORDER = [family for family, (weight, _) in FAMILIES.items() for _ in range(weight)]


def build(b: Builder, seed: int, family: str = "") -> Parts:
    """Builds a model of the family, or of the one whose turn it is; returns inputs and outputs."""
    return FAMILIES[family or _ORDER[seed % len(_ORDER)]][1](b)


def fuzz_model(seed: int, family: str = "") -> FuzzModel:
    """The model of a seed: the same bytes for the same seed."""
    b = Builder(np.random.default_rng([seed, 7]))
    content = b.model(*build(b, seed, family))
    model = read_model(content)
    family = family or _ORDER[seed % len(_ORDER)]
    return FuzzModel(f"m{seed:05d}", family, content, model, tuple(samples(model, b)))


def samples(model: Model, b: Builder) -> Iterator[tuple[bytes, ...]]:
    """Two sets of inputs: over the whole range, and of its ends."""
    graph = model.subgraphs[0]
    tensors = [graph.tensors[index] for index in graph.inputs]
    yield tuple(_random(tensor, b) for tensor in tensors)
    yield tuple(_extreme(tensor, b) for tensor in tensors)


#: element types without extremes that matter
_PLAIN = {DType.INT32: "<i4", DType.INT64: "<i8", DType.UINT32: "<u4", DType.BOOL: "?"}


def _limited(tensor: Tensor, b: Builder) -> bytes:
    low, high = b.limits[tensor.index]
    if tensor.dtype is DType.FLOAT32:
        return b.rng.uniform(low, high, tensor.shape).astype("<f4").tobytes()
    values = b.rng.integers(int(low), int(high) + 1, tensor.shape)
    return values.astype(np.dtype(tensor.dtype.name.lower()).newbyteorder("<")).tobytes()


def _number(tensor: Tensor, b: Builder, size: int) -> bytes:
    """Integers of any size without quantization, or bool."""
    low = 0 if tensor.dtype in (DType.BOOL, DType.UINT32) else -size
    high = 2 if tensor.dtype is DType.BOOL else size
    return b.rng.integers(low, high, tensor.shape).astype(_PLAIN[tensor.dtype]).tobytes()


def _random(tensor: Tensor, b: Builder) -> bytes:
    if tensor.index in b.limits:
        return _limited(tensor, b)
    if tensor.dtype in _PLAIN:
        return _number(tensor, b, 1 << 31)
    if tensor.dtype is DType.FLOAT32:
        return b.rng.normal(0, 20, tensor.shape).astype("<f4").tobytes()
    if tensor.dtype is DType.INT16:
        return b.rng.integers(-(1 << 15), 1 << 15, tensor.shape).astype("<i2").tobytes()
    if tensor.dtype is DType.UINT8:
        return b.rng.integers(0, 256, tensor.shape).astype(np.uint8).tobytes()
    return b.rng.integers(-128, 128, tensor.shape).astype(np.int8).tobytes()


def _extreme(tensor: Tensor, b: Builder) -> bytes:
    if tensor.index in b.limits:
        return _limited(tensor, b)
    if tensor.dtype in _PLAIN:
        return _number(tensor, b, 4)
    if tensor.dtype is DType.FLOAT32:  # halves of a step: ties
        steps = b.rng.integers(-300, 300, tensor.shape) / 2
        return (steps * float(b.pick(0.25, 0.125, 1.0))).astype("<f4").tobytes()
    if tensor.dtype is DType.UINT8:
        return (
            b.rng.choice(np.array([0, 1, 128, 254, 255]), tensor.shape).astype(np.uint8).tobytes()
        )
    if tensor.dtype is DType.INT16:
        values = b.rng.choice(np.array([-(1 << 15), -32767, 0, 1, 32766, 32767]), tensor.shape)
        if b.chance(0.5):
            values = np.full(tensor.shape, b.pick(-(1 << 15), 32767))
        return values.astype("<i2").tobytes()
    values = b.rng.choice(np.array([-128, -127, 0, 126, 127]), tensor.shape)
    if b.chance(0.5):
        values = np.full(tensor.shape, b.pick(-128, 127))
    return values.astype(np.int8).tobytes()
