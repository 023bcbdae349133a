# SPDX-License-Identifier: Apache-2.0
"""How many bytes of arena a model needs, before anything runs.

The planned part (tensors and scratch) is exact; the rest is an upper bound, so AllocateTensors and
Invoke succeed with the result. Sources: tensorflow/lite/micro/micro_allocator.cc and
micro_allocation_info.cc at tflite-micro 90b983c2; data/sizes.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gen_fw.errors import ModelError
from gen_fw.memory.buffers import Buffer, Plan, align, lower_bound
from gen_fw.memory.greedy import plan
from gen_fw.model.graph import resource_of, resources
from gen_fw.model.lifetimes import Scratch, lifetimes, runtime_bytes, variable_tensors
from gen_fw.model.types import Model, Tensor
from gen_fw.program import Item
from gen_fw.runtimes.tflm.demands import Demand, demands
from gen_fw.runtimes.tflm.table import facts, load

Abi = Literal["ilp32", "lp64"]

#: TFLM sorts its buffers by exchange at every start; the plan grows with their number squared
MAX_BUFFERS = 2048
#: kMaxScratchBuffersPerOp
_SCRATCH_RESERVE = 12
_SOURCE = "TFLM micro_allocator.cc, sizes.json"


@dataclass(frozen=True, slots=True)
class Arena:
    """``bytes`` is a multiple of 16 and the sum of ``items``."""

    bytes: int
    items: tuple[Item, ...]
    plan: Plan
    #: bytes that no plan of the same buffers can beat
    lower_bound: int


def abi_of(board_abi: str) -> Abi:
    """The table column of a board's ABI name; every microcontroller here is 32-bit."""
    return "lp64" if board_abi in ("lp64", "x86-64", "aarch64") else "ilp32"


def arena_bound(model: Model, release: str, kernels: str, abi: Abi) -> Arena:
    """A safe arena size.

    ``kernels`` is ``reference``, ``cmsis_nn``, ``esp_nn:generic``, ``esp_nn:esp32s3`` or
    ``esp_nn:esp32p4``. The model must have passed ``support.check``. Raises ModelError when there
    are too many buffers to plan, or when a custom operator's options are unreadable.
    """
    needs = demands(model, load(release), kernels, int(abi == "lp64"))
    scratch = _scratch(needs)
    buffers = [
        Buffer(life.bytes, life.first_use, life.last_use, life.label, life.offline_offset)
        for life in lifetimes(model, scratch)
    ]
    if len(buffers) > MAX_BUFFERS:
        raise ModelError(
            "too many tensors to plan",
            why=f"{len(buffers)} tensors live at run time; the limit is {MAX_BUFFERS}",
            hint="TFLite Micro sorts them at every start; a model of this size is not for it",
        )
    planned = plan(buffers)
    tail = _Tail(model, needs, abi, len(scratch))
    before_io = sum(item.bytes for item in tail.items)
    io = tail.inputs_outputs()
    transient = max(tail.planning(len(buffers)), tail.preparing())
    total = align(max(planned.bytes + before_io + io.bytes, transient + before_io))
    head = Item(
        "planned tensors and scratch",
        planned.bytes,
        "exact",
        "TFLM greedy_memory_planner.cc over micro_allocation_info.cc lifetimes",
    )
    items = [head, *tail.items, io]
    rest = total - sum(item.bytes for item in items)
    if rest:
        items.append(Item("start-up work and alignment", rest, "upper bound", _SOURCE))
    return Arena(total, tuple(items), planned, lower_bound(buffers))


def _scratch(needs: Sequence[Demand]) -> tuple[Scratch, ...]:
    return tuple(
        Scratch(need.subgraph, need.operator, size, f"scratch of {need.label}")
        for need in needs
        for size in need.scratch
    )


def _resource_buffers(model: Model) -> list[int]:
    """Bytes of each resource variable: the largest value that is assigned to it."""
    names = {
        (subgraph.index, output): resource_of(operator)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        if operator.name == "VAR_HANDLE"
        for output in operator.outputs
    }
    sizes: dict[object, int] = {}
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            if operator.name == "ASSIGN_VARIABLE" and len(operator.inputs) == 2:
                handle = (subgraph.index, operator.inputs[0])
                key: object = names.get(handle, handle)
                size = runtime_bytes(subgraph.tensors[operator.inputs[1]])
                sizes[key] = max(sizes.get(key, 0), size)
    return list(sizes.values())


