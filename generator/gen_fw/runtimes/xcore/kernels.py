# SPDX-License-Identifier: Apache-2.0
"""How much memory a tile needs for the kernels of XMOS's AI tools: an estimate from the sizes of
the library's parts (tools/make_xcore_kernels.py), without functions of the application."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from gen_fw.program import Item

_FILE = Path(__file__).resolve().parent / "data" / "kernels.json"
#: for an operator that the table does not have
_UNKNOWN = 8192


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return table


def kernel_items(kernels: Iterable[str]) -> list[Item]:
    """One line for the runtime and one for each kernel, in the order given; a part that several
    need counts for the first. Labels are those of shared code: equal ones count once."""
    table = _table()
    taken = set(table["common"])
    items = [_item("runtime of XMOS's AI tools", _bytes(taken))]
    for kernel in kernels:
        parts = table["operators"].get(kernel)
        if parts is None:
            items.append(Item(f"kernel {kernel}", _UNKNOWN, "estimate", "not measured"))
            continue
        items.append(_item(f"kernel {kernel}", _bytes(set(parts) - taken)))
        taken |= set(parts)
    return items


def server_item(server: Literal["flash", "tile"]) -> Item:
    """The code of the server of parameters."""
    return _item(f"{server} server", _bytes(set(_table()["servers"][server])))


def _bytes(parts: set[int]) -> int:
    return sum(_table()["bytes"][part] for part in parts)


def _item(label: str, size: int) -> Item:
    return Item(label, size, "estimate", str(_table()["source"]))
