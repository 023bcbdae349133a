# SPDX-License-Identifier: Apache-2.0
"""Writes ``<model>_golden.npz`` beside each model: its inputs and what TFLM answers.

    python tools/make_goldens.py MODEL.tflite [MODEL.tflite ...]

The inputs are those of ``<model>_sample.npz`` (keys ``in0`` ...), else seeded random values: the
full range of integers, standard normal floats. Keys written: ``in0`` ..., ``out0`` ..., and
``run2_out0`` ... of a second run without reset when the model keeps state. TFLM (the ``reference``
extra) reads each model in a child process with a time limit, because a model can kill or hang it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TIME_LIMIT_S = 60
ARENA_BYTES = 1 << 20
Array = npt.NDArray[Any]


def keeps_state(blob: bytes) -> bool:
    """True when an invoke can leave something behind: variable tensors or resource variables."""
    import tflite

    model = tflite.Model.GetRootAs(blob)
    codes = [model.OperatorCodes(i).BuiltinCode() for i in range(model.OperatorCodesLength())]
    if tflite.BuiltinOperator.VAR_HANDLE in codes:
        return True
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    return any(
        graph.Tensors(i).IsVariable() for graph in graphs for i in range(graph.TensorsLength())
    )


def random_input(shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> Array:
    """Values for one input: full integer range, standard normal, or 0 and 1 for bool."""
    kind: Any = np.dtype(dtype)
    if kind == np.bool_:
        return np.asarray(rng.integers(0, 2, shape), dtype=kind)
    if np.issubdtype(kind, np.integer):
        limits = np.iinfo(kind)
        return np.asarray(rng.integers(limits.min, limits.max, shape, kind, endpoint=True))
    return np.asarray(rng.standard_normal(shape), dtype=kind)


def run(path: Path) -> dict[str, Array]:
    """Runs ``path`` in this process and returns the arrays of its golden file."""
    from tflite_micro.python.tflite_micro import runtime

    blob = path.read_bytes()
    interpreter = runtime.Interpreter.from_bytes(blob, arena_size=ARENA_BYTES)
    inputs, outputs = _io_counts(blob)
    sample = path.with_name(f"{path.stem}_sample.npz")
    if sample.is_file():
        with np.load(sample) as stored:
            given = [stored[f"in{i}"] for i in range(inputs)]
    else:
        rng = np.random.default_rng(0)
        details = [interpreter.get_input_details(i) for i in range(inputs)]
        given = [random_input(tuple(d["shape"]), d["dtype"], rng) for d in details]
    arrays = {f"in{i}": array for i, array in enumerate(given)}
    for prefix in ("", "run2_") if keeps_state(blob) else ("",):
        for index, array in enumerate(given):
            interpreter.set_input(array, index)
        interpreter.invoke()
        for index in range(outputs):
            arrays[f"{prefix}out{index}"] = np.array(interpreter.get_output(index))
    return arrays


def _io_counts(blob: bytes) -> tuple[int, int]:
    import tflite

    graph = tflite.Model.GetRootAs(blob).Subgraphs(0)
    return graph.InputsLength(), graph.OutputsLength()


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes <model>_golden.npz beside each model.")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        path: Path = arguments.models[0]
        np.savez_compressed(path.with_name(f"{path.stem}_golden.npz"), **run(path))
        return 0
    failed = 0
    for path in arguments.models:
        command = [sys.executable, __file__, "--child", str(path)]
        try:
            child = subprocess.run(command, timeout=TIME_LIMIT_S, capture_output=True, text=True)
            problem = "" if child.returncode == 0 else child.stderr.strip()[-400:] or "died"
        except subprocess.TimeoutExpired:
            problem = f"no answer in {TIME_LIMIT_S} s"
        failed += bool(problem)
        print(f"{path.name}: {problem or 'ok'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
