# SPDX-License-Identifier: Apache-2.0
"""An ESP32-C3 project with imported archives: our example and, where MLF_ARCHIVES names them, real
ones in the same firmware. Built with the SDK alone for `linux`, and run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import sdk_evidence
from sdk_archives import real_archives
from sdk_idf import Idf
from sdk_projects import EXAMPLES, generate
from test_idf_linux import check, output

pytestmark = pytest.mark.sdk

BOARD = "esp32-c3-devkitm"


def test_archives_in_one_firmware(tmp_path: Path, esp_idf_tree: Idf) -> None:
    names = ["chirps"]
    paths = [EXAMPLES / "chirps_int8.mlf.tar"]
    options = ["--golden", f"chirps={EXAMPLES / 'chirps_int8_golden.npz'}"]
    if os.environ.get("MLF_ARCHIVES"):
        for archive in real_archives():
            if archive.tflite is not None:
                names.append(f"real{len(names)}")
                paths.append(archive.path)
                options += ["--tflite", f"{names[-1]}={archive.tflite}"]
    for name in names:
        options += ["--name", name]
    project = tmp_path / "project"
    generate(BOARD, project, *paths, options=tuple(options))
    assert "tflite" not in (project / "gen" / "idf_component.yml").read_text("utf-8")
    esp_idf_tree.prepare(project, linux=True)
    done = esp_idf_tree.idf_py(project, "linux", "--preview", "build")
    assert done.returncode == 0, done.stdout[-6000:]
    # not even TVM's code has a warning
    assert not [x for x in done.stdout.splitlines() if "warning:" in x and "/gen/" in x]
    (elf,) = (project / "build").glob("*.elf")
    rows: list[dict[str, object]] = []
    text = output(elf, len(names))
    check(text, elf, tuple(names), rows)
    for row, path in zip(rows, paths, strict=True):
        row["archive"] = path.name
        notes = [x for x in text.splitlines() if x.startswith(f"SELFTEST {row['name']} NOTE")]
        if notes:
            row["differs_from_tflm"] = notes[0].partition("NOTE ")[2]
    compiler = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True).stdout
    sdk_evidence.record(
        f"esp-idf-{esp_idf_tree.release}-linux-mlf",
        title=f"ESP-IDF {esp_idf_tree.tree.version}, linux target, archives of TVM: built and run",
        method=f"gen-fw ARCHIVES --board {BOARD}, then idf.py --preview build with "
        "IDF_TARGET=linux; nothing of TVM, TFLM or ESP-NN is part of it. Real archives have the "
        "name of their folder and are compared with TFLite Micro within the tolerance that "
        "docs/tvm.md explains; our own is exact",
        command="pytest -m sdk tests/sdk/test_idf_linux_mlf.py",
        trees=(esp_idf_tree.tree,),
        tools={"gcc": compiler.strip()},
        results=rows,
    )
