# SPDX-License-Identifier: Apache-2.0
"""When every run-time tensor of a model is alive, exactly as TensorFlow Lite Micro counts it.

Source: tensorflow/lite/micro/micro_allocation_info.cc and micro_allocator.cc at tflite-micro
90b983c2 (the same text in esp-tflite-micro 1.4.0). A scope counter starts at 0 (graph inputs) and
grows by one per operator and per entered subgraph; a buffer lives from the scope that creates it
to the scope that uses it last, both inclusive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gen_fw.errors import ModelError
from gen_fw.model.types import DType, Model, Operator, Tensor

OFFLINE_PLAN = b"OfflineMemoryAllocation"
#: TFLM's kUninitializedLifetime: a tensor that nothing reads or writes
UNTOUCHED = -1
#: operators visited at most, counting a subgraph again each time that it is entered
MAX_VISITS = 200_000

_SUBGRAPH_OPTIONS: dict[str, tuple[str, ...]] = {
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
    "CALL_ONCE": ("init_subgraph_index",),
}


@dataclass(frozen=True, slots=True)
class Scratch:
    """A buffer that an operator's kernel asks for, alive while that operator runs."""

    subgraph: int
    operator: int
    bytes: int
    label: str


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One buffer that the runtime plans. ``tensor`` is -1 for scratch."""

    subgraph: int
    tensor: int
    bytes: int
    first_use: int
    last_use: int
    label: str
    #: byte offset that the model's offline plan gives, or None
    offline_offset: int | None = None


def entered_subgraphs(operator: Operator) -> tuple[int, ...]:
    """Subgraphs that a control flow operator runs, in the order in which TFLM enters them."""
    fields = _SUBGRAPH_OPTIONS.get(operator.name, ())
    return tuple(int(getattr(operator.options, field)) for field in fields)


def runtime_bytes(tensor: Tensor) -> int:
    """Bytes that TFLM gives a tensor: sub-byte types take a whole byte per element, a resource
    handle takes 4 (memory_helpers.cc, TfLiteTypeSizeOf)."""
    if tensor.dtype is DType.RESOURCE:
        return 4 * tensor.elements
    return tensor.elements * ((tensor.dtype.bits + 7) // 8)


def offline_offsets(model: Model) -> tuple[int, ...] | None:
    """Offsets of all tensors of all subgraphs from the model's offline plan; -1 means online.

    Layout (int32, little endian): version, subgraph count, offset count, offsets. As TFLM does,
    only the offset count is checked; the last metadata entry of that name wins.
    """
    offsets: tuple[int, ...] | None = None
    tensors = sum(len(subgraph.tensors) for subgraph in model.subgraphs)
    for entry in model.metadata:
        if entry.name != OFFLINE_PLAN:
            continue
        data = model.buffers[entry.buffer].data
        words = tuple(
            int.from_bytes(data[at : at + 4], "little", signed=True)
            for at in range(0, min(len(data), 4 * (3 + tensors)) & ~3, 4)
        )
        if len(words) < 3 or words[2] != tensors or len(words) < 3 + tensors:
            count = words[2] if len(words) >= 3 else 0
            raise ModelError(
                "the model's offline memory plan does not match the model",
                where=f"metadata {OFFLINE_PLAN.decode()}",
                why=f"it has {count} offsets for {tensors} tensors",
                hint="regenerate the plan, or remove that metadata entry",
            )
        offsets = words[3:]
        if any(offset < UNTOUCHED for offset in offsets):
            raise ModelError(
                "the model's offline memory plan has a negative offset",
                where=f"metadata {OFFLINE_PLAN.decode()}",
                hint="regenerate the plan, or remove that metadata entry",
            )
    return offsets


def has_offline_plan(model: Model) -> bool:
    """True when the model's offline plan fixes an offset; one of only -1 leaves all to TFLM."""
    return any(offset != UNTOUCHED for offset in offline_offsets(model) or ())


def variable_tensors(
    model: Model, offsets: Sequence[int] | None = None
) -> Iterator[tuple[int, Tensor]]:
    """(subgraph, tensor) of each variable tensor that TFLM keeps outside the plan. ``offsets``
    replaces the model's offline plan.

    TFLM looks the offline offset up by the tensor's index inside its own subgraph even for later
    subgraphs (micro_allocator.cc, AllocateVariables); this does the same.
    """
    offsets = offline_offsets(model) if offsets is None else offsets
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            offline = offsets is not None and offsets[tensor.index] != UNTOUCHED
            if tensor.is_variable and not offline:
                yield subgraph.index, tensor


