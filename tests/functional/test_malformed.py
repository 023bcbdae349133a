# SPDX-License-Identifier: Apache-2.0
"""Real, hostile and damaged models: only ModelError, in bounded time and memory, and nothing is
accepted that LiteRT refuses, but for reviewed reasons (tests/data/litert_differences.csv)."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model
from interpreter_verdicts import ask

TESTS = Path(__file__).resolve().parents[1]
#: address space of the reading process; the interpreter itself takes about 30
MEGABYTES = 512
SEEDS = ("if_square_double", "while_double", "ring_buffer_int8", "lstm_int8", "custom_operator")
SHARED_SEEDS = (
    "tflm_micro_speech_quantized",
    "litert_nested_while",
    "litert_sparse_tensor",
    "tflm_hello_world_int8",
    "mlperf_kws_ref_model",
    "litert_unidirectional_sequence_lstm",
    "litert_call_once_mul",
    "litert_string_input_model",
)
#: the real models that are refused, and why
REFUSED = {
    "litert_0_subgraphs": "no subgraphs",
    "litert_empty_model": "no operators",
    "litert_test_model_broken": "not a TFLite model",
    "litert_segment_sum_invalid_buffer": "read before anything writes it",
    "coral_model_invoking_error": "no buffer 0",
    "derived_bad_recursive_if": "call each other",
}
#: hostile files that are sound models with other numbers or names; LiteRT accepts them too
HARMLESS = {"m013", "m016", "m021", "m027", "m028", "m029"}

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None,
    reason="tflite-micro is not installed (extra `reference`)",
)
needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None,
    reason="ai-edge-litert is not installed (extra `reference`)",
)


def test_real_models(shared: Path) -> None:
    models = sorted((shared / "models").glob("*.tflite"))
    assert len(models) == 52
    refused = {}
    for file in models:
        try:
            read_model(file)
        except ModelError as error:
            refused[file.stem] = error.what
    assert refused.keys() == REFUSED.keys()
    for name, words in REFUSED.items():
        assert words in refused[name]


def test_oddities_of_real_models_are_notes(shared: Path) -> None:
    person = read_model(shared / "models" / "tflm_person_detect.tflite")
    (note,) = person.diagnostics
    assert "quantized_dimension 3 is out of range" in note.what and "(and 13 more)" in note.what


def test_hostile_files(shared: Path) -> None:
    files = sorted((shared / "malformed").glob("*.tflite"))
    assert len(files) == 68
    accepted = set()
    for file in files:
        began = time.process_time()
        try:
            read_model(file)
            accepted.add(file.name[:4])
        except ModelError as error:
            assert file.name in error.where, error
        assert time.process_time() - began < 1, file.name
    assert accepted == HARMLESS
    with (shared / "malformed" / "MANIFEST.csv").open() as manifest:
        litert = {row["name"][:4]: row["litert"] for row in csv.DictReader(manifest)}
    assert {litert[name] for name in HARMLESS} == {"accept"}


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> list[Path]:
    """Models to damage: small ones of our own, and real ones where they are."""
    own = [TESTS / "data" / "models" / f"{name}.tflite" for name in SEEDS]
    try:
        shared = request.getfixturevalue("shared")
    except pytest.skip.Exception:
        return own
    return own + [shared / "models" / f"{name}.tflite" for name in SHARED_SEEDS]


def _read_mutants(seeds: list[Path], out: Path, count: int, start: int) -> dict[str, Any]:
    command = [sys.executable, str(TESTS / "mutant_reader.py")]
    command += [str(number) for number in (count, start, MEGABYTES)]
    command += [str(out), *map(str, seeds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    print(json.dumps(report))
    return report


def _check_mutants(report: dict[str, Any], count: int) -> None:
    assert report["faults"] == []
    assert report["worst"] < 2
    verdicts = [sum(kind.values()) for kind in report["table"].values()]
    assert sum(verdicts) == count and all(verdicts)
    # a reader that refuses everything would pass too
    assert sum(kind.get("accepted", 0) for kind in report["table"].values()) > count / 20


def _check_tflm(files: list[Path]) -> None:
    """TFLM trusts models: what we accept may be unsupported, but must not crash it."""
    said = ask("tflm", files)
    assert {name: words for name, words in said.items() if words.startswith("signal")} == {}


def _check_litert(files: list[Path]) -> None:
    """Every refusal by LiteRT of what we accepted has a reviewed reason."""
    said = ask("litert", files)
    with (TESTS / "data" / "litert_differences.csv").open() as reviewed:
        rows = list(csv.DictReader(reviewed))
    assert len(rows) <= 20 and all(row["reason"] for row in rows)
    unknown = {
        name: words
        for name, words in said.items()
        if words and not any(re.search(row["pattern"], words) for row in rows)
    }
    assert unknown == {}


def test_mutants(seeds: list[Path], tmp_path: Path) -> None:
    _check_mutants(_read_mutants(seeds, tmp_path, 390, 0), 390)


@needs_litert
@needs_tflm
def test_mutants_against_interpreters(seeds: list[Path], tmp_path: Path) -> None:
    _read_mutants(seeds, tmp_path, 390, 0)
    _check_litert(sorted(tmp_path.iterdir()))
    _check_tflm(sorted(tmp_path.iterdir()))


@needs_litert
def test_real_models_against_litert(shared: Path) -> None:
    accepted = []
    for file in sorted((*shared.glob("models/*.tflite"), *shared.glob("malformed/*.tflite"))):
        try:
            read_model(file)
            accepted.append(file)
        except ModelError:
            continue
    _check_litert(accepted)


@pytest.mark.full
@needs_litert
@needs_tflm
def test_five_thousand_mutants(seeds: list[Path], tmp_path: Path) -> None:
    _check_mutants(_read_mutants(seeds, tmp_path, 5000, 1_000_000), 5000)
    _check_litert(sorted(tmp_path.iterdir()))
    _check_tflm(sorted(tmp_path.iterdir()))
