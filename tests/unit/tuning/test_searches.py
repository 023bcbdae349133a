# SPDX-License-Identifier: Apache-2.0
"""The rounds of a tuning run, with a bench and a compiler that are arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gen_fw.boards.load import all_boards, load_board
from gen_fw.compilers.tvm.steps import Kernel as Made
from gen_fw.errors import GenFwError, UsageError
from gen_fw.run.bench import Count, Kernel
from gen_fw.run.bench_source import Buffer
from gen_fw.tuning import searches as module
from gen_fw.tuning.boards import check_tunable
from gen_fw.tuning.searches import Searches
from gen_fw.tuning.trials import Trials

SPACE = {"pixels": (1, 2, 3, 4), "channels": (1, 2, 3, 4), "unroll": (1, 2)}
DEFAULT = {"pixels": 1, "channels": 4, "unroll": 2}


@dataclass(frozen=True)
class FakeTask:
    key: str
    calls: int
    size: int
    template: str = "tvm_product"
    what: str = "a kernel"
    space: Mapping[str, tuple[int, ...]] = None  # type: ignore[assignment]
    default: Mapping[str, int] = None  # type: ignore[assignment]

    def version(self, made: Made) -> tuple[Kernel, str]:
        length = len(made.text)  # scratch of versions differs
        return Kernel("f", (Buffer("space", "int8_t", length, "scratch"),)), made.text


def task(key: str, calls: int, size: int) -> Any:
    return FakeTask(key, calls, size, space=SPACE, default=DEFAULT)


class FakeBench:
    """Texts are "<size> <pixels> <channels> <unroll>"."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def count(self, kernel: Kernel, texts: Sequence[str]) -> list[Count]:
        assert all(buffer.length >= len(text) for buffer in kernel.buffers for text in texts)
        self.texts += texts
        return [self._count(*map(int, text.split())) for text in texts]

    def _count(self, size: int, pixels: int, channels: int, unroll: int) -> Count:
        if (pixels, channels) == (4, 4):
            return Count(fault="FAULT exception 3")
        wrong = (pixels, channels, unroll) == (2, 2, 1)  # would be the fastest
        speed = 1 if wrong else 10 - 2 * pixels - (3 - abs(channels - 2)) + unroll
        return Count(size * (speed + 10), "wrong" if wrong else "right", 40 * pixels * channels)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def versions(wanted: Sequence[tuple[Any, Mapping[str, int]]]) -> list[Made]:
        return [
            Made("", (), fault="ScheduleError")
            if knobs["pixels"] == 4 and knobs["unroll"] == 2
            else Made(f"{task.size} {knobs['pixels']} {knobs['channels']} {knobs['unroll']}", ())
            for task, knobs in wanted
        ]

    monkeypatch.setattr(module, "versions", versions)


def started(path: Path, bench: FakeBench, *tasks: Any) -> Searches:
    return Searches(tasks, bench, Trials(path, {"board": "b"}))  # type: ignore[arg-type]


def rounds(searches: Searches, most: int = 1000) -> list[str]:
    order: list[str] = []

    def done(tuning: Any, position: int) -> bool:
        order.append(tuning.task.key)
        return True

    while searches.round(most, done):
        pass
    return order


A, B, TINY = task("a", 4, 1000), task("b", 1, 900), task("c", 1, 1)


@pytest.mark.usefixtures("compiled")
def test_every_kernel_gets_its_best_schedule(tmp_path: Path) -> None:
    bench = FakeBench()
    searches = started(tmp_path / "t.jsonl", bench, B, A, TINY)
    assert searches.cost == (4 * 1000 + 900 + 1) * 19
    order = rounds(searches)
    first, second, third = searches.all
    for tuning in (first, second):
        assert tuning.chosen.knobs == {"pixels": 4, "channels": 2, "unroll": 1}
    assert second.saved * 9 == first.saved * 40 > 0
    assert order[0] == "a" and order.count("c") == 1, "what costs most comes first"
    assert searches.cost < 4901 * 14
    # what crashes, differs or cannot be compiled is told, and never chosen
    faults = {trial.fault for trial in second.trials}
    assert {"ScheduleError", "FAULT exception 3", ""} < faults
    assert any("results differ" in fault for fault in faults)
    assert third.task is TINY


@pytest.mark.usefixtures("compiled")
def test_a_second_run_goes_on(tmp_path: Path) -> None:
    path, bench = tmp_path / "t.jsonl", FakeBench()
    searches = started(path, bench, A, B)
    searches.round(20, lambda tuning, position: True)
    assert searches.measured == 20
    texts = set(bench.texts)
    again = FakeBench()
    second = started(path, again, A, B)
    assert second.known == 20 and second.measured == 0
    assert [one.chosen for one in second.all] == [one.chosen for one in searches.all]
    rounds(second)
    defaults = {"1000 1 4 2", "900 1 4 2"}
    assert not (texts & set(again.texts)) - defaults, "what was measured is measured once"
    assert second.all[0].chosen.knobs["pixels"] == 4
    # another text of the default schedule: another kernel
    changed = started(path, again, task("a", 4, 1001))
    assert changed.known == 0


@pytest.mark.usefixtures("compiled")
def test_a_round_stops_when_told(tmp_path: Path) -> None:
    searches = started(tmp_path / "t.jsonl", FakeBench(), A, B)
    assert searches.round(40, lambda tuning, position: False)
    assert 0 < searches.measured < 40
    assert [bool(tuning.trials) for tuning in searches.all] == [True, False]


@pytest.mark.usefixtures("compiled")
def test_a_kernel_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    bad = FakeTask("a", 1, 10, space=SPACE, default={"pixels": 4, "channels": 4, "unroll": 1})
    with pytest.raises(GenFwError, match="does not run"):
        started(tmp_path / "t.jsonl", FakeBench(), bad)


@pytest.mark.usefixtures("compiled")
def test_small_code_is_taken_where_it_costs_nothing(tmp_path: Path) -> None:
    searches = started(tmp_path / "t.jsonl", FakeBench(), A)
    rounds(searches)
    (tuning,) = searches.all
    best = min(trial.instructions for trial in tuning.trials if not trial.fault)
    close = [t for t in tuning.trials if not t.fault and t.instructions <= best * 1.005]
    assert tuning.chosen.code_bytes == min(trial.code_bytes for trial in close)


@pytest.mark.parametrize(
    ("board", "hint"),
    [
        ("esp32c3", "qemu-riscv32 executes the same instructions"),
        ("esp32p4", "qemu-riscv32 comes nearest"),
        ("alif-e7-hp", "qemu-cortex-m55 executes the same instructions"),
        ("esp32s3", "no emulated board executes xtensa-lx7; there are qemu-cortex-m4"),
        ("host", "no emulated board executes host"),
    ],
)
def test_real_boards_are_refused_with_the_emulated_one(board: str, hint: str) -> None:
    with pytest.raises(UsageError, match="emulated boards") as caught:
        check_tunable(load_board(board), all_boards())
    assert hint in caught.value.hint and "--tuning-records" in caught.value.hint
    check_tunable(load_board("qemu-riscv32"), all_boards())
