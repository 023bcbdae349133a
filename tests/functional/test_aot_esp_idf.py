# SPDX-License-Identifier: Apache-2.0
"""ESP-IDF projects on generated C: no TFLM in them, and their application runs on the host."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gen_fw.pipeline import generate
from gen_fw.request import request
from host_firmware import BOARD, Tflm, build_app, build_gen, run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "models"


@pytest.mark.parametrize(
    ("cc", "cxx", "shared_arena"), [("gcc", "g++", False), ("clang", "clang++", True)]
)
def test_the_application_runs(cc: str, cxx: str, shared_arena: bool, tmp_path: Path) -> None:
    if shutil.which(cc) is None or shutil.which(cxx) is None:
        pytest.skip(f"{cc} is not installed")
    names = ("digits", "sine")
    asked = request(
        [EXAMPLES / f"{name}_int8.tflite" for name in names],
        BOARD,
        names=names,
        goldens=[EXAMPLES / f"{name}_int8_golden.npz" for name in names],
        runtime="aot",
        kernels="portable",  # auto takes ESP-NN, which is not here
        shared_arena=shared_arena,
    )
    project = tmp_path / "project"
    generate(asked, project)
    manifest = (project / "gen" / "idf_component.yml").read_text()
    listed = (project / "gen" / "CMakeLists.txt").read_text()
    assert "tflite" not in manifest
    assert not list(project.rglob("*tflm*")) and not list(project.rglob("*model_data*"))
    sources = {str(p.relative_to(project / "gen")) for p in (project / "gen").rglob("*.c")}
    assert set(re.findall(r'"([\w/]+\.c)"', listed)) == sources
    none = Tflm((), (), tmp_path, cxx=cxx)
    objects = build_gen(project, none, tmp_path / "objects", cc=cc)
    printed = run([build_app(project, objects, none, tmp_path)]).stdout.splitlines()
    assert {f"SELFTEST {name} PASS" for name in names} <= set(printed)
