# SPDX-License-Identifier: Apache-2.0
"""Builds small random int8 models, operator by operator, with everything that quantization allows.

Scales are chosen so that most outputs use their range; now and then they are extreme, so that dead
channels, left shifts and saturation occur too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_fw.model.enums import ActivationFunctionType, Padding
from gen_fw.model.operators import BUILTIN_OPERATORS
from gen_fw.model.types import DType
from tflite_writer import Fields, write

#: BuiltinOperator and operator version of schema.fbs
CODES = {
    "ADD": (0, 2),
    "AVERAGE_POOL_2D": (1, 2),
    "CONCATENATION": (2, 2),
    "CONV_2D": (3, 3),
    "DEPTHWISE_CONV_2D": (4, 3),
    "DEQUANTIZE": (6, 2),
    "FULLY_CONNECTED": (9, 4),
    "L2_POOL_2D": (12, 1),
    "LOGISTIC": (14, 2),
    "MAX_POOL_2D": (17, 2),
    "MUL": (18, 2),
    "RELU": (19, 2),
    "RELU6": (21, 2),
    "RESHAPE": (22, 1),
    "SOFTMAX": (25, 2),
    "SVDF": (27, 4),
    "PAD": (34, 2),
    "MEAN": (40, 2),
    "SQUEEZE": (43, 1),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (44, 4),
    "PADV2": (60, 2),
    "TRANSPOSE_CONV": (67, 3),
    "EXPAND_DIMS": (70, 1),
    "QUANTIZE": (114, 2),
    "BATCH_MATMUL": (126, 4),
}
_ACTIVATIONS = (
    ActivationFunctionType.NONE,
    ActivationFunctionType.RELU,
    ActivationFunctionType.RELU6,
    ActivationFunctionType.RELU_N1_TO_1,
)
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """An activation tensor of the model being built."""

    index: int
    shape: Shape
    scale: float = 0.0
    zero_point: int = 0
    dtype: DType = DType.INT8


class Builder:
    """One subgraph; ``rng`` decides whatever the caller does not."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.tensors: list[Fields] = []
        self.operators: list[Fields] = []
        self.buffers: list[Fields] = [{}]
        self.codes: list[str] = []
        #: inputs whose elements must lie between two numbers, by tensor
        self.limits: dict[int, tuple[float, float]] = {}

    # choices

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def between(self, low: int, high: int) -> int:
        """Both included."""
        return int(self.rng.integers(low, high + 1))

    def scale(self, low: float = 0.002, high: float = 0.2) -> float:
        """A float32 value, log-uniform."""
        return float(np.float32(math.exp(self.rng.uniform(math.log(low), math.log(high)))))

    def zero_point(self, dtype: DType = DType.INT8) -> int:
        if dtype is not DType.INT8:
            return 0
        return self.pick(-128, 127, 0) if self.chance(0.4) else self.between(-128, 127)

    def activation(self) -> ActivationFunctionType:
        """Fused; NONE and RELU are what converters give most."""
        index = self.pick(0, 0, 0, 1, 1, 2, 3)
        return _ACTIVATIONS[index]

    def padding(self) -> Padding:
        return Padding.SAME if self.chance(0.6) else Padding.VALID

    # tensors

    def value(
        self,
        shape: Shape,
        scale: float | None = None,
        zero_point: int | None = None,
        dtype: DType = DType.INT8,
    ) -> Value:
        """A new activation; float tensors have no quantization."""
        if dtype is DType.FLOAT32:
            return Value(self._tensor(shape, dtype, 0, None), shape, dtype=dtype)
        if scale is None:
            scale = self.scale() / (256 if dtype is DType.INT16 else 1)
        scale = float(np.float32(scale))
        zero_point = self.zero_point(dtype) if zero_point is None else zero_point
        quantization = {"scale": [scale], "zero_point": [zero_point]}
        return Value(self._tensor(shape, dtype, 0, quantization), shape, scale, zero_point, dtype)

    def plain(self, shape: Shape, dtype: DType, limits: tuple[float, float] | None = None) -> Value:
        """A new activation without quantization; elements of an input stay within ``limits``."""
        value = Value(self._tensor(shape, dtype, 0, None), shape, dtype=dtype)
        if limits is not None:
            self.limits[value.index] = limits
        return value

    def output(
        self,
        shape: Shape,
        fit: float,
        activation: ActivationFunctionType,
        dtype: DType = DType.INT8,
    ) -> Value:
        """An output that values of about 60 times ``fit`` fill, and the activation leaves alive."""
        if dtype is not DType.INT8:
            return self.value(shape, fit / 256, 0, dtype)
        zero_point = None
        if activation is not ActivationFunctionType.NONE and self.chance(0.85):
            zero_point = self.pick(-128, -128, self.between(-128, 20))
        if activation is ActivationFunctionType.RELU_N1_TO_1 and self.chance(0.8):
            zero_point = self.between(-100, 100)
        return self.value(shape, fit, zero_point)

    def like(self, value: Value, shape: Shape) -> Value:
        """A new activation with the quantization of ``value``."""
        if not value.scale:
            return self.plain(shape, value.dtype)
        return self.value(shape, value.scale, value.zero_point, value.dtype)

    def constant(
        self,
        array: NDArray[Any],
        scales: Sequence[float] = (),
        zero_points: Sequence[int] = (),
        axis: int = 0,
    ) -> int:
        self.buffers.append({"data": array.tobytes()} if array.size else {})
        quantization = None
        if scales:
            zero_points = zero_points or [0] * len(scales)
            quantization = {
                "scale": list(scales),
                "zero_point": list(zero_points),
                "quantized_dimension": axis,
            }
        dtype = DType[array.dtype.name.upper()]
        return self._tensor(array.shape, dtype, len(self.buffers) - 1, quantization)

    def integers(self, *values: int) -> int:
        """A constant int32 vector."""
        return self.constant(np.array(values, np.int32))

    def weights(
        self, shape: Shape, channels: int, axis: int, terms: int, source: Value
    ) -> tuple[int, list[float], float]:
        """int8 weights for sums of ``terms`` products; float ones for a float source.

        Returns the tensor, its scales (one, or one per channel) and an output scale for which
        outputs spread over the range.
        """
        if source.dtype is DType.FLOAT32:
            return self.constant(self.rng.normal(0, 0.5, shape).astype(np.float32)), [], 0.0
        width = self.pick(127, 127, 127, 40, 8)
        array = self.rng.integers(-width, width + 1, shape).astype(np.int8)
        if self.chance(0.1):
            array[self.rng.random(shape) < 0.02] = -128
        if self.chance(0.1):  # runs of equal extremes push the sums to their limits
            array[...] = self.pick(-127, 127)
        base = self.scale(0.0005, 0.05)
        scales = [base]
        if self.chance(0.8):
            spread = np.exp(self.rng.normal(0, 0.5, channels))
            if self.chance(0.1):  # dead and exploding channels
                spread[self.rng.integers(channels)] *= float(self.pick(1e-9, 1e-12, 50.0, 1e3))
            scales = [float(np.float32(base * factor)) for factor in spread]
        size = math.sqrt(terms) * 74.0 * max(width, 1) * 0.58
        size *= 256.0 if source.dtype is DType.INT16 else 1.0
        fit = source.scale * base * size / 60.0 * float(np.exp(self.rng.normal(0, 0.7)))
        if self.chance(0.05):
            fit *= float(self.pick(1e-3, 1e3))
        return self.constant(array, scales, axis=axis), scales, fit

    def bias(self, source: Value, scales: Sequence[float], channels: int, terms: int) -> int:
        """int32 bias, of the size of the sums, rarely much larger; int64 for int16 sources."""
        if source.dtype is DType.FLOAT32:
            return self.constant(self.rng.normal(0, 5, channels).astype(np.float32))
        wide = source.dtype is DType.INT16
        usual = int(math.sqrt(terms) * 74 * 74) * (256 if wide else 1)
        size = self.pick(0, usual // 50, usual, usual, 3 * usual)
        if self.chance(0.04):
            size = self.pick(1 << 20, 1 << 28, 1 << 30)
        array = self.rng.integers(-size, size + 1, channels).astype(np.int64 if wide else np.int32)
        return self.constant(array, [float(np.float32(source.scale * s)) for s in scales])

    def variable(
        self, shape: Shape, dtype: DType, scale: float = 0.0, zero_point: int = 0
    ) -> Value:
        """A tensor that keeps its contents between inferences."""
        value = self.value(shape, scale, zero_point, dtype)
        self.tensors[value.index]["is_variable"] = 1
        return value

    def _tensor(self, shape: Shape, dtype: DType, buffer: int, quantization: Fields | None) -> int:
        fields: Fields = {
            "name": f"t{len(self.tensors)}".encode(),
            "shape": [int(size) for size in shape],
            "type": int(dtype),
            "buffer": buffer,
        }
        if quantization is not None:
            fields["quantization"] = quantization
        self.tensors.append(fields)
        return len(self.tensors) - 1

    # operators and the model

    def operator(
        self,
        name: str,
        inputs: Sequence[Value | int],
        output: Value,
        options: str = "",
        **fields: Any,
    ) -> Value:
        """Appends an operator and returns its output."""
        return self.several(name, inputs, [output], options, **fields)[0]

    def several(
        self,
        name: str,
        inputs: Sequence[Value | int],
        outputs: Sequence[Value],
        options: str = "",
        **fields: Any,
    ) -> list[Value]:
        """Appends an operator with any number of outputs."""
        if name not in self.codes:
            self.codes.append(name)
        row: Fields = {
            "opcode_index": self.codes.index(name),
            "inputs": [item if isinstance(item, int) else item.index for item in inputs],
            "outputs": [output.index for output in outputs],
        }
        if options:
            plain = {key: int(v) if isinstance(v, bool) else v for key, v in fields.items()}
            row["builtin_options"] = (options, plain)
        self.operators.append(row)
        return list(outputs)

    def model(self, inputs: Sequence[Value], outputs: Sequence[Value]) -> bytes:
        """The ``.tflite``."""
        codes = [
            {
                "deprecated_builtin_code": min(code, 127),
                "builtin_code": code,
                "version": version,
            }
            for code, version in map(_code, self.codes)
        ]
        graph = {
            "name": b"main",
            "tensors": self.tensors,
            "inputs": [value.index for value in inputs],
            "outputs": [value.index for value in outputs],
            "operators": self.operators,
        }
        return write(
            {
                "version": 3,
                "description": b"fuzz",
                "operator_codes": codes,
                "buffers": self.buffers,
                "subgraphs": [graph],
            }
        )


def _code(name: str) -> tuple[int, int]:
    """Code and version; TFLM does not look at versions."""
    return CODES.get(name) or (BUILTIN_OPERATORS.index(name), 1)


def window(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> int:
    """Output size of a sliding window (kernels/padding.h, ComputeOutSize)."""
    reach = (kernel - 1) * dilation + 1
    if padding is Padding.SAME:
        return -(-size // stride)
    return (size - reach + stride) // stride
