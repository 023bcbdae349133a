# SPDX-License-Identifier: Apache-2.0
"""Every subgraph that an inference reaches becomes a C function: its operators as calls of kernels,
and a plan of its tensors. What a kernel calls gets its arena as scratch of that kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from gen_fw.memory.buffers import align
from gen_fw.model.lifetimes import entered_subgraphs
from gen_fw.model.types import Model, Operator, Subgraph
from gen_fw.runtimes.aot.effects import touched
from gen_fw.runtimes.aot.layer import (
    Alias,
    Argument,
    Bound,
    Callee,
    Place,
    Site,
    StateArgument,
    Step,
    TensorArgument,
    UnsupportedError,
)
from gen_fw.runtimes.aot.memory import Memory, plan_memory
from gen_fw.runtimes.aot.state import Slot, State, variable_slot
from gen_fw.runtimes.aot.table import lowering
from gen_fw.runtimes.aot.target import Target


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an operator cannot be lowered."""

    subgraph: int
    operator: int
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Function:
    """A subgraph with its calls in the order in which they run."""

    subgraph: Subgraph
    memory: Memory
    #: tensors whose bytes are state
    homes: Mapping[int, Slot]
    #: what this function and those that it calls keep
    state: tuple[Slot, ...]


@dataclass(slots=True)
class Functions:
    """All of a program; those that are called come first, the main one last."""

    made: list[Function] = field(default_factory=list)
    state: State = field(default_factory=State)

    @property
    def main(self) -> Function:
        return self.made[-1]


@dataclass(frozen=True, slots=True)
class Finish:
    """What another compiler of the steps says: ``refuses`` why it has no kernel for a step, empty
    when it has one; ``finish`` makes the steps of a subgraph ready for the plan of memory."""

    refuses: Callable[[Step], str]
    finish: Callable[[Subgraph, Sequence[Step], Sequence[Alias]], Sequence[Step]]


@dataclass(slots=True)
class _Draft:
    """A subgraph's operators, lowered."""

    steps: list[Step]
    aliases: list[Alias]
    homes: dict[int, Slot]
    #: tensors with a value: inputs, and what the steps so far have computed
    made: set[int]


class _Maker:
    def __init__(
        self, model: Model, target: Target, *, plan: bool, other: Finish | None = None
    ) -> None:
        self._model, self._target, self._plan, self._other = model, target, plan, other
        self.functions = Functions()
        self.callees: dict[int, Callee] = {}
        self.refused: list[Refusal] = []

    def make(self, index: int, path: tuple[int, ...] = ()) -> None:
        """The function of a subgraph, after those that it calls."""
        subgraph = self._model.subgraphs[index]
        before = len(self.refused)
        broken: set[int] = set()
        for operator in subgraph.operators:
            for called in entered_subgraphs(operator):
                if called in (*path, index):
                    why = f"subgraph {called} runs itself"
                    self.refused.append(Refusal(index, operator.index, operator.label, why))
                    broken.add(operator.index)
                elif 0 <= called < len(self._model.subgraphs):
                    if called not in self.callees:
                        self.make(called, (*path, index))
                    if called not in self.callees:
                        broken.add(operator.index)
        draft = self._draft(subgraph, broken)
        if len(self.refused) > before or broken:
            return
        self._add(subgraph, draft, needed=bool(path) or self._plan)

    def _draft(self, subgraph: Subgraph, broken: set[int]) -> _Draft:
        draft = _Draft([], [], self._variables(subgraph), set(subgraph.inputs))
        pinned = {*subgraph.inputs, *subgraph.outputs}
        for operator in subgraph.operators:
            if operator.index in broken:
                continue
            site = Site(
                self._model, subgraph, operator, self._target, frozenset(pinned), self.callees
            )
            try:
                for part in lowering(site)(site):
                    self._take(site, part, draft, pinned)
            except UnsupportedError as error:
                self._refuse(subgraph, operator, str(error))
                draft.made.update(operator.outputs)  # what follows is not to blame
            except (OverflowError, ZeroDivisionError) as error:
                why = f"a quantization parameter is out of all range: {error}"
                self._refuse(subgraph, operator, why)
        return draft

    def _take(
        self, site: Site, part: Step | Alias | Bound, draft: _Draft, pinned: set[int]
    ) -> None:
        if isinstance(part, Bound):
            draft.homes[part.tensor] = part.slot
            return
        if isinstance(part, Alias) and part.input in draft.homes:
            part = _copy(site, part)
        if isinstance(part, Alias):
            self._need(site, draft, part.input)
            draft.made.add(part.output)
            draft.aliases.append(part)
            if part.input in pinned:
                pinned.add(part.output)
            return
        why = self._other.refuses(part) if self._other else ""
        site.require(not why, why)
        for argument in part.arguments:
            if isinstance(argument, TensorArgument) and not argument.written:
                self._need(site, draft, argument.tensor)
        for argument in part.arguments:
            if isinstance(argument, TensorArgument) and argument.written:
                draft.made.add(argument.tensor)
        operator = site.operator
        draft.steps.append(replace(part, operator=operator.index, operator_name=operator.name))

    def _need(self, site: Site, draft: _Draft, tensor: int) -> None:
        """Refuses what reads a tensor without a value."""
        constant = self._model.is_constant(site.subgraph.tensors[tensor])
        known = constant or tensor in draft.made or tensor in draft.homes
        site.require(known, f"tensor {tensor} has no value")

    def _refuse(self, subgraph: Subgraph, operator: Operator, why: str) -> None:
        self.refused.append(Refusal(subgraph.index, operator.index, operator.label, why))

    def _variables(self, subgraph: Subgraph) -> dict[int, Slot]:
        """Variable tensors that operators use."""
        used = {
            tensor
            for operator in subgraph.operators
            for tensor in (*operator.inputs, *operator.outputs)
            if tensor >= 0
        }
        return {
            tensor.index: variable_slot(subgraph, tensor)
            for tensor in subgraph.tensors
            if tensor.is_variable and tensor.index in used and not self._model.is_constant(tensor)
        }

    def _add(self, subgraph: Subgraph, draft: _Draft, *, needed: bool) -> None:
        if not needed:
            return
        if self._other:
            draft.steps = list(self._other.finish(subgraph, draft.steps, draft.aliases))
        memory = plan_memory(self._model, subgraph, draft.steps, draft.aliases, draft.homes)
        slots = {slot.key: slot for step in memory.steps for slot in _slots(step, draft.homes)}
        for slot in slots.values():
            self.functions.state.offset(slot)
        function = Function(subgraph, memory, draft.homes, tuple(slots.values()))
        self.functions.made.append(function)
        self.callees[subgraph.index] = Callee(
            subgraph.index,
            align(memory.plan.bytes),
            tuple(self._place(function, tensor) for tensor in subgraph.inputs),
            tuple(self._place(function, tensor) for tensor in subgraph.outputs),
            function.state,
        )

    def _place(self, function: Function, index: int) -> Place:
        tensor = function.subgraph.tensors[index]
        if index in function.homes:
            return Place("state", self.functions.state.offset(function.homes[index]), tensor)
        if self._model.is_constant(tensor):
            return Place("constant", 0, tensor)
        return Place("arena", function.memory.tensors[index], tensor)


