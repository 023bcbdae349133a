# SPDX-License-Identifier: Apache-2.0
"""Reads ``.tflite`` files: first the structure (``flatbuffer``), then the meaning (``tensors``,
``checks``). What comes out is consistent: every index is in range, every view inside the file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from gen_fw.errors import ModelError
from gen_fw.files import read_regular
from gen_fw.model.checks import check_graph
from gen_fw.model.flatbuffer import DEFAULT, Limits, Table, decode
from gen_fw.model.notes import Notes
from gen_fw.model.operator_checks import check_operator
from gen_fw.model.operators import BUILTIN_OPERATORS
from gen_fw.model.option_classes import read_options
from gen_fw.model.source import identify
from gen_fw.model.tensors import TensorReader
from gen_fw.model.types import Buffer, Metadata, Model, Operator, Signature, Subgraph, Tensor

__all__ = ["DEFAULT", "Limits", "read_model"]

_SCHEMA_VERSION = 3
#: deprecated_builtin_code of operators whose number does not fit it
_PLACEHOLDER = "PLACEHOLDER_FOR_GREATER_OP_CODES"


def read_model(source: Path | bytes, *, name: str = "", limits: Limits = DEFAULT) -> Model:
    """Reads and verifies a TFLite model, from a file or from bytes.

    ``name`` names the model in errors (default: the path). The work is bounded by the file's size
    and by ``limits``. Raises UsageError (no such file) and ModelError (anything else), with byte
    offset and path. Oddities that runtimes tolerate become ``Model.diagnostics``.
    """
    if isinstance(source, bytes):
        content = source
        if len(content) > limits.file_bytes:
            raise ModelError(f"the model has more than {limits.file_bytes} bytes", where=name)
    else:
        name = name or str(source)
        content = read_regular(
            source, limits.file_bytes, hint="name a .tflite file", too_large=ModelError
        )
    raw = memoryview(content)
    other = identify(raw)
    if other is not None:
        raise ModelError(f"this is {other[0]}", where=name, hint=other[1])
    root = decode(raw, "Model", file=name, limits=limits)
    if root.integer("version") != _SCHEMA_VERSION:
        root.fail(
            f"schema version {root.integer('version')} is not {_SCHEMA_VERSION}",
            "version",
            hint="export the model again with a current converter",
        )
    return _Reader(raw, root, limits).model(hashlib.sha256(content).hexdigest())


class _Reader:
    def __init__(self, raw: memoryview, root: Table, limits: Limits) -> None:
        self.raw = raw
        self.root = root
        self.limits = limits
        self.outside = 0
        self.notes = Notes()

    def model(self, sha256: str) -> Model:
        root = self.root
        if not root.tables("subgraphs"):
            root.fail("the model has no subgraphs", "subgraphs", hint="export the model again")
        if "buffers" not in root:
            root.fail("the model has no buffers", "buffers", hint="export the model again")
        self.codes = [self._code(table) for table in root.tables("operator_codes")]
        self.buffers = tuple(
            self._buffer(index, table) for index, table in enumerate(root.tables("buffers"))
        )
        self.tensors = TensorReader(self.buffers, self.limits, self.notes)
        model = Model(
            raw=self.raw,
            sha256=sha256,
            version=root.integer("version"),
            description=root.string("description"),
            subgraphs=tuple(
                self._subgraph(index, table) for index, table in enumerate(root.tables("subgraphs"))
            ),
            buffers=self.buffers,
            metadata=tuple(self._metadata(table) for table in root.tables("metadata")),
        )
        model = replace(
            model,
            signatures=tuple(
                self._signature(table, model) for table in root.tables("signature_defs")
            ),
        )
        check_graph(model, root.key, self.notes)
        return replace(model, diagnostics=self.notes.diagnostics())

    def _code(self, table: Table) -> tuple[int, str, int, bytes | None]:
        """Value, name, version and custom code of an OperatorCode.

        The larger of the two code fields counts (GetBuiltinCode in TFLite's schema_utils.cc).
        """
        code = max(table.integer("builtin_code"), table.integer("deprecated_builtin_code"))
        if not 0 <= code < len(BUILTIN_OPERATORS):
            table.fail(
                f"there is no builtin operator {code}",
                "builtin_code",
                why=f"the schema known here ends at {len(BUILTIN_OPERATORS) - 1}",
            )
        name = BUILTIN_OPERATORS[code]
        if name == _PLACEHOLDER:
            table.fail("the operator code is a placeholder", "builtin_code")
        if table.integer("version") < 1:
            table.fail(f"{name} has the impossible version {table.integer('version')}", "version")
        custom = table.string("custom_code") if name == "CUSTOM" else None
        if custom == b"":
            table.fail("a custom operator has no name", "custom_code")
        return code, name, table.integer("version"), custom

    def _outside(self, table: Table, prefix: str) -> tuple[memoryview, int]:
        """Data that ``<prefix>offset`` and ``<prefix>size`` place behind the FlatBuffer.

        Only offsets above 1 count (schema.fbs).
        """
        offset, size = table.integer(f"{prefix}offset"), table.integer(f"{prefix}size")
        if offset <= 1 or not size:
            return self.raw[:0], 0
        if offset + size > len(self.raw):
            table.fail(
                f"{size} bytes at {offset} pass the end of the file",
                f"{prefix}offset",
                hint="the file is cut off; export or copy it again",
            )
        self.outside += size
        if self.outside > self.limits.visits * len(self.raw):
            table.fail("the same bytes are referred to many times over", f"{prefix}offset")
        return self.raw[offset : offset + size], offset

    def _buffer(self, index: int, table: Table) -> Buffer:
        vector = table.vector("data")
        if vector is not None and vector.length:
            return Buffer(index, vector.data, vector.offset)
        data, offset = self._outside(table, "")
        return Buffer(index, data, offset, outside=offset > 0)

    def _metadata(self, table: Table) -> Metadata:
        buffer = table.integer("buffer")
        if buffer >= len(self.buffers):
            table.fail(f"there is no buffer {buffer}", "buffer")
        return Metadata(table.string("name"), buffer)

    def _subgraph(self, index: int, table: Table) -> Subgraph:
        tensors = tuple(
            self.tensors.read(tensor, i) for i, tensor in enumerate(table.tables("tensors"))
        )
        return Subgraph(
            index=index,
            name=table.string("name"),
            tensors=tensors,
            operators=tuple(
                self._operator(i, operator, tensors)
                for i, operator in enumerate(table.tables("operators"))
            ),
            inputs=self._indices(table, "inputs", tensors),
            outputs=self._indices(table, "outputs", tensors),
        )

    def _indices(
        self, table: Table, field: str, tensors: tuple[Tensor, ...], *, optional: bool = False
    ) -> tuple[int, ...]:
        vector = table.vector(field)
        indices = vector.numbers() if vector else ()
        lowest = -1 if optional else 0
        for position, index in enumerate(indices):
            if not lowest <= index < len(tensors):
                table.fail(
                    f"there is no tensor {index}",
                    f"{field}[{position}]",
                    why=f"the subgraph has {len(tensors)} tensors",
                )
        return indices

    def _operator(self, index: int, table: Table, tensors: tuple[Tensor, ...]) -> Operator:
        opcode = table.integer("opcode_index")
        if opcode >= len(self.codes):
            table.fail(f"there is no operator code {opcode}", "opcode_index")
        for field in ("inputs", "outputs"):
            if field not in table:
                table.fail(f"the operator has no {field}", field)
        code, name, version, custom_code = self.codes[opcode]
        options = table.table("builtin_options") or table.table("builtin_options_2")
        custom = table.vector("custom_options")
        data = custom.data if custom else self._outside(table, "large_custom_options_")[0]
        mutating = table.vector("mutating_variable_inputs")
        operator = Operator(
            index=index,
            name=name,
            code=code,
            version=version,
            inputs=self._indices(table, "inputs", tensors, optional=True),
            outputs=self._indices(table, "outputs", tensors),
            intermediates=self._indices(table, "intermediates", tensors, optional=True),
            options=read_options(options) if options else None,
            custom_code=custom_code,
            custom_options=data,
            mutating_variable_inputs=tuple(bool(b) for b in mutating.data) if mutating else (),
        )
        check_operator(table, operator, tensors)
        return operator

    def _signature(self, table: Table, model: Model) -> Signature:
        subgraph = table.integer("subgraph_index")
        if subgraph >= len(model.subgraphs):
            table.fail(f"there is no subgraph {subgraph}", "subgraph_index")
        tensors = len(model.subgraphs[subgraph].tensors)

        def names(field: str) -> tuple[tuple[bytes, int], ...]:
            for entry in table.tables(field):
                if entry.integer("tensor_index") >= tensors:
                    entry.fail(
                        f"there is no tensor {entry.integer('tensor_index')}", "tensor_index"
                    )
            return tuple((e.string("name"), e.integer("tensor_index")) for e in table.tables(field))

        return Signature(table.string("signature_key"), subgraph, names("inputs"), names("outputs"))
