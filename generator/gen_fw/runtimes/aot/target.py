# SPDX-License-Identifier: Apache-2.0
"""What the kernels' author must know of a processor: which inner loop is the shortest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gen_fw.boards.board import Cpu

#: "pairs": two pixels in one 32 x 32 + 64 bit multiply-accumulate; "tile": plain products in a
#: tile of 4 channels x 4 pixels
Technique = Literal["pairs", "tile"]

#: Arm cores whose multiplier has no 64-bit accumulate (ARMv6-M and ARMv8-M baseline)
_SHORT_MULTIPLY = ("cortex-m0", "cortex-m0plus", "cortex-m1", "cortex-m23")


@dataclass(frozen=True, slots=True)
class Target:
    """A processor and a wish."""

    technique: Technique
    #: registers that a tile of accumulators, weights and inputs may take
    registers: int
    optimise: Literal["speed", "size"] = "speed"
    #: the compiler's scheduler before register allocation spills this target's tiles
    no_schedule: bool = False


def target_of(cpu: Cpu, optimise: Literal["speed", "size"] = "speed") -> Target:
    """The target of a board's processor (measurements: docs/aot.md)."""
    isa = cpu.isa.lower()
    arm = cpu.abi.startswith("arm") or "cortex-m" in isa or isa.startswith("armv")
    if arm and isa not in _SHORT_MULTIPLY:
        return Target("pairs", 14, optimise)
    riscv = isa.startswith(("rv32", "riscv"))
    return Target("tile", 30 if riscv else 14, optimise, no_schedule=riscv)
