# SPDX-License-Identifier: Apache-2.0
"""Arm's CMSIS-Toolbox (CMSIS_TOOLBOX_ROOT, with bin/ and etc/) and a folder of packs made of the
trees that Alif and Arm pack, for it to work on without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from sdk_trees import Tree, tree

_RELEASE = re.compile(r'(<releases>.*?<release version=")[^"]+', re.DOTALL)
#: what cbuild2cmake writes asks for it
_CMAKE = (3, 27)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of a toolbox, and the variables that they want."""

    root: Path
    version: str
    environment: dict[str, str]

    def run(self, *command: str | Path, cwd: Path) -> str:
        """Output of a command that must succeed; names without a folder are of the toolbox."""
        first, *rest = map(str, command)
        tool = self.root / "bin" / first
        done = subprocess.run(
            [str(tool) if tool.is_file() else first, *rest],
            cwd=cwd,
            env={**os.environ, **self.environment, "CCACHE_BASEDIR": str(cwd)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return done.stdout + done.stderr


def toolbox(packs: Path) -> Toolbox:
    """The toolbox that CMSIS_TOOLBOX_ROOT names, with ``packs``; else the test is skipped."""
    value = os.environ.get("CMSIS_TOOLBOX_ROOT", "")
    root = Path(value).resolve()
    if not value or not (root / "bin" / "csolution").is_file():
        pytest.skip("CMSIS_TOOLBOX_ROOT names no CMSIS-Toolbox with bin/csolution")
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None or shutil.which("ninja") is None or cmake_version() < _CMAKE:
        pytest.skip(f"needs arm-none-eabi-gcc, ninja and CMake {'.'.join(map(str, _CMAKE))}")
    dumped = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True)
    registered = f"GCC_TOOLCHAIN_{dumped.stdout.strip().replace('.', '_')}"
    environment = {
        "CMSIS_PACK_ROOT": str(packs),
        "CMSIS_COMPILER_ROOT": str(root / "etc"),
        registered: str(Path(compiler).parent),
    }
    if shutil.which("ccache"):
        environment |= {"CMAKE_C_COMPILER_LAUNCHER": "ccache"}
        environment |= {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache"}
    told = subprocess.run(
        [root / "bin" / "csolution", "--version"], capture_output=True, text=True
    ).stdout
    return Toolbox(root, told.split()[1], environment)


def cmake_version() -> tuple[int, ...]:
    """Of the CMake in PATH; (0,) without one."""
    if shutil.which("cmake") is None:
        return (0,)
    told = subprocess.run(["cmake", "--version"], capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", told)[:2]))


def pack_trees() -> dict[str, Tree]:
    """Pack, VENDOR::NAME -> the tree that it is made of."""
    version = r'<release version="([\w.-]+)"'
    ensemble = "AlifSemiconductor.Ensemble.pdsc"
    return {
        "AlifSemiconductor::Ensemble": tree("alif-dfp", "ALIF_DFP_ROOT", ensemble, version),
        "ARM::CMSIS": tree("CMSIS_6", "CMSIS_6_PACK_ROOT", "ARM.CMSIS.pdsc", version),
        "ARM::CMSIS-Compiler": tree(
            "CMSIS-Compiler", "CMSIS_COMPILER_PACK_ROOT", "ARM.CMSIS-Compiler.pdsc", version
        ),
    }


def install(packs: list[str], trees: dict[str, Tree], folder: Path) -> None:
    """Installs ``VENDOR::NAME@VERSION`` as links to the trees, except the description, whose
    version the makers of a pack fill in."""
    for pack in packs:
        name, _, version = pack.partition("@")
        place = folder.joinpath(*name.split("::"), version)
        place.mkdir(parents=True)
        for path in trees[name].root.iterdir():
            if path.suffix == ".pdsc":
                text = path.read_text("utf-8")
                (place / path.name).write_text(_RELEASE.sub(rf"\g<1>{version}", text, count=1))
            elif path.name != ".git":
                (place / path.name).symlink_to(path)
