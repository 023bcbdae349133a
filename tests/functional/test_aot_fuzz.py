# SPDX-License-Identifier: Apache-2.0
"""Random models: the ahead-of-time runtime and TensorFlow Lite Micro agree on every byte of every
tensor."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from aot_agree import blank_case, cases_of_models, compared
from aot_harness import run_cases
from aot_programs import lowered
from aot_targets import EMULATED, HOSTS, M4, M55, RV32, SANITIZED, Target
from fuzz_damage import damaged_model
from fuzz_models import FAMILIES, FuzzModel, fuzz_model
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model

_BATCH = 205
#: full: 16 batches of 205 models on the host
_BATCHES = 16
_HOST = HOSTS[0].with_flags("-O1")
#: boards whose kernels differ, and a machine that runs them
_BOARDS = {"qemu-cortex-m55": M55, "qemu-cortex-m4": M4, "qemu-riscv32": RV32}


def _models(start: int, count: int) -> list[FuzzModel]:
    return [fuzz_model(seed) for seed in range(start, start + count)]


def _agree(
    models: list[FuzzModel], board: str, target: Target, work: Path, optimise: str = "speed"
) -> None:
    """At most 1 model in 100 is left out: TFLM refuses it or crashes, or its scales are so far
    from sense that TFLM's own arithmetic overflows and this runtime refuses it."""
    cases = cases_of_models(models, board, share=0.99, optimise=optimise)
    outcome = compared(cases, models, target, work)
    traced = sum(min(measured.traced) for measured in outcome.measured.values())
    assert traced >= 0.9 * sum(len(case.model.subgraphs[0].operators) for case in cases)


def test_the_first_models_agree(tmp_path: Path) -> None:
    models = _models(0, 82)
    assert {fuzz.family for fuzz in models} == set(FAMILIES)
    _agree(models, "host", SANITIZED[0], tmp_path)


@pytest.mark.parametrize("board", _BOARDS)
def test_each_machine_agrees(board: str, tmp_path: Path) -> None:
    _agree(_models(123, 41), board, _BOARDS[board], tmp_path)


def _survive(seeds: range, target: Target, work: Path) -> None:
    """A damaged model is refused with an error of ours, or its code runs without a fault."""
    cases = []
    for seed in seeds:
        with suppress(ModelError):
            model = read_model(damaged_model(seed))
            program = lowered(model, f"d{seed:05d}", "host")
            if program.adapter["arena_bytes"]["target"] <= 1 << 20:
                cases.append(blank_case(program, model))
    assert len(seeds) / 10 < len(cases) < len(seeds) / 2
    run_cases(cases, target, work, trace=False, unity=True)


def test_damaged_models(tmp_path: Path) -> None:
    _survive(range(250), SANITIZED[0], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("batch", range(8))
def test_many_damaged_models(batch: int, tmp_path: Path) -> None:
    _survive(range(1000 * (batch + 1), 1000 * (batch + 2)), SANITIZED[batch % 2], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("optimise", ["speed", "size"])
@pytest.mark.parametrize("batch", range(_BATCHES))
def test_thousands_agree(batch: int, optimise: str, tmp_path: Path) -> None:
    # every board's kernels are portable C, so the host runs them all
    board = ("host", *_BOARDS)[batch % 4]
    start = 1000 + (batch + (optimise == "size") * _BATCHES) * _BATCH
    _agree(_models(start, _BATCH), board, _HOST, tmp_path, optimise)


@pytest.mark.full
@pytest.mark.parametrize("target", SANITIZED, ids=lambda target: target.name)
@pytest.mark.parametrize("board", _BOARDS)
def test_sanitized(board: str, target: Target, tmp_path: Path) -> None:
    _agree(_models(10_000, _BATCH), board, target, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("optimise", ["speed", "size"])
@pytest.mark.parametrize("board", _BOARDS)
def test_machines_agree(board: str, optimise: str, tmp_path: Path) -> None:
    assert _BOARDS[board] in EMULATED
    _agree(_models(11_000, _BATCH), board, _BOARDS[board], tmp_path, optimise)
