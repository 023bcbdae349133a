# SPDX-License-Identifier: Apache-2.0
"""Model -> C by TVM: what operators compute comes from the generated-C runtime's lowering, kernels
from TVM in a child process, the plan of memory and the sequence of calls from gen-fw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.child import compile_kernels
from gen_fw.compilers.tvm.compiled import Compiled, Port
from gen_fw.compilers.tvm.installed import VERSION, check_installed
from gen_fw.compilers.tvm.layouts import channels_first
from gen_fw.compilers.tvm.options import TvmOptions
from gen_fw.compilers.tvm.sources import source
from gen_fw.compilers.tvm.steps import finished, key, refuses
from gen_fw.compilers.tvm.tuned import Tuned
from gen_fw.errors import ModelError
from gen_fw.memory.buffers import align
from gen_fw.model.types import Model, Subgraph
from gen_fw.runtimes.aot.calls import Body
from gen_fw.runtimes.aot.layer import Alias, Step
from gen_fw.runtimes.aot.lower import body_of
from gen_fw.runtimes.aot.subgraphs import Finish, Functions, RefusedError, make_functions
from gen_fw.runtimes.aot.target import Target, target_of
from gen_fw.runtimes.io import interface

Progress = Callable[[str], None]
#: registers of a tile where no board is named: as many as every processor has
_REGISTERS = 14


def compile_model(
    model: Model, name: str, board: Board | None, options: TvmOptions, progress: Progress
) -> Compiled:
    """The model as C for the module ``name``, for the processor of ``board`` when there is one.

    Raises ModelError with all operators that TVM has no kernel for, and for operators in float on a
    processor without FPU that were not allowed; ToolMissingError without TVM.
    """
    check_installed()
    inputs, outputs = interface(model)
    target = target_for(board)
    tuned = Tuned(options.records, board)
    functions = compiled_functions(model, target, board, options, progress, tuned.knobs)
    main = functions.main
    body = body_of(model, main, functions.state)
    text = source(name, body, VERSION, schedule=not target.no_schedule)
    places = main.memory.tensors
    graph = main.subgraph

    def ports(ios: Sequence[Any], tensors: Sequence[int]) -> tuple[Port, ...]:
        return tuple(
            Port(io.name, io.dtype, tuple(io.shape), io.bytes, places[tensor])
            for io, tensor in zip(ios, tensors, strict=True)
        )

    return Compiled(
        name,
        ports(inputs, graph.inputs),
        ports(outputs, graph.outputs),
        max(align(main.memory.plan.bytes), 16),
        text.constant_bytes,
        {"lib1.c": text.source},
        text.functions,
        {
            "tvm": VERSION,
            "tensor_layout": options.tensor_layout,
            "float_operators": _floats(main.memory.steps),
            "plan": {
                "bytes": main.memory.plan.bytes,
                "lower_bound": main.memory.lower_bound,
                "shared_bound": main.memory.shared_bound,
            },
            **tuned.report(kernel_keys(body)),
        },
    )


def target_for(board: Board | None) -> Target:
    """What the kernels' schedules must know of a board's processor."""
    backends = ("tvm", "portable")
    if board is None:
        return Target("tile", _REGISTERS, backends=backends)
    known = target_of(board.cpu)
    return Target("tile", known.registers, no_schedule=known.no_schedule, backends=backends)


def misfits(model: Model, board: Board) -> list[str]:
    """Why TVM cannot compile the model for ``board``, a line each; empty when it can. TVM need not
    be installed."""
    floats: list[str] = []

    def judged(step: Step) -> str:
        floats.extend(_floats([step]))
        return refuses(step)

    try:
        interface(model)
        make_functions(model, target_for(board), plan=False, other=Finish(judged, _as_they_are))
    except ModelError as error:
        return (error.why or error.what).splitlines()
    except RefusedError as error:
        return error.lines
    if floats and not _has_fpu(board):
        return [f"operators compute in float32, and {board.name} has no FPU (--allow-float)"]
    return []


def _as_they_are(
    _graph: Subgraph, steps: Sequence[Step], _aliases: Sequence[Alias]
) -> Sequence[Step]:
    return steps


def compiled_functions(
    model: Model,
    target: Target,
    board: Board | None,
    options: TvmOptions,
    progress: Progress,
    knobs: Mapping[str, Mapping[str, int]],
) -> Functions:
    """The steps with kernels by TVM, and their plan. ``knobs``: of tuned kernels, by ``steps.key``.
    Raises what ``compile_model`` raises."""

    def finish(graph: Subgraph, steps: Sequence[Step], aliases: Sequence[Alias]) -> Sequence[Step]:
        floats = _floats(steps)
        if floats and board is not None and not _has_fpu(board) and not options.allow_float:
            raise _slow(floats, board)
        progress(f"TVM {VERSION} makes {len(steps)} kernels")
        if options.tensor_layout == "nchw":
            steps = channels_first(steps, graph, aliases)
        return finished(steps, graph, target.registers, knobs, compile_kernels)

    try:
        return make_functions(model, target, other=Finish(refuses, finish))
    except RefusedError as error:
        raise ModelError(
            "TVM cannot compile this model",
            where=error.where,
            why="\n".join(error.lines),
            hint="--runtime aot or tflm; docs/tvm.md lists the operators",
            detail={"reasons": error.reasons},
        ) from None


def kernel_keys(body: Body) -> set[str]:
    """Of the kernels that have schedules to choose from."""
    return {
        key(call.step.words["specification"])
        for call in body.calls
        if not call.skipped and call.step.words["kernel"].space
    }


def _floats(steps: Sequence[Step]) -> list[str]:
    """Operators that compute in float32, in the model's order."""
    found = {
        step.operator: f"{step.operator} {step.operator_name}"
        for step in steps
        if any(argument.c_type == "float" for argument in step.arguments)
    }
    return [found[operator] for operator in sorted(found)]


def _has_fpu(board: Board) -> bool:
    """Boards that are this computer have one and say nothing of it."""
    return "fpu" in board.cpu.features or board.cpu.abi in ("lp64", "xcore")


def _slow(floats: Sequence[str], board: Board) -> ModelError:
    return ModelError(
        f"operators compute in float32, and {board.name} has no FPU",
        where=f"operators {', '.join(floats)}",
        why="each multiplication is a call of some hundred instructions there",
        hint="quantize the model, or --allow-float",
        detail={"float_operators": list(floats)},
    )
