# SPDX-License-Identifier: Apache-2.0
"""An ESP-IDF project with `--runtime aot`: the SDK alone, no TFLM, built for `linux` and run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import sdk_evidence
from sdk_idf import Idf
from sdk_projects import EXAMPLES, generate
from test_idf_linux import BOARD, check, output

pytestmark = pytest.mark.sdk

PROGRAMS = ("digits", "chirps", "sine")


def test_programs_without_tflm(tmp_path: Path, esp_idf_tree: Idf) -> None:
    project = tmp_path / "project"
    models = [EXAMPLES / f"{name}_int8.tflite" for name in PROGRAMS]
    options = ["--runtime", "aot"]
    for name in PROGRAMS:
        options += ["--name", name, "--golden", str(EXAMPLES / f"{name}_int8_golden.npz")]
    generate(BOARD, project, *models, options=tuple(options))
    assert "tflite" not in (project / "gen" / "idf_component.yml").read_text("utf-8")
    esp_idf_tree.prepare(project, linux=True)
    done = esp_idf_tree.idf_py(project, "linux", "--preview", "build")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not [x for x in done.stdout.splitlines() if "warning:" in x and "/gen/" in x]
    (elf,) = (project / "build").glob("*.elf")
    rows: list[dict[str, object]] = []
    check(output(elf, len(PROGRAMS)), elf, PROGRAMS, rows)
    compiler = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True).stdout
    sdk_evidence.record(
        f"esp-idf-{esp_idf_tree.release}-linux-aot",
        title=f"ESP-IDF {esp_idf_tree.tree.version}, linux target, runtime aot: built and run",
        method=f"gen-fw ... --board {BOARD} --runtime aot, then idf.py --preview build with "
        "IDF_TARGET=linux; neither esp-tflite-micro nor esp-nn is part of it",
        command="pytest -m sdk tests/sdk/test_idf_linux_aot.py",
        trees=(esp_idf_tree.tree,),
        tools={"gcc": compiler.strip()},
        results=rows,
    )
