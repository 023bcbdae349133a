# SPDX-License-Identifier: Apache-2.0
"""What becomes of a search: when it ends, and which records stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gen_fw.boards.load import load_board
from gen_fw.compilers.tvm.records import Record
from gen_fw.errors import GenFwError, UsageError
from gen_fw.tuning.trials import Trial
from gen_fw.tuning.tune import Wanted, Work, _existing, _search, _together

BOARD = load_board("qemu-cortex-m55")
SAME = np.arange(4, dtype=np.int8)
OLD = Record(
    "00000000000000aa", BOARD.name, "cortex-m55", {"pixels": 1}, 90, 100, compiler="gcc 12.2"
)


def tuning(key: str, saved: int) -> Any:
    task = SimpleNamespace(key=key, calls=1, template="tvm_product", what="a kernel")
    default, chosen = Trial({"pixels": 1}, 1000, 10), Trial({"pixels": 2}, 1000 - saved, 10)
    return SimpleNamespace(task=task, default=default, chosen=chosen, saved=saved)


class Whole(Work):
    """Whole models whose instructions ``takes`` says, from their tuned kernels."""

    def __init__(self, takes: Callable[[Sequence[str]], int], answer: Any = SAME) -> None:
        super().__init__(Wanted(Path("m"), BOARD.name, Path("r"), Path("t")), Path(), _silent)
        self.takes, self.answer = takes, answer
        self.tried: list[list[str]] = []

    def measured(self, records: Sequence[Record] | None) -> Any:
        kernels = [record.kernel for record in records or ()]
        self.tried.append(kernels)
        return "m", program(self.takes(kernels), self.answer)


def _silent(_text: str) -> None:
    """No progress."""


def program(instructions: int, answer: Any) -> Any:
    return SimpleNamespace(instructions=instructions, outputs=[SimpleNamespace(array=answer)])


KERNELS = [tuning("b", 5), tuning("a", 50), tuning("worse", 0), tuning("c", 1)]
UNTUNED = program(4000, SAME)


def test_all_that_gains_is_recorded() -> None:
    work = Whole(lambda kernels: 4000 - len(kernels))
    records, whole = work.settled(KERNELS, BOARD, "gcc 12.2", UNTUNED)
    assert [record.kernel for record in records] == ["a", "b", "c"]
    assert whole.instructions == 3997 and work.tried == [["a", "b", "c"]]
    assert (records[0].instructions, records[0].default_instructions) == (950, 1000)
    assert records[0].isa == "cortex-m55" and records[0].compiler == "gcc 12.2"


def test_records_that_do_not_serve_the_whole_are_dropped() -> None:
    work = Whole(lambda kernels: 3900 if kernels == ["a"] else 4000)
    records, whole = work.settled(KERNELS, BOARD, "gcc", UNTUNED)
    assert [record.kernel for record in records] == ["a"] and whole.instructions == 3900
    slower = Whole(lambda kernels: 4001)
    assert slower.settled(KERNELS, BOARD, "gcc", UNTUNED) == ([], UNTUNED)
    assert slower.tried == [["a", "b", "c"], ["a"]]
    assert Whole(lambda kernels: 1).settled([KERNELS[2]], BOARD, "gcc", UNTUNED) == ([], UNTUNED)


def test_another_answer_is_an_error() -> None:
    with pytest.raises(GenFwError, match="computes something else"):
        Whole(lambda kernels: 1, SAME + 1).settled(KERNELS, BOARD, "gcc", UNTUNED)


def test_a_file_keeps_what_is_not_measured_again() -> None:
    new = replace(OLD, instructions=95, knobs={"pixels": 2})
    other = replace(OLD, board="qemu-riscv32", isa="rv32imc")
    assert _together([OLD, other], [new]) == [OLD, other, new], "the better one is taken on writing"
    newer = replace(new, compiler="gcc 13.1")
    assert _together([OLD, other], [newer]) == [other, newer]
    assert _together([OLD], []) == [OLD]


def test_the_file_that_is_there(tmp_path: Path) -> None:
    assert _existing(tmp_path / "no.json") == ((), [])
    (tmp_path / "bad.json").write_text("[]")
    for path in (tmp_path / "bad.json", tmp_path):
        with pytest.raises(UsageError):
            _existing(path)


class Rounds:
    """Three kernels; each round takes a kernel's 10 trials and 60 seconds."""

    def __init__(self, last: int = 100, interrupt: int = 100) -> None:
        self.time, self.measured, self.rounds = 0.0, 0, 0
        self.all = [tuning(key, 5) for key in "abc"]
        self.cost, self._last, self._interrupt = 2985.0, last, interrupt
        self.most: list[int] = []

    def round(self, most: int, done: Callable[[Any, int], bool]) -> bool:
        if self.rounds == self._last:
            return False
        if self.rounds == self._interrupt:
            raise KeyboardInterrupt
        self.rounds += 1
        self.most.append(most)
        self.measured += min(most, 10)
        self.time += 60
        done(self.all[0], 0)
        return True


@pytest.mark.parametrize(
    ("rounds", "trials", "stopped", "count"),
    [
        (Rounds(last=2), None, "done", 2),
        (Rounds(), None, "budget", 5),
        (Rounds(), 25, "trials", 3),
        (Rounds(interrupt=1), None, "interrupted", 1),
    ],
)
def test_why_a_search_ends(rounds: Rounds, trials: int | None, stopped: str, count: int) -> None:
    talk: list[str] = []
    assert _search(rounds, trials, 300, lambda: rounds.time, talk.append) == stopped  # type: ignore[arg-type]
    assert rounds.rounds == count == len(talk)
    assert "kernel 1/3 (a kernel): 995 instructions, 0.5 % fewer" in talk[0]
    assert "4 min 00 s left" in talk[0]
    if trials:
        assert rounds.measured == trials
