# SPDX-License-Identifier: Apache-2.0
"""Integers out of the FlexBuffer map that holds a custom operator's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gen_fw.errors import ModelError
from gen_fw.model.types import Operator

#: options of the known custom operators are a few dozen bytes
_MAX_BYTES = 4096


def integers(subgraph: int, operator: Operator) -> Mapping[str, int]:
    """Key -> value of all integer entries.

    Raises ModelError when the options are no FlexBuffer map.
    """
    return {key: value for key, value in _entries(subgraph, operator) if isinstance(value, int)}


def numbers(subgraph: int, operator: Operator) -> Mapping[str, int | float]:
    """Key -> value of all entries that are numbers.

    Raises ModelError when the options are no FlexBuffer map.
    """
    return {key: value for key, value in _entries(subgraph, operator) if value is not None}


def elements(subgraph: int, operator: Operator) -> tuple[int, ...]:
    """The values in order of their keys, 0 for what is no integer: TFLM's FlexbufferWrapper reads
    options by position.

    Raises ModelError when the options are no FlexBuffer map.
    """
    return tuple(
        value if isinstance(value, int) else 0 for _, value in _entries(subgraph, operator)
    )


def _entries(subgraph: int, operator: Operator) -> list[tuple[str, int | float | None]]:
    from flatbuffers import flexbuffers

    data = bytes(operator.custom_options[: _MAX_BYTES + 1])
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
        root = flexbuffers.GetRoot(data)
        if not root.IsMap:
            raise ValueError("not a map")
        entries = root.AsMap
        keys = [str(key.AsKey) for key in entries.Keys]
        values = list(entries.Values)
        return [(key, _number(value)) for key, value in zip(keys, values, strict=True)]
    except Exception as error:  # the parser trusts its input and raises whatever it meets
        raise ModelError(
            "unreadable options of a custom operator",
            where=f"subgraphs[{subgraph}].operators[{operator.index}] {operator.label}",
            why=str(error) or type(error).__name__,
            hint="the model file is damaged; convert it again",
        ) from error


def _number(value: Any) -> int | float | None:
    if value.IsInt or value.IsBool:
        return int(value.AsInt)
    return float(value.AsFloat) if value.IsFloat else None
