# SPDX-License-Identifier: Apache-2.0
"""An ESP32-C3 project with archives that gen-fw made with TVM: our examples and, where they are at
hand, models of MLPerf Tiny and TFLite Micro. Built with the SDK alone for `linux`, and run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sdk_evidence
from sdk_idf import Idf
from sdk_projects import EXAMPLES, generate
from test_idf_linux import check, output

from gen_fw.compilers.tvm.installed import VERSION, VERSIONS, installed
from sample_models import shared_root

pytestmark = pytest.mark.sdk

BOARD = "esp32-c3-devkitm"
#: program -> model in the folder of real models; its golden vectors lie beside it
REAL = {
    "ad01": "mlperf_ad01_int8",
    "hello_world": "tflm_hello_world_int8",
    "kws": "mlperf_kws_ref_model",
    "micro_speech": "tflm_micro_speech_quantized",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "str_ww": "mlperf_str_ww_ref_model",
    "vww": "mlperf_vww_96_int8",
}


def models() -> dict[str, tuple[Path, Path]]:
    """Program -> model and its golden vectors, outputs of TFLite Micro."""
    found = {
        name: (EXAMPLES / f"{name}_int8.tflite", EXAMPLES / f"{name}_int8_golden.npz")
        for name in ("chirps", "digits")
    }
    shared = shared_root()
    if shared is not None:
        folder = shared / "models"
        for name, stem in REAL.items():
            found[name] = (folder / f"{stem}.tflite", folder / f"{stem}.npz")
    return found


def test_produced_archives(tmp_path: Path, esp_idf_tree: Idf) -> None:
    if {name: installed(name) for name in VERSIONS} != VERSIONS:
        pytest.skip("TVM is not installed (extra tvm)")
    archives: list[Path] = []
    options: list[str] = []
    given = models()
    for name, (model, golden) in given.items():
        archives.append(tmp_path / f"{name}.mlf.tar")
        command = [sys.executable, "-m", "gen_fw", "tvm", "compile", str(model), "-q"]
        command += ["--name", name, "--board", BOARD, "-o", str(archives[-1])]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        options += ["--name", name, "--golden", f"{name}={golden}"]
        options += ["--tflite", f"{name}={model}"]
    project = tmp_path / "project"
    # the chip's own memories hold few of them at once; on this target the code is what counts
    options += ["--shared-arena", "--reserve", "internal=0"]
    generate(BOARD, project, *archives, options=tuple(options))
    assert "tflite" not in (project / "gen" / "idf_component.yml").read_text("utf-8")
    esp_idf_tree.prepare(project, linux=True)
    done = esp_idf_tree.idf_py(project, "linux", "--preview", "build")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not [x for x in done.stdout.splitlines() if "warning:" in x and "/gen/" in x]
    (elf,) = (project / "build").glob("*.elf")
    rows: list[dict[str, object]] = []
    text = output(elf, len(given))
    check(text, elf, tuple(given), rows)
    # golden vectors are compared exactly, so that nothing is noted
    assert " NOTE " not in text
    for row, (model, _) in zip(rows, given.values(), strict=True):
        row["model"] = model.name
    compiler = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True).stdout
    sdk_evidence.record(
        f"esp-idf-{esp_idf_tree.release}-linux-tvm",
        title=f"ESP-IDF {esp_idf_tree.tree.version}, linux target, archives that gen-fw made with "
        "TVM: built and run",
        method=f"gen-fw tvm compile MODEL --board {BOARD}, gen-fw ARCHIVES --board {BOARD}, then "
        "idf.py --preview build with IDF_TARGET=linux; nothing of TVM, TFLM or ESP-NN is part of "
        "it. Outputs are compared with TFLite Micro's, exactly",
        command="pytest -m sdk tests/sdk/test_idf_linux_tvm.py",
        trees=(esp_idf_tree.tree,),
        tools={"gcc": compiler.strip(), "apache-tvm": VERSION},
        results=rows,
    )
