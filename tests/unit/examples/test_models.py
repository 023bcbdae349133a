# SPDX-License-Identifier: Apache-2.0
"""The models in the repository are what their pages say: operators, accuracy, recorded answers."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "models"
CODE_PATHS = ROOT / "tests" / "data" / "models"
TIME_LIMIT_S = 60

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None,
    reason="needs TFLM: pip install 'gen-fw[reference]'",
)

RESOURCE_VARIABLE = {"CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"}
RING = RESOURCE_VARIABLE | {"STRIDED_SLICE", "CONCATENATION", "RESHAPE", "FULLY_CONNECTED"}
CNN = {
    *("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"),
    *("RESHAPE", "FULLY_CONNECTED", "SOFTMAX"),
}
OPERATORS = {
    "sine_float32": {"FULLY_CONNECTED"},
    "sine_int8": {"FULLY_CONNECTED"},
    "digits_int8": CNN - {"DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D"},
    "chirps_int8": CNN - {"MAX_POOL_2D", "RESHAPE"},
    "cnn_float32": CNN,
    "cnn_int16x8": CNN,
    "branches_int8": {
        *("QUANTIZE", "DEQUANTIZE", "CONV_2D", "ADD", "LEAKY_RELU", "CONCATENATION", "RESHAPE"),
        *("TRANSPOSE_CONV", "MEAN", "FULLY_CONNECTED", "LOGISTIC"),
    },
    "multi_io": {"MUL", "ADD", "ARG_MAX"},
    "if_square_double": {"IF", "MUL", "ADD"},
    "while_double": {"WHILE", "LESS", "ADD"},
    "svdf_int8": {"SVDF", "FULLY_CONNECTED"},
    "lstm_int8": {"UNIDIRECTIONAL_SEQUENCE_LSTM", "RESHAPE", "FULLY_CONNECTED"},
    "ring_buffer_float32": RING,
    "ring_buffer_int8": RING,
    "labels_inside": {"FULLY_CONNECTED", "SOFTMAX"},
    "custom_operator": {"RELU", "CUSTOM", "LOGISTIC"},
    "hybrid_dense": {"FULLY_CONNECTED"},
    "uint8_dense": {"FULLY_CONNECTED"},
}
#: name -> elements of its input
REFUSED = {"custom_operator": 8, "hybrid_dense": 16, "uint8_dense": 16}
STATEFUL = ("svdf_int8", "lstm_int8", "ring_buffer_float32", "ring_buffer_int8")


def find(name: str) -> Path:
    folder = EXAMPLES if (EXAMPLES / f"{name}.tflite").is_file() else CODE_PATHS
    return folder / f"{name}.tflite"


def load(name: str) -> ModuleType:
    """A module of examples/models, which is a folder of scripts and no package."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tflm(name: str, samples: npt.NDArray[Any], folder: Path) -> npt.NDArray[Any]:
    """What TFLM answers to float samples, as floats; in a child process."""
    np.save(folder / "samples.npy", samples)
    script = Path(__file__).with_name("tflm_batch.py")
    files = [find(name), folder / "samples.npy", folder / "answers.npy"]
    subprocess.run(
        [sys.executable, script, *files],
        env={**os.environ, "PYTHONPATH": str(EXAMPLES)},
        timeout=TIME_LIMIT_S,
        check=True,
        capture_output=True,
    )
    answers: npt.NDArray[Any] = np.load(folder / "answers.npy")
    return answers


def make_golden(model: Path) -> int:
    """Exit code of the script that writes the recorded answers."""
    script = ROOT / "tools" / "make_goldens.py"
    return subprocess.run([sys.executable, script, model], timeout=TIME_LIMIT_S).returncode


def test_every_model_is_listed_here() -> None:
    stored = {path.stem for folder in (EXAMPLES, CODE_PATHS) for path in folder.glob("*.tflite")}
    assert stored == set(OPERATORS)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_and_size(name: str) -> None:
    import tflite

    blob = find(name).read_bytes()
    assert len(blob) < 12_000
    names = {code: label for label, code in vars(tflite.BuiltinOperator).items() if label.isupper()}
    model = tflite.Model.GetRootAs(blob)
    codes = [model.OperatorCodes(i).BuiltinCode() for i in range(model.OperatorCodesLength())]
    assert {names[code] for code in codes} == OPERATORS[name]


