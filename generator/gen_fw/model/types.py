# SPDX-License-Identifier: Apache-2.0
"""The parsed model: immutable, fully typed, knows nothing about boards or runtimes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum

from gen_fw.errors import Diagnostic


class DType(IntEnum):
    """Tensor element types; the values are ``TensorType`` of TFLite's schema.fbs."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    STRING = 5
    BOOL = 6
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    FLOAT64 = 10
    COMPLEX128 = 11
    UINT64 = 12
    RESOURCE = 13
    VARIANT = 14
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18
    INT2 = 19
    UINT4 = 20
    FLOAT8_E4M3FN = 21
    FLOAT8_E5M2 = 22

    @property
    def bits(self) -> int:
        """Bits of one element; 0 for types without a fixed size (STRING, RESOURCE, VARIANT)."""
        return _BITS[self]


_BITS: dict[DType, int] = {
    DType.FLOAT32: 32,
    DType.FLOAT16: 16,
    DType.INT32: 32,
    DType.UINT8: 8,
    DType.INT64: 64,
    DType.STRING: 0,
    DType.BOOL: 8,
    DType.INT16: 16,
    DType.COMPLEX64: 64,
    DType.INT8: 8,
    DType.FLOAT64: 64,
    DType.COMPLEX128: 128,
    DType.UINT64: 64,
    DType.RESOURCE: 0,
    DType.VARIANT: 0,
    DType.UINT32: 32,
    DType.UINT16: 16,
    DType.INT4: 4,
    DType.BFLOAT16: 16,
    DType.INT2: 2,
    DType.UINT4: 4,
    DType.FLOAT8_E4M3FN: 8,
    DType.FLOAT8_E5M2: 8,
}


def display(name: bytes) -> str:
    """A model's raw name as printable text; never an identifier, a path or build-file text."""
    text = name.decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@dataclass(frozen=True, slots=True)
class Quantization:
    """Affine quantization: real = scale * (q - zero_point).

    ``scale`` and ``zero_point`` have one element (per tensor) or ``shape[axis]`` (per channel).
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        return len(self.scale) > 1


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Sparse storage of a constant tensor (schema table SparsityParameters)."""

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    dimensions: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a subgraph. ``buffer`` is an index into ``Model.buffers``."""

    index: int
    name: bytes
    dtype: DType
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...] | None
    buffer: int
    quantization: Quantization | None = None
    is_variable: bool = False
    sparsity: Sparsity | None = None
    #: "blockwise" and other ``quantization.details`` unions, named; None for plain affine
    quantization_details: str | None = None

    @property
    def display_name(self) -> str:
        return display(self.name)

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Dense bytes in memory (sub-byte types packed, rounded up); 0 if the size is not fixed."""
        return (self.elements * self.dtype.bits + 7) // 8


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator. A tensor index of -1 marks an omitted optional input."""

    index: int
    #: schema name, such as CONV_2D; CUSTOM for custom operators
    name: str
    #: BuiltinOperator value
    code: int
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...] = ()
    #: a dataclass of gen_fw.model.options (Conv2DOptions, ...), or None
    options: object | None = None
    #: raw bytes of the custom code; None for builtin operators
    custom_code: bytes | None = None
    custom_options: memoryview = field(default_factory=lambda: memoryview(b""))
    mutating_variable_inputs: tuple[bool, ...] = ()

    @property
    def label(self) -> str:
        """CONV_2D, or CUSTOM:name."""
        return self.name if self.custom_code is None else f"CUSTOM:{display(self.custom_code)}"


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Operators in execution order; ``inputs`` and ``outputs`` are tensor indices."""

    index: int
    name: bytes
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Constant data; ``data`` is a view into the file (never a copy), empty when there is none."""

    index: int
    data: memoryview
    #: byte offset of ``data`` in the file; 0 when empty
    offset: int = 0
    #: stored behind the FlatBuffer (``Buffer.offset``/``size``), a form that TFLM does not read
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Metadata:
    name: bytes
    buffer: int


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature: key and (name, tensor index) pairs of one subgraph."""

    key: bytes
    subgraph: int
    inputs: tuple[tuple[bytes, int], ...]
    outputs: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A verified ``.tflite``. ``raw`` is the whole file; every buffer is a view into it."""

    raw: memoryview
    sha256: str
    version: int
    description: bytes
    subgraphs: tuple[Subgraph, ...]
    buffers: tuple[Buffer, ...]
    metadata: tuple[Metadata, ...] = ()
    signatures: tuple[Signature, ...] = ()
    #: oddities that runtimes tolerate
    diagnostics: tuple[Diagnostic, ...] = ()

    def is_constant(self, tensor: Tensor) -> bool:
        """True when the tensor's data is in the file."""
        return len(self.buffers[tensor.buffer].data) > 0
