# SPDX-License-Identifier: Apache-2.0
"""A verifying FlatBuffers decoder: nothing is read from the file before its place is proven.

The checks are those of the C++ verifier (google/flatbuffers, include/flatbuffers/verifier.h), and
three more: every field lies inside its table's inline size, unions have a known type, and the
bytes visited are bounded by a multiple of the file's size, because the C++ verifier can be kept
busy with many references to one vector. Data vectors are never copied or looped over. The schema
has no recursive table, so depth is bounded by the schema (tools/make_schema_tables.py refuses
another).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, NoReturn

from gen_fw.errors import ModelError
from gen_fw.model.metadata_tables import METADATA_TABLES
from gen_fw.model.schema_tables import TABLES, UNIONS

_SCHEMA = {**TABLES, **METADATA_TABLES}
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_VTABLE = struct.Struct("<HH")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is read; the defaults are far above any model for a microcontroller."""

    #: largest file
    file_bytes: int = 512 << 20
    #: FlatBuffers tables in one file
    tables: int = 50_000
    #: dimensions of a tensor
    rank: int = 32
    #: bytes visited per byte of the file, counting a byte again each time it is referred to
    visits: int = 8


DEFAULT = Limits()


class Field(NamedTuple):
    """One field of a table. ``kind``: "scalar", "vector", "string", "table", "tables", "union"."""

    name: str
    kind: str
    #: byte offset of the field's entry in the vtable (of the type's entry for a union)
    slot: int
    #: bytes of the scalar or of one vector element
    width: int
    #: struct format character; table or union name
    target: str
    default: int | float | bool
    #: name of the enum, or ""
    enum: str


@cache
def fields_of(table: str) -> tuple[Field, ...]:
    """The fields of a schema table, deprecated ones left out."""
    fields = []
    slot = 4
    for token in _SCHEMA[table].split():
        name, _, code = token.partition(":")
        code, _, default = code.partition("=")
        vector, code = code.startswith("*"), code.lstrip("*")
        letter = code[:1]
        if letter == "$":
            fields.append(Field(name, "string", slot, 4, "", 0, ""))
        elif letter == "@":
            kind = "tables" if vector else "table"
            fields.append(Field(name, kind, slot, 4, code[1:], 0, ""))
        elif letter == "|":
            fields.append(Field(name, "union", slot, 4, code[1:], 0, ""))
            slot += 2
        elif letter:
            number = float(default or 0) if letter in "fd" else int(default or 0)
            value = bool(number) if letter == "?" else number
            kind = "vector" if vector else "scalar"
            enum = code.partition(".")[2]
            fields.append(Field(name, kind, slot, struct.calcsize(letter), letter, value, enum))
        slot += 2
    return tuple(fields)


@cache
def _slots(table: str) -> tuple[int, ...]:
    """All slots of a schema table, also deprecated ones and both of a union."""
    count = sum(2 if ":|" in token else 1 for token in _SCHEMA[table].split())
    return tuple(range(4, 4 + 2 * count, 2))


@cache
def _defaults(table: str) -> dict[str, int | float | bool]:
    return {field.name: field.default for field in fields_of(table)}


class Vector(NamedTuple):
    """A verified vector of scalars: ``length`` elements of ``letter`` at byte ``offset``."""

    raw: memoryview
    offset: int
    length: int
    letter: str

    @property
    def data(self) -> memoryview:
        """The bytes, as a view into the file."""
        return self.raw[self.offset : self.offset + self.length * struct.calcsize(self.letter)]

    def numbers(self) -> tuple[Any, ...]:
        """The elements; only for vectors that are short by nature (shapes, indices, options)."""
        return struct.unpack_from(f"<{self.length}{self.letter}", self.raw, self.offset)


Value = int | float | bool | bytes | Vector


