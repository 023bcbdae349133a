# SPDX-License-Identifier: Apache-2.0
"""Changes to a ``.tflite`` file, bytes in and bytes out, that leave all else as it is.

No object API packs the file anew: what it does not know, or orders differently, would be lost.
FlatBuffers' table references are unsigned and point forward only
(google/flatbuffers, docs/source/internals.md). So a permutation of operators rewrites the
references in their vector, and new metadata goes in front: a new root table, new vectors of
references to the old buffers and metadata, then the old file, shifted by a multiple of
``SHIFT_ALIGNMENT`` so that all data keeps its alignment. The old root table and its two vectors
stay behind as dead bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from gen_fw.errors import ModelError
from gen_fw.model.flatbuffer import Table, decode, fields_of
from gen_fw.model.source import IDENTIFIER

#: at least the largest alignment that writers give data in the file (64 in some LiteRT exports)
SHIFT_ALIGNMENT = 64
#: ``force_align`` of ``Buffer.data`` (schema.fbs)
DATA_ALIGNMENT = 16

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_U64 = struct.Struct("<Q")
#: offsets that place data behind the FlatBuffer, from the start of the file: table -> field
_ABSOLUTE = {"Buffer": "offset", "Operator": "large_custom_options_offset"}


def reordered(raw: bytes | memoryview, orders: Mapping[int, Sequence[int]]) -> bytes:
    """The file with operators in another order; of the same length.

    ``orders`` maps a subgraph to its new order: element ``i`` is the old index of the operator
    that shall be the ``i``-th. Raises ModelError when ``raw`` is damaged or stores its operators in
    a way that cannot be permuted, ValueError when an order is no permutation.
    """
    subgraphs = decode(memoryview(raw), "Model").tables("subgraphs")
    vectors = [_vector(raw, subgraph, "operators") for subgraph in subgraphs]
    content = bytearray(raw)
    for number, order in orders.items():
        operators = subgraphs[number].tables("operators")
        if sorted(order) != list(range(len(operators))):
            raise ValueError(f"no permutation of {len(operators)} operators")
        if not operators:
            continue
        start = vectors[number]
        if start is None or vectors.count(start) > 1:
            raise _refused("two subgraphs share one list of operators")
        for position, old in enumerate(order):
            slot = start + 4 * position
            if operators[old].position <= slot:
                raise _refused(f"subgraphs[{number}].operators[{old}] lies before its list")
            _U32.pack_into(content, slot, operators[old].position - slot)
    return bytes(content)


def with_metadata(raw: bytes | memoryview, name: bytes, payload: bytes) -> bytes:
    """The file with a metadata entry ``name`` that holds ``payload``, instead of any it had.

    The entry takes the place and the buffer of the first of that name, if nothing else uses that
    buffer; else it comes last, with a buffer after all others. Raises ModelError when ``raw`` is
    damaged, or its root table has fields that are not in the schema known here.
    """
    root = _Root(raw)
    same = [i for i, entry in enumerate(root.metadata) if entry.string("name") == name]
    place = same[0] if same else len(root.metadata)
    buffer = root.metadata[place].integer("buffer") if same else len(root.buffers)
    if root.uses(buffer, name):
        buffer = len(root.buffers)
    entries: list[Table | None] = [e for e in root.metadata if e.string("name") != name]
    entries.insert(place, None)
    buffers: list[Table | None] = [*root.buffers]
    buffers[buffer : buffer + 1] = [None]
    return root.rebuilt(buffers, entries, name, buffer, payload)


def without_metadata(raw: bytes | memoryview, name: bytes) -> bytes:
    """The file without metadata entries ``name``; as it is when it has none.

    Their buffers stay, because buffers go by number, except at the end of the list. Raises
    ModelError like ``with_metadata``.
    """
    root = _Root(raw)
    kept = [entry for entry in root.metadata if entry.string("name") != name]
    if len(kept) == len(root.metadata):
        return bytes(raw)
    gone = {e.integer("buffer") for e in root.metadata if e.string("name") == name}
    buffers = list(root.buffers)
    while len(buffers) - 1 in gone and not root.uses(len(buffers) - 1, name):
        buffers.pop()
    return root.rebuilt(buffers, kept)


class _Root:
    """The root table of a verified file, ready to be written anew in front of it."""

    def __init__(self, raw: bytes | memoryview) -> None:
        self.raw = raw
        self.table = decode(memoryview(raw), "Model")
        self.buffers = self.table.tables("buffers")
        self.metadata = self.table.tables("metadata")
        entries = _entries(raw, self.table)
        known = {field.slot for field in fields_of("Model")}
        unknown = [slot for slot, entry in entries.items() if entry and slot not in known]
        if unknown:
            raise _refused(f"its root table has {len(unknown)} fields of a newer schema")
        #: inline position of each field that is present
        self.fields = {
            field.name: (field, self.table.position + entries[field.slot])
            for field in fields_of("Model")
            if entries.get(field.slot)
        }

    def uses(self, buffer: int, name: bytes) -> bool:
        """Whether anything but metadata of that name refers to the buffer; 0 is everyone's."""
        return (
            buffer == 0
            or any(
                tensor.integer("buffer") == buffer
                for subgraph in self.table.tables("subgraphs")
                for tensor in subgraph.tables("tensors")
            )
            or any(
                entry.integer("buffer") == buffer and entry.string("name") != name
                for entry in self.metadata
            )
        )

    def rebuilt(
        self,
        buffers: Sequence[Table | None],
        entries: Sequence[Table | None],
        name: bytes = b"",
        buffer: int = 0,
        payload: bytes = b"",
    ) -> bytes:
        """The new front and the old file. None stands for the new entry and the new buffer."""
        # The front, whose parts refer to later ones only: file header, vtable, root, the two
        # vectors, then for a new entry its table, its buffer's table, name and payload.
        slots = {field.name: field for field in fields_of("Model")}
        present = [*self.fields, *({"metadata"} - set(self.fields) if entries else ())]
        inline = {key: 4 + 4 * i for i, key in enumerate(present)}
        vtable = 8
        entry_bytes = max(slots[key].slot for key in present) + 2
        root = _up(vtable + entry_bytes, 4)
        buffers_at = root + 4 + 4 * len(present)
        metadata_at = buffers_at + 4 + 4 * len(buffers)
        added_at = metadata_at + 4 + 4 * len(entries)
        added, targets = _entry(added_at, name, buffer, payload) if None in entries else (b"", {})
        shift = _up(added_at + len(added), SHIFT_ALIGNMENT)

        front = bytearray(shift)
        _U32.pack_into(front, 0, root)
        front[4:8] = IDENTIFIER
        struct.pack_into("<HH", front, vtable, entry_bytes, 4 + 4 * len(present))
        _I32.pack_into(front, root, root - vtable)
        for key, place in inline.items():
            _U16.pack_into(front, vtable + slots[key].slot, place)
            own = {"buffers": buffers_at, "metadata": metadata_at}.get(key)
            if own is None:
                _, old = self.fields[key]
                (own,) = _U32.unpack_from(self.raw, old)
                if slots[key].kind == "scalar":
                    _U32.pack_into(front, root + place, own)
                    continue
                own += old + shift
            _U32.pack_into(front, root + place, own - root - place)
        for kind, start, tables in (
            ("Buffer", buffers_at, buffers),
            ("Metadata", metadata_at, entries),
        ):
            _U32.pack_into(front, start, len(tables))
            for slot, table in enumerate(tables, 1):
                target = targets[kind] if table is None else table.position + shift
                _U32.pack_into(front, start + 4 * slot, target - start - 4 * slot)
        front[added_at : added_at + len(added)] = added
        return bytes(front + self._shifted(shift))

    def _shifted(self, shift: int) -> bytearray:
        """The old file, with the offsets that count from the start of the file moved."""
        content = bytearray(self.raw)
        operators = [o for s in self.table.tables("subgraphs") for o in s.tables("operators")]
        for table in {table.position: table for table in (*self.buffers, *operators)}.values():
            field = _ABSOLUTE[table.type]
            offset = table.integer(field)
            if offset > 1:  # smaller ones mean "none" (schema.fbs)
                place = table.position + _entries(self.raw, table)[_slot(table, field)]
                _U64.pack_into(content, place, offset + shift)
        return content


