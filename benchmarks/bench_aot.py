# SPDX-License-Identifier: Apache-2.0
"""What the ahead-of-time runtime costs, beside TensorFlow Lite Micro's interpreter.

python benchmarks/bench_aot.py [--json] [--strict] [--layers] [--machine M55] [--model kws]

Needs the cross compilers and QEMU, the extra ``reference``, and the folder of real models
(GEN_FW_SHARED), whose baselines/tflm_m55.csv holds the interpreter's figures. With CMSIS_NN_ROOT
and ESP_NN_ROOT the vendors' kernels are measured too, whose own code is not in the column "code".
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from common import Row, table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from aot_goals import ARENA, MACHINES, Figures, layers, measure  # noqa: E402
from aot_libraries import with_library  # noqa: E402
from aot_programs import SHARED  # noqa: E402
from aot_targets import Target  # noqa: E402
from conftest import shared_root  # noqa: E402

#: kernels of a line of the baselines -> how the table calls it
_INTERPRETERS = {"ref": "TFLM reference", "cmsis": "TFLM CMSIS-NN"}
#: kernel library, variable that names its tree, machines
_LIBRARIES = (
    ("cmsis_nn", "CMSIS_NN_ROOT", ("M55", "M4")),
    ("esp_nn", "ESP_NN_ROOT", ("rv32",)),
)
_HEADINGS = (
    *("model", "machine", "runtime", "instructions", "arena", "other RAM", "stack", "code"),
    "constants",
)

Line = tuple[str, ...]


def baselines(shared: Path, model: str) -> Iterator[dict[str, str]]:
    """The interpreter's lines for a model; the machine is the M55."""
    with (shared / "baselines" / "tflm_m55.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["model"] == f"{SHARED[model]}.tflite":
                yield {**row, "runtime": _INTERPRETERS[row["kernels"]]}


def interpreter_line(model: str, row: dict[str, str]) -> Line:
    """Code and constants of the interpreter come as one number, without the model."""
    instructions = row["invoke_instructions"]
    code = row["runtime_text_rodata_bytes"]
    return (
        *(model, "M55", row["runtime"], f"{int(instructions):,}" if instructions else ""),
        *(f"{int(row['arena_used_bytes']):,}", "", "", f"{int(code):,}" if code else "", ""),
    )


def aot_line(figures: Figures) -> Line:
    sizes = figures.sizes
    values = (figures.instructions, figures.arena, sizes.ram, figures.stack)
    numbers = [f"{value:,}" for value in (*values, sizes.code, sizes.constants)]
    runtime = f"gen-fw aot {figures.kernels or figures.optimise}"
    return (figures.model, figures.machine, runtime, *numbers)


def libraries(machines: Sequence[str], work: Path) -> dict[str, list[tuple[str, Target]]]:
    """By machine: the kernel libraries whose trees are named, and the target with each."""
    found: dict[str, list[tuple[str, Target]]] = {machine: [] for machine in machines}
    for library, variable, those in _LIBRARIES:
        tree = os.environ.get(variable, "")
        for machine in (name for name in machines if tree and name in those):
            target = with_library(MACHINES[machine][1], library, Path(tree), work / machine)
            found[machine].append((library, target))
    return found


def goal_rows(figures: Sequence[Figures]) -> list[Row]:
    """Every goal with its value, in million instructions or bytes. Where the same goal holds on
    several machines, the worst of them."""
    worst: dict[tuple[str, float], tuple[int, str]] = {}
    for one in figures:
        for what, value, most in one.goals():
            name = {
                "instructions": f"{one.model} {one.machine} {what}",
                "code": f"{one.model} {one.machine} {what} for {one.optimise}",
                "arena": f"{one.model} {what}",
            }.get(what, what)
            where = f"{one.model} {one.machine} {one.optimise}"
            worst[name, most] = max(worst.get((name, most), (-1, "")), (value, where))
    rows = []
    for (name, most), (value, where) in worst.items():
        million = name.endswith("instructions")
        scale, unit = (1e6, "M") if million else (1, "B")
        note = "" if million or " code " in name else where
        rows.append(Row(name, value / scale, unit, goal=most / scale, note=note))
    return rows


def layer_lines(model: str, machine: str, shared: Path) -> Iterator[Line]:
    """Where the instructions go."""
    with tempfile.TemporaryDirectory() as work:
        for operator, count, macs in layers(model, machine, shared, Path(work)):
            ratio = f"{count / macs:.2f}" if macs else ""
            yield (model, machine, operator, f"{count:,}", ratio)


def aligned(lines: Sequence[Line]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 3 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--model", action="append", choices=SHARED, help="only this one")
    arguments.add_argument("--machine", action="append", choices=MACHINES, help="only this one")
    arguments.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments.add_argument("--layers", action="store_true", help="only instructions by operator")
    given = arguments.parse_args()
    shared = shared_root()
    if shared is None:
        print("no folder of real models (set GEN_FW_SHARED): nothing measured", file=sys.stderr)
        return 0
    models, machines = given.model or list(ARENA), given.machine or list(MACHINES)
    if given.layers:
        heading: list[Line] = [("model", "machine", "operator", "instructions", "per MAC")]
        for model in models:
            for machine in machines:
                heading += layer_lines(model, machine, shared)
        print(aligned(heading))
        return 0
    figures: list[Figures] = []
    lines: list[Line] = [_HEADINGS]
    interpreters: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as built:
        vendors = libraries(machines, Path(built))
        for model in models:
            for row in baselines(shared, model):
                interpreters.append(row)
                lines.append(interpreter_line(model, row))
            for machine in machines:
                wanted: list[tuple[str, str, Target | None]] = [
                    ("speed", "", None),
                    ("size", "", None),
                    *(("speed", library, target) for library, target in vendors[machine]),
                ]
                for how in wanted:
                    with tempfile.TemporaryDirectory() as work:
                        figures.append(measure(model, machine, shared, Path(work), *how))
                    lines.append(aot_line(figures[-1]))
    rows = goal_rows([one for one in figures if not one.kernels])
    if given.json:
        items = {
            "schema": "gen-fw/benchmark-aot/1",
            "aot": [asdict(one) for one in figures],
            "interpreter": interpreters,
            "rows": [{**asdict(row), "met": row.met} for row in rows],
        }
        print(json.dumps(items, indent=2))
    else:
        print(f"{aligned(lines)}\n\n{table(rows)}")
    return 1 if given.strict and any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
