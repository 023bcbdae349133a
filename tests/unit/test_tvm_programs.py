# SPDX-License-Identifier: Apache-2.0
"""--runtime tvm and ``gen-fw tvm compile`` around the compiler, which is a stand-in here: what is
kept, pinned, checked and refused. The functional tests run the real one."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import gen_fw
from gen_fw import tvm_programs
from gen_fw.archive.reader import read_archive
from gen_fw.boards.board import Board
from gen_fw.cli.errors import run as run_cli
from gen_fw.cli.main import cli
from gen_fw.compilers.tvm.compiled import Compiled
from gen_fw.compilers.tvm.options import TvmOptions
from gen_fw.errors import ModelError, UsageError
from gen_fw.model.types import Model
from gen_fw.pipeline import check
from sample_models import ROOT
from tvm_double import table

EXAMPLES = ROOT / "examples" / "models"
SINE = EXAMPLES / "sine_int8.tflite"
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"
RECORDS = b'{"records": [], "schema": "gen-fw/tvm-records/1"}\n'
LINE = "pip install apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.15.post2"


class Calls(list[tuple[str, Board | None, TvmOptions]]):
    """What the compiler was asked; ``report`` is what it says."""

    report: dict[str, Any]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A compiler that always succeeds."""
    found = Calls()
    found.report = {"tunable_kernels": 0, "tuned_kernels": 0}
    made = table(range(-128, 128))

    def compile_model(
        model: Model,
        name: str,
        board: Board | None,
        options: TvmOptions,
        progress: Callable[[str], None],
    ) -> Compiled:
        found.append((name, board, options))
        return replace(made(model, name, board, options, progress), report=found.report)

    monkeypatch.setattr(tvm_programs, "compile_model", compile_model)
    monkeypatch.setattr(tvm_programs, "check_installed", lambda: None)
    return found


def without_tvm(monkeypatch: pytest.MonkeyPatch, version: str = "") -> None:
    """TVM is missing, or there in another version."""
    real = importlib.metadata.version

    def found(name: str) -> str:
        if not name.startswith("apache-tvm"):
            return real(name)
        if not version:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", found)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of ``gen-fw ARGUMENTS``, in this process."""
    monkeypatch.setattr(sys, "argv", ["gen-fw", *map(str, arguments)])
    return run_cli(cli)


def test_the_project_keeps_the_model_and_pins_the_compiler(calls: Calls, tmp_path: Path) -> None:
    out, records = tmp_path / "out", tmp_path / "best.json"
    records.write_bytes(RECORDS)
    result = gen_fw.generate(
        [SINE],
        "esp32c3",
        out,
        names=["sine"],
        runtime="tvm",
        tensor_layout="nchw",
        tuning_records=[records],
    )
    folder = out / "gen" / "sine"
    assert (folder / "model.tflite").read_bytes() == SINE.read_bytes()
    assert (folder / "tuning_records.json").read_bytes() == records.read_bytes()
    assert not (folder / "model.mlf.tar").exists() and not (folder / "reference.tflite").exists()
    assert (folder / "mlf" / "sine_lib1.c").is_file()
    settings = tomllib.loads((out / "gen-fw.toml").read_text())
    assert (settings["runtime"], settings["tensor_layout"]) == ("tvm", "nchw")
    assert settings["model"][0]["path"] == "gen/sine/model.tflite"
    assert settings["model"][0]["tuning_records"] == "gen/sine/tuning_records.json"
    lock = tomllib.loads((out / "gen-fw.lock").read_text())
    sha256 = hashlib.sha256(records.read_bytes()).hexdigest()
    assert lock["model"][0]["compiler"] == {
        "name": "tvm",
        "version": "0.27.0.post1",
        "tensor_layout": "nchw",
        "tuning_records": sha256,
    }
    assert lock["model"][0]["sha256"] == hashlib.sha256(SINE.read_bytes()).hexdigest()
    (program,) = result.planned.firmware.programs
    assert program.inputs[0].scale is not None and program.tflite is not None
    # outputs are compared exactly, unlike those of archives that were given
    assert "selftest_near" not in (folder / "sine_selftest.c").read_text()
    readme = (out / "README.md").read_text()
    assert "TVM `0.27.0.post1` made its kernels" in readme and "layout nchw, tuned" in readme
    # the records are the project's own from now on
    records.unlink()
    calls.clear()
    assert check(out).ok
    ((_, board, options),) = calls
    assert board is not None and board.name == "esp32c3"
    assert options == TvmOptions("nchw", RECORDS, False)
    # a new version of the model is compiled with them too
    gen_fw.generate([SINE], "", out)
    assert calls[-1][2].records == RECORDS
    (folder / "tuning_records.json").write_text("{}")
    drift = {finding.path for finding in check(out).drift}
    assert "gen/sine/tuning_records.json" in drift


