# SPDX-License-Identifier: Apache-2.0
"""Generates projects the way a user does: through the command line, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gen_fw.boards.load import all_boards

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "models"
#: what `make demo` builds
EXAMPLE = EXAMPLES / "chirps_int8.tflite"
EXAMPLE_OPTIONS = ("--golden", str(EXAMPLES / "chirps_int8_golden.npz"))
#: program -> model in the folder of real models; its golden vectors lie beside it
REAL_MODELS = {
    "hello_world": "tflm_hello_world_int8",
    "micro_speech": "tflm_micro_speech_quantized",
    "kws": "mlperf_kws_ref_model",
    "person_detect": "tflm_person_detect",
}
IDF_BOARDS = {board.name: board for board in all_boards() if board.family == "esp_idf"}


def generate(board: str, out: Path, *models: Path, options: tuple[str, ...] = ()) -> Path:
    """``gen-fw MODELS --board BOARD -o OUT``; fails the test with its output if it fails."""
    command = [sys.executable, "-m", "gen_fw", *map(str, models), "--board", board]
    command += ["-o", str(out), *options]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        pytest.fail(f"gen-fw exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return out
