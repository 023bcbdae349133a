# SPDX-License-Identifier: Apache-2.0
"""Other orders of execution of a model that need less memory at one time.

TFLM runs operators in the order of the file. What only computes outputs from inputs may move as
long as its inputs are there; whatever keeps or shares state stays in the given order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gen_fw.memory.buffers import align
from gen_fw.memory.order import Step, reorder
from gen_fw.model.lifetimes import Scratch, lifetimes
from gen_fw.model.types import Model, Operator, Subgraph
from gen_fw.runtimes.tflm.offline.alias import Alias

#: metadata that names operators by their number (TFLite's control_edges.h)
_CONTROL_DEPENDENCIES = b"model_control_dependencies"
#: run other subgraphs, or touch resource variables; custom operators are opaque
_ORDERED = frozenset(
    {"ASSIGN_VARIABLE", "CALL_ONCE", "CUSTOM", "IF", "READ_VARIABLE", "VAR_HANDLE", "WHILE"}
)


def orders(
    model: Model, scratch: Sequence[Scratch], allowed: Sequence[Alias]
) -> Iterator[tuple[int, ...]]:
    """Orders of subgraph 0 with a lower peak: when all tensors lie apart, and when those that
    ``allowed`` names may share memory. None for a model whose metadata names operators by number.
    """
    main = model.subgraphs[0]
    if any(entry.name == _CONTROL_DEPENDENCIES for entry in model.metadata):
        return
    sizes = {
        life.tensor: life.bytes
        for life in lifetimes(model)
        if life.subgraph == 0 and not main.tensors[life.tensor].is_variable
    }
    made = {tensor for operator in main.operators for tensor in operator.outputs}
    sizes = {t: size for t, size in sizes.items() if t in made or t in main.inputs}
    as_given = tuple(range(len(main.operators)))
    seen = {as_given}
    for aliases in ((), allowed):
        steps = list(_steps(main, scratch, sizes, aliases))
        inputs = [tensor for tensor in dict.fromkeys(main.inputs) if tensor in sizes]
        outputs = [tensor for tensor in dict.fromkeys(main.outputs) if tensor in sizes]
        order = reorder(steps, sizes, inputs, outputs)
        if order not in seen:
            seen.add(order)
            yield order


def _steps(
    main: Subgraph, scratch: Sequence[Scratch], sizes: dict[int, int], aliases: Sequence[Alias]
) -> Iterator[Step]:
    work = [0] * len(main.operators)
    for request in scratch:
        if request.subgraph == 0:
            work[request.operator] += align(request.bytes)
    public = {*main.inputs, *main.outputs}
    pairs: dict[int, list[tuple[int, int]]] = {}
    for alias in aliases:
        planned = alias.source in sizes and alias.result in sizes
        if planned and (alias.kind == "view" or alias.source not in public):
            pairs.setdefault(alias.operator, []).append((alias.source, alias.result))
    ordered = -1
    for operator in main.operators:
        after: tuple[int, ...] = ()
        if _keeps_order(main, operator):
            after = (ordered,) if ordered >= 0 else ()
            ordered = operator.index
        yield Step(
            reads=tuple(t for t in dict.fromkeys(operator.inputs) if t in sizes),
            writes=tuple(t for t in operator.outputs if t in sizes),
            scratch=work[operator.index],
            after=after,
            in_place=tuple(pairs.get(operator.index, ())),
        )


def _keeps_order(main: Subgraph, operator: Operator) -> bool:
    touched = (*operator.inputs, *operator.outputs)
    return operator.name in _ORDERED or any(
        tensor >= 0 and main.tensors[tensor].is_variable for tensor in touched
    )
