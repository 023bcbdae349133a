# SPDX-License-Identifier: Apache-2.0
"""Generates projects the way a user does: through the command line, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "models"
#: what `make demo` builds
EXAMPLE = EXAMPLES / "chirps_int8.tflite"
EXAMPLE_OPTIONS = ("--golden", str(EXAMPLES / "chirps_int8_golden.npz"))


def generate(board: str, out: Path, *models: Path, options: tuple[str, ...] = ()) -> Path:
    """``gen-fw MODELS --board BOARD -o OUT``; fails the test with its output if it fails."""
    command = [sys.executable, "-m", "gen_fw", *models, "--board", board, "-o", out, *options]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        pytest.fail(f"gen-fw exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return out
