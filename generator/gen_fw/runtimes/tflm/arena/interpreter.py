# SPDX-License-Identifier: Apache-2.0
"""Every allocation of one MicroInterpreter, in TFLM's order, without running it.

Source: tensorflow/lite/micro/{micro_allocator,micro_interpreter,micro_interpreter_graph,
micro_allocation_info,micro_resource_variable}.cc at tflite-micro 90b983c2; esp-tflite-micro 1.3.5
to 1.4.0 allocate in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gen_fw.memory.buffers import Buffer, Plan
from gen_fw.memory.greedy import plan as greedy
from gen_fw.model.graph import resources
from gen_fw.model.lifetimes import (
    UNTOUCHED,
    Scratch,
    lifetimes,
    runtime_bytes,
    variable_tensors,
)
from gen_fw.model.types import Model, Tensor
from gen_fw.program import Confidence
from gen_fw.runtimes.tflm.abi import Abi, Build
from gen_fw.runtimes.tflm.arena.allocator import Allocator
from gen_fw.runtimes.tflm.arena.kernel import (
    ARENA_ALIGNMENT,
    SCRATCH_RESERVE,
    Kernel,
    Resources,
    Script,
    quantized,
    zero_points,
)
from gen_fw.runtimes.tflm.arena.kernels import CUSTOM, script_for
from gen_fw.runtimes.tflm.table import OperatorTable, Registration

Planner = Callable[[Sequence[Buffer]], Plan]


@dataclass(frozen=True, slots=True)
class Run:
    """What is known after AllocateTensors; Invoke takes nothing more."""

    allocator: Allocator
    plan: Plan
    scratch: tuple[Scratch, ...]
    #: weakest claim of an operator, and which one
    confidence: Confidence
    weakest: str


_RANK: tuple[Confidence, ...] = ("exact", "upper bound", "estimate")


class Interpreter:
    """One pass over a model. ``split`` keeps persistent data in an arena of its own;
    ``offsets`` replaces the model's offline plan (one per tensor of all subgraphs, -1: online)."""

    def __init__(
        self,
        model: Model,
        table: OperatorTable,
        build: Build,
        abi: Abi,
        *,
        split: bool = False,
        offsets: Sequence[int] | None = None,
        planner: Planner = greedy,
    ) -> None:
        self.model, self.table, self.build, self.abi = model, table, build, abi
        self.split, self.offsets, self.planner = split, offsets, planner
        self.allocator = Allocator()
        self.scratch: list[Scratch] = []
        self.confidence: Confidence = "exact"
        self.weakest = ""
        shared = Resources(set())
        self.kernels = [
            (self._kernel(subgraph.index, operator.index, shared))
            for subgraph in model.subgraphs
            for operator in subgraph.operators
        ]

    def run(self) -> Run:
        self.boot()
        self.start()
        self.parse()
        self.initialise()
        self.prepare()
        plan = self.finish()
        self.inputs_outputs()
        return Run(self.allocator, plan, tuple(self.scratch), self.confidence, self.weakest)

    # --- helpers -------------------------------------------------------------------------------

    def struct(self, name: str, group: str, count: int = 1) -> None:
        size, alignment = self.abi.struct(name)
        self.allocator.persistent(size * count, alignment, group)

    def _kernel(
        self, subgraph: int, operator: int, shared: Resources
    ) -> tuple[Kernel, Script, Registration | None]:
        graph = self.model.subgraphs[subgraph]
        node = graph.operators[operator]
        registration = self.table.find(node)
        script = script_for(self.build, node, registration) if registration else CUSTOM
        kernel = Kernel(
            self.model,
            graph,
            node,
            self.build,
            self.abi,
            self.allocator,
            shared,
            registration.register if registration else "",
        )
        return kernel, script, registration

    def _weaken(self, kernel: Kernel, script: Script) -> None:
        for claim in (script.confidence, kernel.confidence):
            if _RANK.index(claim) > _RANK.index(self.confidence):
                self.confidence = claim
                self.weakest = kernel.operator.label

    def at(self, kernel: Kernel | None) -> None:
        place = (kernel.subgraph.index, kernel.operator.index) if kernel else (-1, -1)
        self.allocator.operator = place

    # --- the stages ----------------------------------------------------------------------------

    def boot(self) -> None:
        """MicroAllocator::Create, MicroResourceVariables::Create."""
        group = "allocator and planner"
        one = ("SingleArenaBufferAllocator",)
        two = ("PersistentArenaBufferAllocator", "NonPersistentArenaBufferAllocator")
        for name in (*(two if self.split else one), "GreedyMemoryPlanner", "MicroAllocator"):
            self.struct(name, group)
        count = len(resources(self.model))
        if count:
            table, entry = "MicroResourceVariables", "MicroResourceVariable"
            group = "resource variables"
            self.allocator.persistent(self.abi.struct(table)[0], ARENA_ALIGNMENT, group)
            self.allocator.persistent(self.abi.struct(entry)[0] * count, ARENA_ALIGNMENT, group)

    def start(self) -> None:
        """MicroAllocator::StartModelAllocation."""
        subgraphs = self.model.subgraphs
        self.struct("MicroBuiltinDataAllocator", "allocator and planner")
        self.requests(0)
        self.struct("SubgraphAllocations", "tensor structures", len(subgraphs))
        for subgraph in subgraphs:
            self.struct("TfLiteEvalTensor", "tensor structures", len(subgraph.tensors))
        for subgraph in subgraphs:
            self.struct("NodeAndRegistration", "operator structures", len(subgraph.operators))

    def requests(self, made: int) -> None:
        """The head while operators are prepared: requests so far, room for one operator's."""
        size, alignment = self.abi.struct("ScratchBufferRequest")
        self.allocator.resize(size * (made + SCRATCH_RESERVE), alignment, "scratch requests")

    def parse(self) -> None:
        """PrepareNodeAndRegistrationDataFromFlatbuffer."""
        for kernel, _, registration in self.kernels:
            if registration is not None and registration.params:
                self.at(kernel)
                size, alignment = self.abi.params(registration.params)
                self.allocator.persistent(size, alignment, "operator options")
        self.at(None)

    def initialise(self) -> None:
        """MicroInterpreterGraph::InitSubgraphs."""
        for kernel, script, _ in self.kernels:
            self.at(kernel)
            script.init(kernel)
        self.at(None)

    def prepare(self) -> None:
        """MicroInterpreterGraph::PrepareSubgraphs."""
        for kernel, script, _ in self.kernels:
            self.at(kernel)
            script.prepare(kernel)
            label = f"scratch of {kernel.operator.label}"
            place = (kernel.subgraph.index, kernel.operator.index)
            self.scratch.extend(Scratch(*place, size, label) for size in kernel.requests)
            self.allocator.reset()
            self.requests(len(self.scratch))
            self._weaken(kernel, script)
        self.at(None)

    def finish(self) -> Plan:
        """MicroAllocator::FinishModelAllocation and CommitStaticMemoryPlan."""
        arena, model = self.allocator, self.model
        if self.scratch:
            self.struct("ScratchBufferHandle", "scratch handles", len(self.scratch))
        group = "planning"
        tensors = sum(len(subgraph.tensors) for subgraph in model.subgraphs)
        pointer = self.abi.pointer
        offsets = arena.temp(pointer * len(model.subgraphs), pointer, group)
        size, alignment = self.abi.struct("AllocationInfo")
        information = arena.temp(size * (tensors + len(self.scratch)), alignment, group)
        for _, tensor in variable_tensors(model, self.offsets):
            arena.persistent(runtime_bytes(tensor), ARENA_ALIGNMENT, "variables")
        lives = lifetimes(model, self.scratch, self.offsets)
        for life in lives:
            if life.tensor < 0 and life.first_use == UNTOUCHED:
                # its subgraph is never entered, and TFLM plans a size that it never wrote
                self.confidence, self.weakest = "estimate", life.label
        buffers = [
            Buffer(life.bytes, life.first_use, life.last_use, life.label, life.offline_offset)
            for life in lives
        ]
        row = self.abi.constant("GreedyMemoryPlanner::per_buffer_size")
        arena.remaining(row * len(buffers), group)
        plan = self.planner(buffers)
        arena.free(information)
        arena.free(offsets)
        arena.reset()
        arena.resize(0, 1, group)
        arena.resize(plan.bytes, ARENA_ALIGNMENT, "planned tensors and scratch")
        return plan

    def inputs_outputs(self) -> None:
        """The end of MicroInterpreter::AllocateTensors."""
        main = self.model.subgraphs[0]
        for indices in (main.inputs, main.outputs):
            size = self.abi.pointer * len(indices)
            self.allocator.persistent(size, ARENA_ALIGNMENT, "input and output tensors")
            for index in indices:
                self.persistent_tensor(main.tensors[index])

    def persistent_tensor(self, tensor: Tensor) -> None:
        """AllocatePersistentTfLiteTensor."""
        group = "input and output tensors"
        self.struct("TfLiteTensor", group)
        if quantized(tensor):
            self.struct("TfLiteAffineQuantization", group)
            self.allocator.persistent(zero_points(tensor), 4, group)
