# SPDX-License-Identifier: Apache-2.0
"""The graph of a model: every tensor is available before it is read, is written once, and no
subgraph calls itself. The rules are those of LiteRT's strict verifier (google-ai-edge/LiteRT,
tflite/core/tools/verifier.cc) plus the call graph, which it does not check."""

from __future__ import annotations

from typing import NoReturn

from gen_fw.errors import ModelError
from gen_fw.model.graph import called_subgraphs
from gen_fw.model.notes import Notes
from gen_fw.model.types import Model, Operator, Subgraph

#: inputs that may be omitted (-1), by position; None: all
_LSTM = frozenset({1, 5, 9, 10, 11, 12, 16, 17, 18, 19, 20, 21, 22, 23})
_OPTIONAL: dict[str, frozenset[int] | None] = {
    "CONV_2D": frozenset({2}),
    "DEPTHWISE_CONV_2D": frozenset({2}),
    "CONV_3D": frozenset({2}),
    "CONV_3D_TRANSPOSE": frozenset({3}),
    "FULLY_CONNECTED": frozenset({2}),
    "TRANSPOSE_CONV": frozenset({3}),
    "SVDF": frozenset({3}),
    "LSTM": _LSTM,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _LSTM,
    "BIDIRECTIONAL_SEQUENCE_LSTM": None,
    "BIDIRECTIONAL_SEQUENCE_RNN": None,
    "CUSTOM": None,
    "WHILE": None,
    "STABLEHLO_COMPOSITE": None,
}
_CALLERS = frozenset({"IF", "WHILE", "CALL_ONCE", "CALL", "STABLEHLO_COMPOSITE"})


def check_graph(model: Model, file: str, notes: Notes) -> None:
    """Raises ModelError, with the path of the operator, for a graph that cannot run."""
    if not any(subgraph.operators for subgraph in model.subgraphs):
        raise ModelError(
            "no operators",
            where=file,
            why="an empty model computes nothing",
            hint="export the model again",
        )
    for subgraph in model.subgraphs:
        _check_order(model, subgraph, file)
    for position, tensor in enumerate(model.subgraphs[0].inputs):
        if model.is_constant(model.subgraphs[0].tensors[tensor]):
            notes.add(
                "an input is a constant, so that it cannot be set",
                where=f"subgraphs[0].inputs[{position}]",
                why="its data is in the file",
            )
    _check_calls(model, file)


def _fail(file: str, path: str, what: str, why: str = "") -> NoReturn:
    where = f"{file}: {path}" if file else path
    raise ModelError(what, where=where, why=why, detail={"file": file, "path": path})


def _check_order(model: Model, subgraph: Subgraph, file: str) -> None:
    place = f"subgraphs[{subgraph.index}]"
    given = dict.fromkeys(subgraph.inputs, "a subgraph input")
    for tensor in subgraph.tensors:
        if model.is_constant(tensor):
            given[tensor.index] = "a constant"
        elif tensor.is_variable:
            given[tensor.index] = "a variable"
    empty = {tensor.index for tensor in subgraph.tensors if tensor.elements == 0}
    for operator in subgraph.operators:
        path = f"{place}.operators[{operator.index}]"
        for position, tensor_index in enumerate(operator.inputs):
            if tensor_index == -1:
                _check_optional(operator, position, file, path)
            elif (
                tensor_index not in given
                and tensor_index not in empty
                # vendor compilers pass scratch memory as an input (ethos-u, XC_conv2d_v2)
                and operator.custom_code is None
            ):
                _fail(
                    file,
                    f"{path}.inputs[{position}]",
                    f"tensor {tensor_index} is read before anything writes it",
                    operator.label,
                )
        for position, tensor_index in enumerate(operator.outputs):
            # Vela lists the state that its operator keeps as outputs too
            state = given.get(tensor_index) == "a variable" and operator.custom_code is not None
            if tensor_index in given and not state:
                _fail(
                    file,
                    f"{path}.outputs[{position}]",
                    f"tensor {tensor_index} is written, but it is {given[tensor_index]}",
                    operator.label,
                )
            if not state:
                given[tensor_index] = f"the output of operator {operator.index}"
    for position, tensor_index in enumerate(subgraph.outputs):
        if tensor_index not in given and tensor_index not in empty:
            _fail(file, f"{place}.outputs[{position}]", f"nothing writes tensor {tensor_index}")


def _check_optional(operator: Operator, position: int, file: str, path: str) -> None:
    allowed = _OPTIONAL.get(operator.name, frozenset())
    if allowed is not None and position not in allowed:
        _fail(
            file,
            f"{path}.inputs[{position}]",
            f"{operator.name} needs its input {position}",
            "the tensor index is -1",
        )


def _check_signature(model: Model, operator: Operator, file: str, path: str) -> None:
    """Operators and the subgraphs that they call have the same number of tensors.

    IF passes all inputs but the condition; the condition of a WHILE has one output
    (tensorflow/lite/micro/kernels/if.cc and while.cc of tflite-micro check the same).
    """
    given, returned = len(operator.inputs), len(operator.outputs)
    callees = [model.subgraphs[index] for index in called_subgraphs(operator)]
    wanted: list[tuple[int, int]] = []
    if operator.name == "IF":
        wanted = [(given - 1, returned)] * 2
    elif operator.name == "WHILE":
        wanted = [(given, 1), (given, returned)]
        if given != returned:
            _fail(file, path, f"WHILE has {given} inputs and {returned} outputs")
    elif operator.name == "STABLEHLO_COMPOSITE":
        wanted = [(given, returned)]
    elif operator.name == "CALL_ONCE":
        wanted = [(0, 0)]
    for callee, counts in zip(callees, wanted, strict=False):
        if (len(callee.inputs), len(callee.outputs)) != counts:
            _fail(
                file,
                path,
                f"{operator.name} does not fit subgraph {callee.index}",
                f"{len(callee.inputs)} inputs and {len(callee.outputs)} outputs there, "
                f"{counts[0]} and {counts[1]} here",
            )


def _check_calls(model: Model, file: str) -> None:
    """Kahn's algorithm: a subgraph is done once all that it calls are; a rest is a cycle."""
    calls: dict[int, set[int]] = {}
    for subgraph in model.subgraphs:
        callees = calls.setdefault(subgraph.index, set())
        for operator in subgraph.operators:
            path = f"subgraphs[{subgraph.index}].operators[{operator.index}]"
            if operator.name in _CALLERS and operator.options is None:
                _fail(file, path, f"{operator.name} has no options")
            for callee in called_subgraphs(operator):
                if not 0 <= callee < len(model.subgraphs):
                    _fail(
                        file, path, f"{operator.name} calls subgraph {callee}, which is not there"
                    )
                callees.add(callee)
            _check_signature(model, operator, file, path)
    callers: dict[int, list[int]] = {index: [] for index in calls}
    for caller, callees in calls.items():
        for callee in callees:
            callers[callee].append(caller)
    ready = [index for index, callees in calls.items() if not callees]
    while ready:
        done = ready.pop()
        for caller in callers[done]:
            calls[caller].discard(done)
            if not calls[caller]:
                ready.append(caller)
        calls.pop(done)
    if calls:
        cycle = ", ".join(str(index) for index in sorted(calls))
        _fail(
            file,
            f"subgraphs[{min(calls)}]",
            "subgraphs call each other without end",
            f"subgraphs {cycle}",
        )