class Table:
    """A decoded table. Absent fields read as their default, None or an empty list."""

    __slots__ = ("_children", "_values", "key", "parent", "position", "type")

    def __init__(self, type_: str, position: int, parent: Table | None, key: str) -> None:
        self.type = type_
        self.position = position
        self.parent = parent
        #: place in the parent, such as ``tensors[7]``; the file's name for the root
        self.key = key
        self._values: dict[str, Value] = {}
        self._children: dict[str, list[Table]] = {}

    def __contains__(self, field: str) -> bool:
        return field in self._values or field in self._children

    def integer(self, field: str) -> int:
        value = self._values.get(field, _defaults(self.type)[field])
        assert isinstance(value, int)
        return value

    def scalar(self, field: str) -> int | float | bool:
        value = self._values.get(field, _defaults(self.type)[field])
        assert isinstance(value, int | float)
        return value

    def string(self, field: str) -> bytes:
        value = self._values.get(field, b"")
        assert isinstance(value, bytes)
        return value

    def vector(self, field: str) -> Vector | None:
        value = self._values.get(field)
        assert value is None or isinstance(value, Vector)
        return value

    def table(self, field: str) -> Table | None:
        """The table of a field, or of a union field."""
        children = self._children.get(field)
        return children[0] if children else None

    def tables(self, field: str) -> list[Table]:
        return self._children.get(field, [])

    @property
    def path(self) -> str:
        """Such as ``subgraphs[0].tensors[7]``; empty for the root."""
        keys = []
        table: Table | None = self
        while table is not None and table.parent is not None:
            keys.append(table.key)
            table = table.parent
        return ".".join(reversed(keys))

    def fail(self, what: str, field: str = "", *, why: str = "", hint: str = "") -> NoReturn:
        """Raises ModelError at this table, or at one of its fields."""
        root = self
        while root.parent is not None:
            root = root.parent
        path = ".".join(part for part in (self.path, field) if part) or "model"
        offset = self.position
        value = self._values.get(field)
        if isinstance(value, Vector):
            offset = value.offset
        elif self._children.get(field):
            offset = self._children[field][0].position
        where = f"{root.key}: {path} at byte {offset}" if root.key else f"{path} at byte {offset}"
        detail = {"file": root.key, "path": path, "offset": offset}
        raise ModelError(what, where=where, why=why, hint=hint, detail=detail)


