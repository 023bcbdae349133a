# SPDX-License-Identifier: Apache-2.0
"""Boards as data: the frozen description that TOML files are read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory of a board. ``reserved`` bytes belong to RTOS, stacks, radio (or the bootloader)."""

    name: str
    bytes: int
    rank: int
    kind: Literal["ram", "rom"]
    reserved: int = 0
    npu_visible: bool = False
    note: str = ""
    #: memory that keeps the content while the power is off: it is copied from there at start, so
    #: model and code need their bytes in both. Empty: nothing is copied
    loaded_from: str = ""


@dataclass(frozen=True, slots=True)
class Cpu:
    isa: str
    cores: int
    clock_mhz: int
    #: "xtensa", "riscv-ilp32", "riscv-ilp32f", "arm-eabi", ...: key of the ABI tables
    abi: str
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sdk:
    name: str
    requires: str
    #: operator table of gen_fw.runtimes.tflm.data that this SDK's TFLM has
    tflm: str = ""
    #: TFLM comes as a library, whose kernels may keep more than those of the table
    prebuilt: bool = False


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """How the NPU's compiler sees memories when arena and model lie in these memories."""

    arena: str
    model: str
    system_config: str
    memory_mode: str


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A neural processing unit beside the CPU, and what its compiler must know."""

    #: what the compiler calls it: "ethos-u55-256"
    name: str
    #: "vela"
    compiler: str
    #: "u55", "u65" or "u85": decides the driver's device file
    architecture: str
    macs: int
    base: int
    irq: int
    #: pairs of memories that it can serve, best first; a pair that is not here it cannot
    system_configs: tuple[SystemConfig, ...]

    def system_config(self, arena: str, model: str) -> SystemConfig | None:
        """The entry for arena and model in these memories, None when there is none."""
        for entry in self.system_configs:
            if (entry.arena, entry.model) == (arena, model):
                return entry
        return None


@dataclass(frozen=True, slots=True)
class Board:
    """A product you can buy: a chip plus memories, console, debugger."""

    name: str
    title: str
    vendor: str
    family: str
    chip: str
    cpu: Cpu
    default_runtime: str
    kernels: str
    memories: tuple[Memory, ...]
    #: role -> memory names, best first
    placement: Mapping[str, tuple[str, ...]]
    sdk: Sdk
    licence: str
    sources: tuple[str, ...]
    #: data that only the family's templates understand (target, flash, psram, console, ...)
    family_data: Mapping[str, Any]
    accelerator: Accelerator | None = None

    def memory(self, name: str) -> Memory:
        """The memory of that name; KeyError if the board has none."""
        for memory in self.memories:
            if memory.name == name:
                return memory
        raise KeyError(name)
