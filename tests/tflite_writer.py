# SPDX-License-Identifier: Apache-2.0
"""Writes FlatBuffers of TFLite's schema from nested dicts, also ones that no converter would."""

from __future__ import annotations

import copy
import struct
from typing import Any

import flatbuffers

from gen_fw.model.flatbuffer import Field, fields_of
from gen_fw.model.schema_tables import UNIONS

#: a table: field name -> value; a union's value is (table name, table)
Fields = dict[str, Any]


def write(fields: Fields, root: str = "Model", identifier: bytes = b"TFL3") -> bytes:
    """The bytes of a FlatBuffer with root table ``root``."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root, fields), file_identifier=identifier)
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, name: str, fields: Fields) -> int:
    known = {field.name: field for field in fields_of(name)}
    ready = {key: _child(builder, known[key], value) for key, value in fields.items()}
    builder.StartObject(max((field.slot for field in known.values()), default=0) // 2)
    for key, value in ready.items():
        field = known[key]
        slot = (field.slot - 4) // 2
        if field.kind == "union":
            builder.PrependUint8Slot(slot, value[0], 0)
            builder.PrependUOffsetTRelativeSlot(slot + 1, value[1], 0)
        elif field.kind == "scalar":
            _scalar(builder, slot, field.target, value)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return int(builder.EndObject())


def _scalar(builder: flatbuffers.Builder, slot: int, letter: str, value: Any) -> None:
    size = struct.calcsize(letter)
    builder.Prep(size, 0)
    builder.head -= size
    struct.pack_into("<" + letter, builder.Bytes, builder.head, value)
    builder.Slot(slot)


def _child(builder: flatbuffers.Builder, field: Field, value: Any) -> Any:
    if field.kind == "scalar":
        return value
    if field.kind == "string":
        return builder.CreateString(value.decode("latin-1"), encoding="latin-1")
    if field.kind == "vector":
        return _vector(builder, field.target, value)
    if field.kind == "table":
        return _table(builder, field.target, value)
    if field.kind == "union":
        members = UNIONS[field.target].split()
        return members.index(value[0]) + 1, _table(builder, value[0], value[1])
    offsets = [_table(builder, field.target, entry) for entry in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _vector(builder: flatbuffers.Builder, letter: str, values: Any) -> int:
    size = struct.calcsize(letter)
    builder.StartVector(size, len(values), 16 if letter == "B" else size)
    builder.head -= size * len(values)
    struct.pack_into(f"<{len(values)}{letter}", builder.Bytes, builder.head, *values)
    return int(builder.EndVector())


#: int8 FULLY_CONNECTED [1, 2] x [3, 2] -> [1, 3], per-channel weights, no bias
DENSE: Fields = {
    "version": 3,
    "description": b"dense",
    "operator_codes": [{"deprecated_builtin_code": 9, "builtin_code": 9, "version": 2}],
    "buffers": [{}, {"data": bytes(range(6))}],
    "subgraphs": [
        {
            "name": b"main",
            "inputs": [0],
            "outputs": [2],
            "tensors": [
                {
                    "name": b"in",
                    "shape": [1, 2],
                    "shape_signature": [-1, 2],
                    "type": 9,
                    "quantization": {"scale": [0.5], "zero_point": [-3]},
                },
                {
                    "name": b"weights",
                    "shape": [3, 2],
                    "type": 9,
                    "buffer": 1,
                    "quantization": {"scale": [0.5, 0.25, 1.0], "zero_point": [0, 0, 0]},
                },
                {
                    "name": b"out",
                    "shape": [1, 3],
                    "type": 9,
                    "quantization": {"scale": [2.0], "zero_point": [5]},
                },
            ],
            "operators": [
                {
                    "opcode_index": 0,
                    "inputs": [0, 1, -1],
                    "outputs": [2],
                    "builtin_options": ("FullyConnectedOptions", {"fused_activation_function": 3}),
                }
            ],
        }
    ],
    "metadata": [{"name": b"min_runtime_version", "buffer": 1}],
    "signature_defs": [
        {
            "signature_key": b"serving_default",
            "inputs": [{"name": b"x", "tensor_index": 0}],
            "outputs": [{"name": b"y", "tensor_index": 2}],
        }
    ],
}


def edited(edits: dict[str, Any], base: Fields = DENSE) -> Fields:
    """A copy of ``base`` with values set by path, such as ``subgraphs.0.tensors.1.buffer``.

    A value of None removes the field.
    """
    fields = copy.deepcopy(base)
    for path, value in edits.items():
        *parents, last = path.split(".")
        place: Any = fields
        for part in parents:
            place = place[int(part)] if part.isdigit() else place[part]
        if value is None:
            del place[last]
        elif last.isdigit():
            place[int(last)] = value
        else:
            place[last] = value
    return fields