class _Decoder:
    def __init__(self, raw: memoryview, limits: Limits) -> None:
        self.raw = raw
        self.size = len(raw)
        self.limits = limits
        self.tables = 0
        self.work = 0
        self.stack: list[Table] = []

    def run(self, type_: str, file: str) -> Table:
        root = Table(type_, 0, None, file)
        root.position = self._follow(root, "", 0)
        self.stack.append(root)
        while self.stack:
            self._fill(self.stack.pop())
        return root

    def _visit(self, table: Table, field: str, amount: int) -> None:
        """Charges ``amount`` bytes to the work budget."""
        self.work += amount
        if self.work > self.limits.visits * self.size:
            table.fail(
                "the same bytes are referred to many times over",
                field,
                why=f"more than {self.limits.visits} times the file's {self.size} bytes",
                hint="the file is damaged or hostile; export the model again",
            )

    def _follow(self, table: Table, field: str, position: int) -> int:
        """The target of the offset at ``position``, which the caller has proven to be readable."""
        (offset,) = _U32.unpack_from(self.raw, position)
        target = position + int(offset)
        if offset == 0 or target + 4 > self.size:
            _damaged(table, field, f"offset {offset} leads outside the file")
        if target & 3:
            _damaged(table, field, f"offset {offset} is not aligned")
        return target

    def _vector(self, table: Table, field: str, position: int, width: int) -> tuple[int, int]:
        """Offset of the first element and count of the vector that ``position`` refers to."""
        start = self._follow(table, field, position)
        (count,) = _U32.unpack_from(self.raw, start)
        start += 4
        if count * width > self.size - start:
            _damaged(table, field, f"{count} elements of {width} bytes pass the end of the file")
        if count and start & (width - 1):
            _damaged(table, field, f"elements of {width} bytes are not aligned")
        self._visit(table, field, 4 + count * width)
        return start, int(count)

    def _fill(self, table: Table) -> None:
        fields = fields_of(table.type)
        entries, inline = self._vtable(table, fields)
        for name, kind, slot, width, target, _, _ in fields:
            entry = entries[slot]
            if kind == "union":
                self._union(table, name, target, entry, entries[slot + 2], inline)
                continue
            if not entry:
                continue
            place = self._place(table, name, entry, width if kind == "scalar" else 4, inline)
            if kind == "scalar":
                (value,) = struct.unpack_from("<" + target, self.raw, place)
                table._values[name] = value
            elif kind == "vector":
                start, count = self._vector(table, name, place, width)
                table._values[name] = Vector(self.raw, start, count, target)
            elif kind == "string":
                start, count = self._vector(table, name, place, 1)
                end = start + count
                if end >= self.size or self.raw[end] != 0:
                    _damaged(table, name, "the string has no terminating zero")
                table._values[name] = bytes(self.raw[start:end])
            elif kind == "table":
                child = Table(target, self._follow(table, name, place), table, name)
                self._push(table, name, [child])
            else:
                self._many(table, name, target, place)

    def _vtable(self, table: Table, fields: tuple[Field, ...]) -> tuple[dict[int, int], int]:
        """Entries of the vtable by slot (0 where absent) and the table's inline size."""
        position, raw = table.position, self.raw
        (back,) = _I32.unpack_from(raw, position)
        vtable = position - back
        if vtable < 0 or vtable & 1 or vtable + 4 > self.size:
            _damaged(table, "", f"its vtable at {vtable} is outside the file or not aligned")
        size, inline = _VTABLE.unpack_from(raw, vtable)
        if size < 4 or size & 1 or vtable + size > self.size:
            _damaged(table, "", f"its vtable has an impossible size of {size}")
        if inline < 4 or position + inline > self.size:
            _damaged(table, "", f"its {inline} bytes pass the end of the file")
        slots = _slots(table.type)
        known = min(len(slots), (size - 4) // 2)
        entries = dict.fromkeys(slots, 0)
        entries.update(zip(slots, struct.unpack_from(f"<{known}H", raw, vtable + 4), strict=False))
        self._visit(table, "", 4 + 2 * known)
        return entries, inline

    def _place(self, table: Table, field: str, entry: int, width: int, inline: int) -> int:
        """Position of a field of ``width`` bytes."""
        place = table.position + entry
        if entry < 4 or entry + width > inline:
            _damaged(table, field, f"it lies outside its table of {inline} bytes")
        if place & (width - 1):
            _damaged(table, field, f"{width} bytes at {place} are not aligned")
        return place

    def _union(
        self, table: Table, field: str, union: str, kind: int, value: int, inline: int
    ) -> None:
        code = self.raw[self._place(table, field, kind, 1, inline)] if kind else 0
        if not value:
            return
        target = self._follow(table, field, self._place(table, field, value, 4, inline))
        members = UNIONS[union].split()
        if code > len(members):
            _damaged(table, field, f"its type {code} is not in {union}")
        if code:
            self._push(table, field, [Table(members[code - 1], target, table, field)])

    def _many(self, table: Table, field: str, target: str, place: int) -> None:
        start, count = self._vector(table, field, place, 4)
        self._push(
            table,
            field,
            [
                Table(target, self._follow(table, field, start + 4 * i), table, f"{field}[{i}]")
                for i in range(self._counted(table, field, count))
            ],
        )

    def _counted(self, table: Table, field: str, count: int) -> int:
        self.tables += count
        if self.tables > self.limits.tables:
            table.fail(f"the file has more than {self.limits.tables} tables", field)
        return count

    def _push(self, table: Table, field: str, children: list[Table]) -> None:
        table._children[field] = children
        self.stack.extend(children)


def _damaged(table: Table, field: str, why: str) -> NoReturn:
    table.fail(
        "the FlatBuffer is damaged", field, why=why, hint="the file is cut off or was changed"
    )


def decode(raw: memoryview, root: str, *, file: str = "", limits: Limits = DEFAULT) -> Table:
    """Verifies and decodes a FlatBuffer with root table ``root``.

    ``raw`` holds bytes; ``file`` names it in errors. Raises ModelError with byte offset and path.
    """
    if len(raw) < 8:
        raise ModelError(f"{len(raw)} bytes are too short for a FlatBuffer", where=file)
    return _Decoder(raw, limits).run(root, file)
