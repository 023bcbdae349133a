# SPDX-License-Identifier: Apache-2.0
"""Random models of operators that compute element by element, reduce or normalise, in every element
type: families beside those of fuzz_models."""

from __future__ import annotations

import math

import numpy as np

from fuzz_builder import Builder, Shape, Value
from fuzz_moving import Family, any_shape, typed
from fuzz_operators import Parts
from gen_fw.model.types import DType

_F, _8, _16, _32, _64 = DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32, DType.INT64
_BOOL = DType.BOOL


def _other(b: Builder, source: Value, dtype: DType | None = None) -> Value:
    """A second operand that broadcasts with the first."""
    shape = source.shape
    if b.chance(0.3):
        shape = tuple(size if b.chance(0.5) else 1 for size in shape)
        shape = shape[b.between(0, len(shape) - 1) :]
    return typed(b, shape, dtype or source.dtype)


def _operands(b: Builder, *dtypes: DType) -> tuple[list[Value], list[Value]]:
    """(graph inputs, operands): two tensors, a tensor and a constant, or one twice."""
    source = typed(b, any_shape(b), b.pick(*dtypes))
    if b.chance(0.1):
        return [source], [source, source]
    other = _other(b, source)
    inputs = [source, other]
    if b.chance(0.25):
        other, inputs = _constant(b, other), [source]
    operands = [source, other]
    if b.chance(0.3):
        operands.reverse()
    return inputs, operands


def _constant(b: Builder, like: Value) -> Value:
    kind = like.dtype.name.lower()
    if like.dtype is _F:
        array = b.rng.normal(0, 3, like.shape).astype(kind)
    else:
        array = b.rng.integers(-100, 100, like.shape).astype(kind)
    scales, zeros = ([like.scale], [like.zero_point]) if like.scale else ([], [])
    index = b.constant(array, scales, zeros)
    return Value(index, like.shape, like.scale, like.zero_point, like.dtype)


def _made(b: Builder, operands: list[Value], fit: float) -> Value:
    """An output that values of about 60 times ``fit`` (for 8 bits) fill."""
    shape = np.broadcast_shapes(*(value.shape for value in operands))
    dtype = operands[0].dtype
    if dtype is _8:
        return b.value(shape, fit * float(np.exp(b.rng.normal(0, 0.6))))
    if dtype is _16:
        return b.value(shape, fit * float(np.exp(b.rng.normal(0, 0.6))), 0, _16)
    return b.plain(shape, dtype)


def binary(name: str, *dtypes: DType) -> Family:
    """ADD, SUB, MUL or SQUARED_DIFFERENCE."""

    def parts(b: Builder) -> Parts:
        inputs, operands = _operands(b, *dtypes)
        one, two = (max(value.scale, 1e-9) for value in operands)
        half = 128 if operands[0].dtype is _8 else 32768
        fits = {"MUL": one * two * half / 2, "SQUARED_DIFFERENCE": (one + two) ** 2 * half / 8}
        target = _made(b, operands, fits.get(name, max(one, two)))
        if name == "SQUARED_DIFFERENCE":
            return inputs, [b.operator(name, operands, target, "SquaredDifferenceOptions")]
        options = f"{name.capitalize()}Options"
        fields = {"fused_activation_function": b.activation()}
        return inputs, [b.operator(name, operands, target, options, **fields)]

    return parts


def divide(b: Builder) -> Parts:
    """DIV, FLOOR_DIV or FLOOR_MOD: divisors are not 0; int8 quotients are large enough for TFLM."""
    name = b.pick("DIV", "DIV", "DIV", "FLOOR_DIV", "FLOOR_MOD")
    dtype = b.pick(_F, _32, _8) if name == "DIV" else _F
    source = typed(b, any_shape(b), dtype)
    other = _other(b, source)
    kind = dtype.name.lower()
    size = 3.0 if dtype is _F else 90
    array = b.rng.uniform(1, size, other.shape) * b.rng.choice([-1, 1], other.shape)
    array = array.astype(kind)
    inputs = [source]
    if dtype is _8:
        array[array == other.zero_point] += 1
        divisor = Value(
            b.constant(array, [other.scale], [other.zero_point]),
            other.shape,
            other.scale,
            other.zero_point,
        )
        fit = source.scale / other.scale / b.pick(33.0, 64.0, 100.0)
        target = b.value(source.shape, fit)
    elif b.chance(0.5):
        divisor = b.plain(other.shape, dtype, b.pick((1, 9), (-7, -1)))
        inputs.append(divisor)
        target = b.plain(source.shape, dtype)
    else:
        divisor = Value(b.constant(array), other.shape, dtype=dtype)
        target = b.plain(source.shape, dtype)
    if name != "DIV":
        return inputs, [b.operator(name, [source, divisor], target)]
    fields = {"fused_activation_function": b.activation()}
    made = b.operator(name, [source, divisor], target, "DivOptions", **fields)
    return inputs, [made]


