# SPDX-License-Identifier: Apache-2.0
"""The operators that this runtime has: schema name -> lowering. Modules of ``operators`` register
themselves here when they are imported."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.layer import Alias, Bound, Site, Step, UnsupportedError

Lowering = Callable[[Site], Sequence[Step | Alias | Bound]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One lowering of an operator. ``of``: the element types of the operator's first input (of its
    output, when it has no input) that this lowering is for; empty: all that no other one is for."""

    name: str
    lower: Lowering
    types: str
    limits: str
    of: frozenset[DType]


_ENTRIES: dict[str, list[Entry]] = {}


def operator(
    *names: str, types: str, limits: str = "", of: Sequence[DType] = ()
) -> Callable[[Lowering], Lowering]:
    """Registers a lowering for operators of these schema names, custom ones as CUSTOM:name, and
    first inputs of types ``of``.

    ``types`` and ``limits`` are for the documentation. The lowering raises UnsupportedError.
    """

    def register(lower: Lowering) -> Lowering:
        for name in names:
            _ENTRIES.setdefault(name, []).append(Entry(name, lower, types, limits, frozenset(of)))
        return lower

    return register


@cache
def entries() -> Mapping[str, Sequence[Entry]]:
    """All lowerings, by schema name, sorted; the one for all types last."""
    from gen_fw.runtimes.aot import operators

    for module in pkgutil.iter_modules(operators.__path__):
        importlib.import_module(f"{operators.__name__}.{module.name}")
    return {
        name: sorted(_ENTRIES[name], key=lambda entry: (not entry.of, sorted(entry.of)))
        for name in sorted(_ENTRIES)
    }


def lowering(site: Site) -> Lowering:
    """The lowering for an operator in its model. Raises UnsupportedError when there is none."""
    known = entries().get(site.operator.label)
    if known is None:
        raise UnsupportedError("this runtime has no such operator")
    dtype = _first(site)
    for entry in known:
        if not entry.of or dtype in entry.of:
            return entry.lower
    raise UnsupportedError(
        f"{dtype.name.lower() if dtype else 'nothing'} instead of "
        + " or ".join(entry.types for entry in known)
    )


def _first(site: Site) -> DType | None:
    """Element type of the first input, or of the output of an operator without inputs."""
    tensor = site.optional(0)
    if tensor is None and site.operator.outputs:
        tensor = site.output()
    return tensor.dtype if tensor else None
