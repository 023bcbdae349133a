# SPDX-License-Identifier: Apache-2.0
"""The kernels of a model whose schedules can be searched, and versions of them as C files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.child import try_kernels
from gen_fw.compilers.tvm.compile import compiled_functions, target_for
from gen_fw.compilers.tvm.options import TvmOptions
from gen_fw.compilers.tvm.sources import kernel_alone
from gen_fw.compilers.tvm.steps import Kernel as Made
from gen_fw.compilers.tvm.steps import key
from gen_fw.model.types import Model, Subgraph
from gen_fw.run.bench import Kernel
from gen_fw.run.bench_source import Buffer, Role
from gen_fw.runtimes.aot.arrays import DTYPES
from gen_fw.runtimes.aot.calls import Call
from gen_fw.runtimes.aot.layer import Argument, DataArgument, ScratchArgument, TensorArgument
from gen_fw.runtimes.aot.lower import body_of

Knobs = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Task:
    """A kernel to tune. Calls of the same ``key`` are one task, with the data of the first one."""

    key: str
    template: str
    #: for people: shapes, as comments of the generated code have them
    what: str
    #: calls in one inference
    calls: int
    space: Mapping[str, tuple[int, ...]]
    default: Knobs
    specification: Mapping[str, Any]
    call: Call
    overlapping: frozenset[str]
    #: the processor's compiler may schedule before it allocates registers
    schedule: bool
    #: elements by tensor, of the main subgraph
    graph: Subgraph

    def version(self, made: Made) -> tuple[Kernel, str]:
        """How the bench calls a version, and its C file."""
        base = [a for a in self.call.step.arguments if not isinstance(a, ScratchArgument)]
        arguments = (*base, *(ScratchArgument(*row) for row in made.workspaces))
        step = replace(self.call.step, words={"text": made.text}, arguments=arguments)
        text, entry = kernel_alone(
            replace(self.call, step=step), self.overlapping, schedule=self.schedule
        )
        return Kernel(entry, tuple(self._buffer(argument) for argument in arguments)), text

    def _buffer(self, argument: Argument) -> Buffer:
        if isinstance(argument, ScratchArgument):
            return Buffer(argument.parameter, argument.c_type, argument.bytes, "scratch")
        constant = argument if isinstance(argument, DataArgument) else None
        constant = constant or self.call.constants.get(argument.parameter)
        dtype = np.dtype(DTYPES[argument.c_type])
        if constant is not None:
            data = np.ascontiguousarray(constant.data, dtype=dtype).tobytes()
            return Buffer(argument.parameter, argument.c_type, len(data), "constant", data)
        assert isinstance(argument, TensorArgument)
        size = max(self.graph.tensors[argument.tensor].elements, 1) * dtype.itemsize
        role: Role = "output" if argument.written else "input"
        return Buffer(argument.parameter, argument.c_type, size, role)


def tasks(
    model: Model, board: Board, options: TvmOptions, progress: Callable[[str], None]
) -> list[Task]:
    """The kernels of one inference with more than one schedule, in the order of their first calls.

    Raises ModelError or ToolMissingError, as ``compile_model`` does.
    """
    target = target_for(board)
    functions = compiled_functions(model, target, board, options, progress, {})
    main = functions.main
    body = body_of(model, main, functions.state)
    found: dict[str, list[Call]] = {}
    for call in body.calls:
        if not call.skipped and call.step.words["kernel"].space:
            found.setdefault(key(call.step.words["specification"]), []).append(call)
    made = []
    for name, calls in found.items():
        first = calls[0].step
        space = first.words["kernel"].space
        overlapping: frozenset[str] = frozenset()
        made.append(
            Task(
                name,
                first.words["specification"]["template"],
                first.comment,
                len(calls),
                {knob: values for knob, (values, _) in space.items()},
                {knob: default for knob, (_, default) in space.items()},
                first.words["specification"],
                calls[0],
                overlapping.union(*(call.overlapping for call in calls)),
                not target.no_schedule,
                main.subgraph,
            )
        )
    return [task for task in made if any(len(values) > 1 for values in task.space.values())]


def versions(wanted: Sequence[tuple[Task, Knobs]]) -> list[Made]:
    """What TVM makes of tasks with these knobs, in their order; some have a ``fault``."""
    return try_kernels([{**task.specification, "knobs": dict(knobs)} for task, knobs in wanted])
