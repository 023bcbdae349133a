# SPDX-License-Identifier: Apache-2.0
"""What the ahead-of-time runtime costs on the emulated machines, and the most that it may cost.

Instructions are of one inference on the golden input at -O2, tracing off; sizes are of the
program's own objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aot_harness import run_cases
from aot_programs import model_case
from aot_targets import M4, M55, RV32, Sizes, Target, sizes_of
from gen_fw.model.macs import operator_macs

#: machine -> (board of the package, target)
MACHINES: dict[str, tuple[str, Target]] = {
    "M55": ("qemu-cortex-m55", M55),
    "M4": ("qemu-cortex-m4", M4),
    "rv32": ("qemu-riscv32", RV32),
}
_KB = 1024
_M = 1_000_000
#: (model, machine) -> instructions, --optimise speed
INSTRUCTIONS = {
    ("kws", "M55"): 0.75 * _M,
    ("vww", "M55"): 2.4 * _M,
    ("resnet8", "M55"): 2.3 * _M,
    ("ad01", "M55"): 0.048 * _M,
    ("kws", "M4"): 3.6 * _M,
    ("vww", "M4"): 10.2 * _M,
    ("resnet8", "M4"): 13.6 * _M,
    ("ad01", "M4"): 0.37 * _M,
    ("kws", "rv32"): 8.3 * _M,
    ("vww", "rv32"): 21.0 * _M,
}
#: (model, machine, --optimise) -> bytes of code
CODE = {
    ("kws", "M55", "speed"): 6 * _KB,
    ("kws", "M4", "speed"): 6 * _KB,
    ("vww", "M55", "speed"): 26 * _KB,
    ("vww", "M4", "speed"): 26 * _KB,
    ("kws", "rv32", "speed"): 8 * _KB,
    ("vww", "rv32", "speed"): 36 * _KB,
    ("kws", "M55", "size"): 5 * _KB,
    ("kws", "M4", "size"): 5 * _KB,
    ("vww", "M55", "size"): 18 * _KB,
    ("vww", "M4", "size"): 18 * _KB,
}
#: bytes of the arena: tensors and scratch, as far as they must not share
ARENA = {"kws": 8_704, "vww": 41_776, "resnet8": 34_448, "ad01": 768}
#: where a machine's kernels need less, or more, than that
ARENA_ON = {
    ("kws", "M55"): 8_448,
    ("vww", "M55"): 36_896,
    ("resnet8", "M55"): 33_584,
    ("resnet8", "M4"): 34_592,
}
STACK = 1024
#: variables beside the arena
STATIC_RAM = 64


@dataclass(frozen=True, slots=True)
class Figures:
    """One program on one machine."""

    model: str
    machine: str
    optimise: str
    instructions: int
    arena: int
    #: least memory in which the program's tensors and scratch fit when none share bytes
    bound: int
    stack: int
    sizes: Sizes
    #: as --kernels has it
    kernels: str = ""

    def goals(self) -> Iterator[tuple[str, int, float]]:
        """(what, value, most that it may be) of everything that has a goal."""
        speed = self.optimise == "speed"
        limits = {
            "instructions": (
                self.instructions,
                INSTRUCTIONS.get((self.model, self.machine)) if speed else None,
            ),
            "code": (self.sizes.code, CODE.get((self.model, self.machine, self.optimise))),
            "arena": (
                self.arena,
                ARENA_ON.get((self.model, self.machine), ARENA.get(self.model)),
            ),
            "arena above the bound": (self.arena - self.bound, 0),
            "stack": (self.stack, STACK),
            "static RAM": (self.sizes.ram, STATIC_RAM),
        }
        for what, (value, limit) in limits.items():
            if limit is not None:
                yield what, value, limit


def measure(
    model: str,
    machine: str,
    shared: Path | None,
    work: Path,
    optimise: str = "speed",
    kernels: str = "",
    library: Target | None = None,
) -> Figures:
    """Builds and runs a model, which must compute the golden outputs. ``library`` is the target
    with the library that ``kernels`` names."""
    board, target = MACHINES[machine]
    target = library or target
    case = model_case(model, shared, board, optimise, random=0, kernels=kernels)
    outcome = run_cases([case], target, work, trace=False)
    assert not outcome.mismatches, outcome.mismatches
    measured = outcome.measured[case.program.name]
    plan = case.program.report["plan"]
    return Figures(
        model,
        machine,
        optimise,
        measured.instructions[0],
        case.program.adapter["arena_bytes"]["target"],
        plan["lower_bound"],
        max(measured.stack),
        sizes_of(case.program, target, work),
        kernels,
    )


def layers(model: str, machine: str, shared: Path | None, work: Path) -> list[tuple[str, int, int]]:
    """(operator, instructions, multiply-accumulates) of each step, in order."""
    board, target = MACHINES[machine]
    case = model_case(model, shared, board, random=0)
    outcome = run_cases([case], target, work, layers=True)
    counts = outcome.measured[case.program.name].layers
    graph = case.model.subgraphs[0]
    return [
        (
            f"{operator.index} {operator.name}",
            counts[output],
            operator_macs(case.model, graph, operator),
        )
        for operator in graph.operators
        for output in operator.outputs
        if output in counts
    ]
