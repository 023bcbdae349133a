# SPDX-License-Identifier: Apache-2.0
"""The plain words that the rooms exchange. A Program is one model made ready for one board by one
runtime; ``memory`` and ``project`` see Programs and Boards, never a Model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gen_fw.errors import Diagnostic

#: how sure a number is; shown wherever the number is shown
Confidence = Literal["exact", "upper bound", "estimate"]

#: what a region holds: tensors and scratch (and what the runtime keeps, unless that has a region of
#: its own), what the runtime keeps for ever, weights, or instructions
RegionRole = Literal["arena", "persistent", "model", "code"]


@dataclass(frozen=True, slots=True)
class Io:
    """One input or output of a program, in the model's order."""

    position: int
    #: display text only (any characters that a printable string can hold)
    name: str
    #: "int8", "uint8", "int16", "int32", "int64", "uint32", "float32", "bool", ...
    dtype: str
    #: "int8_t", "float", "bool", ...
    c_type: str
    #: "i8", "u8", "i16", "i32", "i64", "u32", "f32", "bool", ...
    suffix: str
    shape: tuple[int, ...]
    elements: int
    bytes: int
    #: per-tensor quantization; None when the tensor is not quantized
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an accounting: what needs how many bytes, how sure, and where that comes from."""

    label: str
    bytes: int
    confidence: Confidence
    source: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """A contiguous need of memory, to be placed by ``memory.place``."""

    role: RegionRole
    label: str
    bytes: int
    alignment: int
    lifetime: Literal["static", "invoke"]
    confidence: Confidence
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """One buffer in an arena's plan: ``bytes`` at ``offset``, in use from step ``first`` to step
    ``last``, inclusive."""

    #: a few characters for a picture, such as a tensor's index
    label: str
    #: what it is, in full; any text, since a model's names are in it
    title: str
    bytes: int
    offset: int
    first: int
    last: int
    scratch: bool = False


@dataclass(frozen=True, slots=True)
class ArenaPlan:
    """Where tensors and scratch lie in an arena, over time. Sizes and offsets in bytes."""

    blocks: tuple[Block, ...]
    #: what runs at step 0, 1, ...; step 0 is before the first operator
    steps: tuple[str, ...]
    bytes: int
    #: no plan of the same buffers is smaller
    lower_bound: int
    planner: str


@dataclass(frozen=True, slots=True)
class Constant:
    """Read-only data that the project carries, such as the model itself."""

    label: str
    data: memoryview
    alignment: int = 16

    @property
    def sha256(self) -> str:
        """Hexadecimal sha256 of the data."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """A source file that the runtime made (ahead-of-time C, a vendor compiler's output)."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Requires:
    """What the build must bring."""

    kernels: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """One model, ready for one board by one runtime: all that later rooms need.

    ``adapter`` is plain data (str, int, float, bool, list, dict) for the runtime's templates that
    implement the model API; ``report`` is plain data for reports and ``--json``.
    """

    name: str
    runtime: str
    kernels: str
    inputs: tuple[Io, ...]
    outputs: tuple[Io, ...]
    regions: tuple[Region, ...]
    constants: tuple[Constant, ...] = ()
    sources: tuple[Source, ...] = ()
    requires: Requires = field(default_factory=Requires)
    adapter: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    #: keeps state between invocations (variables, resource variables)
    stateful: bool = False
    #: advised stack of the task that calls invoke, in bytes
    stack_bytes: int = 8192
    #: labels of the classes, when known
    labels: tuple[str, ...] = ()
    #: the planned part of the arena, when it is known
    arena_plan: ArenaPlan | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def tflite(self) -> memoryview | None:
        """The .tflite that runs, or that the sources were compiled from; None without one."""
        by_label = {constant.label: constant.data for constant in self.constants}
        return by_label.get("reference", None if self.is_archive else self.constants[0].data)

    @property
    def is_archive(self) -> bool:
        """Whether the input was an archive of TVM; a model that TVM compiles now is none."""
        return self.runtime == "tvm" and "tvm" not in self.adapter

    def region(self, role: RegionRole) -> Region:
        """The region of that role; KeyError if the program has none."""
        for region in self.regions:
            if region.role == role:
                return region
        raise KeyError(role)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where each role lives: role -> memory name of the board."""

    memories: Mapping[RegionRole, str]


@dataclass(frozen=True, slots=True)
class Use:
    """One memory of the board under a placement."""

    memory: str
    kind: Literal["ram", "rom"]
    capacity: int
    reserved: int
    needs: tuple[Item, ...]

    @property
    def available(self) -> int:
        return self.capacity - self.reserved

    @property
    def needed(self) -> int:
        return sum(item.bytes for item in self.needs)

    @property
    def fits(self) -> bool:
        return self.needed <= self.available


@dataclass(frozen=True, slots=True)
class Candidate:
    """One placement that was tried, with the resulting use of every memory."""

    placement: Placement
    uses: tuple[Use, ...]

    @property
    def fits(self) -> bool:
        return all(use.fits for use in self.uses)


@dataclass(frozen=True, slots=True)
class Golden:
    """Test vectors of one program: raw little-endian bytes per tensor, in I/O order."""

    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]
    #: outputs of a second invocation on the same inputs without reset; empty when stateless
    run2_outputs: tuple[bytes, ...] = ()
    #: "golden file", "sample file" or "seeded input"
    origin: str = ""
    #: content of gen/<name>/golden.npz
    npz: bytes = b""
    #: how far the outputs are from TFLite Micro's, where they are another runtime's: plain data
    difference: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Firmware:
    """Programs on one board, placed. ``golden[i]`` belongs to ``programs[i]``."""

    programs: tuple[Program, ...]
    chosen: Candidate
    tried: tuple[Candidate, ...]
    golden: tuple[Golden | None, ...]
    shared_arena: bool = False


def as_estimate(program: Program) -> Program:
    """The same, with every number an estimate."""
    regions = tuple(
        replace(
            region,
            confidence="estimate",
            items=tuple(replace(item, confidence="estimate") for item in region.items),
        )
        for region in program.regions
    )
    return replace(program, regions=regions)
