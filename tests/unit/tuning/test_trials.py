# SPDX-License-Identifier: Apache-2.0
"""The database of trials: what one run has measured, the next one knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen_fw.errors import UsageError
from gen_fw.tuning.trials import Trial, Trials

BENCH = {"board": "qemu-cortex-m55", "compiler": "gcc 12.2"}
FAST, SLOW = Trial({"pixels": 3}, 100, 80), Trial({"pixels": 1}, 300, 40)
BROKEN = Trial({"pixels": 8}, 0, 0, "does not compile: …")


def filled(path: Path) -> Trials:
    trials = Trials(path, BENCH)
    trials.add("a", FAST)
    trials.add("a", BROKEN)
    trials.add("b", SLOW)
    return trials


def test_trials_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "t.jsonl"
    filled(path)
    again = Trials(path, BENCH)
    assert again.known("a") == [FAST, BROKEN] and again.known("b") == [SLOW]
    assert again.found == 3 and again.known("c") == []
    again.add("a", Trial({"pixels": 3}, 101, 80))
    assert Trials(path, BENCH).known("a")[0].instructions == 101, "the last word counts"


def test_other_benches_know_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    filled(path)
    other = Trials(path, {**BENCH, "compiler": "gcc 13.1"})
    assert other.known("a") == [] and other.found == 0
    other.add("a", SLOW)
    assert Trials(path, BENCH).known("a") == [FAST, BROKEN]


@pytest.mark.parametrize("cut", [1, 5, 40, 150])
def test_a_kill_at_any_instant_costs_one_trial(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t.jsonl"
    filled(path)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    again = Trials(path, BENCH)
    assert again.known("a") == [FAST, BROKEN]
    again.add("b", FAST)
    assert Trials(path, BENCH).known("b")[-1] == FAST
    assert Trials(path, BENCH).known("a") == [FAST, BROKEN]


@pytest.mark.parametrize(
    "text", ["hello\n", '{"schema": "gen-fw/run/1"}\n', "[]\n3\n", "\0\0\n\n", "hello"]
)
def test_other_files_are_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="no database of trials"):
        Trials(path, BENCH)
    assert path.read_text() == text
    with pytest.raises(UsageError, match="cannot be read"):
        Trials(tmp_path, BENCH)


def test_a_row_that_says_nothing_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    filled(path)
    text = path.read_text()
    path.write_text(text + text.splitlines()[0].replace('"pixels": 3', '"pixels": null') + "\n")
    assert Trials(path, BENCH).found == 3