def _entry(start: int, name: bytes, buffer: int, payload: bytes) -> tuple[bytes, dict[str, int]]:
    """A Metadata table and its Buffer at file position ``start``, and where both tables are."""
    # both tables have two fields of 4 bytes: vtable of 8 bytes, then the table
    metadata = start + 8
    data_table = metadata + 12 + 8
    text = data_table + 8
    data = _up(text + 4 + len(name) + 1 + 4, DATA_ALIGNMENT)
    content = bytearray(data + len(payload) - start)

    def put(position: int, form: str, *values: int) -> None:
        struct.pack_into(form, content, position - start, *values)

    put(metadata - 8, "<HHHH", 8, 12, 4, 8)
    put(metadata, "<iII", 8, text - metadata - 4, buffer)
    put(data_table - 8, "<HHHH", 6, 8, 4, 0)
    put(data_table, "<iI", 8, data - 4 - data_table - 4)
    put(text, "<I", len(name))
    content[text + 4 - start : text + 4 + len(name) - start] = name
    put(data - 4, "<I", len(payload))
    content[data - start :] = payload
    return bytes(content), {"Metadata": metadata, "Buffer": data_table}


def _entries(raw: bytes | memoryview, table: Table) -> dict[int, int]:
    """Vtable slot -> inline offset (0: absent) of a verified table, unknown slots too."""
    (back,) = _I32.unpack_from(raw, table.position)
    vtable = table.position - back
    (size,) = _U16.unpack_from(raw, vtable)
    slots = range(4, size, 2)
    return dict(zip(slots, struct.unpack_from(f"<{len(slots)}H", raw, vtable + 4), strict=True))


def _slot(table: Table, name: str) -> int:
    return next(field.slot for field in fields_of(table.type) if field.name == name)


def _vector(raw: bytes | memoryview, table: Table, name: str) -> int | None:
    """Position of the first element of a verified table's vector; None when it has none."""
    entry = _entries(raw, table).get(_slot(table, name), 0)
    if not entry:
        return None
    place = table.position + entry
    (offset,) = _U32.unpack_from(raw, place)
    return int(place + offset + 4)


def _up(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _refused(why: str) -> ModelError:
    return ModelError(
        "the model cannot be rewritten",
        why=why,
        hint="use the model as it is, or export it again with a current converter",
    )
