# SPDX-License-Identifier: Apache-2.0
"""Model -> Program of generated C: every operator by its module, then memory, then text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from gen_fw.boards.board import Board
from gen_fw.errors import ModelError
from gen_fw.memory.buffers import align
from gen_fw.model.macs import operator_macs
from gen_fw.model.types import Model
from gen_fw.program import ArenaPlan, Constant, Item, Program, Region, Requires, Source
from gen_fw.runtimes.aot.calls import Body, Call
from gen_fw.runtimes.aot.layer import (
    DataArgument,
    ScratchArgument,
    Site,
    StateArgument,
    Step,
    TensorArgument,
)
from gen_fw.runtimes.aot.memory import Memory
from gen_fw.runtimes.aot.sets import SETS
from gen_fw.runtimes.aot.state import State
from gen_fw.runtimes.aot.subgraphs import (
    Function,
    Functions,
    RefusedError,
    make_functions,
)
from gen_fw.runtimes.aot.target import Target, target_on
from gen_fw.runtimes.io import interface
from gen_fw.runtimes.planned import arena_plan

#: bytes of machine code per line of kernel text, roughly, at -O2 (docs/aot.md)
_CODE_PER_LINE = 10
#: advised stack of the task that calls the program, bytes
_STACK_BYTES = 2048


class Choices(Protocol):
    """The part of a request's options that this runtime reads."""

    @property
    def optimise(self) -> Literal["speed", "size"]: ...

    @property
    def kernels(self) -> str: ...


@dataclass(frozen=True, slots=True)
class AotOptions:
    """What the user may choose."""

    optimise: Literal["speed", "size"] = "speed"
    #: "auto" (or empty), "portable", "cmsis_nn", "esp_nn"
    kernels: str = ""


def lower(model: Model, name: str, board: Board, options: Choices) -> Program:
    """The program that runs ``model`` as generated C on ``board``.

    Raises ModelError with all operators that this runtime does not have, UsageError for kernels
    that the board does not have.
    """
    from gen_fw.runtimes.aot.emit import emit  # Jinja and numpy

    target = target_on(board, options.optimise, options.kernels)
    inputs, outputs = interface(model)
    functions = lowered(model, target, board)
    main, memory, state = functions.main.subgraph, functions.main.memory, functions.state
    shared = align(memory.plan.bytes)
    bodies = [body_of(model, part, state) for part in functions.made]
    sources = emit(name, bodies, target, shared, state)
    arena = max(align(shared + state.bytes), 16)
    places = dict(memory.tensors)
    for tensor, slot in functions.main.homes.items():
        places[tensor] = shared + state.offset(slot)
    used = {step.kernels for part in functions.made for step in part.memory.steps}
    libraries = tuple(name for name in ("cmsis_nn", "esp_nn") if name in used)
    return Program(
        name=name,
        runtime="aot",
        kernels=libraries[0] if libraries else "portable",
        inputs=inputs,
        outputs=outputs,
        regions=(
            Region(
                "arena",
                "tensor arena",
                arena,
                16,
                "static",
                "exact",
                _items(memory, arena, state.bytes),
            ),
            Region(
                "model",
                "weights and tables",
                align(sources.constant_bytes),
                16,
                "static",
                "exact",
            ),
            Region(
                "code",
                "kernels",
                sources.code_lines * _CODE_PER_LINE,
                16,
                "static",
                "estimate",
            ),
        ),
        constants=(Constant("model", model.raw),),
        sources=tuple(Source(path, text.encode()) for path, text in sources.files.items()),
        requires=Requires(kernels=libraries, libraries=("m",) if sources.mathematics else ()),
        adapter={
            "arena_bytes": {"target": arena, "host64": arena},
            "needed_bytes": arena,
            "state_bytes": arena - shared if state.bytes else 0,
            "ends_early": _counters(functions, shared),
            "inputs": [{"offset": places[tensor]} for tensor in main.inputs],
            "outputs": [{"offset": places[tensor]} for tensor in main.outputs],
            "kernel_files": list(sources.kernel_files),
            "operators": len(main.operators),
            "resolver": [],
            "custom_ops": [],
            "resource_variables": 0,
            "subgraphs": len(functions.made),
            "tensors": [
                {"tensor": tensor, "offset": offset, "bytes": main.tensors[tensor].bytes}
                for tensor, offset in sorted(memory.tensors.items())
            ],
        },
        report=_report(model, functions, target, arena),
        stateful=state.bytes > 0,
        stack_bytes=_STACK_BYTES,
        arena_plan=_picture(model, memory),
        diagnostics=model.diagnostics,
    )


def _counters(functions: Functions, shared: int) -> list[int]:
    """Offsets of the counters that say whether an inference ended before its last operator."""
    return [
        shared + functions.state.offset(argument.slot)
        for step in functions.main.memory.steps
        for argument in step.arguments
        if isinstance(argument, StateArgument)
        and argument.parameter == step.stops
        and argument.slot is not None
    ]


def _picture(model: Model, memory: Memory) -> ArenaPlan:
    """The plan by step. Its bound is that of all plans with the same freedom, not of the bytes that
    happen to be shared in this one."""
    steps = [f"{step.operator} {step.operator_name}" for step in memory.steps]
    steps = ["inputs", *steps, "outputs"]
    plan = arena_plan(model, memory.plan, planner=memory.planner, steps=steps)
    return replace(plan, lower_bound=memory.shared_bound)


def misfits(model: Model, board: Board) -> list[str]:
    """Why this runtime cannot execute the model on ``board``, a line each; empty when it can."""
    try:
        interface(model)
        lowered(model, target_on(board, "speed"), board, plan=False)
    except ModelError as error:
        return (error.why or error.what).splitlines()
    return []


