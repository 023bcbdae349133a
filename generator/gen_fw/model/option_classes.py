# SPDX-License-Identifier: Apache-2.0
"""Typed operator options: one frozen dataclass per options table of the schema.

The classes are made when first asked for, since a model needs few of the 150 and each costs half a
millisecond; ``options.pyi`` and ``options2.pyi`` declare them to type checkers.
"""

from __future__ import annotations

import dataclasses
from enum import IntEnum
from functools import cache
from typing import Any, dataclass_transform

from gen_fw.model import enums
from gen_fw.model.flatbuffer import Field, Table, fields_of
from gen_fw.model.schema_tables import UNIONS
from gen_fw.model.types import DType


@dataclass_transform(frozen_default=True)
@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """Base of all option classes; their fields are the schema's, with its defaults.

    Scalars are int, float, bool, an enum of gen_fw.model.enums or DType; strings and byte vectors
    are bytes; other vectors are tuples.
    """


@cache
def option_names(union: str) -> frozenset[str]:
    """Names of the options tables in ``BuiltinOptions`` or ``BuiltinOptions2``."""
    return frozenset(UNIONS[union].split())


@cache
def option_class(table: str) -> type[Options]:
    """The dataclass of an options table, such as ``Conv2DOptions``."""
    module = "options" if table in option_names("BuiltinOptions") else "options2"
    namespace: dict[str, Any] = {
        "__annotations__": {field.name: object for field in fields_of(table)},
        "__module__": f"gen_fw.model.{module}",
        "__doc__": f"Options table {table} of the schema.",
        **{field.name: _default(field) for field in fields_of(table)},
    }
    return dataclasses.dataclass(frozen=True, slots=True)(type(table, (Options,), namespace))


def _enum(name: str) -> type[IntEnum]:
    kind: type[IntEnum] = DType if name == "TensorType" else getattr(enums, name)
    return kind


def _default(field: Field) -> object:
    if field.kind == "string" or (field.kind == "vector" and field.target == "B"):
        return b""
    if field.kind == "vector":
        return ()
    return _enum(field.enum)(int(field.default)) if field.enum else field.default


def read_options(table: Table) -> Options:
    """The options of a verified table. Raises ModelError for an enum value that does not exist."""
    values: dict[str, object] = {}
    for field in fields_of(table.type):
        if field.name not in table:
            continue
        if field.kind == "string":
            values[field.name] = table.string(field.name)
            continue
        vector = table.vector(field.name) if field.kind == "vector" else None
        if vector is not None and field.target == "B":
            values[field.name] = bytes(vector.data)
            continue
        try:
            if vector is not None:
                numbers = vector.numbers()
                values[field.name] = (
                    tuple(_enum(field.enum)(n) for n in numbers) if field.enum else numbers
                )
            else:
                number = table.scalar(field.name)
                values[field.name] = _enum(field.enum)(int(number)) if field.enum else number
        except ValueError as error:
            table.fail(
                f"{table.type} has a value that the schema does not know",
                field.name,
                why=str(error),
            )
    return option_class(table.type)(**values)
