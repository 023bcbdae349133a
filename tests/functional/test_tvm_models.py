# SPDX-License-Identifier: Apache-2.0
"""Models that TVM compiles: every output of 20 inputs is TFLM's, on emulated machines those of the
golden vectors; instructions and workspace stay within the goals."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gen_fw
from fuzz_models import FuzzModel
from gen_fw.compilers.tvm.compile import compile_model
from gen_fw.compilers.tvm.options import TvmOptions
from gen_fw.model.reader import read_model
from gen_fw.model.types import DType, Model
from sample_models import ROOT
from tvm_agree import agree

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tvm") is None, reason="needs the extra tvm"
)
OWN = (
    *sorted((ROOT / "examples" / "models").glob("*.tflite")),
    *(
        ROOT / "tests" / "data" / "models" / f"{name}.tflite"
        for name in ("branches_int8", "cnn_float32", "cnn_int16x8", "labels_inside", "multi_io")
    ),
)
REAL = {
    "kws": "mlperf_kws_ref_model",
    "vww": "mlperf_vww_96_int8",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "ad01": "mlperf_ad01_int8",
    "person_detect": "tflm_person_detect",
    "micro_speech": "tflm_micro_speech_quantized",
    "hello_world": "tflm_hello_world_int8",
    "wake_word": "mlperf_str_ww_ref_model",
}
COMPILERS = {"qemu-cortex-m55": "arm-none-eabi-gcc", "qemu-riscv32": "riscv64-unknown-elf-gcc"}
#: (model, board) -> instructions of one inference, untuned
GOALS = {
    ("kws", "qemu-cortex-m55"): 10_700_000,
    ("vww", "qemu-cortex-m55"): 31_300_000,
    ("kws", "qemu-riscv32"): 16_500_000,
}
_INPUTS = 20


def _inputs(model: Model, count: int = _INPUTS) -> tuple[tuple[bytes, ...], ...]:
    rng = np.random.default_rng(2026)
    graph = model.subgraphs[0]
    return tuple(
        tuple(
            rng.uniform(-1, 1, tensor.elements).astype("<f4").tobytes()
            if tensor.dtype is DType.FLOAT32
            else rng.bytes(tensor.bytes)
            for tensor in (graph.tensors[index] for index in graph.inputs)
        )
        for _ in range(count)
    )


def _asked(paths: dict[str, Path]) -> list[FuzzModel]:
    models = {name: read_model(path) for name, path in paths.items()}
    return [
        FuzzModel(name, name, bytes(model.raw), model, _inputs(model))
        for name, model in models.items()
    ]


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_own_models(layout: str, tmp_path: Path) -> None:
    paths = {path.stem: path for path in OWN}
    assert set(agree(_asked(paths), tmp_path, layout)) == set(paths)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_keyword_spotting(layout: str, shared: Path, tmp_path: Path) -> None:
    paths = {"kws": shared / "models" / f"{REAL['kws']}.tflite"}
    assert agree(_asked(paths), tmp_path, layout)


@pytest.mark.full
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_real_models(layout: str, shared: Path, tmp_path: Path) -> None:
    paths = {name: shared / "models" / f"{file}.tflite" for name, file in REAL.items()}
    assert set(agree(_asked(paths), tmp_path, layout)) == set(paths)


def _measured(name: str, board: str, shared: Path, out: Path) -> None:
    if shutil.which(COMPILERS[board]) is None:
        pytest.skip(f"{COMPILERS[board]} is not installed")
    model = shared / "models" / f"{REAL[name]}.tflite"
    how = {"names": [name], "goldens": [model.with_suffix(".npz")], "runtime": "tvm"}
    gen_fw.generate([model], board, out, **how)
    command = [sys.executable, "-m", "gen_fw", "run", str(out), "--json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(done.stdout)["programs"]
    assert row["selftest"] == "pass"
    assert row["instructions"] <= GOALS.get((name, board), row["instructions"])


@pytest.mark.parametrize("board", COMPILERS)
def test_keyword_spotting_on_machines(board: str, shared: Path, tmp_path: Path) -> None:
    _measured("kws", board, shared, tmp_path / "out")


@pytest.mark.full
@pytest.mark.parametrize("board", COMPILERS)
@pytest.mark.parametrize("name", sorted(set(REAL) - {"kws"}))
def test_real_models_on_machines(name: str, board: str, shared: Path, tmp_path: Path) -> None:
    _measured(name, board, shared, tmp_path / "out")


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_workspace_is_at_the_bound(path: Path) -> None:
    """Tensors, and what kernels need for themselves."""
    _at_the_bound(path)


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(REAL))
def test_workspace_of_real_models(name: str, shared: Path) -> None:
    _at_the_bound(shared / "models" / f"{REAL[name]}.tflite")


def _at_the_bound(path: Path) -> None:
    compiled = compile_model(read_model(path), "m", None, TvmOptions(), lambda _: None)
    plan = compiled.report["plan"]
    assert plan["bytes"] == plan["shared_bound"] <= plan["lower_bound"]
    assert compiled.workspace_bytes == max(16, -(-plan["bytes"] // 16) * 16)
