# SPDX-License-Identifier: Apache-2.0
"""The models that the ahead-of-time runtime must run exactly, lowered and with expected tensors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from aot_harness import Case, cases_of
from aot_oracle import Sample
from gen_fw.boards.board import Board
from gen_fw.boards.load import load_board
from gen_fw.model.reader import read_model
from gen_fw.model.types import DType, Model
from gen_fw.program import Program
from gen_fw.runtimes.aot.lower import AotOptions, lower
from gen_fw.runtimes.golden import load_golden

#: real models, by short name
SHARED = {
    "kws": "mlperf_kws_ref_model",
    "vww": "mlperf_vww_96_int8",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "ad01": "mlperf_ad01_int8",
    "wake_word": "mlperf_str_ww_ref_model",
    "person_detect": "tflm_person_detect",
    "micro_speech": "tflm_micro_speech_quantized",
    "hello_world": "tflm_hello_world_int8",
}
OWN = {name: f"{name}_int8" for name in ("digits", "chirps", "sine")}
EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "models"


def lowered(
    model: Model, name: str, board: str, optimise: str = "speed", kernels: str = ""
) -> Program:
    """The program for a board of the package."""
    assert optimise in ("speed", "size")
    options = AotOptions(optimise="speed" if optimise == "speed" else "size", kernels=kernels)
    return lower(model, name, _board(board), options)


def model_path(name: str, shared: Path | None) -> Path:
    """The file of a model of ``SHARED`` or ``OWN``."""
    if name in OWN:
        return EXAMPLES / f"{OWN[name]}.tflite"
    assert shared is not None, name
    return shared / "models" / f"{SHARED[name]}.tflite"


def model_case(
    name: str,
    shared: Path | None,
    board: str,
    optimise: str = "speed",
    random: int = 3,
    kernels: str = "",
) -> Case:
    """A program with what TFLM computes for its golden input, random and extreme inputs. The
    golden outputs must be what the oracle gives."""
    path = model_path(name, shared)
    model = read_model(path)
    program = lowered(model, name, board, optimise, kernels)
    golden_path = path.with_suffix(".npz") if name not in OWN else _own_golden(path)
    golden = load_golden(golden_path, program)
    samples = (golden.inputs, *_samples(model, random))
    (case,) = cases_of([program], [model], [samples])
    graph = model.subgraphs[0]
    assert tuple(case.expected[0][index] for index in graph.outputs) == golden.outputs, name
    return case


def _own_golden(path: Path) -> Path:
    return path.with_name(f"{path.stem}_golden.npz")


@cache
def _board(name: str) -> Board:
    return load_board(name)


def _samples(model: Model, random: int) -> Iterator[Sample]:
    rng = np.random.default_rng(3)
    graph = model.subgraphs[0]
    tensors = [graph.tensors[index] for index in graph.inputs]
    assert all(tensor.dtype is DType.INT8 for tensor in tensors)
    for _ in range(random):
        yield tuple(rng.integers(-128, 128, t.shape).astype(np.int8).tobytes() for t in tensors)
    for values in ([-128], [127], [-128, 127]):
        yield tuple(rng.choice(values, t.shape).astype(np.int8).tobytes() for t in tensors)
