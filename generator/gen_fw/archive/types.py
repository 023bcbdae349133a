# SPDX-License-Identifier: Apache-2.0
"""What an archive holds, as read: frozen, and without any judgement of what can be used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

#: bytes of one element by TVM's name of the type
ELEMENT_BYTES = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
}


@dataclass(frozen=True, slots=True)
class TensorFact:
    """What one place of an archive says about an input or output; the rest is unknown."""

    name: str
    dtype: str = ""
    shape: tuple[int, ...] | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """The function ``main`` in Relay text. ``outputs`` is None when its type is not printed."""

    inputs: tuple[TensorFact, ...]
    outputs: tuple[TensorFact, ...] | None


@dataclass(frozen=True, slots=True)
class PoolMacro:
    """A pool that the caller provides: ``macro`` is the prefix of its macros in the header.
    ``bytes`` is its size; ``constant``: it starts with the data of a macro."""

    member: str
    macro: str
    bytes: int
    constant: bool


@dataclass(frozen=True, slots=True)
class Header:
    """The C interface: ``codegen/host/include/tvmgen_<module>.h``. Names are C identifiers."""

    file: str
    guard: str
    content: memoryview
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    #: bytes by the upper-case name of the tensor, as its macro has it
    sizes: dict[str, int]
    devices: tuple[str, ...]
    pools: tuple[PoolMacro, ...]
    #: inputs and outputs lie in the pools, where two functions find them
    mapped: bool
    workspace_bytes: int | None


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a source file defines: its parameters as text, and where its body is."""

    name: str
    parameters: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pool:
    """A workspace pool that a source file defines as a static array."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Code:
    """One C source file. ``file`` is its name below ``codegen/host/src``."""

    file: str
    content: memoryview
    text: str = field(repr=False)
    includes: tuple[str, ...]
    functions: tuple[Function, ...]
    #: identifiers with external linkage that are no functions
    objects: tuple[str, ...]
    pools: tuple[Pool, ...]
    #: bytes of constant arrays
    constant_bytes: int
    lines: int
    cxx: bool


@dataclass(frozen=True, slots=True)
class OperatorFunction:
    """A kernel in the metadata; ``workspace_bytes`` is the largest of its devices."""

    name: str
    workspace_bytes: int


@dataclass(frozen=True, slots=True)
class Module:
    """One module (one model) of an archive."""

    name: str
    style: str
    executors: tuple[str, ...]
    targets: tuple[str, ...]
    tvm_version: str
    #: of gen-fw, empty when it did not write the archive: then kernels may round otherwise
    gen_fw_version: str
    workspace_bytes: int
    constants_bytes: int
    operators: tuple[OperatorFunction, ...]
    #: of the metadata; empty before TVM 0.11
    inputs: tuple[TensorFact, ...]
    outputs: tuple[TensorFact, ...]
    relay: Signature | None
    header: Header | None
    sources: tuple[Code, ...]
    #: object files, which are for one machine only
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive with its modules; ``raw`` is a tar, the archive itself unless it was a folder."""

    version: int
    modules: tuple[Module, ...]
    raw: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Hexadecimal sha256 of ``raw``."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class ArchiveModule:
    """One module with the archive it is from: what a program is made of."""

    archive: Archive
    module: Module


#: how the model is called: structs of the C interface, DLTensor handles, or plain pointers
Interface = Literal["c", "packed", "direct"]
