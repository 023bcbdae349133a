# SPDX-License-Identifier: Apache-2.0
"""Outputs over inputs, operands inside concatenations and other orders: random models compute what
TFLM computes, and a distance that is too short is found."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from aot_harness import Case, Outcome, run_cases
from aot_oracle import Question, preserved
from aot_programs import lowered
from aot_targets import HOSTS, SANITIZED, Target
from fuzz_models import fuzz_model
from gen_fw.errors import ModelError
from gen_fw.runtimes.aot import overlap

#: families whose kernels allow a distance that depends on the shapes
_WINDOWS = ("conv", "wide", "average_pool", "max_pool")


def _run(
    seeds: range, families: tuple[str, ...], board: str, target: Target, work: Path
) -> tuple[Outcome, list[Case]]:
    models = [fuzz_model(seed, families[seed % len(families)]) for seed in seeds]
    answers = preserved([Question(fuzz.model, fuzz.samples) for fuzz in models])
    cases = []
    for fuzz, answer in zip(models, answers, strict=True):
        with suppress(ModelError):  # scales so far from sense that TFLM's arithmetic overflows
            if not isinstance(answer, str):
                program = lowered(fuzz.model, fuzz.name, board)
                cases.append(Case(program, fuzz.model, fuzz.samples, tuple(answer)))
    assert len(cases) >= 0.95 * len(models)
    return run_cases(cases, target, work, unity=True), cases


@pytest.mark.parametrize(
    ("board", "target"), [("qemu-cortex-m55", SANITIZED[0]), ("qemu-riscv32", HOSTS[1])]
)
def test_branches_agree(board: str, target: Target, tmp_path: Path) -> None:
    outcome, cases = _run(range(1096, 1108), ("branches",), board, target, tmp_path)
    assert not outcome.mismatches, outcome.mismatches[:10]
    plans = [case.program.report["plan"] for case in cases]
    for what in ("reordered", "overlapping", "copies_saved"):
        assert sum(bool(plan[what]) for plan in plans) >= len(plans) / 5, what
    assert sum(plan["bytes"] < plan["lower_bound"] for plan in plans) >= len(plans) / 2


@pytest.mark.parametrize("board", ["qemu-cortex-m55", "qemu-riscv32"])
def test_a_distance_that_is_too_short_shows(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The arithmetic of ``overlap`` is what keeps the kernels right: 48 bytes less, and outputs
    destroy what is still to be read."""
    seeds = range(24)
    outcome, _ = _run(seeds, _WINDOWS, board, HOSTS[0], tmp_path)
    assert not outcome.mismatches, outcome.mismatches[:10]
    right = overlap.below

    def short(ends: object, begins: object, *, buffered: bool = True) -> int:
        return max(0, right(ends, begins, buffered=buffered) - 48)

    monkeypatch.setattr(overlap, "below", short)
    outcome, _ = _run(seeds, _WINDOWS, board, HOSTS[0], tmp_path / "short")
    wrong = {mismatch.program for mismatch in outcome.mismatches}
    assert len(wrong) >= 3, wrong


@pytest.mark.full
@pytest.mark.parametrize("board", ["host", "qemu-cortex-m55", "qemu-riscv32"])
@pytest.mark.parametrize("batch", range(4))
def test_many_branches_agree(board: str, batch: int, tmp_path: Path) -> None:
    seeds = range(1000 + 200 * batch, 1200 + 200 * batch)
    outcome, _ = _run(seeds, ("branches", "chain"), board, HOSTS[0].with_flags("-O1"), tmp_path)
    assert not outcome.mismatches, outcome.mismatches[:10]
