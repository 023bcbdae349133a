# SPDX-License-Identifier: Apache-2.0
"""Random operators that keep state: SVDF and LSTM."""

from __future__ import annotations

import numpy as np

from fuzz_builder import Builder, Value
from fuzz_operators import Parts
from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType

_NONE = -1


def svdf(b: Builder, dtype: DType, state_type: DType) -> Parts:
    """One or two layers."""
    source = b.value((b.pick(1, 1, 2), b.pick(1, 3, 8, 17)), dtype=dtype)
    value = source
    for _ in range(b.between(1, 2)):
        value = _svdf(b, value, state_type)
    return [source], [value]


def _svdf(b: Builder, source: Value, state_type: DType) -> Value:
    (batch, inputs), rank = source.shape, b.pick(1, 1, 2, 3)
    units, memory = b.pick(1, 2, 5, 8), b.pick(1, 2, 4, 9)
    filters = units * rank
    activation = ActivationFunctionType.NONE
    if state_type is DType.FLOAT32:
        activation = ActivationFunctionType(b.between(0, 5))
        features = b.constant(b.rng.normal(0, 0.5, (filters, inputs)).astype(np.float32))
        times = b.constant(b.rng.normal(0, 0.5, (filters, memory)).astype(np.float32))
        bias = b.constant(b.rng.normal(0, 1, units).astype(np.float32))
        state = b.variable((batch, memory * filters), state_type)
        output = b.value((batch, units), dtype=state_type)
    else:
        wide = state_type is DType.INT16
        scales = [b.scale(0.001, 0.02), b.scale(0.0001, 0.01)]
        array = b.rng.integers(-127, 128, (filters, inputs)).astype(np.int8)
        features = b.constant(array, [scales[0]])
        reach = b.pick(50, 1000, 20000) if wide else 127
        array = b.rng.integers(-reach, reach + 1, (filters, memory))
        times = b.constant(array.astype(np.int16 if wide else np.int8), [scales[1]])
        dot = source.scale * scales[0] * 74 * 74 * np.sqrt(inputs)
        step = float(np.float32(dot / (8000 if wide else 50) * b.scale(0.5, 3.0)))
        state = b.variable(
            (batch, memory * filters), state_type, step, 0 if wide else b.zero_point()
        )
        product = float(np.float32(np.float32(step) * np.float32(scales[1])))
        usual = (4000 if wide else 40) * reach
        array = b.rng.integers(-usual, usual + 1, units).astype(np.int32)
        bias = b.constant(array, [product])
        fit = product * usual * np.sqrt(memory * rank) / 60 * b.scale(0.3, 3.0)
        output = b.value((batch, units), fit)
    return b.operator(
        "SVDF",
        [source, features, times, bias, state],
        output,
        "SVDFOptions",
        rank=rank,
        fused_activation_function=activation,
    )


def lstm(b: Builder, dtype: DType) -> Parts:
    """One or two layers over a short sequence."""
    steps, batch = b.between(1, 6), b.pick(1, 1, 1, 2)
    major = b.chance(0.3)
    shape = (steps, batch) if major else (batch, steps)
    value = source = b.value((*shape, b.pick(1, 4, 9)), b.scale(0.005, 0.05), dtype=dtype)
    if dtype is DType.INT16:
        value = source = b.value(source.shape, b.scale(0.00005, 0.0005), 0, dtype)
    for _ in range(b.between(1, 2)):
        value = _lstm(b, value, batch, major)
    return [source], [value]


def _lstm(b: Builder, source: Value, batch: int, major: bool) -> Value:
    inputs, units = source.shape[2], b.pick(1, 3, 8, 13)
    dtype = source.dtype
    shape = (*source.shape[:2], units)
    if dtype is DType.FLOAT32:
        weights = [_floats(b, (units, inputs)) for _ in range(4)]
        recurrent = [_floats(b, (units, units)) for _ in range(4)]
        biases = [_floats(b, (units,)) for _ in range(4)]
        hidden = b.variable((batch, units), dtype)
        cell = b.variable((batch, units), dtype)
        output = b.value(shape, dtype=dtype)
    else:
        size = 128 if dtype is DType.INT8 else 1 << 15
        scale, zero = 1 / size * b.scale(0.5, 1.0), b.zero_point(dtype)
        hidden = b.variable((batch, units), dtype, scale, zero)
        weights, biases = [], []
        for _ in range(4):
            step = b.scale(0.002, 0.03)
            array = b.rng.integers(-127, 128, (units, inputs)).astype(np.int8)
            weights.append(b.constant(array, [step]))
            kind = np.int32 if dtype is DType.INT8 else np.int64
            most = 40 * size
            array = b.rng.integers(-most, most, units).astype(kind)
            biases.append(b.constant(array, [float(np.float32(step * source.scale))]))
        recurrent = [
            b.constant(
                b.rng.integers(-127, 128, (units, units)).astype(np.int8), [b.scale(0.002, 0.03)]
            )
            for _ in range(4)
        ]
        power = 2.0 ** -b.between(9, 15)
        cell = b.variable((batch, units), DType.INT16, power)
        output = b.value(shape, scale, zero, dtype)
    return b.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [
            source,
            *weights,
            *recurrent,
            *[_NONE] * 3,
            *biases,
            *[_NONE] * 2,
            hidden,
            cell,
            *[_NONE] * 4,
        ],
        output,
        "UnidirectionalSequenceLSTMOptions",
        fused_activation_function=ActivationFunctionType.TANH,
        cell_clip=b.pick(0.0, 0.0, 10.0, 0.7),
        time_major=major,
    )


def _floats(b: Builder, shape: tuple[int, ...]) -> int:
    return b.constant(b.rng.normal(0, 0.5, shape).astype(np.float32))
