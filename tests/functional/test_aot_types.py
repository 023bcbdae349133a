# SPDX-License-Identifier: Apache-2.0
"""Random float32 and int16x8 models: the ahead-of-time runtime and TensorFlow Lite Micro agree on
every tensor, integers to the byte."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from aot_agree import blank_case, cases_of_models, compared
from aot_harness import run_cases
from aot_programs import lowered
from aot_targets import HOSTS, M4, M55, RV32, SANITIZED, Target
from fuzz_models import FuzzModel
from fuzz_signals import settled
from fuzz_types import FAMILIES, WRITTEN, begins, damaged_typed_model, typed_model
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model

_BOARDS = {"qemu-cortex-m55": M55, "qemu-cortex-m4": M4, "qemu-riscv32": RV32}
#: models of each family in a batch
_EACH = 2


def _agree(models: list[FuzzModel], board: str, target: Target, work: Path) -> None:
    """At most 1 model in 50 is left out: TFLM refuses it, or its scales are out of all range."""
    cases = cases_of_models(models, board, begins=begins, settled=settled)
    compared(cases, models, target, work)


def _models(start: int, each: int) -> list[FuzzModel]:
    return [typed_model(family, start + i) for family in (*FAMILIES, *WRITTEN) for i in range(each)]


def _survive(seeds: range, target: Target, work: Path) -> None:
    """A damaged model is refused with an error of ours, or its code runs without a fault."""
    cases = []
    families = (*FAMILIES, *WRITTEN)
    for family, seed in ((family, seed) for family in families for seed in seeds):
        with suppress(ModelError):
            model = read_model(damaged_typed_model(family, seed))
            program = lowered(model, f"{family}_{seed:04d}", "host")
            if program.adapter["arena_bytes"]["target"] <= 1 << 20:
                cases.append(blank_case(program, model))
    assert len(families) * len(seeds) / 10 < len(cases) < len(families) * len(seeds) / 2
    run_cases(cases, target, work, trace=False, unity=True)


def test_damaged_models(tmp_path: Path) -> None:
    _survive(range(2), SANITIZED[0], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("batch", range(4))
def test_many_damaged_models(batch: int, tmp_path: Path) -> None:
    _survive(range(100 * (batch + 1), 100 * (batch + 1) + 10), SANITIZED[batch % 2], tmp_path)


def test_the_first_models_agree(tmp_path: Path) -> None:
    _agree(_models(0, _EACH), "host", SANITIZED[0], tmp_path)


@pytest.mark.parametrize("board", _BOARDS)
def test_each_machine_agrees(board: str, tmp_path: Path) -> None:
    _agree(_models(100, 1), board, _BOARDS[board], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("batch", range(8))
def test_many_agree(batch: int, tmp_path: Path) -> None:
    board = ("host", *_BOARDS)[batch % 4]
    _agree(_models(1000 + 100 * batch, 12), board, HOSTS[batch % 4], tmp_path)
