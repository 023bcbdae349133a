# SPDX-License-Identifier: Apache-2.0
"""A board with an NPU as a user meets it: each mistake has one clear error and its exit code."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from sample_models import ROOT

DIGITS = ROOT / "examples" / "models" / "digits_int8.tflite"
COMPILED = ROOT / "tests" / "data" / "compiled" / "svdf_int8_vela.tflite"
SCHEMA = ROOT / "generator" / "gen_fw" / "report" / "schemas" / "error.json"
#: the command without the extra vela
WITHOUT_VELA = """\
import importlib.util, shutil, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if "ethosu" in name else find(name, *rest)
shutil.which = lambda name: None
from gen_fw.cli.main import main
main()
"""
needs_vela = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None, reason="needs the extra vela"
)


def gen_fw(*arguments: object, vela: bool = True) -> subprocess.CompletedProcess[str]:
    start = ["-m", "gen_fw"] if vela else ["-c", WITHOUT_VELA]
    command = [sys.executable, *start, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def refused(code: int, out: Path, *arguments: object, vela: bool = True) -> str:
    """What is said, as JSON; nothing was written."""
    done = gen_fw(*arguments, "-o", out, "--json", vela=vela)
    assert done.returncode == code, done.stdout + done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert done.stderr.count("error: ") == 1 and "Traceback" not in done.stderr
    assert document["error"]["hint"]
    assert not out.exists()
    return done.stderr


def test_without_vela(tmp_path: Path) -> None:
    out = tmp_path / "p"
    said = refused(7, out, DIGITS, "-b", "alif-e7-hp", vela=False)
    assert "error: Vela is not installed" in said and "pip install 'gen-fw[vela]'" in said
    for options in (["--compiler", "none"], ["--runtime", "aot"]):
        done = gen_fw(DIGITS, "-b", "alif-e7-hp", *options, "-n", "-o", out, vela=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--compiler-option", "system-config=RTSS_HP_SRAM"], "Vela has no 'RTSS_HP_SRAM'"),
        (["--compiler-option", "memory-mode=Shared"], "Vela has no 'Shared'"),
        (["--compiler-option", "optimize=Size"], "vela has no option 'optimize'"),
        (["--compiler-option", "accelerator-config=ethos-u99"], "Vela has no 'ethos-u99'"),
        (["--compiler-option", "arena-cache-size=64k"], "'64k' is no number of bytes"),
        (["--compiler", "xformer"], "has no compiler 'xformer'"),
        (["--place", "arena=sram9"], 'no memory "sram9"'),
        (["--place", "arena=mram"], "the arena cannot live there"),
        (["--place", "arena=sram0", "model=dtcm"], "cannot put the model there"),
        (["--runtime", "aot", "--compiler", "vela"], "needs the runtime tflm"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: list[str], says: str) -> None:
    assert says in refused(2, tmp_path / "p", DIGITS, "-b", "alif-e7-hp", *options)


def test_a_placement_that_the_npu_cannot_reach(tmp_path: Path) -> None:
    place = ["--place", "arena=dtcm", "model=mram"]
    said = refused(2, tmp_path / "p", DIGITS, "-b", "alif-e8-hp-u85", *place)
    assert "arena=dtcm model=mram: ethos-u85-256 of alif-e8-hp-u85 cannot reach" in said
    assert "arena=sram0 model=mram" in said and "--compiler none" in said


def test_the_places_may_follow_one_option(tmp_path: Path) -> None:
    out = tmp_path / "p"
    place = ["--place", "arena=dtcm", "model=ospi"]
    done = gen_fw(DIGITS, "-b", "alif-e7-hp", "--runtime", "aot", *place, "-o", out)
    assert done.returncode == 0, done.stderr
    assert "arena in dtcm, the model in\n   ospi" in (out / "board/linker.ld").read_text()
    assert "no such file" in gen_fw("model=ospi", "-b", "alif-e7-hp", "-o", out).stderr


@needs_vela
def test_a_model_too_large_for_mram(tmp_path: Path) -> None:
    options = ["--place", "model=mram", "--reserve", "mram=3580k"]
    said = refused(4, tmp_path / "p", DIGITS, "-b", "alif-e7-hp", *options)
    assert "mram" in said and "does not fit alif-e7-hp" in said


@needs_vela
def test_an_arena_that_no_plan_has(tmp_path: Path) -> None:
    said = refused(4, tmp_path / "p", DIGITS, "-b", "alif-e7-hp", "--max-arena", 500)
    assert "tried with vela: Performance: " in said and "--max-arena allows 500" in said


def test_a_model_compiled_for_another_npu(tmp_path: Path) -> None:
    out = tmp_path / "p"
    said = refused(3, out, COMPILED, "-b", "alif-e7-he", vela=False)
    assert "compiled by Vela for ethos-u55-256, which ethos-u55-128 cannot" in said
    assert refused(2, out, COMPILED, "-b", "alif-e7-hp", "--compiler", "none", vela=False)
    done = gen_fw(COMPILED, "-b", "alif-e7-hp", "-n", "-o", out, vela=False)
    assert done.returncode == 0, done.stderr


def test_a_damaged_compiled_model(tmp_path: Path) -> None:
    data = COMPILED.read_bytes()
    at = data.index(b"COP1")
    damaged = tmp_path / "damaged.tflite"
    for spoiled, says in (
        (data[:at] + b"COP9" + data[at + 4 :], "does not begin with COP1"),
        (data[: at + 28] + b"\x77" + data[at + 29 :], "the driver of the NPU refuses it"),
        (data[: at + 60], ""),
    ):
        damaged.write_bytes(spoiled)
        assert says in refused(3, tmp_path / "p", damaged, "-b", "alif-e7-hp", vela=False)
