# SPDX-License-Identifier: Apache-2.0
"""What every benchmark shares: measuring a process, goals, the table, the JSON."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MIB = 1024 * 1024

# Linux carries the launching process's peak across exec into ru_maxrss, so a large parent hides a
# small child. This launcher is smaller than any Python that it starts: no site, built-ins only.
_LAUNCHER = """
import posix, sys, time
quiet = [(posix.POSIX_SPAWN_OPEN, 1, "/dev/null", posix.O_WRONLY, 0)]
start = time.perf_counter()
pid = posix.posix_spawn(sys.argv[1], sys.argv[1:], posix.environ, file_actions=quiet)
_, status, usage = posix.wait4(pid, 0)
seconds = time.perf_counter() - start
cpu = usage.ru_utime + usage.ru_stime
print(seconds, cpu, usage.ru_maxrss, posix.waitstatus_to_exitcode(status))
"""


# An installed package has its bytecode; with this variable a checkout would compile in every run.
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True, slots=True)
class Run:
    """One process, start to end: seconds on the wall and of CPU, its own peak resident bytes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a result. ``ratio`` is to the bare interpreter (or what ``note`` says)."""

    measure: str
    value: float
    unit: str
    ratio: float | None = None
    goal: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the value is at most the goal; None without a goal."""
        return None if self.goal is None else self.value <= self.goal


def run(command: Sequence[str | Path]) -> Run:
    """Runs ``command`` once (its standard output is dropped); RuntimeError when it fails."""
    executable = shutil.which(str(command[0]))
    if executable is None:
        raise RuntimeError(f"not found: {command[0]}")
    arguments = [executable, *map(str, command[1:])]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *arguments],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != _NO_BYTECODE},
    )
    seconds, cpu, peak_kib, code = done.stdout.split()
    if int(code) != 0:
        raise RuntimeError(f"exit {code}: {' '.join(arguments)}\n{done.stderr.strip()}")
    return Run(float(seconds), float(cpu), int(peak_kib) * 1024)


def alternate(
    commands: Sequence[Sequence[str | Path]],
    repeats: int,
    before_round: Callable[[], None] = lambda: None,
) -> list[Run]:
    """Median seconds and peak of each command, run in turn so that a busy moment hits all alike.

    The first round warms the disk cache and the compiled Python files, and is not counted.
    """
    rounds: list[list[Run]] = []
    for _ in range(repeats + 1):
        before_round()
        rounds.append([run(command) for command in commands])
    del rounds[0]
    return [
        Run(
            statistics.median(one.seconds for one in runs),
            statistics.median(one.cpu_seconds for one in runs),
            int(statistics.median(one.peak_bytes for one in runs)),
        )
        for runs in zip(*rounds, strict=True)
    ]


def gen_fw() -> Path:
    """The ``gen-fw`` command of the interpreter that runs this."""
    return Path(sys.executable).with_name("gen-fw")


BARE = (sys.executable, "-c", "pass")


def parser(description: str | None, repeats: int) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    arguments = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    arguments.add_argument("--repeats", type=int, default=repeats, help="runs of each command")
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    return arguments


def report(name: str, rows: Sequence[Row], arguments: argparse.Namespace) -> int:
    """Prints the rows as asked; returns the exit code."""
    if arguments.json:
        items = [{**asdict(row), "met": row.met} for row in rows]
        print(json.dumps({"schema": f"gen-fw/benchmark-{name}/1", "rows": items}, indent=2))
    else:
        print(table(rows))
    return 1 if arguments.strict and any(row.met is False for row in rows) else 0


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text."""
    verdict = {True: "met", False: "MISSED", None: ""}
    cells = [("measure", "value", "ratio", "goal", "", "note")]
    for row in rows:
        cells.append(
            (
                row.measure,
                f"{row.value:.3f} {row.unit}",
                "" if row.ratio is None else f"{row.ratio:.1f} x",
                "" if row.goal is None else f"<= {row.goal:.3g} {row.unit}",
                verdict[row.met],
                row.note,
            )
        )
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "\n".join(lines)
