# SPDX-License-Identifier: Apache-2.0
"""The arena of models that Vela compiled, against TFLite Micro itself on an emulated Cortex-M55:
every call of its allocator, and that the predicted size works while 16 bytes less do not. There is
no NPU: the driver's functions do nothing, so only memory is judged."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from pathlib import Path

import arena_build
import pytest
import sdk_evidence
from arena_compare import compare
from sdk_trees import tree
from test_arena import _tools as tool_versions

from gen_fw.boards.load import load_board
from gen_fw.candidates import prepared
from gen_fw.model.reader import read_model
from gen_fw.request import Options

pytestmark = pytest.mark.sdk
ROOT = Path(__file__).resolve().parents[2]
MODELS = (
    "mlperf_ad01_int8",
    "mlperf_kws_ref_model",
    "mlperf_pretrainedResnet_quant",
    "mlperf_vww_96_int8",
    "tflm_hello_world_int8",
    "tflm_keyword_scrambled",
    "tflm_micro_speech_quantized",
    "tflm_person_detect",
    "tflm_trained_lstm_int8",
)
OWN = (
    *(ROOT / "examples" / "models" / f"{name}_int8.tflite" for name in ("chirps", "digits")),
    *(
        ROOT / "tests" / "data" / "models" / f"{name}_int8.tflite"
        for name in ("branches", "lstm", "svdf")
    ),
)
#: name, options: the default, and the plan for a small arena
WAYS = (("speed", Options()), ("size", Options(optimise="size")))


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> arena_build.Firmware:
    machine = arena_build.ETHOS_U
    lacking = [v for v in arena_build.variables(machine) if not os.environ.get(v)]
    lacking += [tool for tool in arena_build.tools(machine) if shutil.which(tool) is None]
    if lacking:
        pytest.skip(f"{machine.name} needs {', '.join(lacking)}")
    named = os.environ.get("GEN_FW_ARENA_BUILD")
    folder = Path(named) if named else tmp_path_factory.mktemp("arena")
    folder.mkdir(parents=True, exist_ok=True)
    return arena_build.build(machine, folder)


def test_compiled_models_take_what_was_predicted(
    firmware: arena_build.Firmware, shared: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ethosu.vela", reason="needs the extra vela")
    paths, arenas = [], []
    given = [*(shared / "models" / f"{name}.tflite" for name in MODELS), *OWN]
    for board in ("alif-e7-hp", "alif-e1c-he", "alif-e8-hp-u85"):
        for way, options in WAYS:
            for path in given:
                models = [(path.stem, read_model(path))]
                chosen = prepared(models, load_board(board), options, lambda _stage: None)
                (program,) = chosen.programs
                assert program.kernels == "ethos_u", path.stem
                runs = next(part for part in program.constants if part.label == "model")
                paths.append(tmp_path / f"{path.stem}-{board}-{way}.tflite")
                paths[-1].write_bytes(runs.data)
                arenas.append(program.region("arena").bytes)
    found = compare(firmware, paths)
    wrong = {
        one.path.name: [*one.differences, one.first_event]
        for one, arena in zip(found, arenas, strict=True)
        # a program for a small arena has kernels for that too, which this machine has not
        if one.differences
        or one.first_event
        or (one.path.stem.endswith("-speed") and one.account.minimum != arena)
    }
    assert not wrong
    sdk_evidence.record(
        "arena-cortex-m55-ethos_u",
        title="The arena of models that Vela compiled, predicted and true: Cortex-M55",
        method=(
            "TFLite Micro with its ethos-u kernel and CMSIS-NN on an emulated Cortex-M55; the "
            "driver behind the kernel does nothing, since QEMU has no NPU. Every call of the "
            "allocator up to the first Invoke, used, head and tail equal the prediction; "
            "AllocateTensors and Invoke succeed in an arena of the predicted size, and fail in "
            "one of 16 bytes less. Each model is compiled for three NPUs, for speed and for size"
        ),
        command="TFLM_ROOT=... CMSIS_NN_ROOT=... ETHOS_U_DRIVER_ROOT=... "
        "pytest -m sdk tests/sdk/test_arena_npu.py",
        trees=[
            tree("tflite-micro", "TFLM_ROOT", "tensorflow/lite/micro/micro_interpreter.h", "."),
            tree(
                "CMSIS-NN", "CMSIS_NN_ROOT", "Include/arm_nnfunctions.h", r"Revision:\s+V\.([\d.]+)"
            ),
            tree("ethos-u-core-driver", "ETHOS_U_DRIVER_ROOT", "include/ethosu_driver.h", "."),
        ],
        tools={
            **tool_versions(firmware.machine),
            "vela": importlib.metadata.version("ethos-u-vela"),
        },
        results=[
            {
                "name": one.path.stem,
                "model_sha256": sdk_evidence.sha256(one.path),
                "used": one.truth.used,
                "head": one.truth.head,
                "tail": one.truth.tail,
                "minimum": one.account.minimum,
                "label": one.account.label,
            }
            for one in found
        ],
    )