def lowered(
    model: Model, target: Target, board: Board | None = None, *, plan: bool = True
) -> Functions:
    """The functions of all subgraphs that an inference reaches; ``plan`` as in make_functions.

    Raises ModelError with every operator that cannot be lowered, and which runtime has them.
    """
    try:
        return make_functions(model, target, plan=plan)
    except RefusedError as error:
        raise _unsupported(model, error, board) from None


def _unsupported(model: Model, refused: RefusedError, board: Board | None) -> ModelError:
    from gen_fw.runtimes.tflm.support import check

    release = board.sdk.tflm if board is not None else ""
    elsewhere = not check(model, release, board=board.name if board is not None else "")
    return ModelError(
        "the aot runtime cannot execute this model",
        where=refused.where,
        why="\n".join(refused.lines),
        hint="--runtime tflm has all of them"
        if elsewhere
        else "convert the model to full int8 quantization; `gen-fw inspect` shows its operators",
        detail={"runtimes": ["tflm"] if elsewhere else [], "reasons": refused.reasons},
    )


def body_of(model: Model, function: Function, state: State) -> Body:
    """The calls of a function, with the place of each argument."""
    calls = [
        _call(model, function, state, position, step)
        for position, step in enumerate(function.memory.steps)
    ]
    return Body(function.subgraph.index, calls, bool(function.state))


def _call(model: Model, function: Function, state: State, position: int, step: Step) -> Call:
    graph, memory = function.subgraph, function.memory
    places: list[tuple[str, int] | None] = []
    constants: dict[str, DataArgument] = {}
    for argument in step.arguments:
        if isinstance(argument, ScratchArgument):
            places.append(("arena", memory.scratch[position, argument.parameter]))
        elif isinstance(argument, StateArgument):
            offset = 0 if argument.slot is None else state.offset(argument.slot)
            places.append(("state", offset))
        elif isinstance(argument, DataArgument):
            places.append(None)
        elif argument.tensor in function.homes:
            places.append(("state", state.offset(function.homes[argument.tensor])))
        elif model.is_constant(graph.tensors[argument.tensor]):
            tensor = graph.tensors[argument.tensor]
            site = Site(model, graph, graph.operators[step.operator], Target("tile", 14))
            what = f"constant{argument.tensor}"
            if graph.index:
                what = f"graph{graph.index}_{what}"
            constants[argument.parameter] = DataArgument(
                argument.parameter, argument.c_type, site.constant(tensor), what
            )
            places.append(None)
        else:
            places.append(("arena", memory.tensors[argument.tensor]))
    sizes = {
        argument.parameter: graph.tensors[argument.tensor].bytes
        for argument in step.arguments
        if isinstance(argument, TensorArgument) and argument.written
    }
    overlapping = memory.overlapping.get(position, frozenset())
    skipped = position in memory.skipped
    return Call(step, tuple(places), constants, sizes, overlapping, skipped)


def _items(memory: Memory, arena: int, state: int) -> tuple[Item, ...]:
    apart = f"lower bound {memory.lower_bound} with all tensors apart, in the model's order"
    kept = align(state)
    items = [Item("tensors and scratch", arena - kept, "exact", apart)]
    if kept:
        items.append(Item("state", kept, "exact", "variables, counters and delay lines"))
    return tuple(items)


def _why(step: Step, target: Target) -> str:
    """Why a step has kernels of its set."""
    if step.why:
        return step.why
    first = step.kernels == target.backends[0]
    return "first choice on this processor" if first else "the only ones for this operator"


def _kernels(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sets of kernels in the order of the operators, with what each is used for and why."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["kernels"]:
            where = f"{row['subgraph']}:" if row["subgraph"] else ""
            label = f"{where}{row['index']} {row['name']}"
            groups.setdefault((row["kernels"], row["why"]), []).append(label)
    return [
        {
            "kernels": kernels,
            "title": ", ".join(SETS.get(name, name) for name in kernels.split(", ")),
            "operators": labels,
            "why": why,
        }
        for (kernels, why), labels in groups.items()
    ]


def _report(model: Model, functions: Functions, target: Target, arena: int) -> dict[str, Any]:
    memory = functions.main.memory
    rows: list[dict[str, Any]] = []
    for part in sorted(functions.made, key=lambda part: part.subgraph.index):
        chosen: dict[int, list[Step]] = {}
        for step in part.memory.steps:
            chosen.setdefault(step.operator, []).append(step)
        for operator in part.subgraph.operators:
            steps = chosen.get(operator.index, [])
            rows.append(
                {
                    "index": operator.index,
                    "subgraph": part.subgraph.index,
                    "name": operator.label,
                    "macs": operator_macs(model, part.subgraph, operator),
                    # an operator without code, such as RESHAPE, has neither
                    "kernels": ", ".join(dict.fromkeys(step.kernels for step in steps)),
                    "kernel": ", ".join(dict.fromkeys(step.template for step in steps)),
                    "why": "; ".join(dict.fromkeys(_why(step, target) for step in steps)),
                }
            )
    return {
        "operators": rows,
        "kernels": _kernels(rows),
        "macs_total": sum(row["macs"] for row in rows),
        "plan": {
            "buffers": len(memory.plan.buffers),
            "bytes": memory.plan.bytes,
            "lower_bound": memory.lower_bound,
            "shared_bound": memory.shared_bound,
            "planner": memory.planner,
            "reordered": memory.moved,
            "overlapping": memory.over,
            "copies_saved": len(memory.skipped),
            "state": functions.state.bytes,
        },
        "arena_bytes": {"target": arena, "host64": arena},
    }
