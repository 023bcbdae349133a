# SPDX-License-Identifier: Apache-2.0
"""What a kernel does to the arena, written as a script that follows its C++ line by line.

A script is a Python function for one ``Init`` or ``Prepare``; it calls the methods of
``Kernel`` in the order in which the C++ calls the context. Only calls that touch the arena appear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gen_fw.model.graph import Resource
from gen_fw.model.lifetimes import runtime_bytes
from gen_fw.model.types import Model, Operator, Subgraph, Tensor
from gen_fw.program import Confidence
from gen_fw.runtimes.tflm.abi import Abi, Build
from gen_fw.runtimes.tflm.arena.allocator import Allocator
from gen_fw.runtimes.tflm.flexbuffer import integers
from gen_fw.runtimes.tflm.signatures import slots

#: MicroArenaBufferAlignment()
ARENA_ALIGNMENT = 16
#: kMaxScratchBuffersPerOp
SCRATCH_RESERVE = 12


@dataclass(slots=True)
class Resources:
    """State that kernels share while they are prepared: what MicroResourceVariables holds."""

    #: numbers of the variables that have their buffer already
    allocated: set[int]
    #: the variables that a VAR_HANDLE named, by number
    names: list[Resource] = field(default_factory=list)
    #: (subgraph, tensor) of each handle -> number of the variable
    handles: dict[tuple[int, int], int] = field(default_factory=dict)


class Kernel:
    """One operator while its script runs. Slots are ``in0`` …, ``out0`` …, ``intermediate0`` …;
    an omitted optional input has none."""

    def __init__(
        self,
        model: Model,
        subgraph: Subgraph,
        operator: Operator,
        build: Build,
        abi: Abi,
        allocator: Allocator,
        resources: Resources,
        register: str = "",
    ) -> None:
        self.model, self.subgraph, self.operator = model, subgraph, operator
        self.build, self.abi, self.resources = build, abi, resources
        #: name of the registration function, such as Register_CONV_2D; the key of op data
        self.register = register
        self.present: Mapping[str, Tensor] = {
            **slots(subgraph, operator),
            **{
                f"intermediate{position}": subgraph.tensors[index]
                for position, index in enumerate(operator.intermediates)
                if index >= 0
            },
        }
        #: bytes of each scratch buffer requested so far
        self.requests: list[int] = []
        #: the weakest claim of the calls so far
        self.confidence: Confidence = "exact"
        self._allocator = allocator
        self._handles: dict[str, list[tuple[int, ...]]] = {}

    # --- the model, as C++ sees it -------------------------------------------------------------

    def __getitem__(self, slot: str) -> Tensor:
        """The tensor of a slot; KeyError when it is omitted."""
        return self.present[slot]

    def has(self, slot: str) -> bool:
        return slot in self.present

    def constant(self, slot: str) -> bool:
        """IsConstantTensor: the data is in the file."""
        return slot in self.present and self.model.is_constant(self.present[slot])

    def option(self, name: str, default: int = 0) -> int:
        """A field of the builtin options, as an integer."""
        return int(getattr(self.operator.options, name, default))

    def flexbuffer(self, name: str) -> int:
        """A field of a custom operator's options; 0 when absent. Raises ModelError when the
        options are unreadable."""
        return max(0, integers(self.subgraph.index, self.operator).get(name, 0))

    @property
    def pointer(self) -> int:
        return self.abi.pointer

    # --- calls of the context ------------------------------------------------------------------

    def keep(self, size: int, what: str = "operator data") -> None:
        """context->AllocatePersistentBuffer(size)."""
        self._allocator.persistent(size, ARENA_ALIGNMENT, what)

    def keep_type(self, file: str, name: str) -> None:
        """AllocatePersistentBuffer(sizeof(name)), a type of that kernel file."""
        self.keep(self.abi.type_size(file, name))

    def keep_dims(self, slot: str) -> None:
        """CreateWritableTensorDimsWithCopy: TfLiteIntArray of the tensor's rank."""
        self.keep(4 + 4 * len(self.present[slot].shape))

    def scratch(self, size: int) -> None:
        """context->RequestScratchBufferInArena(size). A request of 0 bytes counts as one."""
        self.requests.append(size)

    def temp(self, *names: str) -> None:
        """AllocateTempInputTensor / OutputTensor / IntermediateTensor of each slot in order;
        an omitted tensor costs nothing."""
        for slot in names:
            if slot in self.present:
                self._handles.setdefault(slot, []).append(self._tensor(self.present[slot]))

    def free(self, *names: str) -> None:
        """DeallocateTempTfLiteTensor of each slot; the one that was taken last is freed first."""
        for slot in names:
            if slot in self.present:
                for handle in self._handles[slot].pop():
                    self._allocator.free(handle)

    def look(self, *names: str) -> None:
        """Takes all slots in order, then frees them: the commonest Prepare."""
        self.temp(*names)
        self.free(*names)

    def _tensor(self, tensor: Tensor) -> tuple[int, ...]:
        group = "temporary tensors"
        handles = [self._allocator.temp(*self.abi.struct("TfLiteTensor"), group)]
        if quantized(tensor):
            handles += [
                self._allocator.temp(*self.abi.struct("TfLiteAffineQuantization"), group),
                self._allocator.temp(zero_points(tensor), 4, group),
            ]
        # DeallocateTempTfLiteTensor frees zero points, quantization and tensor in this order
        return tuple(reversed(handles))


def quantized(tensor: Tensor) -> bool:
    """True when InitializeTfLiteTensorFromFlatbuffer makes a TfLiteAffineQuantization: both scale
    and zero point are there (micro_allocator.cc)."""
    quantization = tensor.quantization
    return quantization is not None and bool(quantization.scale and quantization.zero_point)


def zero_points(tensor: Tensor) -> int:
    """Bytes of the TfLiteIntArray of zero points: one a scale."""
    assert tensor.quantization is not None
    return 4 + 4 * len(tensor.quantization.scale)


def tensor_bytes(tensor: Tensor) -> int:
    """TfLiteTensor.bytes: what BytesRequiredForTensor gives."""
    return runtime_bytes(tensor)


Step = Callable[[Kernel], None]


def no_op(_kernel: Kernel) -> None:
    """A function that does not touch the arena."""


def op_data(kernel: Kernel) -> None:
    """The commonest Init: AllocatePersistentBuffer(sizeof(OpData)), from the ABI table; nothing
    when the registration has no Init."""
    if size := kernel.abi.op_data(kernel.register):
        kernel.keep(size)


@dataclass(frozen=True, slots=True)
class Script:
    """The two functions of a registration that touch the arena: no Eval of these releases does."""

    prepare: Step
    init: Step = op_data
    confidence: Confidence = "exact"
    #: C++ file that the script follows
    source: str = ""
