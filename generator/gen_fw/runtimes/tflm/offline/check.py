# SPDX-License-Identifier: Apache-2.0
"""Whether a memory plan is safe: TFLM checks nothing but the number of offsets, and a plan that
overlaps corrupts results silently.

Our own plans are proven by running the model on names instead of numbers: every buffer holds the
name of what was written last, and every read must find the name that it wants. That does not use
the lifetimes by which the plan was made. Plans that come with a model (Vela's, a user's) may
overlap on purpose, so overlaps there are a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gen_fw.errors import Diagnostic, ModelError
from gen_fw.memory.buffers import ALIGNMENT, Buffer, Plan, align
from gen_fw.model.graph import called_subgraphs, reachable
from gen_fw.model.lifetimes import OFFLINE_PLAN, Lifetime, lifetimes, offline_offsets, runtime_bytes
from gen_fw.model.types import Model, Operator
from gen_fw.runtimes.tflm.offline.alias import Alias

_INT32_MAX = (1 << 31) - 1
_PLACE = f"metadata {OFFLINE_PLAN.decode()}"
#: (subgraph, tensor) -> (first byte, end)
_Places = Mapping[tuple[int, int], tuple[int, int]]


def faults(
    model: Model,
    plan: Plan,
    scratch: Sequence[tuple[int, int]],
    aliases: Sequence[Alias],
) -> Iterator[str]:
    """What is wrong with a plan of all buffers of ``model``; nothing when it is safe.

    ``plan`` holds ``lifetimes(model)``, then the scratch buffers, of which ``scratch`` names the
    operators: (subgraph, operator). ``aliases`` are the overlaps that the kernels allow.
    """
    lives = lifetimes(model)
    for buffer, offset in zip(plan.buffers, plan.offsets, strict=True):
        if offset < 0 or offset % ALIGNMENT or offset + align(buffer.bytes) > plan.bytes:
            yield f"{buffer.label} lies at {offset} of {plan.bytes}"
    shared = _joined(aliases)
    for one, other in _collisions(plan.buffers, plan.offsets):
        keys = [
            (lives[i].subgraph, lives[i].tensor) if i < len(lives) else None for i in (one, other)
        ]
        roots = [shared.get(key[1]) if key and key[0] == 0 else None for key in keys]
        if roots[0] is None or roots[0] != roots[1] or plan.offsets[one] != plan.offsets[other]:
            yield f"{plan.buffers[one].label} and {plan.buffers[other].label} overlap"
    places = {
        (life.subgraph, life.tensor): (offset, offset + life.bytes)
        for life, offset in zip(lives, plan.offsets, strict=False)
    }
    work: dict[tuple[int, int], list[tuple[int, int]]] = {}
    tail = zip(plan.buffers[len(lives) :], plan.offsets[len(lives) :], strict=True)
    for operator, (buffer, offset) in zip(scratch, tail, strict=True):
        work.setdefault(operator, []).append((offset, offset + buffer.bytes))
    yield from _Machine(model, places, work, aliases).run()


def _joined(aliases: Sequence[Alias]) -> dict[int, int]:
    """Tensor of subgraph 0 -> the first tensor that its memory belongs to."""
    roots: dict[int, int] = {}
    for alias in aliases:  # in order of execution: the source is known before the result
        root = roots.setdefault(alias.source, alias.source)
        roots[alias.result] = root
    return roots


def _collisions(buffers: Sequence[Buffer], offsets: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of buffers that share bytes while both are alive."""
    order = sorted(range(len(buffers)), key=lambda i: (offsets[i], i))
    for place, one in enumerate(order):
        end = offsets[one] + buffers[one].bytes
        for other in order[place + 1 :]:
            if offsets[other] >= end:
                break
            if buffers[one].overlaps(buffers[other]):
                yield one, other


