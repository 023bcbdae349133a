# SPDX-License-Identifier: Apache-2.0
"""Projects for xcore.ai with XMOS's real xcommon.cmake, which XMOS_CMAKE_PATH names: configured,
built for this computer (BUILD_NATIVE) and run; xformer's C++ and plain C. XTC, which builds for the
chip, comes from XMOS only and was not there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sdk_evidence
from sdk_trees import Tree, tree

from gen_fw import generate
from gen_fw.compilers.xmos_wheel import find_wheel
from gen_fw.request import stem
from xcore_models import ARCHIVE, DIGITS, EXAMPLES, ROOT, SMALL, need_wheel

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


#: the same of plain C, which needs no wheel
PLAIN: dict[str, tuple[list[Path], str, dict[str, Any]]] = {
    "generated C": ([DIGITS], "xcore-ai-explorer", {"runtime": "aot"}),
    "an archive of TVM": ([ARCHIVE], "xk-evk-xu316", {}),
    "generated C and an archive, one arena in LPDDR": (
        [SMALL, ARCHIVE],
        "xcore-ai-explorer-lpddr",
        {"runtime": "aot", "shared_arena": True, "place": {"arena": "lpddr"}},
    ),
    "generated C, one model a tile": (
        [SMALL, DIGITS],
        "xcore-ai-explorer",
        {"runtime": "aot", "layout": "tiles"},
    ),
}


def built(
    out: Path, models: list[Path], xcommon: Tree, more: dict[str, str]
) -> tuple[list[str], Path]:
    """The self-tests' lines, and the application that xcommon.cmake builds in ``out``."""
    environment = {**os.environ, "XMOS_CMAKE_PATH": str(xcommon.root), **more}
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
    names = [stem(model) for model in models]
    binary = out / "bin" / names[0]
    told = subprocess.run([str(binary)], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stdout
    lines = re.findall(r"^SELFTEST .*$", told.stdout, re.MULTILINE)
    assert lines == [f"SELFTEST {name} PASS" for name in names]
    assert (out / "build" / "manifest.txt").is_file()
    return lines, binary


def row(
    name: str, models: list[Path], board: str, lines: list[str], binary: Path
) -> dict[str, Any]:
    """A line of the evidence."""
    return {
        "name": name,
        "board": board,
        "models": ", ".join(map(stem, models)),
        "line": "; ".join(lines),
        "elf_sha256": sdk_evidence.sha256(binary),
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
        lines, binary = built(out, models, xcommon, {"XMOS_AITOOLSLIB_PATH": str(wheel.runtime)})
        results.append(row(name, models, board, lines, binary))
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


def test_plain_c_builds_with_xcommon(tmp_path: Path) -> None:
    xcommon = tree("xcommon_cmake", "XMOS_CMAKE_PATH", "settings.yml", r"version: v?([\d.]+)")
    results = []
    for number, (name, (models, board, options)) in enumerate(PLAIN.items()):
        out = tmp_path / f"p{number}"
        goldens = [EXAMPLES / f"{stem(model)}_golden.npz" for model in models]
        generate(models, board, out, goldens=goldens, **options)
        # whoever asked Python for XMOS's package would fail
        lines, binary = built(out, models, xcommon, {"XMOS_AITOOLSLIB_PATH": str(tmp_path)})
        results.append(row(name, models, board, lines, binary))
    cmake = subprocess.run(["cmake", "--version"], capture_output=True, text=True).stdout
    sdk_evidence.record(
        "xcommon-native-c",
        title="XMOS xcore.ai projects in plain C with xcommon.cmake, built for this computer",
        method="configured and built by the real xcommon.cmake with BUILD_NATIVE, without XMOS's "
        "AI tools; self-tests against TFLite Micro's outputs, the archive's against its model's. "
        "Nothing was compiled by XTC",
        command="XMOS_CMAKE_PATH=... pytest -m sdk tests/sdk/test_xcommon.py -k plain_c",
        trees=[xcommon],
        tools={"cmake": cmake.split()[2]},
        results=results,
    )
