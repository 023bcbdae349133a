# SPDX-License-Identifier: Apache-2.0
"""The wheel has everything: installed alone, it generates and checks a project."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples" / "models"


@pytest.mark.full
def test_the_wheel_generates_a_project(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert not [name for name in names if name.startswith(("tests/", "examples/", "tools/"))]
    out = tmp_path / "proj"
    command = [sys.executable, "-c", "from gen_fw.cli.main import main; main()"]
    # -I would drop PYTHONPATH: the wheel's own copy must win over the checkout
    environment = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}
    for arguments in (
        [
            str(MODELS / "sine_int8.tflite"),
            "--board=esp32c6",
            f"--golden={MODELS / 'sine_int8_golden.npz'}",
            f"-o{out}",
        ],
        ["check", str(out)],
        ["-o", str(out), "--dry-run"],
    ):
        result = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment
        )
        assert result.returncode == 0, result.stderr
    assert (out / "gen" / "sine_int8" / "sine_int8.h").is_file()
    where = subprocess.run(
        [sys.executable, "-c", "import gen_fw; print(gen_fw.__file__)"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert str(site) in where.stdout