class _Tail:
    """Everything that TFLM keeps at the high end of the arena, by kind."""

    def __init__(self, model: Model, needs: Sequence[Demand], abi: Abi, scratch: int) -> None:
        self.wide = int(abi == "lp64")
        self.pointer = 8 if self.wide else 4
        self.structs: Mapping[str, Sequence[int]] = facts("sizes")["structs"]
        self.model, self.needs, self.scratch = model, needs, scratch
        self.tensors = sum(len(subgraph.tensors) for subgraph in model.subgraphs)
        self.items = [
            self.framework(),
            self.parameters(),
            self.operator_data(),
            *self.own_kernels(),
            *self.variables(),
        ]

    def struct(self, name: str, count: int = 1) -> int:
        return int(self.structs[name][self.wide]) * count

    def framework(self) -> Item:
        subgraphs = len(self.model.subgraphs)
        size = sum(
            self.struct(name)
            for name in (
                "SingleArenaBufferAllocator",
                "GreedyMemoryPlanner",
                "MicroAllocator",
                "MicroBuiltinDataAllocator",
            )
        )
        size += self.struct("SubgraphAllocations", subgraphs)
        size += self.struct("TfLiteEvalTensor", self.tensors)
        size += self.struct("NodeAndRegistration", len(self.needs))
        size += self.struct("ScratchBufferHandle", self.scratch)
        return Item("interpreter structures", align(size), "upper bound", _SOURCE)

    def parameters(self) -> Item:
        size = sum(need.parameters + self.pointer - 1 for need in self.needs if need.parameters > 0)
        return Item("operator options", align(size), "upper bound", _SOURCE)

    def operator_data(self) -> Item:
        size = sum(align(kept) for need in self.needs if not need.estimated for kept in need.kept)
        return Item("operator data", size, "upper bound", "kernels' Init and Prepare")

    def own_kernels(self) -> list[Item]:
        size = sum(align(kept) for need in self.needs if need.estimated for kept in need.kept)
        return [Item("custom operators", size, "estimate", "4 KiB each")] if size else []

    def variables(self) -> list[Item]:
        size = sum(align(runtime_bytes(tensor)) for _, tensor in variable_tensors(self.model))
        count = len(resources(self.model))
        if count:
            size += align(self.struct("MicroResourceVariables"))
            size += align(self.struct("MicroResourceVariable", count))
            size += sum(align(buffer) for buffer in _resource_buffers(self.model))
        return [Item("variables", size, "upper bound", _SOURCE)] if size else []

    def tensor_struct(self, tensor: Tensor) -> int:
        """A TfLiteTensor with its quantization, each part aligned to a pointer."""
        size = self.struct("TfLiteTensor")
        if tensor.quantization is not None and tensor.quantization.scale:
            size += self.struct("TfLiteAffineQuantization")
            size += align(4 + 4 * len(tensor.quantization.scale), self.pointer)
        return size

    def inputs_outputs(self) -> Item:
        main = self.model.subgraphs[0]
        size = 0
        for indices in (main.inputs, main.outputs):
            size += align(self.pointer * len(indices))
            size += align(sum(self.tensor_struct(main.tensors[index]) for index in indices))
        return Item("input and output tensors", size, "upper bound", _SOURCE)

    def planning(self, buffers: int) -> int:
        """Low-end bytes while the plan is made: the scratch requests, above them AllocationInfo
        and the planner's tables."""
        size = align(self.struct("ScratchBufferRequest", self.scratch + _SCRATCH_RESERVE))
        size += align(self.pointer * len(self.model.subgraphs))
        size += align(self.struct("AllocationInfo", self.tensors + self.scratch))
        return size + self.struct("planner_table", buffers)

    def preparing(self) -> int:
        """Low-end bytes while operators are prepared: scratch requests so far, and the tensors
        that a kernel looks at; a Prepare and the helper it calls may both hold all of them."""
        largest = requests = 0
        for need in self.needs:
            requests += len(need.scratch)
            subgraph = self.model.subgraphs[need.subgraph]
            operator = subgraph.operators[need.operator]
            held = sum(
                self.tensor_struct(subgraph.tensors[index])
                for index in (*operator.inputs, *operator.outputs)
                if index >= 0
            )
            head = self.struct("ScratchBufferRequest", requests + _SCRATCH_RESERVE)
            largest = max(largest, align(head) + align(2 * held))
        return largest
