# SPDX-License-Identifier: Apache-2.0
"""The oracle: TFLM's answers, and what happens when it crashes, hangs or refuses."""

from __future__ import annotations

import dataclasses
import importlib.util
import time
from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.model.reader import read_model
from gen_fw.program import Program
from gen_fw.runtimes.golden import load_golden, seeded_inputs
from gen_fw.runtimes.tflm import TflmOptions, lower, oracle

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None,
    reason="needs TFLM: pip install 'gen-fw[reference]'",
)


def lowered(path: Path) -> tuple[bytes, Program]:
    model = read_model(path)
    return bytes(model.raw), lower(model, "m", load_board("esp32s3"), TflmOptions())


@pytest.mark.parametrize("name", ["cnn_int16x8", "multi_io", "svdf_int8", "while_double"])
def test_recorded_answers(name: str) -> None:
    model, program = lowered(MODELS / f"{name}.tflite")
    golden = load_golden(MODELS / f"{name}_golden.npz", program)
    answer = oracle.run(model, program, golden.inputs)
    assert isinstance(answer, oracle.Answer), answer
    assert answer.outputs == golden.outputs
    assert bool(answer.run2_outputs) == program.stateful


def test_state_is_carried_into_the_second_run() -> None:
    model, program = lowered(MODELS / "ring_buffer_float32.tflite")
    answer = oracle.run(model, program, seeded_inputs(program))
    assert isinstance(answer, oracle.Answer)
    assert answer.run2_outputs != answer.outputs


@pytest.mark.full
def test_all_recorded_answers(shared: Path) -> None:
    for path in sorted((shared / "models").glob("*.npz")):
        try:
            model, program = lowered(path.with_suffix(".tflite"))
        except Exception:  # models that TFLM does not run have recordings of LiteRT
            continue
        golden = load_golden(path, program)
        answer = oracle.run(model, program, golden.inputs, time_limit=60)
        assert isinstance(answer, oracle.Answer), path.name
        assert answer.outputs == golden.outputs, path.name


def test_a_crash_is_a_result(shared: Path) -> None:
    _, program = lowered(MODELS / "while_double.tflite")
    hostile = (shared / "models" / "derived_bad_recursive_if.tflite").read_bytes()
    failure = oracle.run(hostile, program, seeded_inputs(program))
    assert isinstance(failure, oracle.Failure)
    assert failure.kind == "crash" and "SIG" in failure.reason


def test_a_refusal_is_a_result() -> None:
    _, program = lowered(MODELS / "cnn_int16x8.tflite")
    failure = oracle.run(b"no model at all", program, seeded_inputs(program))
    assert isinstance(failure, oracle.Failure)
    assert failure.kind in {"refused", "crash"} and failure.reason


def test_a_hang_ends_at_the_limit() -> None:
    model, program = lowered(MODELS / "cnn_int16x8.tflite")
    started = time.monotonic()
    failure = oracle.run(model, program, seeded_inputs(program), time_limit=0.01)
    assert isinstance(failure, oracle.Failure) and failure.kind == "timeout"
    assert time.monotonic() - started < 5


def test_the_memory_limit_holds() -> None:
    model, program = lowered(MODELS / "cnn_int16x8.tflite")
    huge = {"target": 4 << 30, "host64": 4 << 30}
    program = dataclasses.replace(program, adapter={**program.adapter, "arena_bytes": huge})
    failure = oracle.run(model, program, seeded_inputs(program))
    assert isinstance(failure, oracle.Failure)
    assert failure.kind in {"refused", "crash"}


def test_custom_operators_have_no_oracle() -> None:
    model, program = lowered(MODELS / "cnn_int16x8.tflite")
    program = dataclasses.replace(program, adapter={**program.adapter, "custom_ops": [{}]})
    failure = oracle.run(model, program, seeded_inputs(program))
    assert isinstance(failure, oracle.Failure) and failure.kind == "refused"


def test_not_installed_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    model, program = lowered(MODELS / "cnn_int16x8.tflite")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    failure = oracle.run(model, program, seeded_inputs(program))
    assert isinstance(failure, oracle.Failure)
    assert failure.kind == "missing" and "gen-fw[reference]" in failure.hint
