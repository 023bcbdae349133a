# SPDX-License-Identifier: Apache-2.0
"""What the kernels' author must know of a processor: which inner loop is the shortest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gen_fw.boards.board import Board, Cpu
from gen_fw.errors import UsageError

#: "pairs": two pixels in one 32 x 32 + 64 bit multiply-accumulate; "tile": plain products in a
#: tile of 4 channels x 4 pixels
Technique = Literal["pairs", "tile"]
#: instructions on vectors that kernels of ours are written for: 16-bit pairs in a word (Arm DSP
#: extension), 128-bit vectors (Arm MVE, Helium)
Simd = Literal["", "dsp", "mve"]

#: Arm cores whose multiplier has no 64-bit accumulate (ARMv6-M and ARMv8-M baseline)
_SHORT_MULTIPLY = ("cortex-m0", "cortex-m0plus", "cortex-m1", "cortex-m23")


#: words of --kernels
KERNELS = ("auto", "portable", "cmsis_nn", "esp_nn")


@dataclass(frozen=True, slots=True)
class Target:
    """A processor and a wish."""

    technique: Technique
    #: registers that a tile of accumulators, weights and inputs may take
    registers: int
    optimise: Literal["speed", "size"] = "speed"
    #: the compiler's scheduler before register allocation spills this target's tiles
    no_schedule: bool = False
    #: two pixels in one 32-bit multiplication where the weights are small: the multiplier is as
    #: fast as an addition, and there are registers for 12 sums
    packed: bool = False
    simd: Simd = ""
    #: the kernels that may be taken, the preferred ones first (gen_fw.runtimes.aot.backends)
    backends: tuple[str, ...] = ("portable",)
    #: the code path that ESP-NN takes: "esp32s3", "esp32p4" or "generic"
    esp_nn: str = "generic"


def target_of(
    cpu: Cpu,
    optimise: Literal["speed", "size"] = "speed",
    kernels: str = "auto",
    esp_nn: str = "generic",
) -> Target:
    """The target of a board's processor (measurements: docs/aot.md). ``kernels`` is one of
    ``KERNELS``, ``esp_nn`` the code path of ESP-NN on this chip.

    "auto" takes kernels of gen-fw, in the variant for the processor, except where ESP-NN has
    assembler for one that they have none for. Raises UsageError for a library that this processor
    does not have.
    """
    isa = cpu.isa.lower()
    arm = cpu.abi.startswith("arm") or "cortex-m" in isa or isa.startswith("armv")
    simd: Simd = ""
    if arm:
        simd = "mve" if "mve" in cpu.features else "dsp" if "dsp" in cpu.features else ""
    own = (simd, "portable") if simd else ("portable",)
    backends = own
    if kernels == "cmsis_nn":
        if not arm:
            raise UsageError(
                f'kernels "cmsis_nn" are for Arm Cortex-M, not for {cpu.isa}',
                hint="--kernels auto, portable or esp_nn",
            )
        backends = ("cmsis_nn", *own)
    elif kernels == "esp_nn" or (kernels == "auto" and esp_nn != "generic"):
        backends = ("esp_nn", *own)
    elif kernels not in ("auto", "portable"):
        raise UsageError(
            f"the aot runtime has no kernels {kernels!r:.80}", hint=f"known: {', '.join(KERNELS)}"
        )
    words: dict[str, Any] = {
        "optimise": optimise,
        "simd": simd,
        "backends": backends,
        "esp_nn": esp_nn,
    }
    if arm and isa not in _SHORT_MULTIPLY:
        return Target("pairs", 14, **words)
    riscv = isa.startswith(("rv32", "riscv"))
    return Target("tile", 30 if riscv else 14, no_schedule=riscv, packed=riscv, **words)


def target_on(board: Board, optimise: Literal["speed", "size"], kernels: str = "") -> Target:
    """The target of a board; ``kernels`` empty means "auto". Raises what ``target_of`` raises."""
    esp_nn = str(board.family_data.get("esp_nn", "generic"))
    return target_of(board.cpu, optimise, kernels or "auto", esp_nn)