def test_each_model_is_compiled_once(calls: Calls, tmp_path: Path) -> None:
    """The first placement, in internal RAM, does not fit; an archive beside it is not compiled."""
    gen_fw.generate(
        [SINE, EXAMPLES / "chirps_int8.mlf.tar"],
        "esp32-s3-devkitc-n8r8",
        tmp_path / "out",
        names=["sine", "chirps"],
        runtime="tvm",
        reserve={"internal": 341_000},
    )
    assert [name for name, _, _ in calls] == ["sine"]
    assert (tmp_path / "out" / "gen" / "chirps" / "model.mlf.tar").is_file()
    assert check(tmp_path / "out").ok


def test_without_tvm_only_hashes_are_compared(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    gen_fw.generate([SINE], "host", out, names=["sine"], runtime="tvm")
    monkeypatch.undo()
    without_tvm(monkeypatch)
    result = check(out)
    assert result.ok and not result.regenerated
    assert any("only hashes were compared" in note and "TVM" in note for note in result.notes)
    (out / "gen" / "sine" / "mlf" / "sine_lib1.c").write_text("int x;\n")
    assert not check(out).ok


@pytest.mark.parametrize("version", ["", "0.26.0"])
@pytest.mark.parametrize(
    "arguments",
    [
        (SINE, "--runtime", "tvm", "--board", "host", "-o"),
        ("tvm", "compile", SINE, "-o"),
    ],
    ids=["generate", "compile"],
)
def test_a_missing_or_wrong_tvm(
    version: str,
    arguments: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    without_tvm(monkeypatch, version)
    assert command(monkeypatch, *arguments, tmp_path / "out") == 7
    assert f"hint: {LINE}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_list_of_what_tvm_has_no_kernel_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It comes before TVM is started."""
    model = ROOT / "tests" / "data" / "models" / "if_square_double.tflite"
    out = tmp_path / "m.tar"
    monkeypatch.setattr(tvm_programs, "check_installed", lambda: None)
    assert command(monkeypatch, "tvm", "compile", model, "-o", out, "--json") == 3
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((SCHEMAS / "error.json").read_text()))
    assert "IF" in document["error"]["why"] and document["error"]["detail"]["reasons"]
    assert not out.exists()


REFUSED = {
    "layout": ({"tensor_layout": "nhwc"}, "--tensor-layout is for models that TVM compiles"),
    "layout_of_aot": ({"tensor_layout": "nchw", "runtime": "aot"}, "--tensor-layout is for"),
    "float": ({"allow_float": True}, "--allow-float is for"),
    "records": ({"tuning_records": ["x.json"], "runtime": "aot"}, "--tuning-records is for"),
    "no_layout": ({"tensor_layout": "nwhc", "runtime": "tvm"}, "there is no choice 'nwhc'"),
    "kernels": ({"kernels": "cmsis_nn", "runtime": "tvm"}, "TVM makes the kernels"),
    "no_records": ({"tuning_records": ["x.json"], "runtime": "tvm"}, "no such file"),
    "compiler": ({"compiler": "vela", "runtime": "tvm"}, "has no compiler 'vela'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_do_not_go_together(name: str, calls: Calls, tmp_path: Path) -> None:
    options, words = REFUSED[name]
    with pytest.raises(UsageError) as caught:
        gen_fw.generate([SINE], "esp32c3", tmp_path / "out", **options)
    assert words in str(caught.value) and not calls and not (tmp_path / "out").exists()


def test_another_runtime_forgets_what_is_for_tvm(calls: Calls, tmp_path: Path) -> None:
    out = tmp_path / "out"
    gen_fw.generate([SINE], "host", out, names=["sine"], runtime="tvm", tensor_layout="nchw")
    gen_fw.generate([], "", out, runtime="aot")
    settings = tomllib.loads((out / "gen-fw.toml").read_text())
    assert settings["runtime"] == "aot" and "tensor_layout" not in settings
    assert check(out).ok


def test_float_is_named(calls: Calls, tmp_path: Path) -> None:
    calls.report = {**calls.report, "float_operators": ["operators[3] SOFTMAX"]}
    result = gen_fw.generate([SINE], "esp32c3", tmp_path / "out", runtime="tvm", allow_float=True)
    assert calls[0][2].allow_float
    assert any(
        "computes in float32: operators[3] SOFTMAX" in note.what
        for note in result.planned.diagnostics
    )
    assert "allow_float = true" in (tmp_path / "out" / "gen-fw.toml").read_text()


def test_an_archive_of_several_models(
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    out = tmp_path / "deep" / "pair.tar"
    arguments = ["tvm", "compile", SINE, SINE, "--name", "left", "--name", "right", "-o", out]
    assert command(monkeypatch, *arguments, "--board", "esp32c3", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((SCHEMAS / "tvm-compile.json").read_text()))
    assert [module["name"] for module in document["modules"]] == ["left", "right"]
    assert document["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert [module.name for module in read_archive(out).modules] == ["left", "right"]
    first = out.read_bytes()
    assert command(monkeypatch, *arguments) == 0 and out.read_bytes() == first
    assert "not tuned" in capsys.readouterr().out
    # no other file is overwritten, and no archive is compiled
    other = tmp_path / "other"
    other.write_text("mine")
    assert command(monkeypatch, "tvm", "compile", SINE, "-o", other) == 6
    assert other.read_text() == "mine"
    assert command(monkeypatch, "tvm", "compile", out, "-o", tmp_path / "x") == 2
    assert "an archive already" in capsys.readouterr().err


def test_what_fit_and_inspect_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They run no compiler, and say what to do."""
    for arguments in (["fit", SINE], ["inspect", SINE, "--board", "esp32c3"]):
        assert command(monkeypatch, *arguments, "--runtime", "tvm") == 2
        assert "gen-fw tvm compile MODEL" in capsys.readouterr().err
    assert command(monkeypatch, "inspect", SINE, "--json") == 0
    supported = json.loads(capsys.readouterr().out)["supported"]
    assert supported["tvm"] == {"ok": True, "reasons": []}
    model = ROOT / "tests" / "data" / "models" / "svdf_int8.tflite"
    assert command(monkeypatch, "inspect", model, "--json") == 0
    verdict = json.loads(capsys.readouterr().out)["supported"]["tvm"]
    assert not verdict["ok"] and "SVDF" in verdict["reasons"][0]
    floats = EXAMPLES / "sine_float32.tflite"
    for board, ok in (("esp32c3", False), ("esp32s3", True), ("host", True)):
        assert command(monkeypatch, "inspect", floats, "--board", board, "--json") == 0
        assert json.loads(capsys.readouterr().out)["supported"]["tvm"]["ok"] == ok


def test_what_vela_compiled_is_not_compiled_again(calls: Calls, tmp_path: Path) -> None:
    (given,) = (ROOT / "tests" / "data" / "compiled").glob("*.tflite")
    with pytest.raises((UsageError, ModelError)) as caught:
        gen_fw.generate([given], "alif-e7-hp", tmp_path / "out", runtime="tvm")
    assert "Vela" in str(caught.value) and not calls


def test_errors_of_the_compiler_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object) -> Compiled:
        raise ModelError("TVM cannot compile this model", why="it did not end within 600 s")

    monkeypatch.setattr(tvm_programs, "compile_model", fails)
    monkeypatch.setattr(tvm_programs, "check_installed", lambda: None)
    with pytest.raises(ModelError):
        gen_fw.generate([SINE], "host", tmp_path / "out", runtime="tvm")
    assert not (tmp_path / "out").exists()