def extreme(b: Builder) -> Parts:
    inputs, operands = _operands(b, _F, _8, _16, _32, _64)
    shape = np.broadcast_shapes(*(value.shape for value in operands))
    name = b.pick("MAXIMUM", "MINIMUM")
    target = b.like(operands[0], shape)
    return inputs, [b.operator(name, operands, target, "MaximumMinimumOptions")]


def comparison(b: Builder) -> Parts:
    name = b.pick("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
    kinds = (_F, _8, _32, _64, *([_BOOL] if "QUAL" in name[-5:] and "_E" not in name else []))
    if name == "NOT_EQUAL":
        kinds = (*kinds, _BOOL)
    inputs, operands = _operands(b, *kinds)
    shape = np.broadcast_shapes(*(value.shape for value in operands))
    return inputs, [b.operator(name, operands, b.plain(shape, _BOOL))]


def logic(b: Builder) -> Parts:
    name = b.pick("LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT")
    if name == "LOGICAL_NOT":
        source = typed(b, any_shape(b), _BOOL)
        return [source], [b.operator(name, [source], b.like(source, source.shape))]
    inputs, operands = _operands(b, _BOOL)
    shape = np.broadcast_shapes(*(value.shape for value in operands))
    return inputs, [b.operator(name, operands, b.plain(shape, _BOOL))]


def select(b: Builder) -> Parts:
    source = typed(b, any_shape(b), b.pick(_F, _8, _16))
    other, condition = _other(b, source), _other(b, source, _BOOL)
    if b.chance(0.1):  # single elements of several ranks
        source = typed(b, (1,), source.dtype)
        other, condition = typed(b, (), source.dtype), typed(b, (1, 1), _BOOL)
    operands = [condition, *((source, other) if b.chance(0.5) else (other, source))]
    target = b.like(source, source.shape)
    inputs = [condition, source, other]
    return inputs, [b.operator("SELECT_V2", operands, target, "SelectV2Options")]


def add_n(b: Builder) -> Parts:
    source = typed(b, any_shape(b), b.pick(_F, _8))
    sources = [source, *(b.like(source, source.shape) for _ in range(b.between(1, 5)))]
    target = _made(b, [source], source.scale * b.pick(1.0, 2.0))
    return sources, [b.operator("ADD_N", sources, target, "AddNOptions")]


#: function -> the range of its inputs
_FUNCTIONS = {
    "ABS": (-50, 50),
    "CEIL": (-50, 50),
    "COS": (-50, 50),
    "ELU": (-9, 9),
    "EXP": (-90, 80),
    "FLOOR": (-50, 50),
    "LOG": (1e-3, 100),
    "LOGISTIC": (-20, 20),
    "NEG": (-50, 50),
    "RELU": (-9, 9),
    "RELU6": (-9, 9),
    "ROUND": (-9, 9),
    "RSQRT": (1e-3, 100),
    "SIN": (-50, 50),
    "SQRT": (0, 100),
    "SQUARE": (-50, 50),
    "TANH": (-9, 9),
    "HARD_SWISH": (-9, 9),
    "LEAKY_RELU": (-9, 9),
}


def real(b: Builder) -> Parts:
    """A chain of functions of a real number, so that each of them comes often."""
    source = b.plain(any_shape(b), _F, (-50, 50))
    outputs = []
    inputs = []
    for _ in range(3):
        name = b.pick(*_FUNCTIONS)
        source = b.plain(any_shape(b), _F, _FUNCTIONS[name])
        if b.chance(0.3) and name in ("ROUND", "FLOOR", "CEIL"):
            del b.limits[source.index]  # ties
        fields = {"alpha": float(np.float32(b.rng.normal(0, 0.5)))} if "LEAKY" in name else {}
        table = "LeakyReluOptions" if fields else ""
        inputs.append(source)
        outputs.append(b.operator(name, [source], b.like(source, source.shape), table, **fields))
    return inputs, outputs


def activation_8(b: Builder) -> Parts:
    name = b.pick("TANH", "ELU", "LEAKY_RELU", "HARD_SWISH", "ABS", "RSQRT")
    source = b.value(any_shape(b), b.scale(0.004, 0.2))
    fit = source.scale * b.scale(0.5, 2.0)
    zero = None
    if name == "TANH":
        fit, zero = 1 / 128, 0
    if name == "RSQRT":  # of what is not below the zero point
        source = b.value(source.shape, source.scale, -128)
        fit = 1.0 / math.sqrt(source.scale) / b.pick(10.0, 60.0, 127.0)
    target = b.value(source.shape, fit, zero)
    if name == "ABS" and b.chance(0.3):
        target = b.value(source.shape, source.scale)
    fields = {"alpha": float(np.float32(b.rng.normal(0.1, 0.4)))} if "LEAKY" in name else {}
    table = "LeakyReluOptions" if fields else ""
    return [source], [b.operator(name, [source], target, table, **fields)]


def activation_16(b: Builder) -> Parts:
    name = b.pick("TANH", "LOGISTIC", "LEAKY_RELU", "RELU", "RELU6", "ABS")
    scale = b.pick(1 / 4096, 1 / 2048, b.scale(1e-5, 1e-2))
    if name == "RELU6":
        scale = b.scale(2e-4, 1e-2)
    source = b.value(any_shape(b), scale, 0, _16)
    target = b.value(source.shape, source.scale * b.scale(0.5, 2.0), 0, _16)
    if name in ("TANH", "LOGISTIC"):
        target = b.value(source.shape, 1 / 32768, 0, _16)
    if name == "ABS" and b.chance(0.5):
        source = b.plain(source.shape, _16)
        target = b.plain(source.shape, _16)
        b.limits[source.index] = (-32767, 32767)
    fields = {"alpha": float(np.float32(b.rng.normal(0.1, 0.4)))} if "LEAKY" in name else {}
    table = "LeakyReluOptions" if fields else ""
    return [source], [b.operator(name, [source], target, table, **fields)]


def prelu(b: Builder) -> Parts:
    source = typed(b, any_shape(b, 2), b.pick(_F, _8, _16))
    alpha = b.value((1,) * (len(source.shape) - 1) + source.shape[-1:])
    if source.dtype is _F:
        alpha = b.plain(alpha.shape, _F)
    slopes = _constant(b, alpha) if b.chance(0.6) else alpha
    target = _made(b, [source], source.scale)
    inputs = [source] if slopes is not alpha else [source, alpha]
    return inputs, [b.operator("PRELU", [source, slopes], target)]


def quantization(b: Builder) -> Parts:
    """QUANTIZE and DEQUANTIZE in the types beside 8 bits."""
    shape = any_shape(b)
    if b.chance(0.2):
        source = b.value(shape, dtype=_16)
        target = b.plain(shape, _F)
        return [source], [b.operator("DEQUANTIZE", [source], target, "DequantizeOptions")]
    pairs = [(_F, _16), (_32, _8), (_32, _16), (_16, _8), (_16, _16), (_16, _32), (_8, _16)]
    one, two = b.pick(*pairs, (_8, _32))
    units = {_F: 1.0, _8: 1.0, _16: 1 / 256, _32: 1 / (1 << 24)}
    scale = b.scale(0.005, 0.2)
    source = b.value(shape, scale * units[one], 0 if one is _32 else None, one)
    fit = scale * units[two] * b.scale(0.3, 3.0)
    target = b.value(shape, fit, 0 if two is _32 else None, two)
    return [source], [b.operator("QUANTIZE", [source], target, "QuantizeOptions")]


def cast(b: Builder) -> Parts:
    kinds = (_8, _16, _32, DType.UINT32, _F)
    one, two = b.pick(*kinds, _BOOL), b.pick(*kinds)
    source = typed(b, any_shape(b), one)
    if one is _F:
        high = {_8: 100, _16: 30000, _32: 1e6, DType.UINT32: 1e6}.get(two, 100)
        b.limits[source.index] = (0 if two is DType.UINT32 else -high, high)
    fields = {"in_data_type": int(one), "out_data_type": int(two)}
    target = typed(b, source.shape, two)
    return [source], [b.operator("CAST", [source], target, "CastOptions", **fields)]


def reduce(b: Builder) -> Parts:
    name = b.pick("MEAN", "SUM", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL")
    kinds = {"MEAN": (_F, _16), "SUM": (_F, _8, _16), "REDUCE_ALL": (_BOOL,)}.get(name, (_F, _8))
    source = typed(b, any_shape(b), b.pick(*kinds))
    rank = len(source.shape)
    axes = [axis for axis in range(rank) if b.chance(0.5)] or [rank - 1]
    keep = b.chance(0.5) or len(axes) == rank
    shape: Shape = tuple(
        1 if axis in axes else size
        for axis, size in enumerate(source.shape)
        if keep or axis not in axes
    )
    target = b.like(source, shape)
    if source.scale and name in ("MEAN", "SUM"):
        count = math.prod(source.shape[axis] for axis in axes)
        target = _made(b, [b.like(source, shape)], source.scale * math.sqrt(count))
    given = [axis - rank if b.chance(0.2) else axis for axis in axes]
    inputs: list[Value | int] = [source, b.integers(*given)]
    return [source], [b.operator(name, inputs, target, "ReducerOptions", keep_dims=keep)]


def arg(b: Builder) -> Parts:
    source = typed(b, any_shape(b), b.pick(_F, _8))
    rank = len(source.shape)
    axis = b.between(0, rank - 1)
    name = b.pick("ARG_MAX", "ARG_MIN")
    target = b.plain((*source.shape[:axis], *source.shape[axis + 1 :]), _32)
    inputs = [source, b.integers(axis - rank if b.chance(0.3) else axis)]
    table = "ArgMaxOptions" if name == "ARG_MAX" else "ArgMinOptions"
    return [source], [b.operator(name, inputs, target, table, output_type=int(_32))]


def normalization(b: Builder) -> Parts:
    name = b.pick("L2_NORMALIZATION", "LOG_SOFTMAX", "LOG_SOFTMAX")
    source = typed(b, any_shape(b), b.pick(_F, _8, _8))
    if name == "LOG_SOFTMAX":
        if b.chance(0.3):
            source = typed(b, (b.between(1, 3), b.between(10, 200)), source.dtype)
        target = (
            b.value(source.shape, 1 / 16, 127) if source.scale else b.like(source, source.shape)
        )
        return [source], [b.operator(name, [source], target, "LogSoftmaxOptions")]
    target = b.value(source.shape, 1 / 128, 0) if source.scale else b.like(source, source.shape)
    return [source], [b.operator(name, [source], target, "L2NormOptions")]


def cumsum(b: Builder) -> Parts:
    source = typed(b, any_shape(b), b.pick(_F, _8))
    rank = len(source.shape)
    axis = b.between(0, rank - 1)
    target = _made(b, [source], source.scale * 2)
    inputs: list[Value | int] = [source, b.integers(axis - rank if b.chance(0.3) else axis)]
    fields = {"exclusive": b.chance(0.4), "reverse": b.chance(0.4)}
    return [source], [b.operator("CUMSUM", inputs, target, "CumsumOptions", **fields)]


FAMILIES: dict[str, Family] = {
    "add_types": binary("ADD", _F, _16, _32),
    "sub": binary("SUB", _F, _8, _16, _32),
    "mul_types": binary("MUL", _F, _16, _32),
    "squared_difference": binary("SQUARED_DIFFERENCE", _F, _8, _16, _32),
    "divide": divide,
    "extreme": extreme,
    "comparison": comparison,
    "logic": logic,
    "select": select,
    "add_n": add_n,
    "real": real,
    "activation_8": activation_8,
    "activation_16": activation_16,
    "prelu": prelu,
    "quantization": quantization,
    "cast": cast,
    "reduce": reduce,
    "arg": arg,
    "normalization": normalization,
    "cumsum": cumsum,
}
