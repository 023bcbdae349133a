# SPDX-License-Identifier: Apache-2.0
"""Every memory mode of xcore.ai with real models: built for this computer, run, and equal to what
XMOS's interpreter computes, byte for byte. How far both are from TFLite Micro is reported."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gen_fw import generate
from gen_fw.run.measure import run
from xcore_models import OWN, REAL, dense_chain, lstm_cell, need_wheel, patient

pytestmark = pytest.mark.full
BOARD = "xcore-ai-explorer-lpddr"
MADE: dict[str, Callable[[Path], Path]] = {"lstm_cell": lstm_cell, "dense_chain": dense_chain}
MODES = {
    "internal": {},
    "flash": {"model": "flash"},
    "other_tile": {"model": "tile1"},
    "lpddr_parameters": {"model": "lpddr"},
    "lpddr_arena": {"arena": "lpddr"},
    "lpddr_both": {"model": "lpddr", "arena": "lpddr"},
    "second_tile": {"code": "tile1", "model": "flash"},
}
#: what does not fit a tile with everything internal
LARGE = {"dense_chain"}
#: models on which XMOS's interpreter crashes; the generated code runs, and is compared with TFLM
UNTESTED = {"multi_io"}
#: steps of the quantization (or real numbers) that XMOS's kernels may be from TFLite Micro's: what
#: was found
#: (chirps: softmax overflows, which a warning tells)
APART = {
    "chirps": 127,
    "digits": 6,
    "resnet8": 5,
    "ad01": 3,
    "branches": 4,
    "dense_chain": 2,
    "lstm_cell": 6,
}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*REAL, *OWN, *MADE])
def test_a_model_in_a_mode(name: str, mode: str, tmp_path: Path, request: Any) -> None:
    need_wheel()
    goldens: list[Path] = []
    if name in REAL:
        model = request.getfixturevalue("shared") / "models" / f"{REAL[name]}.tflite"
        goldens = [model.with_suffix(".npz")]
    else:
        model = MADE[name](tmp_path / f"{name}.tflite") if name in MADE else OWN[name]
    place = MODES[mode]
    # neither tile holds it; an arena in LPDDR leaves the model in the tile
    if name in LARGE and place.get("model") in (None, "tile1"):
        pytest.skip("larger than a tile: tests/unit/test_xcore_programs.py")
    folder = tmp_path / "p"
    made = generate([model], BOARD, folder, names=[name], goldens=goldens, place=place)
    golden = made.planned.firmware.golden[0]
    if name in UNTESTED:
        assert golden is None and any("SIGSEGV" in note.why for note in made.planned.diagnostics)
        vectors = OWN[name].with_name(f"{name}_golden.npz")
        result = run(folder, inputs={"": vectors}, environment=os.environ)
        for output in result.programs[0].outputs:
            wanted = np.load(vectors)[f"out{output.io.position}"]
            np.testing.assert_allclose(output.array[0], wanted, rtol=1e-6)
        return
    assert golden is not None
    if golden.difference:
        print(name, mode, golden.difference)
        assert golden.difference["largest"] <= APART.get(name, 1)
    result = run(folder, environment=os.environ, seconds=600)
    assert result.selftest == "pass"
    stored = np.load(folder / "gen" / name / "golden.npz")
    for output in result.programs[0].outputs:
        assert output.array[0].tobytes() == stored[f"out{output.io.position}"].tobytes()


@pytest.mark.parametrize(
    "options",
    [
        {"xcore-conv-err-threshold": "0"},
        {"xcore-thread-count": "1"},
        {"xcore-op-split-top-op": "0", "xcore-op-split-bottom-op": "2"}
        | {"xcore-op-split-num-splits": "2"},
        {"xcore-load-externally-if-larger": "700"},
        {"xcore-max-load-external-size": "20000"},
        {"xcore-allow-input-modification": "true"},
        {"xcore-async-load-weights": "true"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_of_the_compiler(options: dict[str, str], shared: Path, tmp_path: Path) -> None:
    """kws with parameters in flash, under one option."""
    need_wheel()
    model = shared / "models" / f"{REAL['kws']}.tflite"
    folder = tmp_path / "p"
    generate([model], BOARD, folder, place={"model": "flash"}, compiler_options=options)
    # XMOS's library for this computer loads asynchronously in a wrong way
    expected = "skip" if "xcore-async-load-weights" in options else "pass"
    assert run(folder, environment=os.environ).selftest == expected


def test_two_real_models(shared: Path, tmp_path: Path) -> None:
    """One after the other in one arena, and one on each tile."""
    need_wheel()
    models = [shared / "models" / f"{REAL[name]}.tflite" for name in ("kws", "ad01")]
    for index, options in enumerate(
        ({"shared_arena": True}, {"layout": "tiles", "place": {"model": "flash"}})
    ):
        folder = tmp_path / f"p{index}"
        generate(models, BOARD, folder, **options)
        result = run(folder, environment=os.environ)
        assert [entry.selftest for entry in result.programs] == ["pass", "pass"]
