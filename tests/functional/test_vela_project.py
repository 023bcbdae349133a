# SPDX-License-Identifier: Apache-2.0
"""A project whose model Vela compiled: what is stored, regenerated and checked. The board is a
user's own: an emulated one, with an NPU that is not there."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gen_fw import generate
from gen_fw.compilers import vela as room
from gen_fw.errors import ToolMissingError
from gen_fw.pipeline import check
from gen_fw.report.generate import document
from sample_models import ROOT

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None, reason="needs the extra vela"
)
MODEL = ROOT / "tests" / "data" / "models" / "svdf_int8.tflite"
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"
BOARD = """\
extends = "qemu-cortex-m55"
title   = "An emulated Cortex-M55 with an NPU that is not there"
runtime = { default = "tflm", kernels = "cmsis_nn" }
sources = ["npu: none, for this test"]

[[memories]]
name        = "ram"
npu_visible = true

[[memories]]
name        = "program"
npu_visible = true

[accelerator]
name = "ethos-u55-256"
base = 0x400E1000
irq  = 55

[[accelerator.system_configs]]
arena         = "ram"
model         = "program"
system_config = "RTSS_HP_SRAM_MRAM"
memory_mode   = "Shared_Sram"
"""


@pytest.fixture
def board(tmp_path: Path) -> str:
    path = tmp_path / "boards" / "npu.toml"
    path.parent.mkdir()
    path.write_text(BOARD)
    return str(path)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def made(board: str, out: Path, **options: Any) -> dict[str, Any]:
    """Generates, and gives the lock's row of the model."""
    result = generate([MODEL], board, out, **options)
    report = document(result)
    schema = json.loads((SCHEMAS / "generate.json").read_text())
    jsonschema.validate(json.loads(json.dumps(report)), schema)
    lock = tomllib.loads((out / "gen-fw.lock").read_text())
    return {**lock["model"][0], "report": report["programs"][0]["report"]}


def test_the_same_project_every_time(board: str, tmp_path: Path) -> None:
    options = {"compiler_options": {"arena-cache-size": "4096"}}
    one, two = tmp_path / "one", tmp_path / "else" / "where"
    row = made(board, one, **options)
    made(board, two, **options)
    assert contents(one) == contents(two)
    assert row["compiler"]["name"] == "vela" and row["compiler"]["arena_cache_size"] == 4096
    # the model as given is in the project, what runs is its data
    given = (one / "gen" / "svdf_int8" / "model.tflite").read_bytes()
    assert given == MODEL.read_bytes()
    stored = tomllib.loads((one / "gen-fw.toml").read_text())
    assert stored["compiler_options"] == options["compiler_options"]
    before = contents(one)
    generate([], "", one)
    assert contents(one) == before
    assert check(one).ok and check(one).regenerated


def test_other_options_are_drift(board: str, tmp_path: Path) -> None:
    out = tmp_path / "p"
    made(board, out)
    settings = out / "gen-fw.toml"
    settings.write_text(settings.read_text().replace("schema", 'optimise = "size"\nschema', 1))
    found = {finding.path for finding in check(out).drift}
    assert any(path.startswith("gen-fw.lock: model") for path in found)


def test_without_vela_only_hashes_are_checked(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "p"
    made(board, out)

    def missing() -> Any:
        raise ToolMissingError("Vela is not installed")

    monkeypatch.setattr(room, "_tool", missing)
    result = check(out)
    assert result.ok and not result.regenerated
    assert any("Vela is not installed" in note for note in result.notes)
    (out / "gen" / "svdf_int8" / "golden.npz").write_bytes(b"damaged")
    assert not check(out).ok
    with pytest.raises(ToolMissingError):
        generate([], "", out)


def test_vectors_are_those_of_the_model_as_given(board: str, tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro", reason="needs the extra reference")
    npu, cpu = tmp_path / "npu", tmp_path / "cpu"
    row = made(board, npu)
    made(board, cpu, compiler="none")
    assert row["report"]["npu"]["operators"] == {"npu": 1, "cpu": 1}
    golden = Path("gen") / "svdf_int8" / "golden.npz"
    assert (npu / golden).read_bytes() == (cpu / golden).read_bytes()
