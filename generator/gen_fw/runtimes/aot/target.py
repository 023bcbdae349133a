# SPDX-License-Identifier: Apache-2.0
"""What the kernels' author must know of a processor: which inner loop is the shortest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gen_fw.boards.board import Cpu

#: "pairs": two pixels in one 32 x 32 + 64 bit multiply-accumulate; "tile": plain products in a
#: tile of 4 channels x 4 pixels
Technique = Literal["pairs", "tile"]
#: instructions on vectors that kernels of ours are written for: 16-bit pairs in a word (Arm DSP
#: extension), 128-bit vectors (Arm MVE, Helium)
Simd = Literal["", "dsp", "mve"]

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
    simd: Simd = ""
    #: the kernels that may be taken, the preferred ones first (gen_fw.runtimes.aot.backends)
    backends: tuple[str, ...] = ("portable",)


def target_of(cpu: Cpu, optimise: Literal["speed", "size"] = "speed") -> Target:
    """The target of a board's processor (measurements: docs/aot.md)."""
    isa = cpu.isa.lower()
    arm = cpu.abi.startswith("arm") or "cortex-m" in isa or isa.startswith("armv")
    if arm and isa not in _SHORT_MULTIPLY:
        simd: Simd = "mve" if "mve" in cpu.features else "dsp" if "dsp" in cpu.features else ""
        own = {"mve": ("mve", "portable"), "dsp": ("dsp", "portable")}.get(simd, ("portable",))
        return Target("pairs", 14, optimise, simd=simd, backends=own)
    riscv = isa.startswith(("rv32", "riscv"))
    return Target("tile", 30 if riscv else 14, optimise, no_schedule=riscv)