class _Marker:
    """The walk of AllocationInfoBuilder::MarkAllocationLifetimes."""

    def __init__(self, model: Model, scratch: Sequence[Scratch]) -> None:
        self.model = model
        self.first = [[UNTOUCHED] * len(s.tensors) for s in model.subgraphs]
        self.last = [[UNTOUCHED] * len(s.tensors) for s in model.subgraphs]
        self.scratch_first = [UNTOUCHED] * len(scratch)
        self.scratch_last = [UNTOUCHED] * len(scratch)
        self.requests: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, request in enumerate(scratch):
            self.requests[request.subgraph, request.operator].append(index)
        self.scope = 0
        #: (subgraph, operator) of each scope; operator -1: the subgraph is entered
        self.places = [(0, -1)]
        self.visits = 0

    def create(self, subgraph: int, tensors: Iterable[int]) -> None:
        first = self.first[subgraph]
        for tensor in tensors:
            if tensor >= 0 and first[tensor] == UNTOUCHED:
                first[tensor] = self.scope

    def use(self, subgraph: int, tensors: Iterable[int]) -> None:
        last = self.last[subgraph]
        for tensor in tensors:
            if tensor >= 0:
                last[tensor] = self.scope

    def walk(self) -> None:
        """Visits subgraph 0 and all that it enters; a stack of its own, so depth is no limit."""
        steps = [self.visit(0)]
        while steps:
            entered = next(steps[-1], None)
            if entered is None:
                steps.pop()
            else:
                steps.append(self.visit(entered))
                if len(steps) > len(self.model.subgraphs):
                    raise ModelError(
                        "a subgraph runs itself",
                        where=f"subgraphs[{entered}]",
                        why="the runtime would recurse for ever",
                    )

    def visit(self, index: int) -> Iterator[int]:
        subgraph = self.model.subgraphs[index]
        self.create(index, subgraph.inputs)
        self.use(index, subgraph.inputs)
        for operator in subgraph.operators:
            self.visits += 1
            if self.visits > MAX_VISITS:
                raise ModelError(
                    "control flow is nested too deeply to plan its memory",
                    where=f"subgraphs[{index}].operators[{operator.index}]",
                    why=f"more than {MAX_VISITS} operators are reached",
                )
            self.scope += 1
            self.places.append((index, operator.index))
            self.create(index, operator.outputs)
            start = self.scope
            for entered in entered_subgraphs(operator):
                self.scope += 1
                self.places.append((entered, -1))
                yield entered
            self.use(index, operator.inputs)
            self.use(index, operator.outputs)
            for request in self.requests.get((index, operator.index), ()):
                if self.scratch_first[request] == UNTOUCHED:
                    self.scratch_first[request] = start
                self.scratch_last[request] = self.scope
        self.create(index, subgraph.outputs)
        self.use(index, subgraph.outputs)


def scopes(model: Model) -> tuple[tuple[int, int], ...]:
    """(subgraph, operator) of each value of the scope counter; operator -1 where a subgraph is
    entered, as the main one is at 0. Raises ModelError as ``lifetimes`` does."""
    marker = _Marker(model, ())
    marker.walk()
    return tuple(marker.places)


def _handles(model: Model) -> set[tuple[int, int]]:
    """Outputs of VAR_HANDLE: its Prepare points them at the kernel's own data (var_handle.cc)."""
    return {
        (subgraph.index, output)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        if operator.name == "VAR_HANDLE"
        for output in operator.outputs
    }


def lifetimes(
    model: Model, scratch: Sequence[Scratch] = (), offsets: Sequence[int] | None = None
) -> tuple[Lifetime, ...]:
    """Every buffer that TFLM plans, in the order in which it hands them to its planner.

    ``scratch`` must be in request order: by subgraph, then operator, then request. ``offsets``
    replaces the model's offline plan (one for each tensor of all subgraphs, -1: online). Constants,
    variables without an offline offset, empty tensors and resource handles are not planned.
    Raises ModelError when subgraphs recurse or nest beyond a work limit.
    """
    marker = _Marker(model, scratch)
    marker.walk()
    offsets = offline_offsets(model) if offsets is None else offsets
    handles = _handles(model)
    planned: list[Lifetime] = []
    position = 0
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            offset = None if offsets is None else offsets[position]
            position += 1
            if offset == UNTOUCHED:
                offset = None
            size = runtime_bytes(tensor)
            if tensor.is_variable:
                # an offline offset counts even for an empty one
                if offset is None:
                    continue
            elif size == 0 or model.is_constant(tensor):
                continue
            if (subgraph.index, tensor.index) in handles:
                continue
            planned.append(
                Lifetime(
                    subgraph.index,
                    tensor.index,
                    size,
                    marker.first[subgraph.index][tensor.index],
                    marker.last[subgraph.index][tensor.index],
                    f"subgraphs[{subgraph.index}].tensors[{tensor.index}]",
                    offset,
                )
            )
    for index, request in enumerate(scratch):
        planned.append(
            Lifetime(
                request.subgraph,
                -1,
                request.bytes,
                marker.scratch_first[index],
                marker.scratch_last[index],
                request.label,
            )
        )
    return tuple(planned)