@needs_tflm
@pytest.mark.parametrize("name", [name for name in OPERATORS if name not in REFUSED])
def test_recorded_answers_are_what_tflm_says(name: str, tmp_path: Path) -> None:
    recorded = dict(np.load(find(name).with_name(f"{name}_golden.npz")))
    inputs = {key: value for key, value in recorded.items() if key.startswith("in")}
    assert any(key.startswith("run2_") for key in recorded) == (name in STATEFUL)
    shutil.copy(find(name), tmp_path)
    np.savez(tmp_path / f"{name}_sample.npz", **inputs)
    assert make_golden(tmp_path / f"{name}.tflite") == 0
    again = dict(np.load(tmp_path / f"{name}_golden.npz"))
    assert recorded.keys() == again.keys()
    for key, value in recorded.items():
        assert value.dtype == again[key].dtype
        np.testing.assert_allclose(
            again[key], value, rtol=1e-5 if value.dtype == np.float32 else 0, atol=0
        )


@needs_tflm
@pytest.mark.parametrize("name", REFUSED)
def test_tflm_itself_refuses_what_we_refuse(name: str, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        tflm(name, np.zeros((1, REFUSED[name]), dtype=np.float32), tmp_path)
    shutil.copy(find(name), tmp_path)
    assert make_golden(tmp_path / f"{name}.tflite") == 1
    assert not find(name).with_name(f"{name}_golden.npz").exists()


def test_state_shows_in_the_second_run() -> None:
    for name in STATEFUL:
        recorded = np.load(find(name).with_name(f"{name}_golden.npz"))
        assert not np.array_equal(recorded["out0"], recorded["run2_out0"]), name


@needs_tflm
@pytest.mark.parametrize(("name", "worst"), [("sine_float32", 0.01), ("sine_int8", 0.04)])
def test_sine_is_a_sine(name: str, worst: float, tmp_path: Path) -> None:
    angles = np.linspace(-np.pi, np.pi, 500, endpoint=False, dtype=np.float32)[:, np.newaxis]
    assert np.abs(tflm(name, angles, tmp_path) - np.sin(angles)).max() < worst


@needs_tflm
def test_chirps_are_told_apart_as_often_as_the_readme_says(tmp_path: Path) -> None:
    features, labels = load("chirps").dataset(1000, seed=2)
    hits = np.argmax(tflm("chirps_int8", features, tmp_path), axis=1) == labels
    assert hits.mean() == pytest.approx(readme_accuracy("chirps_int8"), abs=0.005)


@needs_tflm
def test_our_own_drawings_are_read(tmp_path: Path) -> None:
    drawn = load("drawn_digits").drawn
    answers = tflm("digits_int8", np.stack([drawn(digit) for digit in range(10)]), tmp_path)
    assert np.argmax(answers, axis=1).tolist() == list(range(10))


@needs_tflm
def test_held_out_digits_are_read_as_often_as_the_readme_says(tmp_path: Path) -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn (extra train)")
    selection = pytest.importorskip("sklearn.model_selection")
    images, labels = datasets.load_digits(return_X_y=True)
    pixels = (images.reshape(-1, 8, 8, 1) / 16).astype(np.float32)
    _, test, _, expected = selection.train_test_split(
        pixels, labels, test_size=0.2, random_state=0, stratify=labels
    )
    hits = np.argmax(tflm("digits_int8", test, tmp_path), axis=1) == expected
    assert hits.mean() == pytest.approx(readme_accuracy("digits_int8"), abs=0.005)


def readme_accuracy(name: str) -> float:
    found = re.search(rf"^\| `{name}` \|.* (0\.\d+) of", readme(), re.MULTILINE)
    assert found is not None
    return float(found.group(1))


def readme() -> str:
    return (EXAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.tflite")), ids=lambda path: path.stem)
def test_readme_gives_the_size(path: Path) -> None:
    size = f"{path.stat().st_size:,}".replace(",", " ")
    assert re.search(rf"^\| `{path.stem}` \| {size} \|", readme(), re.MULTILINE)


@pytest.mark.parametrize(
    ("model", "labels"),
    [("digits_int8", "digits_labels.txt"), ("chirps_int8", "chirps_labels.txt")],
)
def test_one_label_for_each_output_and_the_sample_is_named(model: str, labels: str) -> None:
    names = (EXAMPLES / labels).read_text(encoding="utf-8").splitlines()
    scores = np.load(EXAMPLES / f"{model}_golden.npz")["out0"][0]
    assert len(names) == len(scores) == len(set(names))
    assert names[int(np.argmax(scores))] == {"digits_int8": "3", "chirps_int8": "up"}[model]
