# SPDX-License-Identifier: Apache-2.0
"""Writes ``<model>_golden.npz`` beside each model: its inputs and what TFLM answers.

    python tools/make_goldens.py MODEL.tflite [MODEL.tflite ...]

The inputs are those of ``<model>_sample.npz`` (keys ``in0`` ...), else seeded random values. Keys
written: ``in0`` ..., ``out0`` ..., and ``run2_out0`` ... of a second run without reset, if a model
keeps state. TFLM (the extra ``reference``) runs in a child process with a time limit, exactly as
it does while generating.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen_fw.boards.load import load_board
from gen_fw.errors import GenFwError
from gen_fw.model.reader import read_model
from gen_fw.project.names import slug
from gen_fw.request import Options
from gen_fw.runtimes.golden import load_sample, make_golden, seeded_inputs
from gen_fw.runtimes.tflm import oracle
from gen_fw.runtimes.tflm.lower import lower

#: only its TFLM release matters: the answers are the same on every board
BOARD = "esp32-s3-devkitc-n8r8"
TIME_LIMIT_S = 60


def write_golden(path: Path) -> str:
    """Writes the golden file of ``path``; returns why not, or an empty string."""
    program = lower(read_model(path), slug(path.stem), load_board(BOARD), Options())
    sample = path.with_name(f"{path.stem}_sample.npz")
    given = sample.is_file()
    inputs = load_sample(sample, program) if given else seeded_inputs(program)
    answer = oracle.run(path.read_bytes(), program, inputs, time_limit=TIME_LIMIT_S)
    if isinstance(answer, oracle.Failure):
        return answer.reason
    origin = "sample file" if given else "seeded input"
    golden = make_golden(program, inputs, answer.outputs, answer.run2_outputs, origin=origin)
    path.with_name(f"{path.stem}_golden.npz").write_bytes(golden.npz)
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes <model>_golden.npz beside each model.")
    parser.add_argument("models", nargs="+", type=Path)
    failed = 0
    for path in parser.parse_args().models:
        try:
            problem = write_golden(path)
        except GenFwError as error:
            problem = str(error)
        failed += bool(problem)
        print(f"{path.name}: {problem or 'ok'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
