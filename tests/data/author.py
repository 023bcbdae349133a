# SPDX-License-Identifier: Apache-2.0
"""Writes ``.tflite`` files by hand, through the object API of LiteRT's own schema module."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

BUFFER_ALIGNMENT = 16
"""``force_align`` of ``Buffer.data`` in tensorflow/compiler/mlir/lite/schema/schema.fbs."""

LAST_DEPRECATED_CODE = 127
"""Operators above it keep this value in ``deprecated_builtin_code`` (same schema)."""

IDENTIFIER = b"TFL3"


def _load_schema() -> ModuleType:
    """LiteRT's generated schema, loaded by path: importing its package would load native code."""
    package = importlib.util.find_spec("ai_edge_litert")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("ai-edge-litert is missing: pip install 'gen-fw[reference]'")
    path = Path(package.submodule_search_locations[0]) / "schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("tflite_schema", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


schema: Any = _load_schema()

_DTYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.bool_): schema.TensorType.BOOL,
}


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """``BufferT`` whose bytes start at a multiple of 16: the generated ``Pack`` aligns to one."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 (the schema's own name)
        blob = bytes(self.data or b"")
        if blob:
            builder.StartVector(1, len(blob), BUFFER_ALIGNMENT)
            builder.head -= len(blob)
            builder.Bytes[builder.head : builder.head + len(blob)] = blob
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if blob:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


class Graph:
    """One subgraph being written; ``inputs`` and ``outputs`` are tensor indices."""

    def __init__(self, model: Model, name: str) -> None:
        self._model = model
        self.table = schema.SubGraphT(
            tensors=[], inputs=[], outputs=[], operators=[], name=name.encode()
        )

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        scale: float | None = None,
        zero_point: int = 0,
        *,
        variable: bool = False,
    ) -> int:
        """A tensor without data; returns its index. ``scale`` makes it per-tensor quantized."""
        return self._add(name, shape, _DTYPES[np.dtype(dtype)], 0, scale, zero_point, variable)

    def constant(
        self, name: str, values: npt.NDArray[Any], scale: float | None = None, zero_point: int = 0
    ) -> int:
        """A tensor with data; returns its index."""
        code = _DTYPES[values.dtype]
        buffer = self._model.buffer(values.tobytes())
        return self._add(name, values.shape, code, buffer, scale, zero_point, False)

    def resource(self, name: str) -> int:
        """A scalar handle of a resource variable; returns its index."""
        return self._add(name, (), schema.TensorType.RESOURCE, 0, None, 0, False)

    def operator(
        self,
        code: str,
        inputs: list[int],
        outputs: list[int],
        options: Any = None,
        *,
        version: int = 1,
        custom: str | None = None,
        custom_options: bytes = b"",
    ) -> None:
        """Appends an operator. ``code`` is its schema name; -1 in ``inputs`` is "not given"."""
        kind = type(options).__name__.removesuffix("T") if options is not None else "NONE"
        self.table.operators.append(
            schema.OperatorT(
                opcodeIndex=self._model.opcode(code, version, custom),
                inputs=inputs,
                outputs=outputs,
                builtinOptionsType=getattr(schema.BuiltinOptions, kind),
                builtinOptions=options,
                customOptions=list(custom_options) or None,
            )
        )

    def close(self, inputs: list[int], outputs: list[int]) -> None:
        """Names the tensors that go in and come out."""
        self.table.inputs, self.table.outputs = inputs, outputs

    def _add(
        self,
        name: str,
        shape: tuple[int, ...],
        code: int,
        buffer: int,
        scale: float | None,
        zero_point: int,
        variable: bool,
    ) -> int:
        quantization = None
        if scale is not None:
            quantization = schema.QuantizationParametersT(scale=[scale], zeroPoint=[zero_point])
        self.table.tensors.append(
            schema.TensorT(
                shape=list(shape),
                type=code,
                buffer=buffer,
                name=name.encode(),
                quantization=quantization,
                isVariable=variable,
                hasRank=True,
            )
        )
        return len(self.table.tensors) - 1


class Model:
    """A model being written: add graphs, then ``pack``. The first graph is the main one."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._opcodes: list[tuple[str, int, str | None]] = []
        self._buffers: list[bytes] = [b""]  # buffer 0 is empty by the schema's rule
        self._graphs: list[Graph] = []
        self._metadata: list[tuple[str, int]] = []

    def graph(self, name: str) -> Graph:
        """A new subgraph."""
        self._graphs.append(Graph(self, name))
        return self._graphs[-1]

    def buffer(self, blob: bytes) -> int:
        """A new buffer; returns its index."""
        self._buffers.append(blob)
        return len(self._buffers) - 1

    def metadata(self, name: str, blob: bytes) -> None:
        """Adds a metadata entry."""
        self._metadata.append((name, self.buffer(blob)))

    def opcode(self, code: str, version: int, custom: str | None) -> int:
        """Index of an operator code, added when new."""
        key = (code, version, custom)
        if key not in self._opcodes:
            self._opcodes.append(key)
        return self._opcodes.index(key)

    def pack(self) -> bytes:
        """The ``.tflite`` file."""
        codes = []
        for code, version, custom in self._opcodes:
            value = getattr(schema.BuiltinOperator, code)
            codes.append(
                schema.OperatorCodeT(
                    deprecatedBuiltinCode=min(value, LAST_DEPRECATED_CODE),
                    customCode=custom,
                    version=version,
                    builtinCode=value,
                )
            )
        model = schema.ModelT(
            version=3,
            operatorCodes=codes,
            subgraphs=[graph.table for graph in self._graphs],
            description=self._description,
            buffers=[_AlignedBuffer(data=blob) for blob in self._buffers],
            metadata=[schema.MetadataT(name=name, buffer=at) for name, at in self._metadata]
            or None,
        )
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
        return bytes(builder.Output())
