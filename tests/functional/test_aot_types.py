# SPDX-License-Identifier: Apache-2.0
"""Random float32 and int16x8 models: the ahead-of-time runtime and TensorFlow Lite Micro agree on
every tensor, integers to the byte."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from aot_harness import Case, run_cases
from aot_oracle import Question, preserved
from aot_programs import lowered
from aot_targets import HOSTS, M4, M55, RV32, SANITIZED, Target
from fuzz_models import FuzzModel
from fuzz_signals import settled
from fuzz_types import FAMILIES, WRITTEN, begins, typed_model
from gen_fw.errors import ModelError

_BOARDS = {"qemu-cortex-m55": M55, "qemu-cortex-m4": M4, "qemu-riscv32": RV32}
#: models of each family in a batch
_EACH = 2


def _agree(models: list[FuzzModel], board: str, target: Target, work: Path) -> None:
    """At most 1 model in 50 is left out: TFLM refuses it, or its scales are out of all range."""
    answers = preserved([Question(fuzz.model, fuzz.samples, begins(fuzz)) for fuzz in models])
    cases = []
    for fuzz, answer in zip(models, answers, strict=True):
        with suppress(ModelError):
            if not isinstance(answer, str):
                program = lowered(fuzz.model, fuzz.name, board)
                expected = tuple(settled(fuzz.model, tensors) for tensors in answer)
                cases.append(Case(program, fuzz.model, fuzz.samples, expected, begins(fuzz)))
    assert len(cases) >= 0.98 * len(models)
    outcome = run_cases(cases, target, work, unity=True)
    families = {fuzz.name: fuzz.family for fuzz in models}
    found = Counter(families[mismatch.program] for mismatch in outcome.mismatches)
    assert not outcome.mismatches, f"{dict(found)}\n{outcome.mismatches[:10]}"


def _models(start: int, each: int) -> list[FuzzModel]:
    return [typed_model(family, start + i) for family in (*FAMILIES, *WRITTEN) for i in range(each)]


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
