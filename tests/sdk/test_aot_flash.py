# SPDX-License-Identifier: Apache-2.0
"""Flash beyond weights and biases: generated C against TensorFlow Lite Micro's interpreter.

Of the interpreter: its code and constants, which is the runner's image less the same image without
any runtime, and the model's file less weights and biases. Of generated C: code and constants of the
program less weights and biases.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import sdk_evidence
from sdk_trees import Tree, tree

from gen_fw.model.reader import read_model
from gen_fw.model.types import DType, Model
from gen_fw.pipeline import generate
from gen_fw.request import request
from gen_fw.run import tools
from gen_fw.run.measure import ProjectRun, run

pytestmark = pytest.mark.sdk

BOARD = "qemu-cortex-m55"
_MODELS = {
    "ad01": "mlperf_ad01_int8",
    "kws": "mlperf_kws_ref_model",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "vww": "mlperf_vww_96_int8",
}
_SHARE = 0.35
#: operators whose inputs 1 and 2 are weights and biases
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@pytest.fixture(scope="module")
def tflm() -> Tree:
    lacking = [t for t in map(tools.find, tools.needed("arm-none-eabi", cxx=True)) if not t.ok]
    if lacking:
        pytest.skip(tools.install_line(lacking))
    return tree(
        "tflite-micro",
        "TFLM_ROOT",
        "tensorflow/lite/micro/micro_interpreter.h",
        "TFLITE_SCHEMA_VERSION",
    )


def weight_bytes(model: Model) -> int:
    """Of weights (int8) and biases (int32)."""
    graph = model.subgraphs[0]
    indices = {
        index
        for operator in graph.operators
        if operator.name in _WEIGHTED
        for index in operator.inputs[1:]
        if index >= 0
    }
    tensors = [graph.tensors[index] for index in indices]
    assert all(tensor.dtype in (DType.INT8, DType.INT32) for tensor in tensors)
    return sum(tensor.bytes for tensor in tensors)


def _built(path: Path, runtime: str, work: Path) -> ProjectRun:
    asked = request(
        [path],
        BOARD,
        names=["net"],
        goldens=[path.with_suffix(".npz")],
        runtime=runtime,
        kernels="reference" if runtime == "tflm" else "",
    )
    generate(asked, work)
    result = run(work, environment=os.environ)
    assert result.selftest == "pass"
    return result


@pytest.mark.parametrize("name", _MODELS)
def test_a_third_of_the_interpreter(
    name: str, tflm: Tree, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("ccache"):
        monkeypatch.setenv("CMAKE_C_COMPILER_LAUNCHER", "ccache")
        monkeypatch.setenv("CMAKE_CXX_COMPILER_LAUNCHER", "ccache")
    path = shared / "models" / f"{_MODELS[name]}.tflite"
    weights = weight_bytes(read_model(path))
    interpreted = _built(path, "tflm", tmp_path / "tflm")
    generated = _built(path, "aot", tmp_path / "aot")
    (program,) = generated.programs
    own = program.sizes.code + program.sizes.constants
    runner = generated.image_bytes - own
    runtime = interpreted.image_bytes - runner - path.stat().st_size
    of_tflm = runtime + path.stat().st_size - weights
    ours = own - weights
    figures = f"{name}: aot {ours}, tflm {of_tflm} ({runtime} of it the runtime), runner {runner}"
    print(figures)
    assert ours <= _SHARE * of_tflm, figures
    sdk_evidence.record(
        f"aot-flash-{name}",
        title=f"Flash beyond weights and biases on Cortex-M55: {name}",
        method="images of the same application at -O2 with newlib-nano; the interpreter with "
        "reference kernels",
        command="TFLM_ROOT=... GEN_FW_SHARED=... pytest -m sdk tests/sdk/test_aot_flash.py",
        trees=[tflm],
        tools={tool.command: tools.find(tool).version for tool in (tools.ARM_CC,)},
        results=[
            {
                "name": name,
                "model_sha256": sdk_evidence.sha256(path),
                "weights_and_biases": weights,
                "aot": ours,
                "tflm": of_tflm,
                "share": round(ours / of_tflm, 3),
            }
        ],
    )
