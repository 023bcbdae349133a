# SPDX-License-Identifier: Apache-2.0
"""Projects for xcore.ai with XMOS's real xcommon.cmake, which XMOS_CMAKE_PATH names: configured,
built for this computer (BUILD_NATIVE) and run. XTC, which builds for the chip, comes from XMOS only
and was not there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sdk_evidence
from sdk_trees import tree

from gen_fw import generate
from gen_fw.compilers.xmos_wheel import find_wheel
from xcore_models import DIGITS, ROOT, SMALL, need_wheel

pytestmark = pytest.mark.sdk

#: project -> models, board (or an .xn of the user's), options
CASES: dict[str, tuple[list[Path], str, dict[str, Any]]] = {
    "internal": ([DIGITS], "xcore-ai-explorer", {}),
    "flash": ([DIGITS], "xk-evk-xu316", {"place": {"model": "flash"}}),
    "other tile, two tiles": ([DIGITS], "xcore-ai-explorer", {"place": {"model": "tile1"}}),
    "LPDDR for parameters and arena": (
        [SMALL],
        "xcore-ai-explorer-lpddr",
        {"place": {"model": "lpddr", "arena": "lpddr"}},
    ),
    "two models, one a tile": (
        [SMALL, DIGITS],
        "xcore-ai-explorer",
        {"layout": "tiles", "place": {"model": "flash"}},
    ),
    "a user's xn": ([SMALL], "own.xn", {"place": {"model": "flash"}}),
}


def test_native_builds_with_xcommon(tmp_path: Path) -> None:
    xcommon = tree("xcommon_cmake", "XMOS_CMAKE_PATH", "settings.yml", r"version: v?([\d.]+)")
    need_wheel()
    wheel = find_wheel()
    own = tmp_path / "own.xn"
    own.write_text((ROOT / "tests" / "unit" / "boards" / "test_xn.py").read_text().split('"""')[3])
    results = []
    for number, (name, (models, board, options)) in enumerate(CASES.items()):
        out = tmp_path / f"p{number}"
        generate(models, str(own) if board == "own.xn" else board, out, **options)
        environment = {
            **os.environ,
            "XMOS_CMAKE_PATH": str(xcommon.root),
            "XMOS_AITOOLSLIB_PATH": str(wheel.runtime),
        }
        commands = (
            [
                *("cmake", "-G", "Unix Makefiles", "-B", "build"),
                *("-DBUILD_NATIVE=ON", "-DCMAKE_MAKE_PROGRAM=make"),
            ],
            ["make", "-C", "build"],
        )
        for command in commands:
            done = subprocess.run(
                command, cwd=out, env=environment, capture_output=True, text=True, timeout=600
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert "warning:" not in done.stderr, done.stderr
        binary = out / "bin" / models[0].stem
        told = subprocess.run([str(binary)], capture_output=True, text=True, timeout=120)
        assert told.returncode == 0, told.stdout
        lines = re.findall(r"^SELFTEST .*$", told.stdout, re.MULTILINE)
        assert lines == [f"SELFTEST {model.stem} PASS" for model in models]
        assert (out / "build" / "manifest.txt").is_file()
        results.append(
            {
                "name": name,
                "board": board,
                "models": ", ".join(model.stem for model in models),
                "line": "; ".join(lines),
                "elf_sha256": sdk_evidence.sha256(binary),
            }
        )
    cmake = subprocess.run(["cmake", "--version"], capture_output=True, text=True).stdout
    sdk_evidence.record(
        "xcommon-native",
        title="XMOS xcore.ai projects with xcommon.cmake, built for this computer",
        method="configured and built by the real xcommon.cmake with BUILD_NATIVE, against the host "
        "library of the wheel, which simulates the vector unit; self-tests against XMOS's "
        "interpreter, byte for byte. No .xc file and nothing under __xcore__ was compiled by XTC",
        command="XMOS_CMAKE_PATH=... pytest -m sdk tests/sdk/test_xcommon.py",
        trees=[xcommon],
        tools={"xmos-ai-tools": wheel.version, "cmake": cmake.split()[2]},
        results=results,
    )
