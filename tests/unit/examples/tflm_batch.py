# SPDX-License-Identifier: Apache-2.0
"""Child process: runs a one-input, one-output model in TFLM on many float samples.

    python tflm_batch.py MODEL SAMPLES.npy ANSWERS.npy

Samples are float32 ``[count, ...]`` without the model's batch dimension; so are the answers. Needs
``examples/models`` on ``PYTHONPATH``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from quantization import dequantize, quantize
from tflite_micro.python.tflite_micro import runtime

ARENA_BYTES = 1 << 20


def _affine(details: dict[str, Any]) -> tuple[float, int]:
    parameters = details["quantization_parameters"]
    scales, zero_points = parameters["scales"], parameters["zero_points"]
    return (float(scales[0]), int(zero_points[0])) if len(scales) else (1.0, 0)


def main(model: str, samples: str, answers: str) -> None:
    interpreter = runtime.Interpreter.from_bytes(Path(model).read_bytes(), arena_size=ARENA_BYTES)
    given = interpreter.get_input_details(0)
    scale, zero_point = _affine(given)
    out_scale, out_zero_point = _affine(interpreter.get_output_details(0))
    results = []
    for sample in np.load(samples):
        batch = quantize(sample[np.newaxis], scale, zero_point, given["dtype"])
        interpreter.set_input(batch, 0)
        interpreter.invoke()
        results.append(dequantize(interpreter.get_output(0)[0], out_scale, out_zero_point))
    np.save(answers, np.stack(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
