# SPDX-License-Identifier: Apache-2.0
"""Model -> Program of generated C: every operator by its module, then memory, then text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from gen_fw.boards.board import Board
from gen_fw.errors import ModelError
from gen_fw.memory.buffers import align
from gen_fw.model.graph import is_stateful
from gen_fw.model.macs import operator_macs
from gen_fw.model.types import Model, Subgraph
from gen_fw.program import ArenaPlan, Constant, Item, Program, Region, Source
from gen_fw.runtimes.aot.layer import (
    Alias,
    DataArgument,
    ScratchArgument,
    Site,
    Step,
    TensorArgument,
    UnsupportedError,
)
from gen_fw.runtimes.aot.memory import Memory, plan_memory
from gen_fw.runtimes.aot.table import lowering
from gen_fw.runtimes.aot.target import Target, target_of
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


@dataclass(frozen=True, slots=True)
class AotOptions:
    """What the user may choose."""

    optimise: Literal["speed", "size"] = "speed"


def lower(model: Model, name: str, board: Board, options: Choices) -> Program:
    """The program that runs ``model`` as generated C on ``board``.

    Raises ModelError with all operators that this runtime does not have.
    """
    from gen_fw.runtimes.aot.emit import emit  # Jinja and numpy

    target = target_of(board.cpu, options.optimise)
    main = model.subgraphs[0]
    inputs, outputs = interface(model)
    steps, aliases = lowered(model, target, board)
    memory = plan_memory(model, main, steps, aliases)
    calls = [_call(model, main, memory, at, step) for at, step in enumerate(memory.steps)]
    sources = emit(name, calls, target)
    arena = max(align(memory.plan.bytes), 16)
    return Program(
        name=name,
        runtime="aot",
        kernels="portable",
        inputs=inputs,
        outputs=outputs,
        regions=(
            Region("arena", "tensor arena", arena, 16, "static", "exact", _items(memory, arena)),
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
        adapter={
            "arena_bytes": {"target": arena, "host64": arena},
            "needed_bytes": arena,
            "inputs": [{"offset": memory.tensors[tensor]} for tensor in main.inputs],
            "outputs": [{"offset": memory.tensors[tensor]} for tensor in main.outputs],
            "kernel_files": list(sources.kernel_files),
            "operators": len(main.operators),
            "resolver": [],
            "custom_ops": [],
            "resource_variables": 0,
            "subgraphs": 1,
            "tensors": [
                {"tensor": tensor, "offset": offset, "bytes": main.tensors[tensor].bytes}
                for tensor, offset in sorted(memory.tensors.items())
            ],
        },
        report=_report(model, main, memory, arena),
        stack_bytes=_STACK_BYTES,
        arena_plan=_picture(model, memory),
        diagnostics=model.diagnostics,
    )


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
        lowered(model, target_of(board.cpu, "speed"), board)
    except ModelError as error:
        return (error.why or error.what).splitlines()
    return []


def lowered(
    model: Model, target: Target, board: Board | None = None
) -> tuple[list[Step], list[Alias]]:
    """Every operator of the main subgraph as calls of kernels, in order.

    Raises ModelError with every operator that cannot be lowered, and which runtime has them.
    """
    main = model.subgraphs[0]
    steps: list[Step] = []
    aliases: list[Alias] = []
    refused: list[tuple[int, str, str]] = []
    pinned = set(main.inputs) | set(main.outputs)
    for operator in main.operators:
        site = Site(model, main, operator, target, frozenset(pinned))
        try:
            for part in lowering(site)(site):
                if isinstance(part, Alias):
                    aliases.append(part)
                    if part.input in pinned:
                        pinned.add(part.output)
                else:
                    steps.append(
                        replace(part, operator=operator.index, operator_name=operator.name)
                    )
        except UnsupportedError as error:
            refused.append((operator.index, operator.label, str(error)))
        except (OverflowError, ZeroDivisionError) as error:
            why = f"a quantization parameter is out of all range: {error}"
            refused.append((operator.index, operator.label, why))
    if not refused and is_stateful(model):
        refused.append((-1, "", "the model keeps state between inferences"))
    if refused:
        raise _unsupported(model, refused, board)
    return steps, aliases


def _unsupported(
    model: Model, refused: Sequence[tuple[int, str, str]], board: Board | None
) -> ModelError:
    from gen_fw.runtimes.tflm.support import check

    groups: dict[tuple[str, str], list[int]] = {}
    for index, label, why in refused:
        groups.setdefault((label, why), []).append(index)
    lines = [
        f"operators[{', '.join(str(i) for i in indices)}] {label}: {why}"
        if indices[0] >= 0
        else why
        for (label, why), indices in groups.items()
    ]
    release = board.sdk.tflm if board is not None else ""
    elsewhere = not check(model, release, board=board.name if board is not None else "")
    return ModelError(
        "the aot runtime cannot execute this model",
        where=f"subgraphs[0].operators[{max(0, refused[0][0])}]",
        why="\n".join(lines),
        hint="--runtime tflm has all of them"
        if elsewhere
        else "convert the model to full int8 quantization; `gen-fw inspect` shows its operators",
        detail={
            "runtimes": ["tflm"] if elsewhere else [],
            "reasons": [
                {"subgraph": 0, "operator": index, "label": label, "why": why}
                for index, label, why in refused
            ],
        },
    )


def _constant(model: Model, main: Subgraph, argument: TensorArgument) -> bool:
    return model.is_constant(main.tensors[argument.tensor])


def _call(model: Model, main: Subgraph, memory: Memory, position: int, step: Step) -> Any:
    from gen_fw.runtimes.aot.emit import Call

    offsets: list[int | None] = []
    constants: dict[str, DataArgument] = {}
    for argument in step.arguments:
        if isinstance(argument, ScratchArgument):
            offsets.append(memory.scratch[position, argument.parameter])
        elif isinstance(argument, DataArgument):
            offsets.append(None)
        elif _constant(model, main, argument):
            tensor = main.tensors[argument.tensor]
            site = Site(model, main, main.operators[step.operator], Target("tile", 14))
            data = site.constant(tensor)
            constants[argument.parameter] = DataArgument(
                argument.parameter, argument.c_type, data, f"constant{argument.tensor}"
            )
            offsets.append(None)
        else:
            offsets.append(memory.tensors[argument.tensor])
    sizes = {
        argument.parameter: main.tensors[argument.tensor].bytes
        for argument in step.arguments
        if isinstance(argument, TensorArgument) and argument.written
    }
    overlapping = memory.overlapping.get(position, frozenset())
    skipped = position in memory.skipped
    return Call(step, tuple(offsets), constants, sizes, overlapping, skipped)


def _items(memory: Memory, arena: int) -> tuple[Item, ...]:
    apart = f"lower bound {memory.lower_bound} with all tensors apart, in the model's order"
    return (Item("tensors and scratch", arena, "exact", apart),)


def _report(model: Model, main: Subgraph, memory: Memory, arena: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = [
        {
            "index": operator.index,
            "subgraph": main.index,
            "name": operator.label,
            "macs": operator_macs(model, main, operator),
        }
        for operator in main.operators
    ]
    return {
        "operators": rows,
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
        },
        "arena_bytes": {"target": arena, "host64": arena},
    }
