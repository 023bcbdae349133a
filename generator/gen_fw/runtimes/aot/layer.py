# SPDX-License-Identifier: Apache-2.0
"""What an operator's lowering sees and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from gen_fw.model.types import DType, Model, Operator, Quantization, Subgraph, Tensor
from gen_fw.runtimes.aot.state import Slot
from gen_fw.runtimes.aot.target import Target

if TYPE_CHECKING:
    import numpy as np

#: element types of tensors and constants in C
C_TYPES: Mapping[DType, str] = {
    DType.INT8: "int8_t",
    DType.UINT8: "uint8_t",
    DType.INT16: "int16_t",
    DType.INT32: "int32_t",
    DType.UINT32: "uint32_t",
    DType.INT64: "int64_t",
    DType.UINT64: "uint64_t",
    DType.FLOAT32: "float",
    DType.BOOL: "bool",
}


class UnsupportedError(Exception):
    """Why an operator cannot be lowered; ``lower`` turns all of them into one ModelError."""


@dataclass(frozen=True, slots=True)
class TensorArgument:
    """A run-time tensor (in the arena) or a constant one, as pointer to its first element."""

    parameter: str
    tensor: int
    c_type: str
    written: bool = False


@dataclass(frozen=True, slots=True)
class DataArgument:
    """Read-only data that the lowering made: weights in the kernel's layout, tables.

    ``data`` has any shape; with ``c_type`` "channel" it is int32 [channels, 4]: bias, multiplier,
    offset, shift of ``struct channel``.
    """

    parameter: str
    c_type: str
    data: np.ndarray[Any, Any]
    what: str


@dataclass(frozen=True, slots=True)
class ScratchArgument:
    """Bytes of the arena that belong to the operator while it runs."""

    parameter: str
    c_type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class StateArgument:
    """Bytes that keep their contents between inferences; ``slot`` None: the begin of all state,
    for a kernel that calls the function of a subgraph."""

    parameter: str
    c_type: str
    slot: Slot | None
    written: bool = True


Argument = TensorArgument | DataArgument | ScratchArgument | StateArgument


@dataclass(frozen=True, slots=True)
class Over:
    """The kernel's output may lie over its input ``parameter`` when nothing reads that later.

    It must begin ``below`` bytes or more before the input: what the kernel writes then never
    reaches what it still reads (gen_fw.runtimes.aot.overlap computes it). With ``every``, it may
    begin at any distance that is a multiple of so many bytes instead. ``above``: or so many bytes
    or more behind the input, and then ``Step.backward`` runs.
    """

    parameter: str
    below: int = 0
    every: int = 0
    above: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a kernel. Steps whose ``template``, ``words`` and parameters are equal share one
    function."""

    #: name of the C template, without ``.c.j2``
    template: str
    #: constants that the template fills in (plain data)
    words: Mapping[str, Any]
    arguments: tuple[Argument, ...]
    #: one line for the reader of the C code
    comment: str
    #: inputs that the output may overlap; without one they lie apart
    over: tuple[Over, ...] = ()
    #: the same from the last output to the first, with the same parameters
    backward: Step | None = None
    #: a copy of the input to so many bytes behind the output's begin, and nothing else: no code
    #: when the input lies there already
    inside: int | None = None
    #: a copy of the output's bytes from so many bytes behind the input's begin, and nothing else:
    #: no code when the output lies there
    view: int | None = None
    #: what the C function is called after; the template's name if empty
    name: str = ""
    #: state that functions of subgraphs use, which this kernel calls
    state: tuple[Slot, ...] = ()
    #: parameter of state whose int32 ends the inference here, unless it is 0
    stops: str = ""
    operator: int = -1
    operator_name: str = ""
    #: the set of kernels that it is of (gen_fw.runtimes.aot.backends), and why not a faster one
    kernels: str = "portable"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor of a callee lies: bytes behind the begin of its arena or of the state, or a
    constant."""

    kind: Literal["arena", "state", "constant"]
    offset: int
    tensor: Tensor


@dataclass(frozen=True, slots=True)
class Callee:
    """A subgraph that is ready to be called as a C function."""

    index: int
    arena_bytes: int
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    #: what it and the functions that it calls keep
    state: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """``tensor`` is the contents of ``slot``: no code, the same bytes."""

    tensor: int
    slot: Slot


@dataclass(frozen=True, slots=True)
class Alias:
    """Output ``output`` is ``input`` under another shape: no code, the same bytes."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Site:
    """One operator in its model, for one target."""

    model: Model
    subgraph: Subgraph
    operator: Operator
    target: Target
    #: tensors that must not share memory with others: inputs and outputs of the graph
    pinned: frozenset[int] = field(default_factory=frozenset)
    #: subgraphs that this operator may call; those that could not be lowered are missing
    callees: Mapping[int, Callee] = field(default_factory=dict)

    def input(self, position: int) -> Tensor:
        """Input tensor at a position that the operator must have."""
        tensor = self.optional(position)
        if tensor is None:
            self.refuse(f"input {position} is missing")
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """Input tensor, or None when it is omitted."""
        inputs = self.operator.inputs
        present = position < len(inputs) and inputs[position] >= 0
        return self.subgraph.tensors[inputs[position]] if present else None

    def output(self, position: int = 0) -> Tensor:
        self.require(position < len(self.operator.outputs), f"output {position} is missing")
        return self.subgraph.tensors[self.operator.outputs[position]]

    @property
    def options(self) -> Any:
        """The operator's table of options; refuses an operator that has none."""
        self.require(self.operator.options is not None, "its options are missing")
        return self.operator.options

    def refuse(self, why: str) -> NoReturn:
        raise UnsupportedError(why)

    def require(self, condition: bool, why: str) -> None:
        if not condition:
            raise UnsupportedError(why)

    def of_type(self, tensor: Tensor, *dtypes: DType) -> Tensor:
        """``tensor`` if its element type is one of ``dtypes``."""
        names = " or ".join(dtype.name.lower() for dtype in dtypes)
        self.require(tensor.dtype in dtypes, f"{tensor.dtype.name.lower()} instead of {names}")
        return tensor

    def affine(self, tensor: Tensor) -> tuple[float, int]:
        """Scale and zero point of a tensor that is quantized per tensor."""
        quantization = self.quantization(tensor)
        self.require(not quantization.per_channel, "an activation is quantized per channel")
        return quantization.scale[0], int(quantization.zero_point[0])

    def quantization(self, tensor: Tensor) -> Quantization:
        quantization = tensor.quantization
        if quantization is None or tensor.quantization_details is not None:
            self.refuse(f"tensor {tensor.index} has no affine quantization")
        return quantization

    def constant(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        """Elements of a constant tensor in its shape; int4 is unpacked to int8."""
        import numpy as np

        self.require(self.model.is_constant(tensor), f"tensor {tensor.index} is not constant")
        self.require(tensor.sparsity is None, f"tensor {tensor.index} is sparse")
        raw = np.frombuffer(self.model.buffers[tensor.buffer].data, dtype=np.uint8)
        if tensor.dtype is DType.INT4:
            low, high = (raw << 4).view(np.int8) >> 4, raw.view(np.int8) >> 4
            unpacked: np.ndarray[Any, Any] = np.stack([low, high], axis=-1).reshape(-1)
            return unpacked[: tensor.elements].reshape(tensor.shape)
        self.require(tensor.dtype in C_TYPES, f"a constant of type {tensor.dtype.name.lower()}")
        kind = np.dtype(tensor.dtype.name.lower()).newbyteorder("<")
        values: np.ndarray[Any, Any] = raw.view(kind)
        return values.reshape(tensor.shape)

    def reads(self, parameter: str, tensor: Tensor) -> TensorArgument:
        return TensorArgument(parameter, tensor.index, C_TYPES[tensor.dtype])

    def writes(self, parameter: str, tensor: Tensor) -> TensorArgument:
        return TensorArgument(parameter, tensor.index, C_TYPES[tensor.dtype], written=True)
