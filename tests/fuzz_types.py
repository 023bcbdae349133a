# SPDX-License-Identifier: Apache-2.0
"""Random models in float32 and int16x8, and with state: families beside those of fuzz_models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arena_net import Net
from fuzz_builder import Builder, Value
from fuzz_damage import damage
from fuzz_flow import flow, variables
from fuzz_layers import batch_matmul, runtime_dense, transpose_conv
from fuzz_models import FuzzModel, samples
from fuzz_operators import Parts, conv, dense, depthwise, image, pool, reshape_flat, softmax
from fuzz_signals import FAMILIES as SIGNALS
from fuzz_state import lstm, svdf
from gen_fw.model.graph import is_stateful
from gen_fw.model.reader import read_model
from gen_fw.model.types import DType

Family = Callable[[Builder], Parts]


def _any(b: Builder, dtype: DType) -> Value:
    if b.chance(0.15):
        shape = b.pick((7,), (2, 5), (3, 4, 5), (1, 300), (2, 3, 2, 6), (1, 1, 1, 1))
        return b.value(shape, dtype=dtype)
    if b.chance(0.4):
        return b.value((b.pick(1, 1, 3), b.pick(1, 2, 3, 7, 16, 31, 64, 120)), dtype=dtype)
    return image(b, 6, dtype=dtype)


def _layer(step: Callable[[Builder, Value], Value], dtype: DType) -> Family:
    def parts(b: Builder) -> Parts:
        value = image(b, dtype=dtype)
        return [value], [step(b, value)]

    return parts


def _flat(step: Callable[[Builder, Value], Value], dtype: DType) -> Family:
    def parts(b: Builder) -> Parts:
        value = _any(b, dtype)
        return [value], [step(b, value)]

    return parts


def _deep(dtype: DType) -> Family:
    """A small network, with layers of the widths that real ones have."""

    def parts(b: Builder) -> Parts:
        depth = b.pick(3, 8, 16, 33)
        source = b.value((1, b.between(2, 8), b.between(2, 8), depth), dtype=dtype)
        value = conv(b, source, channels=b.pick(4, 8, 18))
        value = conv(b, depthwise(b, value), channels=b.pick(8, 9), pointwise=True)
        value = pool(b, value, b.pick("AVERAGE_POOL_2D", "MAX_POOL_2D"))
        value = dense(b, reshape_flat(b, value))
        return [source], [softmax(b, value) if b.chance(0.6) else value]

    return parts


def _grouped(dtype: DType) -> Family:
    def parts(b: Builder) -> Parts:
        groups = b.pick(2, 3, 4)
        source = image(b, 8, groups * b.pick(1, 2, 3, 5), dtype)
        return [source], [conv(b, source, channels=groups * b.pick(1, 2, 3, 5), groups=groups)]

    return parts


_KINDS: dict[str, DType] = {"float": DType.FLOAT32, "wide": DType.INT16}
FAMILIES: dict[str, Family] = {
    f"{kind}_{name}": family
    for kind, dtype in _KINDS.items()
    for name, family in {
        "conv": _layer(conv, dtype),
        "grouped": _grouped(dtype),
        "depthwise": _layer(depthwise, dtype),
        "dense": _flat(dense, dtype),
        "average_pool": _layer(lambda b, v: pool(b, v, "AVERAGE_POOL_2D"), dtype),
        "max_pool": _layer(lambda b, v: pool(b, v, "MAX_POOL_2D"), dtype),
        "softmax": _flat(softmax, dtype),
        "deep": _deep(dtype),
    }.items()
} | {
    "grouped": _grouped(DType.INT8),
    "transpose_conv": lambda b: transpose_conv(b, DType.INT8),
    "transpose_conv_int16": lambda b: transpose_conv(b, DType.INT16),
    "transpose_conv_float": lambda b: transpose_conv(b, DType.FLOAT32),
    "batch_matmul": lambda b: batch_matmul(b, DType.INT8),
    "batch_matmul_int16": lambda b: batch_matmul(b, DType.INT16),
    "batch_matmul_float": lambda b: batch_matmul(b, DType.FLOAT32),
    "runtime_dense": lambda b: runtime_dense(b, DType.INT8),
    "runtime_dense_int16": lambda b: runtime_dense(b, DType.INT16),
    "runtime_dense_float": lambda b: runtime_dense(b, DType.FLOAT32),
    "float_root_pool": _layer(lambda b, v: pool(b, v, "L2_POOL_2D"), DType.FLOAT32),
    "svdf_int8": lambda b: svdf(b, DType.INT8, DType.INT8),
    "svdf_int16": lambda b: svdf(b, DType.INT8, DType.INT16),
    "svdf_float": lambda b: svdf(b, DType.FLOAT32, DType.FLOAT32),
    "lstm_int8": lambda b: lstm(b, DType.INT8),
    "lstm_int16": lambda b: lstm(b, DType.INT16),
    "lstm_float": lambda b: lstm(b, DType.FLOAT32),
}

#: families whose models are written tensor by tensor
WRITTEN: dict[str, Callable[[np.random.Generator], Net]] = {
    "flow": flow,
    "variables": variables,
    **SIGNALS,
}

#: samples of a model with state: from power-on, four more, and from power-on again
SEQUENCE = (True, False, False, False, False, True)


def _content(b: Builder, family: str, damages: int = 0) -> bytes:
    """The file of a model, after some damages."""
    if family in WRITTEN:
        net = WRITTEN[family](b.rng)
        for _ in range(damages):
            graph = b.pick(*net.graphs)
            b.tensors, b.operators, b.buffers = graph.tensors, graph.operators, net.buffers
            if b.tensors and b.operators:
                damage(b)
        return net.file()
    inputs, outputs = FAMILIES[family](b)
    for _ in range(damages):
        damage(b)
    return b.model(inputs, outputs)


def damaged_typed_model(family: str, seed: int) -> bytes:
    """The file of a model with one to three things wrong."""
    number = [*FAMILIES, *WRITTEN].index(family)
    b = Builder(np.random.default_rng([seed, number, 19]))
    return _content(b, family, b.between(1, 3))


def typed_model(family: str, seed: int) -> FuzzModel:
    """The model of a family and a seed: the same bytes for the same two."""
    number = [*FAMILIES, *WRITTEN].index(family)
    b = Builder(np.random.default_rng([seed, number, 13]))
    content = _content(b, family)
    model = read_model(content)
    data = tuple(samples(model, b))
    if is_stateful(model):
        more = [sample for _ in range(2) for sample in samples(model, b)]
        data = (*data, *more)[: len(SEQUENCE) - 1]
        data = (*data, data[0])
    return FuzzModel(f"{family}_{seed:04d}", family, content, model, data)


def begins(model: FuzzModel) -> tuple[bool, ...]:
    """Which samples begin from power-on; empty: all."""
    return SEQUENCE if is_stateful(model.model) else ()
