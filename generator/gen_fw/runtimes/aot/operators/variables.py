# SPDX-License-Identifier: Apache-2.0
"""Resource variables: VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gen_fw.model.graph import Resource, resource_of
from gen_fw.model.lifetimes import entered_subgraphs
from gen_fw.model.types import DType, Model, Operator, Subgraph, Tensor
from gen_fw.runtimes.aot.layer import C_TYPES, Bound, Site, StateArgument, Step
from gen_fw.runtimes.aot.state import Slot
from gen_fw.runtimes.aot.table import operator


@operator("VAR_HANDLE", types="any", limits="no code")
def handle(site: Site) -> Sequence[Step]:
    site.of_type(site.output(), DType.RESOURCE, DType.INT32)
    return []


@operator("READ_VARIABLE", types="any", limits="a handle of the same subgraph")
def read(site: Site) -> Sequence[Step | Bound]:
    """A copy, or the variable itself while nothing changes it: MicroResourceVariables::Read."""
    target = site.of_type(site.output(), *C_TYPES)
    slot = _slot(site)
    site.require(target.bytes == slot.bytes, "a variable of another size")
    if target.index not in site.subgraph.outputs and not _changed(site, target, slot):
        return [Bound(target.index, slot)]
    return [
        Step(
            "copy_bytes",
            {"bytes": slot.bytes},
            (
                StateArgument("input", C_TYPES[target.dtype], slot, written=False),
                site.writes("output", target),
            ),
            f"{slot.bytes} bytes",
        )
    ]


@operator("ASSIGN_VARIABLE", types="any", limits="a handle of the same subgraph")
def assign(site: Site) -> Sequence[Step]:
    """MicroResourceVariables::Assign."""
    source = site.of_type(site.input(1), *C_TYPES)
    site.require(not site.operator.outputs, "an output")
    slot = _slot(site)
    site.require(source.bytes == slot.bytes, "a variable of another size")
    return [
        Step(
            "copy_bytes",
            {"bytes": slot.bytes},
            (site.reads("input", source), StateArgument("output", C_TYPES[source.dtype], slot)),
            f"{slot.bytes} bytes",
        )
    ]


def _slot(site: Site) -> Slot:
    """The variable of the operator's handle. TFLM makes it when the first ASSIGN_VARIABLE of the
    model is prepared, with the zero point of that value in every byte."""
    mine = _resource(site.subgraph, site.operator)
    if mine is None:
        site.refuse("a handle that comes from another subgraph")
    for number, value in _assigned(site.model):
        other = _resource(*number)
        if other is not None and _same(mine, other):
            fill = value.quantization.zero_point[0] & 0xFF if value.quantization else 0
            alignment = max(4, value.dtype.bits // 8)
            return Slot(("resource", other.shared_name), value.bytes, fill, alignment)
    site.refuse("a variable that nothing is assigned to")


def _resource(subgraph: Subgraph, operator: Operator) -> Resource | None:
    """What the first input of an operator is a handle of."""
    for other in subgraph.operators:
        if other.name == "VAR_HANDLE" and other.outputs[:1] == operator.inputs[:1]:
            return resource_of(other)
    return None


def _same(one: Resource, other: Resource) -> bool:
    """MicroResourceVariables::FindId: containers that are left out match all."""
    containers = one.container, other.container
    alike = b"" in containers or containers[0] == containers[1]
    return alike and one.shared_name == other.shared_name


def _assigned(model: Model) -> Iterator[tuple[tuple[Subgraph, Operator], Tensor]]:
    for subgraph in model.subgraphs:
        for other in subgraph.operators:
            if other.name == "ASSIGN_VARIABLE" and len(other.inputs) == 2 and other.inputs[1] >= 0:
                yield (subgraph, other), subgraph.tensors[other.inputs[1]]


def _changed(site: Site, value: Tensor, slot: Slot) -> bool:
    """Whether the variable may change before the last use of what was read."""
    last = max(
        (other.index for other in site.subgraph.operators if value.index in other.inputs),
        default=site.operator.index,
    )
    mine = _resource(site.subgraph, site.operator)
    for other in site.subgraph.operators[site.operator.index + 1 : last + 1]:
        if other.name == "ASSIGN_VARIABLE":
            theirs = _resource(site.subgraph, other)
            if theirs is None or mine is None or _same(mine, theirs):
                return True
        for index in entered_subgraphs(other):
            callee = site.callees.get(index)
            if callee is None or any(kept.key == slot.key for kept in callee.state):
                return True
    return False
