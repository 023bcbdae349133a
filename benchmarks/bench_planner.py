# SPDX-License-Identifier: Apache-2.0
"""How near to the optimum are memory plans, and how long do they take.

python benchmarks/bench_planner.py [--json] [--strict] [--effort N]

Hard instances are made here: perfect packings, whose optimum is known, and ones of which a tenth is
missing. Bytes and steps are the same everywhere; seconds are not. The ratio is to TFLM's greedy.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from common import MIB, Row, parser, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from gen_fw.memory import greedy
from gen_fw.memory.best import EFFORT, solve
from gen_fw.memory.buffers import Buffer
from planner_instances import chain, perfect, scattered, tight

#: seconds and MiB for 10 000 operators
LONG_GOAL_S = 20.0
MEMORY_GOAL_MIB = 1024.0


def instances() -> dict[str, list[Buffer]]:
    """Name -> buffers; those of 10 000 operators last."""
    hard = {f"{make.__name__} {n} #{s}": make(s, n) for make in (perfect, tight) for n, s in _HARD}
    long = {
        "chain, 10 000 operators": chain(1, 10_000),
        "scattered, mean life 40": scattered(2, 10_000, 40),
        "scattered, mean life 400": scattered(2, 10_000, 400),
    }
    return hard | long


_HARD = ((50, 0), (100, 1), (150, 2), (200, 3), (250, 4))


def row(name: str, buffers: list[Buffer], effort: int) -> Row:
    """One instance, planned once."""
    first = greedy.plan(buffers).bytes
    begin = time.perf_counter()
    found = solve(buffers, effort=effort)
    seconds = time.perf_counter() - begin
    note = (
        f"bound {found.lower_bound}, greedy {first}, ours {found.plan.bytes}, gap "
        f"{100 * found.gap / found.lower_bound:.2f} %, {found.method}, {found.steps} steps"
    )
    goal = LONG_GOAL_S if len(buffers) >= 10_000 else None
    ratio = found.plan.bytes / first
    return Row(f"{name} ({len(buffers)} buffers)", seconds, "s", ratio, goal, note)


def main() -> int:
    arguments = parser(__doc__, repeats=1)
    arguments.add_argument("--effort", type=int, default=EFFORT, help="blocks looked at, at most")
    options = arguments.parse_args()
    rows = [row(name, buffers, options.effort) for name, buffers in instances().items()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    rows.append(Row("peak memory of all", peak, "MiB", goal=MEMORY_GOAL_MIB))
    return report("planner", rows, options)


if __name__ == "__main__":
    sys.exit(main())
