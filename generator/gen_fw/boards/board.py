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

    def memory(self, name: str) -> Memory:
        """The memory of that name; KeyError if the board has none."""
        for memory in self.memories:
            if memory.name == name:
                return memory
        raise KeyError(name)
