# SPDX-License-Identifier: Apache-2.0
"""Compiles an Alif project without Alif's software: gen/ and app/ for the core, with warnings as
errors; of the glue in board/ only the syntax, on declarations of ours (tests/functional/alif)."""

from __future__ import annotations

import shutil
from pathlib import Path

from host_firmware import HOST, WARNINGS, run

ALIF = Path(__file__).resolve().parent / "functional" / "alif"
CORE = ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard")
#: what calls Alif's DFP and Arm's driver: checked, not compiled; tests/sdk/test_alif.py compiles it
GLUE = ("board.c", "fault.c", "libc.c")
NPU_GLUE = "ethosu.c"
_TFLM = (f"-I{HOST / 'tflm_names'}", "-DGEN_FW_SKIP_ABI_CHECK", "-fno-exceptions", "-fno-rtti")
_COMPILERS = {
    ".c": ("arm-none-eabi-gcc", "-std=c11", "-Iboard"),
    ".S": ("arm-none-eabi-gcc",),
    ".cc": ("arm-none-eabi-g++", "-std=c++17", *_TFLM),
}


def compile_project(project: Path, work: Path, *, npu: bool) -> int:
    """How many files were compiled. Fails the test with the compiler's words."""
    # relative paths: what boards share is compiled once where ccache is
    wrapper = ["ccache"] if shutil.which("ccache") else []
    sources = [
        path.relative_to(project)
        for part in ("gen", "app")
        for path in sorted((project / part).rglob("*.*"))
        if path.suffix in _COMPILERS
    ]
    for source in sources:
        command = [*wrapper, *_COMPILERS[source.suffix], *CORE, *WARNINGS, "-O2", "-Igen"]
        run([*command, "-c", source, "-o", work / "out.o"], cwd=project)
    glue = {path.name for path in (project / "board").glob("*.c")}
    assert glue == {*GLUE, *([NPU_GLUE] if npu else [])}
    for name in sorted(glue):
        command = ["arm-none-eabi-gcc", "-std=gnu11", *CORE, *WARNINGS, "-fsyntax-only"]
        include = ["-Iboard", f"-I{ALIF / 'include'}", "-Igen"]
        run([*command, *include, f"board/{name}"], cwd=project)
    return len(sources)
