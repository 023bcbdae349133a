# SPDX-License-Identifier: Apache-2.0
"""Time and peak memory of a whole `gen-fw MODEL --board B -o DIR --golden G`.

    python benchmarks/bench_generate.py [--json] [--strict] [--repeats N]
                                        [--model M.tflite --golden G.npz [--board B]]

Without `--model`: a small model of ours, the MLPerf Tiny person model where the folder of real
models is present, and a synthetic one of 20 MB as an array and embedded (needs the extra
`reference`, whose schema writes it). Every run generates into a folder that does not exist yet.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import BARE, MIB, Row, Run, alternate, gen_fw, parser, report

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "examples" / "models" / "chirps_int8.tflite"
VWW = "mlperf_vww_96_int8"
TIME_GOAL_S = 0.6
MEMORY_BASE = 80 * MIB
MEMORY_PER_MODEL_BYTE = 4
LARGE_INPUTS, LARGE_OUTPUTS = 4000, 5000

LARGE_BOARD = """\
extends = "chips/esp32s3"
title   = "ESP32-S3 with 32 MiB of flash"
sources = ["made up: a flash that holds the synthetic model"]

[[memories]]
name  = "flash"
bytes = 33554432
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One command to measure; ``time_goal`` in seconds."""

    label: str
    model: Path
    golden: Path
    board: str
    options: tuple[str, ...] = ()
    time_goal: float | None = None

    def command(self, out: Path) -> list[str | Path]:
        """Generates the project in ``out``."""
        fixed: list[str | Path] = [gen_fw(), self.model, "--board", self.board, "-o", out]
        return [*fixed, "--golden", self.golden, *self.options]


def write_large(folder: Path) -> Path:
    """A dense layer with 20 MB of int8 weights, and its golden file; returns the model's path.

    Zero inputs, zero points and biases make every output zero, so the golden needs no oracle.
    """
    import numpy as np

    sys.path.insert(0, str(ROOT / "tests" / "data"))
    from author import Model, schema

    rng = np.random.default_rng(0)
    model = Model("dense layer of 20 MB")
    graph = model.graph("main")
    x = graph.tensor("x", (1, LARGE_INPUTS), np.int8, 0.05)
    values = rng.integers(-127, 128, (LARGE_OUTPUTS, LARGE_INPUTS), np.int8)
    weights = graph.constant("weights", values, 0.01)
    bias = graph.constant("bias", np.zeros(LARGE_OUTPUTS, np.int32), 0.05 * 0.01)
    y = graph.tensor("y", (1, LARGE_OUTPUTS), np.int8, 1.0)
    options = schema.FullyConnectedOptionsT()
    graph.operator("FULLY_CONNECTED", [x, weights, bias], [y], options, version=4)
    graph.close([x], [y])
    path = folder / "large.tflite"
    path.write_bytes(model.pack())
    given, answer = np.zeros((1, LARGE_INPUTS), np.int8), np.zeros((1, LARGE_OUTPUTS), np.int8)
    np.savez_compressed(folder / "large.npz", in0=given, out0=answer)
    return path


def default_cases(folder: Path) -> list[Case]:
    """The small model, the real one where it is present, the large one in both formats."""
    golden = SMALL.with_name(f"{SMALL.stem}_golden.npz")
    cases = [Case(SMALL.stem, SMALL, golden, "esp32s3")]
    models = Path(os.environ.get("GEN_FW_SHARED", ROOT.parent / "shared")) / "models"
    if (models / f"{VWW}.tflite").is_file():
        model, golden = models / f"{VWW}.tflite", models / f"{VWW}.npz"
        cases.append(Case(VWW, model, golden, "esp32s3", time_goal=TIME_GOAL_S))
    try:
        large = write_large(folder)
    except ModuleNotFoundError as missing:
        print(f"20 MB model left out: {missing}", file=sys.stderr)
        return cases
    board = folder / "large-flash.toml"
    board.write_text(LARGE_BOARD, encoding="utf-8")
    for form in ("array", "embed"):
        options = ("--model-format", form)
        label = f"20 MB, {form}"
        cases.append(Case(label, large, large.with_suffix(".npz"), str(board), options))
    return cases


def rows(case: Case, one: Run, bare: Run) -> list[Row]:
    """Time and memory of one case against the bare interpreter and the goals."""
    model = case.model.stat().st_size
    memory = (MEMORY_BASE + MEMORY_PER_MODEL_BYTE * model) / MIB
    return [
        Row(
            f"{case.label}: time",
            one.seconds,
            "s",
            ratio=one.seconds / bare.seconds,
            goal=case.time_goal,
            note=f"cpu {one.cpu_seconds:.3f} s, model {model / 1e6:.3f} MB",
        ),
        Row(
            f"{case.label}: peak memory",
            one.peak_bytes / MIB,
            "MiB",
            ratio=one.peak_bytes / bare.peak_bytes,
            goal=memory,
            note="goal: 80 MiB + 4 x model",
        ),
    ]


def main() -> int:
    options = parser(__doc__, repeats=5)
    options.add_argument("--model", type=Path, help="measure this model instead")
    options.add_argument("--golden", type=Path, help="its test vectors")
    options.add_argument("--board", default="esp32s3", help="board for --model")
    arguments = options.parse_args()
    if (arguments.model is None) != (arguments.golden is None):
        options.error("--model and --golden go together: an oracle would be measured otherwise")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.model is None:
            cases = default_cases(folder)
        else:
            model: Path = arguments.model
            cases = [Case(model.stem, model, arguments.golden, arguments.board, (), TIME_GOAL_S)]
        projects = folder / "projects"
        commands = [case.command(projects / str(i)) for i, case in enumerate(cases)]
        bare, *runs = alternate(
            [BARE, *commands],
            arguments.repeats,
            before_round=lambda: shutil.rmtree(projects, ignore_errors=True),
        )
        lines = [
            Row("bare interpreter: time", bare.seconds, "s", note=f"cpu {bare.cpu_seconds:.3f} s")
        ]
        lines.append(Row("bare interpreter: peak memory", bare.peak_bytes / MIB, "MiB"))
        for case, one in zip(cases, runs, strict=True):
            lines += rows(case, one, bare)
        return report("generate", lines, arguments)


if __name__ == "__main__":
    sys.exit(main())