class _Machine:
    """Memory that holds names: a tensor's contents are there, or were overwritten."""

    def __init__(
        self,
        model: Model,
        places: _Places,
        scratch: Mapping[tuple[int, int], Sequence[tuple[int, int]]],
        aliases: Sequence[Alias],
    ) -> None:
        self.model, self.main = model, model.subgraphs[0]
        self.places, self.scratch = places, scratch
        self.aliases = {alias.result: alias for alias in aliases}
        #: name -> its bytes; the names of views are those of what they view
        self.memory: dict[int, tuple[int, int]] = {}
        self.names: dict[int, int] = {}

    def run(self) -> Iterator[str]:
        for tensor in self.main.inputs:
            self.write(tensor)
        for operator in self.main.operators:
            yield from self.read(operator.inputs, f"operators[{operator.index}]")
            for index in called_subgraphs(operator):
                self.clobber(reachable(self.model, index))
            for start, end in self.scratch.get((0, operator.index), ()):
                yield from self.apart(operator, start, end, "scratch")
                self.erase(start, end)
            for tensor in operator.outputs:
                yield from self.result(operator, tensor)
        yield from self.read(self.main.outputs, "outputs")

    def read(self, tensors: Sequence[int], where: str) -> Iterator[str]:
        for tensor in tensors:
            place = self.places.get((0, tensor))
            if place is None or tensor not in self.names:
                continue  # constants, variables; memory that a vendor's operator gets as an input
            if self.memory.get(self.names[tensor]) != place:
                yield f"{where} reads tensor {tensor}, which was overwritten"

    def result(self, operator: Operator, tensor: int) -> Iterator[str]:
        place = self.places.get((0, tensor))
        if place is None:
            return
        alias = self.aliases.get(tensor)
        if (
            alias is not None
            and alias.operator == operator.index
            and self.places.get((0, alias.source)) == place
        ):
            yield from self.apart(operator, *place, f"tensor {tensor}", but=alias.source)
            if alias.kind == "view":
                self.names[tensor] = self.names.get(alias.source, alias.source)
            else:
                self.write(tensor)
            return
        yield from self.apart(operator, *place, f"tensor {tensor}")
        self.write(tensor)

    def apart(
        self, operator: Operator, start: int, end: int, what: str, *, but: int = -1
    ) -> Iterator[str]:
        for tensor in operator.inputs:
            low, high = self.places.get((0, tensor), (0, 0))
            if low < end and start < high and tensor != but:
                yield f"operators[{operator.index}]: {what} overlaps its input {tensor}"

    def write(self, tensor: int) -> None:
        place = self.places.get((0, tensor))
        if place is not None:
            self.erase(*place)
            self.names[tensor] = tensor
            self.memory[tensor] = place

    def erase(self, start: int, end: int) -> None:
        hit = [name for name, (low, high) in self.memory.items() if low < end and start < high]
        for name in hit:
            del self.memory[name]

    def clobber(self, subgraphs: Sequence[int]) -> None:
        """A control flow operator runs subgraphs: all that they may write is gone."""
        for (subgraph, _), place in self.places.items():
            if subgraph in subgraphs:
                self.erase(*place)
        for (subgraph, _), places in self.scratch.items():
            if subgraph in subgraphs:
                for place in places:
                    self.erase(*place)


def check_given(model: Model) -> tuple[Diagnostic, ...]:
    """Warnings about the offline plan that a model brings; none when it has no plan.

    Raises ModelError when the plan is surely wrong: another number of offsets than of tensors, a
    negative one, one beyond 2 GiB, or one that is not aligned to the tensor's elements.
    """
    offsets = offline_offsets(model)
    if offsets is None:
        return ()
    planned = [life for life in lifetimes(model) if life.offline_offset is not None]
    for life in planned:
        _check_offset(model, life)
    vendor = {
        (subgraph.index, tensor)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        if operator.custom_code is not None
        for tensor in (*operator.inputs, *operator.outputs)
    }
    buffers = [Buffer(life.bytes, life.first_use, life.last_use, life.label) for life in planned]
    pairs = [
        f"{planned[one].label} and {planned[other].label}"
        for one, other in _collisions(buffers, [life.offline_offset or 0 for life in planned])
        if not {(planned[i].subgraph, planned[i].tensor) for i in (one, other)} & vendor
    ]
    if not pairs:
        return ()
    more = f" and {len(pairs) - 3} more pairs" if len(pairs) > 3 else ""
    return (
        Diagnostic(
            "the model's own memory plan lets tensors overlap that are in use at the same time",
            where=_PLACE,
            why=", ".join(pairs[:3]) + more,
            hint="results are wrong unless the kernels work in place; if the plan is not meant so, "
            "remove that metadata entry",
        ),
    )


def _check_offset(model: Model, life: Lifetime) -> None:
    tensor = model.subgraphs[life.subgraph].tensors[life.tensor]
    offset = life.offline_offset or 0
    element = max(1, runtime_bytes(tensor) // max(1, tensor.elements))
    why = ""
    if offset % element:
        why = f"offset {offset} is not a multiple of its elements of {element} bytes"
    elif offset + align(life.bytes) > _INT32_MAX:
        why = f"offset {offset} and its {life.bytes} bytes pass 2 GiB"
    if why:
        raise ModelError(
            "the model's offline memory plan is damaged",
            where=f"{_PLACE}, {life.label}",
            why=why,
            hint="regenerate the plan, or remove that metadata entry",
        )