def _slots(step: Step, homes: Mapping[int, Slot]) -> Sequence[Slot]:
    own = [
        argument.slot
        for argument in step.arguments
        if isinstance(argument, StateArgument) and argument.slot is not None
    ]
    known = {slot.key: slot for slot in (*step.state, *own, *homes.values())}
    return [known[key] for key in touched(step, homes)]


def _copy(site: Site, alias: Alias) -> Step:
    """What is state may change later: its value of now under another shape is a copy."""
    source, target = (site.subgraph.tensors[tensor] for tensor in (alias.input, alias.output))
    return copied(site.reads("input", source), site.writes("output", target), source.bytes)


def copied(source: Argument, target: Argument, size: int) -> Step:
    """The bytes of one argument, ``input``, in the other one, ``output``."""
    return Step("copy_bytes", {"bytes": size}, (source, target), f"{size} bytes")


def make_functions(
    model: Model, target: Target, *, plan: bool = True, other: Finish | None = None
) -> Functions:
    """The functions of a model. Without ``plan`` it is only checked that they can be made.
    ``other``: not the kernels of this runtime.

    Raises RefusedError with all operators that cannot be lowered.
    """
    maker = _Maker(model, target, plan=plan, other=other)
    maker.make(0)
    if maker.refused:
        raise RefusedError(maker.refused)
    return maker.functions


class RefusedError(Exception):
    """``refused``: all operators that cannot be lowered."""

    def __init__(self, refused: Sequence[Refusal]) -> None:
        super().__init__("operators are not supported")
        self.refused = list(refused)

    @property
    def where(self) -> str:
        """The first one."""
        first = self.refused[0]
        return f"subgraphs[{first.subgraph}].operators[{first.operator}]"

    @property
    def lines(self) -> list[str]:
        """Operators of one label and one reason, a line each."""
        groups: dict[tuple[int, str, str], list[int]] = {}
        for one in self.refused:
            groups.setdefault((one.subgraph, one.label, one.why), []).append(one.operator)
        return [
            f"{f'subgraphs[{subgraph}].' if subgraph else ''}"
            f"operators[{', '.join(str(i) for i in indices)}] {label}: {why}"
            for (subgraph, label, why), indices in groups.items()
        ]

    @property
    def reasons(self) -> list[dict[str, int | str]]:
        """All of them as plain data."""
        return [asdict(one) for one in self.refused]
