# SPDX-License-Identifier: Apache-2.0
"""Questions about a model's graph: who produces and consumes a tensor, who calls whom, state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

from gen_fw.model.types import Model, Operator, Subgraph, Tensor

#: custom operators that keep state between invocations (signal/micro/kernels and
#: micro/kernels/circular_buffer.cc of tflite-micro)
_STATEFUL_CUSTOM = frozenset(
    {
        b"CIRCULAR_BUFFER",
        b"SignalDelay",
        b"SignalFilterBankSpectralSubtraction",
        b"SignalFramer",
        b"SignalOverlapAdd",
        b"SignalStacker",
    }
)


def called_subgraphs(operator: Operator) -> tuple[int, ...]:
    """Subgraph indices that the operator's options name (IF, WHILE, CALL_ONCE, ...).

    The schema calls these fields ``*subgraph*`` and ``called_computations``.
    """
    options = operator.options
    if options is None or not is_dataclass(options):
        return ()
    found: list[int] = []
    for field in fields(options):
        if "subgraph" in field.name or field.name == "called_computations":
            value = getattr(options, field.name)
            found.extend(value if isinstance(value, tuple) else (value,))
    return tuple(found)


def producers(subgraph: Subgraph) -> Mapping[int, Operator]:
    """Tensor index -> the operator that writes it."""
    return {tensor: operator for operator in subgraph.operators for tensor in operator.outputs}


def consumers(subgraph: Subgraph) -> Mapping[int, tuple[Operator, ...]]:
    """Tensor index -> the operators that read it, in execution order, each once."""
    found: dict[int, list[Operator]] = {}
    for operator in subgraph.operators:
        for tensor in dict.fromkeys(operator.inputs):
            if tensor >= 0:
                found.setdefault(tensor, []).append(operator)
    return {tensor: tuple(operators) for tensor, operators in found.items()}


def constants(model: Model, subgraph: Subgraph) -> tuple[Tensor, ...]:
    """The tensors of a subgraph whose data is in the file."""
    return tuple(tensor for tensor in subgraph.tensors if model.is_constant(tensor))


def variables(subgraph: Subgraph) -> tuple[Tensor, ...]:
    """The tensors that keep their value between invocations (LSTM and SVDF states)."""
    return tuple(tensor for tensor in subgraph.tensors if tensor.is_variable)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource variable, shared by all VAR_HANDLE operators with these names."""

    container: bytes
    shared_name: bytes


def resource_of(operator: Operator) -> Resource:
    """The resource variable that a VAR_HANDLE operator names."""
    options = operator.options
    return Resource(getattr(options, "container", b""), getattr(options, "shared_name", b""))


def resources(model: Model) -> tuple[Resource, ...]:
    """The distinct resource variables of a model, in order of first use."""
    found: dict[Resource, None] = {}
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            if operator.name == "VAR_HANDLE":
                found[resource_of(operator)] = None
    return tuple(found)


def reachable(model: Model, start: int = 0) -> tuple[int, ...]:
    """Indices of the subgraphs that an invocation of ``start`` can reach, itself included."""
    found, stack = {start}, [start]
    while stack:
        for operator in model.subgraphs[stack.pop()].operators:
            for callee in called_subgraphs(operator):
                if callee not in found:
                    found.add(callee)
                    stack.append(callee)
    return tuple(sorted(found))


def is_stateful(model: Model) -> bool:
    """True when an invocation can see what an earlier one left behind: variables, resource
    variables, and the own state of custom operators."""
    return (
        bool(resources(model))
        or any(variables(subgraph) for subgraph in model.subgraphs)
        or any(
            operator.custom_code in _STATEFUL_CUSTOM
            for subgraph in model.subgraphs
            for operator in subgraph.operators
        )
    )
