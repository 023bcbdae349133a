# SPDX-License-Identifier: Apache-2.0
"""The operators that this runtime has: schema name -> lowering. Modules of ``operators`` register
themselves here when they are imported."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gen_fw.runtimes.aot.layer import Alias, Site, Step

Lowering = Callable[[Site], Sequence[Step | Alias]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator of docs/aot.md's table."""

    name: str
    lower: Lowering
    types: str
    limits: str


_ENTRIES: dict[str, Entry] = {}


def operator(*names: str, types: str, limits: str = "") -> Callable[[Lowering], Lowering]:
    """Registers a lowering for operators of these schema names.

    ``types`` and ``limits`` are for the documentation. The lowering raises UnsupportedError.
    """

    def register(lower: Lowering) -> Lowering:
        for name in names:
            _ENTRIES[name] = Entry(name, lower, types, limits)
        return lower

    return register


@cache
def entries() -> Mapping[str, Entry]:
    """All operators, by schema name, sorted."""
    from gen_fw.runtimes.aot import operators

    for module in pkgutil.iter_modules(operators.__path__):
        importlib.import_module(f"{operators.__name__}.{module.name}")
    return dict(sorted(_ENTRIES.items()))
