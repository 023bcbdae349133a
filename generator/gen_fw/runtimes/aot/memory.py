# SPDX-License-Identifier: Apache-2.0
"""Where tensors and scratch lie, and in which order the steps run.

Candidates are the steps in the given and in other orders; for each, outputs lie over inputs as far
as the kernels allow (``Step.over``), operands of concatenations lie inside the result
(``Step.inside``) and cut out parts inside their tensor (``Step.view``), or they are copied. The
smallest arena wins; of equal ones that which changes least.

Memory of graph inputs may be written over when they were read for the last time, and shared with
outputs: the C API asks for all inputs before every inference. Graph outputs stay to the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from gen_fw.errors import ModelError
from gen_fw.memory import order as ordering
from gen_fw.memory.best import solve
from gen_fw.memory.buffers import Buffer, Plan, align, lower_bound
from gen_fw.memory.overlay import EFFORT, Inside, Over, Overlaid, faults, overlay, separate
from gen_fw.model.types import Model, Subgraph
from gen_fw.runtimes.aot.effects import effects
from gen_fw.runtimes.aot.layer import Alias, ScratchArgument, Step, TensorArgument
from gen_fw.runtimes.aot.state import Slot

#: copies that are tried one by one, when not all should be saved
_TRIALS = 32
_NONE: Mapping[int, Slot] = {}


@dataclass(frozen=True, slots=True)
class Memory:
    """The steps in the order in which they run, and byte offsets in the arena."""

    steps: tuple[Step, ...]
    #: numbers of the steps as they were given
    order: tuple[int, ...]
    plan: Plan
    #: no plan in the given order with all tensors apart is smaller
    lower_bound: int
    #: no plan in this order that shares as this one may is smaller
    shared_bound: int
    #: tensor -> offset
    tensors: Mapping[int, int]
    #: (position of the step, parameter) -> offset
    scratch: Mapping[tuple[int, str], int]
    #: positions of the copies that there is no need for
    skipped: frozenset[int]
    #: position of a step -> parameters that overlap, the output's among them
    overlapping: Mapping[int, frozenset[str]]

    @property
    def moved(self) -> int:
        """Steps that run at another place than the model has them."""
        return sum(position != given for position, given in enumerate(self.order))

    @property
    def over(self) -> int:
        """Steps whose output lies over an input; a copy within one buffer is none of them."""
        steps = [self.steps[position] for position in self.overlapping]
        return sum(step.inside is None and step.view is None for step in steps)

    @property
    def planner(self) -> str:
        """What was done, for people."""
        done = [
            (self.moved, "steps reordered"),
            (self.over, "outputs over their inputs"),
            (len(self.skipped), "copies saved"),
        ]
        return ", ".join(["gen-fw", *(f"{count} {what}" for count, what in done if count)])


@dataclass(frozen=True, slots=True)
class _Line:
    """Steps in one order, as buffers; time 0 is before the first step."""

    order: tuple[int, ...]
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    #: tensors of the first buffers
    tensors: tuple[int, ...]
    #: (position, parameter) of the others
    scratch: tuple[tuple[int, str], ...]
    overs: tuple[Over, ...]
    #: by position of a copy that may be saved
    insides: Mapping[int, Inside]


def plan_memory(
    model: Model,
    main: Subgraph,
    steps: Sequence[Step],
    aliases: Sequence[Alias],
    homes: Mapping[int, Slot] = _NONE,
) -> Memory:
    """The smallest arena found for a subgraph. ``homes`` are tensors whose bytes are state. Raises
    ModelError should the plan fail its own check."""
    graph = _Graph(model, main, steps, aliases, homes)
    given, *others = (graph.line(order) for order in graph.orders())
    best = _best(given)
    for line in others:
        found = _best(line)
        if found.laid.plan.bytes < best.laid.plan.bytes:
            best = found
    return graph.memory(best, lower_bound(given.buffers))


class _Candidate(NamedTuple):
    line: _Line
    insides: Mapping[int, Inside]
    laid: Overlaid


def _best(line: _Line) -> _Candidate:
    """The smallest plan of an order; of equal ones that with fewer copies."""
    apart = solve(line.buffers).plan
    best = _Candidate(line, {}, _laid(line, {}, apart))
    if not line.insides:
        return best
    every = _Candidate(line, line.insides, _laid(line, line.insides, apart))
    if every.laid.plan.bytes <= best.laid.plan.bytes:
        return every
    for position in list(line.insides)[:_TRIALS]:
        more = {**best.insides, position: line.insides[position]}
        laid = _laid(line, more, apart, EFFORT // 8)
        if laid.plan.bytes <= best.laid.plan.bytes:
            best = _Candidate(line, more, laid)
    return best


def _laid(
    line: _Line, insides: Mapping[int, Inside], apart: Plan, effort: int = EFFORT
) -> Overlaid:
    parts = list(insides.values())
    return overlay(line.buffers, line.overs, parts, start=apart, effort=effort)


class _Graph:
    """Steps on tensors that own memory: those that RESHAPE makes are their inputs."""

    def __init__(
        self,
        model: Model,
        main: Subgraph,
        steps: Sequence[Step],
        aliases: Sequence[Alias],
        homes: Mapping[int, Slot],
    ) -> None:
        self._model, self._main, self._steps, self._homes = model, main, steps, homes
        self._owner: dict[int, int] = {}
        for alias in aliases:
            self._owner[alias.output] = self._owner.get(alias.input, alias.input)
        self._inputs = self._planned(main.inputs)
        self._outputs = self._planned(main.outputs)
        self._after = effects(steps, homes)

    def _root(self, tensor: int) -> int:
        return self._owner.get(tensor, tensor)

    def _planned(self, tensors: Sequence[int]) -> list[int]:
        """Those that are in the part of the arena that is planned here."""
        roots = [self._root(tensor) for tensor in tensors]
        return [
            tensor
            for tensor in roots
            if tensor not in self._homes and not self._model.is_constant(self._main.tensors[tensor])
        ]

    def _bytes(self, tensor: int) -> int:
        return self._main.tensors[tensor].bytes

    def _touched(self, step: Step, *, written: bool) -> list[tuple[str, int]]:
        """(parameter, tensor) of what is in the arena."""
        return [
            (argument.parameter, self._root(argument.tensor))
            for argument in step.arguments
            if isinstance(argument, TensorArgument)
            and argument.written is written
            and self._root(argument.tensor) not in self._homes
            and not self._model.is_constant(self._main.tensors[argument.tensor])
        ]

    def orders(self) -> Iterator[tuple[int, ...]]:
        """The given order, then those with a lower peak: with all tensors apart, and with outputs
        over inputs."""
        given = tuple(range(len(self._steps)))
        yield given
        sizes = {tensor.index: tensor.bytes for tensor in self._main.tensors}
        seen = {given}
        for shared in (False, True):
            steps = [
                replace(self._abstract(step, shared=shared), after=after)
                for step, after in zip(self._steps, self._after, strict=True)
            ]
            order = ordering.reorder(
                steps, sizes, list(dict.fromkeys(self._inputs)), list(dict.fromkeys(self._outputs))
            )
            if order not in seen:
                seen.add(order)
                yield order

    def _abstract(self, step: Step, *, shared: bool) -> ordering.Step:
        reads = [tensor for _, tensor in self._touched(step, written=False)]
        writes = [tensor for _, tensor in self._touched(step, written=True)]
        pairs = []
        for over in self._overs(step) if shared else ():
            # only what lies over most of the smaller one counts as shared
            source, result = self._bytes(over.source), self._bytes(over.result)
            both = result - over.below
            if over.above is not None:
                both = max(both, source - over.above)
            least = min(source, result)
            if 2 * min(least, both) >= least:
                pairs.append((over.source, over.result))
        return ordering.Step(
            reads=tuple(dict.fromkeys(reads)),
            writes=tuple(dict.fromkeys(writes)),
            scratch=sum(
                align(argument.bytes)
                for argument in step.arguments
                if isinstance(argument, ScratchArgument)
            ),
            in_place=tuple(pairs),
        )

    def _overs(self, step: Step) -> Iterator[Over]:
        """What the kernel allows, by tensor: all parameters that read a tensor must allow it."""
        allowed = {over.parameter: over for over in step.over}
        results = [tensor for _, tensor in self._touched(step, written=True)]
        sources: dict[int, list[str]] = {}
        for parameter, tensor in self._touched(step, written=False):
            sources.setdefault(tensor, []).append(parameter)
        for source, parameters in sources.items():
            if len(results) != 1 or not all(name in allowed for name in parameters):
                continue
            kernel = [allowed[name] for name in parameters]
            every = {over.every for over in kernel}
            if len(every) == 1:
                below = max(over.below for over in kernel)
                aboves = [over.above for over in kernel if over.above is not None]
                above = max(aboves) if len(aboves) == len(kernel) else None
                yield Over(source, results[0], below, every.pop(), above)

    def line(self, order: tuple[int, ...]) -> _Line:
        """Buffers of the steps in this order."""
        steps = tuple(self._steps[i] for i in order)
        first: dict[int, int] = {}
        last: dict[int, int] = {}

        def touch(tensor: int, time: int) -> None:
            first[tensor] = min(first.get(tensor, time), time)
            last[tensor] = max(last.get(tensor, time), time)

        for tensor in self._inputs:
            touch(tensor, 0)
        scratch: list[tuple[tuple[int, str], Buffer]] = []
        for position, step in enumerate(steps):
            time = position + 1
            for written in (False, True):
                for _, tensor in self._touched(step, written=written):
                    touch(tensor, time)
            for argument in step.arguments:
                if isinstance(argument, ScratchArgument):
                    label = f"scratch of operators[{step.operator}]"
                    key = (position, argument.parameter)
                    scratch.append((key, Buffer(argument.bytes, time, time, label)))
        for tensor in self._outputs:
            touch(tensor, len(steps) + 1)
        tensors = tuple(sorted(first))
        place = {tensor: i for i, tensor in enumerate(tensors)}
        buffers = (
            *(Buffer(self._bytes(t), first[t], last[t], f"tensors[{t}]") for t in tensors),
            *(buffer for _, buffer in scratch),
        )
        return _Line(
            order=order,
            steps=steps,
            buffers=buffers,
            tensors=tensors,
            scratch=tuple(key for key, _ in scratch),
            overs=tuple(
                over._replace(source=place[over.source], result=place[over.result])
                for position, step in enumerate(steps)
                for over in self._overs(step)
                if last[over.source] == position + 1 == first[over.result]
            ),
            insides=self._insides(steps, place, buffers),
        )

    def _insides(
        self, steps: Sequence[Step], place: Mapping[int, int], buffers: Sequence[Buffer]
    ) -> dict[int, Inside]:
        """Copies that one tensor inside the other makes needless: the input inside the output from
        the beginning, or the output inside the input. A tensor is a part of one other only, and
        parts do not meet."""
        found: dict[int, Inside] = {}
        for position, step in enumerate(steps):
            at = step.inside if step.view is None else step.view
            sources = [tensor for _, tensor in self._touched(step, written=False)]
            results = [tensor for _, tensor in self._touched(step, written=True)]
            if at is None or not sources or not results:
                continue
            result = results[0]
            part, whole = (sources[0], result) if step.view is None else (result, sources[0])
            more = {**found, position: Inside(place[part], place[whole], at)}
            if separate(buffers, list(more.values())):
                found = more
        return found

    def memory(self, best: _Candidate, given: int) -> Memory:
        """Offsets by tensor and by scratch; ``given`` is the bound to report."""
        line, insides, found = best
        wrong = list(faults(found.plan, line.overs, list(insides.values())))
        if wrong:
            raise ModelError(
                "the memory plan that gen-fw made for this model is not safe",
                why="; ".join(wrong[:3]),
                hint="this is a defect of gen-fw, please report it",
            )
        offsets = dict(zip(line.tensors, found.plan.offsets, strict=False))
        for tensor, owner in self._owner.items():
            if owner in offsets:
                offsets[tensor] = offsets[owner]
        scratch = found.plan.offsets[len(line.tensors) :]
        overlapping = {
            position: names
            for position, step in enumerate(line.steps)
            if position not in insides and (names := self._overlapping(step, offsets))
        }
        return Memory(
            steps=tuple(self._directed(step, offsets) for step in line.steps),
            order=line.order,
            plan=found.plan,
            lower_bound=given,
            shared_bound=found.lower_bound,
            tensors=offsets,
            scratch=dict(zip(line.scratch, scratch, strict=True)),
            skipped=frozenset(insides),
            overlapping=overlapping,
        )

    def _directed(self, step: Step, offsets: Mapping[int, int]) -> Step:
        """The step as given, or backward where its output lies behind its input."""
        if step.backward is None or not self._overlapping(step, offsets):
            return step
        for over in self._overs(step):
            distance = offsets[over.result] - offsets[over.source]
            if distance > -over.below:
                return replace(
                    step.backward,
                    operator=step.operator,
                    operator_name=step.operator_name,
                    kernels=step.kernels,
                    why=step.why,
                )
        return step

    def _overlapping(self, step: Step, offsets: Mapping[int, int]) -> frozenset[str]:
        names: set[str] = set()
        for result, target in self._touched(step, written=True):
            for parameter, source in self._touched(step, written=False):
                distance = offsets[target] - offsets[source]
                if -self._bytes(target) < distance < self._bytes(source):
                    names |= {result, parameter}
        return frozenset(names)
