# SPDX-License-Identifier: Apache-2.0
"""Models whose operators may share memory: one operator each, and random graphs of them."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from gen_fw.model.operators import BUILTIN_OPERATORS
from tflite_writer import Fields, write

FLOAT, INT8, INT16, BOOL = 0, 9, 7, 6
_UNARY_FLOAT = [
    "ABS",
    "CEIL",
    "COS",
    "ELU",
    "EXP",
    "FLOOR",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOG",
    "LOGISTIC",
    "NEG",
    "RELU",
    "RELU6",
    "ROUND",
    "RSQRT",
    "SIN",
    "SQRT",
    "SQUARE",
    "TANH",
]
_UNARY_INT8 = [
    "ABS",
    "ELU",
    "EXP",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOGISTIC",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RSQRT",
    "TANH",
]
_UNARY_INT16 = [
    "ABS",
    "EXP",
    "LEAKY_RELU",
    "LOGISTIC",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RSQRT",
    "TANH",
]
BINARY = ["ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB"]
_OPTIONS = {
    "LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.125}),
    "ADD": ("AddOptions", {"pot_scale_int16": False}),
    "SUB": ("SubOptions", {"pot_scale_int16": False}),
}
#: scale and zero point that kernels demand of their output, by element type
_FIXED = {
    "LOGISTIC": {INT8: (1 / 256, -128), INT16: (1 / 32768, 0)},
    "TANH": {INT8: (1 / 128, 0), INT16: (1 / 32768, 0)},
}
#: 105 elements: whole vectors of 16, 8 and 4, and a remainder
SHAPE = (1, 3, 5, 7)


class Graph:
    """One subgraph being written."""

    def __init__(self, dtype: int) -> None:
        self.dtype = dtype
        self.tensors: list[Fields] = []
        self.operators: list[Fields] = []
        self.buffers: list[Fields] = [{}]
        self.codes: dict[str, int] = {}
        self.inputs: list[int] = []

    def tensor(
        self,
        shape: Sequence[int],
        scale: float = 0.05,
        zero: int = 3,
        data: bytes = b"",
        **more: Any,
    ) -> int:
        fields: Fields = {"shape": list(shape), "type": self.dtype, **more}
        if fields["type"] in (INT8, INT16):
            zero = zero if fields["type"] == INT8 else 0
            fields["quantization"] = {"scale": [scale], "zero_point": [zero]}
        if data:
            self.buffers.append({"data": data})
            fields["buffer"] = len(self.buffers) - 1
        self.tensors.append(fields)
        return len(self.tensors) - 1

    def input(self, shape: Sequence[int]) -> int:
        self.inputs.append(self.tensor(shape))
        return self.inputs[-1]

    def constant(self, shape: Sequence[int], chance: random.Random) -> int:
        count = 1
        for dim in shape:
            count *= dim
        if self.dtype == FLOAT:
            data = struct.pack(f"<{count}f", *(chance.uniform(0.5, 2) for _ in range(count)))
        else:
            letter = {INT8: "b", INT16: "h", BOOL: "?"}[self.dtype]
            data = struct.pack(f"<{count}{letter}", *(chance.randint(8, 100) for _ in range(count)))
        return self.tensor(shape, data=data)

    def operator(self, name: str, inputs: Sequence[int], shape: Sequence[int]) -> int:
        scale, zero = _FIXED.get(name, {}).get(self.dtype, (0.0625, -5))
        output = self.tensor(shape, scale, zero)
        fields: Fields = {
            "opcode_index": self.codes.setdefault(name, len(self.codes)),
            "inputs": list(inputs),
            "outputs": [output],
        }
        if name in _OPTIONS:
            fields["builtin_options"] = _OPTIONS[name]
        self.operators.append(fields)
        return output

    def file(self, outputs: Sequence[int]) -> bytes:
        numbers = [BUILTIN_OPERATORS.index(name) for name in self.codes]
        return write(
            {
                "version": 3,
                "operator_codes": [
                    {"deprecated_builtin_code": min(n, 127), "builtin_code": n} for n in numbers
                ],
                "buffers": self.buffers,
                "subgraphs": [
                    {
                        "inputs": self.inputs,
                        "outputs": list(outputs),
                        "tensors": self.tensors,
                        "operators": self.operators,
                    }
                ],
            }
        )


def _single(name: str, dtype: int, other: Sequence[int] | None, position: int) -> bytes:
    """x -> own memory -> the operator, whose other operand has the shape ``other`` -> out."""
    graph = Graph(dtype)
    chance = random.Random(name)
    source = graph.input(SHAPE)
    if dtype == BOOL:
        work = graph.operator("LOGICAL_NOT", [source], SHAPE)
    else:
        work = graph.operator("MAXIMUM", [source, graph.constant([1], chance)], SHAPE)
        graph.tensors[work]["quantization"] = graph.tensors[source].get("quantization", {})
    operands = [work]
    if other is not None:
        operands.insert(1 - position, graph.constant(other, chance))
    shape: tuple[int, ...] = SHAPE
    if name in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"):
        shape = {"RESHAPE": (7, 15), "SQUEEZE": SHAPE[1:], "EXPAND_DIMS": (1, *SHAPE)}[name]
        if name == "EXPAND_DIMS":
            operands.append(graph.tensor([1], type=2, data=bytes(4)))
    result = graph.operator(name, operands, shape)
    if name in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "MAXIMUM", "MINIMUM"):
        graph.tensors[result]["quantization"] = graph.tensors[work].get("quantization", {})
    last = "LOGICAL_NOT" if dtype == BOOL else "RESHAPE"
    end = graph.operator(last, [result], shape)
    graph.tensors[end]["quantization"] = graph.tensors[result].get("quantization", {})
    return graph.file([end])


def single_operators() -> Iterator[tuple[str, bytes]]:
    """(name, file) of one model for each operator, element type, operand and broadcast."""
    for dtype, label, unary in (
        (FLOAT, "float32", _UNARY_FLOAT),
        (INT8, "int8", _UNARY_INT8),
        (INT16, "int16", _UNARY_INT16),
        (BOOL, "bool", ["LOGICAL_NOT"]),
    ):
        for name in unary:
            yield f"{name}_{label}", _single(name, dtype, None, 0)
        if dtype == BOOL:
            continue
        for name in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"):
            yield f"{name}_{label}", _single(name, dtype, None, 0)
        yield f"PRELU_{label}", _single("PRELU", dtype, (1, 1, 7), 0)
        for name in BINARY:
            for other in (SHAPE, (1, 1, 1, 7), (1, 3, 1, 1), (1,)):
                for position in (0, 1):
                    form = "x".join(map(str, other))
                    yield f"{name}_{label}_{form}_{position}", _single(name, dtype, other, position)


def random_graph(seed: int) -> bytes:
    """A float32 graph of element-wise operators, views and dense layers, with branches."""
    chance = random.Random(seed)
    graph = Graph(FLOAT)
    width = {graph.input((1, n)): n for n in chance.choices((8, 20, 64), k=chance.randint(1, 3))}
    shapes = {index: (1, n) for index, n in width.items()}
    for _ in range(chance.randint(4, 24)):
        # recent tensors are likelier, so that graphs are deep
        source = chance.choice(list(shapes)[-4:] if chance.random() < 0.8 else list(shapes))
        shape = shapes[source]
        count = shape[0] * shape[1]
        kind = chance.random()
        alike = [index for index, other in shapes.items() if other == shape]
        if kind < 0.3:
            other = chance.choice(alike)
            result = graph.operator(
                chance.choice(["ADD", "MUL", "SUB", "MAXIMUM"]), [source, other], shape
            )
        elif kind < 0.6:
            result = graph.operator(
                chance.choice(["RELU", "LOGISTIC", "TANH", "NEG"]), [source], shape
            )
        elif kind < 0.85:
            shape = (1, count) if shape[0] > 1 else (2, count // 2)
            result = graph.operator("RESHAPE", [source], shape)
        else:
            wide = chance.choice((8, 20, 64, 200))
            weights = graph.constant((wide, shape[1]), chance)
            shape = (shape[0], wide)
            result = graph.operator("FULLY_CONNECTED", [source, weights, -1], shape)
        shapes[result] = shape
    read = {index for operator in graph.operators for index in operator["inputs"]}
    ends = [index for index in shapes if index not in read and index not in graph.inputs]
    some = [index for index in shapes if index in read and index not in graph.inputs]
    extra = chance.sample(some, k=min(len(some), chance.randint(0, 2)))
    return graph.file(ends + extra)
