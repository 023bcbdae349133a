# SPDX-License-Identifier: Apache-2.0
"""Which element types, counts, ranks and constant inputs a kernel accepts: data/types.json.

A slot is ``in0``, ``in1`` … or ``out0`` …; ``in*`` and ``out*`` stand for all others. A kernel
accepts an operator when one of its alternatives fits every slot that is present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gen_fw.model.types import DType, Model, Operator, Subgraph, Tensor

Alternative = Mapping[str, frozenset[str]]


def slots(subgraph: Subgraph, operator: Operator) -> dict[str, Tensor]:
    """Slot name -> tensor; omitted optional inputs have no slot."""
    found: dict[str, Tensor] = {}
    for prefix, indices in (("in", operator.inputs), ("out", operator.outputs)):
        for position, index in enumerate(indices):
            if index >= 0:
                found[f"{prefix}{position}"] = subgraph.tensors[index]
    return found


def type_name(dtype: DType) -> str:
    """The name that types.json and users see: int8, float32, …"""
    return dtype.name.lower()


def _alternatives(rows: Sequence[Mapping[str, str]]) -> Iterator[Alternative]:
    """Rows of types.json with ``same``/``each`` spelled out, one alternative per type."""
    for row in rows:
        fixed = {
            slot: frozenset(types.split())
            for slot, types in row.items()
            if slot not in ("same", "each")
        }
        if "same" not in row:
            yield fixed
            continue
        for each in row["each"].split():
            if all(each in fixed[slot] for slot in row["same"].split() if slot in fixed):
                yield {**fixed, **dict.fromkeys(row["same"].split(), frozenset((each,)))}


def _wanted(alternative: Alternative, slot: str) -> frozenset[str] | None:
    """Types that an alternative wants of a slot; None when it does not say."""
    return alternative.get(slot) or alternative.get(slot.rstrip("0123456789") + "*")


def _misfits(alternative: Alternative, present: Mapping[str, Tensor]) -> list[str]:
    misfits = []
    for slot, tensor in present.items():
        wanted = _wanted(alternative, slot)
        if wanted is not None and type_name(tensor.dtype) not in wanted:
            misfits.append(slot)
    return misfits


def spoken(slot: str) -> str:
    """in2 -> input 2."""
    kind = "input" if slot.startswith("in") else "output"
    return f"{kind} {slot.lstrip('inout')}"


def type_misfit(
    spec: Mapping[str, Any], kernels: str, present: Mapping[str, Tensor]
) -> tuple[str, str] | None:
    """None when the kernel takes these types, else (what is wrong, what it would take)."""
    rows = spec["esp_nn"] if kernels == "esp_nn" and "esp_nn" in spec else spec["types"]
    alternatives = list(_alternatives(rows))
    if not alternatives:
        return None
    ranked = sorted(
        ((_misfits(a, present), i, a) for i, a in enumerate(alternatives)),
        key=lambda entry: (len(entry[0]), entry[1]),
    )
    misfits, _, nearest = ranked[0]
    if not misfits:
        return None
    given = ", ".join(
        f"{spoken(slot)} {type_name(tensor.dtype)}" for slot, tensor in present.items()
    )
    wrong = [
        f"{spoken(slot)} is {type_name(present[slot].dtype)}, not "
        + " or ".join(sorted(_wanted(nearest, slot) or ()))
        for slot in misfits
    ]
    first = sorted({t for a in alternatives for t in _wanted(a, _data_slot(present)) or ()})
    return f"{'; '.join(wrong)} (given: {given})", ", ".join(first)


def _data_slot(present: Mapping[str, Tensor]) -> str:
    """The slot whose types are worth naming as the kernel's choice."""
    return "in0" if "in0" in present else "out0"


def shape_misfits(
    spec: Mapping[str, Any], model: Model, operator: Operator, present: Mapping[str, Tensor]
) -> Iterator[str]:
    """Wrong counts and ranks, and inputs that must be constant but are not."""
    for kind, given in (("inputs", len(operator.inputs)), ("outputs", len(operator.outputs))):
        low, high = spec.get(kind, (0, None))
        if given < low or (high is not None and given > high):
            wanted = f"{low}" if low == high else f"{low} to {high}" if high else f"at least {low}"
            yield f"it has {given} {kind}, the kernel takes {wanted}"
    for slot, (low, high) in spec.get("rank", {}).items():
        if slot in present:
            rank = len(present[slot].shape)
            if rank < low or (high is not None and rank > high):
                wanted = f"{low}" if low == high else f"{low} to {'any' if high is None else high}"
                yield f"{spoken(slot)} has {rank} dimensions, the kernel takes {wanted}"
    for position in spec.get("constant", ()):
        tensor = present.get(f"in{position}")
        if tensor is not None and not model.is_constant(tensor):
            yield f"input {position} is computed at run time, the kernel needs it constant"
