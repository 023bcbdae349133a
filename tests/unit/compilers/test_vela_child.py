# SPDX-License-Identifier: Apache-2.0
"""Vela as a child process: what happens when it misbehaves. A script stands in for it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gen_fw.compilers import vela as room
from gen_fw.compilers.vela import VelaSettings, sections, settings_for, vela
from gen_fw.errors import ExitCode, ModelError, ToolMissingError, UsageError
from gen_fw.model.reader import read_model
from sample_models import ROOT

MODELS = ROOT / "examples" / "models"
SETTINGS = VelaSettings("ethos-u55-256", "RTSS_HP_SRAM_MRAM", "Shared_Sram")
#: writes the model back as it is, with a summary
COPY = """
import pathlib, shutil
out = pathlib.Path("out")
out.mkdir()
shutil.copyfile("model.tflite", out / "model_vela.tflite")
(out / "model_summary_X.csv").write_text("sram_memory_used,inference_time\\n1.5,nan\\n")
"""


def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    script = tmp_path / "vela.py"
    script.write_text(code)
    monkeypatch.setattr(room, "_tool", lambda: ([sys.executable, "-I", str(script)], "9.9"))


def run(**limits: Any) -> room.Compiled:
    model = read_model(MODELS / "sine_int8.tflite")
    return vela(model, "sine", SETTINGS, **limits)


def test_a_model_that_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, tmp_path, COPY)
    compiled = run()
    assert compiled.all_on_cpu and compiled.report["operators"] == {"npu": 0, "cpu": 3}
    assert compiled.report["sram_bytes"] == 1536 and compiled.report["inference_ms"] == 0.0
    assert compiled.report["version"] == "9.9"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise RuntimeError('Compilation failed: no network')", "Compilation failed: no network"),
        ("import sys; sys.exit(3)", "it ended with code 3"),
        ("import os; os.abort()", "it crashed (SIGABRT)"),
        ("raise RuntimeError('not valid:\\n - empty buffer')", "not valid: - empty buffer"),
        ("print('all is well')", "all is well"),
        (COPY + "(out / 'model_vela.tflite').write_bytes(b'nonsense')", "this is a text file"),
        ("print('x' * 9_000_000); raise SystemExit('the end')", ""),
    ],
    ids=["error", "code", "crash", "lines", "no result", "no model", "much talk"],
)
def test_failures_are_model_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, says: str
) -> None:
    fake(monkeypatch, tmp_path, code)
    with pytest.raises(ModelError) as caught:
        run()
    assert says in str(caught.value) and "sine" in str(caught.value)


def test_another_interface_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = MODELS / "digits_int8.tflite"
    fake(monkeypatch, tmp_path, COPY.replace('"model.tflite"', repr(str(other))))
    with pytest.raises(ModelError, match="inputs or outputs"):
        run()


def test_it_is_stopped_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, tmp_path, "import time; time.sleep(60)")
    with pytest.raises(ModelError, match="did not finish within 1 s") as caught:
        run(time_limit=1)
    assert "--compiler none" in caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_it_gets_no_more_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(monkeypatch, tmp_path, "b = bytearray(1 << 30)\n" + COPY)
    with pytest.raises(ModelError, match="MemoryError"):
        run(memory_limit=512 << 20)
    assert run(memory_limit=4 << 30).all_on_cpu


def test_nothing_of_the_users_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    fake(monkeypatch, tmp_path, "import os; raise SystemExit(f'seen: {sorted(os.environ)}')")
    with pytest.raises(ModelError) as caught:
        run()
    assert "seen:" in str(caught.value) and "PROXY" not in str(caught.value)


def test_a_missing_vela(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(ToolMissingError) as caught:
        run()
    assert caught.value.exit_code is ExitCode.TOOL_MISSING
    assert "gen-fw[vela]" in caught.value.hint and "--compiler none" in caught.value.hint


def test_vela_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "vela"
    version = "import sys\nif '--version' in sys.argv: sys.exit(print('5.0.1'))"
    script.write_text(f"#!{sys.executable}\n{version}\n{COPY}")
    script.chmod(0o755)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: str(script))
    assert run().report["version"] == "5.0.1"


def test_options_of_the_users_own() -> None:
    from gen_fw.boards.load import load_board

    npu = load_board("alif-e7-hp").accelerator
    assert npu is not None
    entry = npu.system_configs[0]
    assert settings_for(npu, entry, {}) == SETTINGS
    asked = {
        "accelerator-config": "ethos-u55-128",
        "arena-cache-size": "40000",
        "memory-mode": "Sram_Only",
        "system-config": "RTSS_HE_SRAM_Only",
    }
    own = settings_for(npu, entry, asked, "size")
    assert own.arguments() == [
        *("--accelerator-config", "ethos-u55-128"),
        *("--system-config", "RTSS_HE_SRAM_Only"),
        *("--memory-mode", "Sram_Only"),
        *("--optimise", "Size"),
        *("--arena-cache-size", "40000"),
    ]
    for key, value, hint in (
        ("system-config", "RTSS_HP_SRAM_MRAN", 'did you mean "RTSS_HP_SRAM_MRAM"?'),
        ("memory-mode", "Shared", "Shared_Sram"),
        ("accelerator-config", "ethos-u55-257", "ethos-u55-256"),
        ("arena-cache-size", "40k", "arena-cache-size=65536"),
        ("system_config", "RTSS_HP_SRAM_MRAM", "system-config"),
    ):
        with pytest.raises(UsageError) as caught:
            settings_for(npu, entry, {key: value})
        assert hint in caught.value.hint, key
        assert f"--compiler-option: vela has no option {key!r}" in caught.value.what or (
            f"--compiler-option {key}: " in caught.value.what
        )
    with pytest.raises(UsageError, match="system-config of the board: Vela has no 'Nowhere'"):
        settings_for(npu, replace(entry, system_config="Nowhere"), {})


def test_the_configuration_has_all_that_boards_name() -> None:
    from gen_fw.boards.load import all_boards

    named = {
        (entry.system_config, entry.memory_mode)
        for board in all_boards()
        if board.accelerator
        for entry in board.accelerator.system_configs
    }
    assert {system for system, _ in named} <= set(sections("System_Config"))
    assert {mode for _, mode in named} <= set(sections("Memory_Mode"))
