# SPDX-License-Identifier: Apache-2.0
"""Real models: every tensor of the ahead-of-time runtime is TensorFlow Lite Micro's, on every
compiler and machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from aot_harness import Case, run_cases
from aot_programs import OWN, SHARED, model_case
from aot_targets import HOSTS, M4, M55, M55_CLANG, RV32, SANITIZED, Target

_MACHINES = {"qemu-cortex-m55": M55, "qemu-cortex-m4": M4, "qemu-riscv32": RV32}
_ALL = (*SHARED, *OWN)


def _name(part: Target | str) -> str:
    return part if isinstance(part, str) else part.name


def _exact(cases: list[Case], target: Target, work: Path, share: float = 0.6) -> None:
    """No byte differs, and at least ``share`` of the computed tensors were compared."""
    outcome = run_cases(cases, target, work)
    assert not outcome.mismatches, f"{target.name}: {outcome.mismatches[:10]}"
    for case in cases:
        computed = len(case.model.subgraphs[0].operators)
        traced = outcome.measured[case.program.name].traced
        assert min(traced) >= share * computed, f"{case.program.name}: {traced} of {computed}"


@pytest.mark.parametrize(
    ("target", "board"), [(HOSTS[1], "host"), (SANITIZED[0], "qemu-riscv32")], ids=_name
)
def test_our_models(target: Target, board: str, tmp_path: Path) -> None:
    _exact([model_case(name, None, board) for name in OWN], target, tmp_path)


@pytest.mark.parametrize(
    ("name", "board", "target"),
    [
        ("kws", "qemu-cortex-m55", M55),
        ("kws", "qemu-cortex-m55", M55_CLANG),
        ("resnet8", "qemu-cortex-m55", HOSTS[1]),
        ("ad01", "qemu-cortex-m4", M4),
        ("wake_word", "qemu-riscv32", RV32),
        ("resnet8", "host", HOSTS[3]),
        ("person_detect", "qemu-cortex-m4", HOSTS[1]),
        ("micro_speech", "qemu-cortex-m55", SANITIZED[1]),
    ],
    ids=_name,
)
def test_one_model_per_path(
    name: str, board: str, target: Target, shared: Path, tmp_path: Path
) -> None:
    _exact([model_case(name, shared, board, random=1)], target, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("optimise", ["speed", "size"])
@pytest.mark.parametrize("board", _MACHINES)
@pytest.mark.parametrize("name", _ALL)
def test_every_model_on_every_machine(
    name: str, board: str, optimise: str, shared: Path, tmp_path: Path
) -> None:
    case = model_case(name, shared, board, optimise)
    _exact([case], _MACHINES[board], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("target", (*HOSTS, *SANITIZED), ids=_name)
@pytest.mark.parametrize("board", ["host", *_MACHINES])
def test_every_model_on_the_host(target: Target, board: str, shared: Path, tmp_path: Path) -> None:
    _exact([model_case(name, shared, board) for name in _ALL], target, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("level", ["-O0", "-O1", "-Os", "-O3"])
@pytest.mark.parametrize("board", _MACHINES)
def test_optimisation_levels(board: str, level: str, shared: Path, tmp_path: Path) -> None:
    """The layers of one model, however the compiler of the machine is told to translate them."""
    case = model_case("kws", shared, board, random=1)
    _exact([case], _MACHINES[board].with_flags(level), tmp_path)
