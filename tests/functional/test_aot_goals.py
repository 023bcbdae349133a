# SPDX-License-Identifier: Apache-2.0
"""Instructions, code, arena, stack and variables of ahead-of-time programs stay within the goals:
a compiler's moods and a changed kernel show here first."""

from __future__ import annotations

from pathlib import Path

import pytest

from aot_goals import ARENA, MACHINES, measure


def _within(model: str, machine: str, optimise: str, shared: Path, work: Path) -> None:
    figures = measure(model, machine, shared, work, optimise)
    missed = [(what, value, most) for what, value, most in figures.goals() if value > most]
    assert not missed, missed


@pytest.mark.parametrize("optimise", ["speed", "size"])
@pytest.mark.parametrize("machine", MACHINES)
def test_keyword_spotting(machine: str, optimise: str, shared: Path, tmp_path: Path) -> None:
    _within("kws", machine, optimise, shared, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("optimise", ["speed", "size"])
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("model", sorted(set(ARENA) - {"kws"}))
def test_models(model: str, machine: str, optimise: str, shared: Path, tmp_path: Path) -> None:
    _within(model, machine, optimise, shared, tmp_path)
