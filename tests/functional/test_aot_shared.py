# SPDX-License-Identifier: Apache-2.0
"""Models of all kinds of operators and types: every tensor of ten inferences in a row, and again
from power-on, is TensorFlow Lite Micro's (float within 1e-5), and the golden outputs come out."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from aot_harness import Case, cases_of, run_cases
from aot_oracle import Sample
from aot_programs import lowered
from aot_targets import HOSTS, M4, M55, RV32, SANITIZED, Target
from gen_fw.model.reader import read_model
from gen_fw.model.types import DType, Model, Tensor
from gen_fw.runtimes.golden import load_golden

_MACHINES = {"qemu-cortex-m55": M55, "qemu-cortex-m4": M4, "qemu-riscv32": RV32}
#: a model without operators, and one whose kernel TFLM refuses to run
_LEFT_OUT = {"litert_empty_model", "mlonmcu_model_with_detection_postprocess"}
_INVOKES = 10


def _names(shared: Path) -> list[str]:
    """The models that TFLM runs, from the manifest."""
    with (shared / "models" / "MANIFEST.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        name
        for row in rows
        if (name := row["name"].removesuffix(".tflite")) not in _LEFT_OUT and row["tflm_ok"] != "no"
    ]


def _case(name: str, board: str, shared: Path) -> Case:
    path = shared / "models" / f"{name}.tflite"
    model = read_model(path)
    program = lowered(model, name[:28].rstrip("_"), board)
    golden = load_golden(path.with_suffix(".npz"), program)
    samples = [golden.inputs, golden.inputs]
    samples += [_random(model, seed) for seed in range(_INVOKES - 2 if program.stateful else 2)]
    fresh = (True,) + (not program.stateful,) * (len(samples) - 1)
    (case,) = cases_of([program], [model], [(*samples, golden.inputs)], (*fresh, True))
    _golden(model, case.expected[0], golden.outputs)
    _golden(model, case.expected[-1], golden.outputs)
    if golden.run2_outputs:
        _golden(model, case.expected[1], golden.run2_outputs)
    return case


def _golden(model: Model, tensors: dict[int, bytes], outputs: tuple[bytes, ...]) -> None:
    graph = model.subgraphs[0]
    for index, expected in zip(graph.outputs, outputs, strict=True):
        if graph.tensors[index].dtype is DType.FLOAT32:
            pair = [np.frombuffer(data, "<f4") for data in (tensors[index], expected)]
            np.testing.assert_allclose(*pair, rtol=1e-5, atol=1e-6)
        else:
            assert tensors[index] == expected


def _random(model: Model, seed: int) -> Sample:
    rng = np.random.default_rng([seed, 5])
    graph = model.subgraphs[0]
    return tuple(_values(graph.tensors[index], rng) for index in graph.inputs)


def _values(tensor: Tensor, rng: np.random.Generator) -> bytes:
    if tensor.dtype is DType.FLOAT32:
        return rng.normal(0, 1, tensor.shape).astype("<f4").tobytes()
    if tensor.dtype is DType.BOOL:
        return rng.integers(0, 2, tensor.shape).astype(np.bool_).tobytes()
    kind = np.dtype(tensor.dtype.name.lower()).newbyteorder("<")
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, tensor.shape, endpoint=True).astype(kind).tobytes()


def _agree(names: list[str], board: str, target: Target, shared: Path, work: Path) -> None:
    cases = [_case(name, board, shared) for name in names]
    outcome = run_cases(cases, target, work, timeout=1200)
    assert not outcome.mismatches, f"{target.name}: {outcome.mismatches[:10]}"


@pytest.mark.parametrize(
    ("names", "board", "target"),
    [
        (
            ["tflm_trained_lstm", "tflm_trained_lstm_int8", "esphome_okay_nabu", "tflm_conv0"],
            "host",
            HOSTS[1],
        ),
        (["litert_nested_while", "litert_call_once_mul"], "host", SANITIZED[0]),
        (["tflm_keyword_scrambled", "derived_if_add_mul"], "qemu-cortex-m55", M55),
        (["mlonmcu_magic_wand", "tflm_trained_lstm_int8"], "qemu-cortex-m4", M4),
        (["esphome_okay_nabu", "tflm_trained_lstm"], "qemu-riscv32", RV32),
    ],
    ids=lambda part: part if isinstance(part, str) else getattr(part, "name", "models"),
)
def test_some_agree(
    names: list[str], board: str, target: Target, shared: Path, tmp_path: Path
) -> None:
    _agree(names, board, target, shared, tmp_path)


@pytest.mark.full
def test_all_agree_on_the_host(shared: Path, tmp_path: Path) -> None:
    names = _names(shared)
    assert len(names) >= 34
    _agree(names, "host", HOSTS[1], shared, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("board", _MACHINES)
def test_all_agree_on_machines(board: str, shared: Path, tmp_path: Path) -> None:
    for name in _names(shared):
        _agree([name], board, _MACHINES[board], shared, tmp_path / name)
