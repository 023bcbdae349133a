# SPDX-License-Identifier: Apache-2.0
"""Projects whose model got a memory plan: the file as given stays, what runs is another one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gen_fw.model.reader import read_model
from gen_fw.pipeline import check, generate
from gen_fw.request import request
from gen_fw.runtimes.tflm.abi import build_for_isa
from gen_fw.runtimes.tflm.offline.improve import improve
from sample_models import ROOT

MODEL = ROOT / "tests" / "data" / "models" / "branches_int8.tflite"


def make(out: Path, **options: Any) -> Path:
    asked = request([MODEL], "qemu-cortex-m55", names=["branches"], kernels="reference", **options)
    generate(asked, out)
    return out


@pytest.mark.parametrize("model_format", ["array", "embed"])
def test_what_runs_and_what_was_given(model_format: str, tmp_path: Path) -> None:
    project = make(tmp_path / "p", runtime="tflm", model_format=model_format)
    folder = project / "gen" / "branches"
    better = improve(read_model(MODEL), build_for_isa("cortex-m55", "reference"))
    assert better is not None
    assert (folder / "model.tflite").read_bytes() == MODEL.read_bytes()
    if model_format == "embed":
        assert (folder / "model_planned.tflite").read_bytes() == better.model.raw
        assert "branches/model_planned.tflite" in (folder / "branches_model_data.S").read_text()
    else:
        assert not (folder / "model_planned.tflite").exists()
        text = (folder / "branches_model_data.c").read_text()
        numbers = bytes(int(n, 16) for n in re.findall(r"0x([0-9a-f]{2})\b", text.split("{", 1)[1]))
        assert numbers == better.model.raw
    # it is made again from the file as given
    assert check(project).ok
    assert make(project).is_dir() and check(project).ok


def test_without_a_plan(tmp_path: Path) -> None:
    project = make(tmp_path / "p", runtime="tflm", model_format="embed", offline_plan=False)
    assert "offline_plan = false" in (project / "gen-fw.toml").read_text()
    assert not (project / "gen" / "branches" / "model_planned.tflite").exists()
    assert check(project).ok
    # the option is kept, and can be given up
    make(project)
    assert not (project / "gen" / "branches" / "model_planned.tflite").exists()
    make(project, offline_plan=True)
    assert (project / "gen" / "branches" / "model_planned.tflite").exists()
