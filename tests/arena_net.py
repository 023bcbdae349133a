# SPDX-License-Identifier: Apache-2.0
"""Writes small models tensor by tensor, with whatever combination of types a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from gen_fw.model.operators import BUILTIN_OPERATORS
from gen_fw.model.types import DType
from tflite_writer import Fields, write

Options = tuple[str, Fields]
#: what schema.fbs calls it -> numpy; INT4 is two values a byte
_NUMPY = {"INT4": np.int8, "FLOAT32": np.float32, "BOOL": np.bool_}


@dataclass(frozen=True, slots=True)
class T:
    """A tensor. ``data`` is None for an activation, "random", or the values. ``scale`` may be one
    for each index of ``axis``; None: not quantized."""

    shape: tuple[int, ...]
    dtype: str = "INT8"
    scale: float | Sequence[float] | None = 0.05
    zero: int = 0
    data: Any = None
    variable: bool = False
    axis: int = 0


def f32(*shape: int, data: Any = None, variable: bool = False) -> T:
    return T(shape, "FLOAT32", None, 0, data, variable)


def i8(*shape: int, scale: Any = 0.05, zero: int = 3, data: Any = None, axis: int = 0) -> T:
    return T(shape, "INT8", scale, zero, data, axis=axis)


def i16(*shape: int, scale: Any = 0.001, data: Any = None) -> T:
    return T(shape, "INT16", scale, 0, data)


def i32(*shape: int, scale: Any = None, data: Any = None) -> T:
    return T(shape, "INT32", scale, 0, data)


def ints(*values: int) -> T:
    """A constant int32 vector."""
    return T((len(values),), "INT32", None, 0, np.array(values, np.int32))


def scalar(value: int) -> T:
    """A constant int32 of rank 0."""
    return T((), "INT32", None, 0, np.array(value, np.int32))


def boolean(*shape: int) -> T:
    return T(shape, "BOOL", None)


class Net:
    """A model being written; the first graph is the main one."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.buffers: list[Fields] = [{}]
        self.codes: list[tuple[str, bytes]] = []
        self.graphs: list[Graph] = []
        self.metadata: list[Fields] = []

    def graph(self) -> Graph:
        self.graphs.append(Graph(self))
        return self.graphs[-1]

    def buffer(self, data: bytes) -> int:
        self.buffers.append({"data": data})
        return len(self.buffers) - 1

    def values(self, tensor: T) -> bytes:
        """The bytes of a constant."""
        if isinstance(tensor.data, bytes):
            return tensor.data
        array: NDArray[Any] = np.asarray(tensor.data)
        if isinstance(tensor.data, str):
            if tensor.dtype == "FLOAT32":
                array = self.rng.uniform(-1, 1, tensor.shape)
            else:
                limit = {"INT8": 127, "INT4": 7, "INT16": 3000}.get(tensor.dtype, 500)
                array = self.rng.integers(-limit, limit + 1, tensor.shape)
        array = array.astype(_NUMPY.get(tensor.dtype, tensor.dtype.lower()))
        if tensor.dtype != "INT4":
            return array.tobytes()
        flat = np.append(array.ravel(), np.int8(0))[: array.size + array.size % 2]
        return ((flat[0::2] & 15) | (flat[1::2] << 4)).astype(np.int8).tobytes()

    def file(self) -> bytes:
        codes = []
        for name, custom in self.codes:
            number = BUILTIN_OPERATORS.index(name)
            code: Fields = {"deprecated_builtin_code": min(number, 127), "builtin_code": number}
            codes.append(code | ({"custom_code": custom} if custom else {}))
        fields = {
            "version": 3,
            "operator_codes": codes,
            "buffers": self.buffers,
            "subgraphs": [graph.fields() for graph in self.graphs],
        }
        return write(fields | ({"metadata": self.metadata} if self.metadata else {}))


class Graph:
    """One subgraph."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.tensors: list[Fields] = []
        self.operators: list[Fields] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []

    def tensor(self, tensor: T) -> int:
        fields: Fields = {"shape": list(tensor.shape), "type": int(DType[tensor.dtype])}
        fields["name"] = f"t{len(self.tensors)}".encode()
        if tensor.data is not None:
            fields["buffer"] = self.net.buffer(self.net.values(tensor))
        if tensor.variable:
            fields["is_variable"] = 1
        if tensor.scale is not None:
            scales = np.atleast_1d(np.asarray(tensor.scale, np.float32)).tolist()
            zero = tensor.zero
            fields["quantization"] = {
                "scale": scales,
                "zero_point": [zero] * len(scales),
                "quantized_dimension": tensor.axis,
            }
        self.tensors.append(fields)
        return len(self.tensors) - 1

    def input(self, tensor: T) -> int:
        self.inputs.append(self.tensor(tensor))
        return self.inputs[-1]

    def operator(
        self,
        name: str,
        inputs: Sequence[int | T],
        outputs: Sequence[int | T],
        options: Options | None = None,
        custom: dict[str, Any] | bytes | None = None,
        intermediates: Sequence[int | T] = (),
    ) -> list[int]:
        """Appends an operator, with tensors that it makes or that exist; -1 is an omitted one.
        ``name`` is a builtin, or the code of a custom operator. Returns the outputs."""
        builtin = name in BUILTIN_OPERATORS
        code = (name, b"") if builtin else ("CUSTOM", name.encode())
        if code not in self.net.codes:
            self.net.codes.append(code)
        row: Fields = {
            "opcode_index": self.net.codes.index(code),
            "inputs": self._indices(inputs),
            "outputs": self._indices(outputs),
        }
        if intermediates:
            row["intermediates"] = self._indices(intermediates)
        if options is not None:
            row["builtin_options"] = options
        if custom is not None:
            row["custom_options"] = custom if isinstance(custom, bytes) else _flexbuffer(custom)
        self.operators.append(row)
        found: list[int] = row["outputs"]
        return found

    def _indices(self, tensors: Sequence[int | T]) -> list[int]:
        return [item if isinstance(item, int) else self.tensor(item) for item in tensors]

    def fields(self) -> Fields:
        return {
            "name": b"graph",
            "tensors": self.tensors,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "operators": self.operators,
        }


def _flexbuffer(values: dict[str, Any]) -> bytes:
    builder = flexbuffers.Builder()
    with builder.Map():
        for key, value in values.items():
            if isinstance(value, bool):
                builder.Bool(key, value)
            elif isinstance(value, int):
                builder.Int(key, value)
            elif isinstance(value, float):
                builder.Float(key, value)
            else:
                with builder.TypedVector(key):
                    for entry in value:
                        builder.Int(entry)
    return bytes(builder.Finish())


def one(
    name: str,
    inputs: Sequence[T | None],
    outputs: Sequence[T],
    options: Options | None = None,
    custom: dict[str, Any] | bytes | None = None,
) -> bytes:
    """A model of one operator. Inputs without data come from outside; None is an omitted one."""
    net = Net()
    graph = net.graph()
    numbers = []
    for tensor in inputs:
        if tensor is None:
            numbers.append(-1)
        elif tensor.data is None and not tensor.variable:
            numbers.append(graph.input(tensor))
        else:
            numbers.append(graph.tensor(tensor))
    graph.outputs = graph.operator(name, numbers, outputs, options, custom)
    return net.file()


def activation(kind: str, *shape: int) -> T:
    """A tensor of a kind that kernels compute with."""
    return {"FLOAT32": f32, "INT8": i8, "INT16": i16, "INT32": i32}[kind](*shape)
