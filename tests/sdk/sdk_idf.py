# SPDX-License-Identifier: Apache-2.0
"""Drives idf.py on a copy of a generated project, with an ESP-IDF tree that is never written to.

What an offline tree lacks is overridden by components inside the copied project, which ESP-IDF
prefers to its own: empty ones for components whose git submodule is absent, and on the linux
target the two that esp-tflite-micro needs and that exist for real chips only.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from sdk_trees import Tree

#: component -> a path that only exists when its submodule is checked out
SUBMODULES = {
    "heap": "tlsf/CMakeLists.txt",
    "lwip": "lwip/src",
    "mbedtls": "mbedtls/include",
    "mqtt": "esp-mqtt/include",
}
#: linux target: https://github.com/espressif/esp-tflite-micro requires driver and esp_timer
HOST_TIMER_C = """\
#include <stdint.h>
#include <time.h>
#include "esp_timer.h"

int64_t esp_timer_get_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
"""
#: answers CMake's questions about a cross compiler with the host's; compiles nothing that counts
STAND_IN = """\
import os, sys
name = os.path.basename(sys.argv[0])
prefix, tool = name.rsplit("-", 1)
if "-dumpmachine" in sys.argv:
    print(prefix)
    sys.exit()
drop = ("-m", "@", "-specs", "--specs", "-fno-shrink")
os.execvp(tool, [tool, *(a for a in sys.argv[1:] if not a.startswith(drop))])
"""
CROSS = ("xtensa-esp-elf", "xtensa-esp32-elf", "xtensa-esp32s2-elf", "xtensa-esp32s3-elf")
TOOLS = ("gcc", "g++", "ar", "as", "ld", "nm", "objcopy", "objdump", "ranlib", "size", "strip")


@dataclass(frozen=True, slots=True)
class Idf:
    """An ESP-IDF tree and the Python environment made for it."""

    tree: Tree
    python: Path

    @property
    def release(self) -> str:
        """Major and minor version, such as "5.5"."""
        return ".".join(self.tree.version.split(".")[:2])

    def idf_py(
        self, project: Path, target: str, *arguments: str, path: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """``idf.py ARGUMENTS`` in ``project``; ``path`` goes before PATH."""
        environment = {
            **os.environ,
            "IDF_PATH": str(self.tree.root),
            "IDF_PYTHON_ENV_PATH": str(self.python.parents[1]),
            "IDF_PYTHON_CHECK_CONSTRAINTS": "no",
            "ESP_IDF_VERSION": self.release,
            "IDF_TARGET": target,
            "IDF_CCACHE_ENABLE": "1",
            # the same objects whatever folder the project is in
            "CCACHE_BASEDIR": str(project),
            "CCACHE_IGNOREOPTIONS": "-fmacro-prefix-map=*",
            "IDF_MAINTAINER": "1",
            "CCACHE_NOHASHDIR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.pathsep.join(
                filter(None, (path, str(self.python.parent), os.environ["PATH"]))
            ),
        }
        script = self.tree.root / "tools" / "idf.py"
        return subprocess.run(
            [self.python, script, *arguments],
            cwd=project,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def prepare(self, project: Path, *, linux: bool = False) -> None:
        """Put overrides for what is missing into ``project/components``."""
        components = project / "components"
        for name, marker in SUBMODULES.items():
            origin = self.tree.root / "components" / name
            # components that moved to the registry are not in newer trees at all
            absent = (origin / "CMakeLists.txt").is_file() and not (origin / marker).exists()
            # on the linux target the heap is the host's malloc: its component is complete
            if absent and not (linux and name == "heap"):
                _empty_component(components / name, origin)
        if linux:
            self._host_stubs(components)

    def _host_stubs(self, components: Path) -> None:
        (components / "driver").mkdir(parents=True, exist_ok=True)
        (components / "driver" / "CMakeLists.txt").write_text("idf_component_register()\n")
        timer = components / "esp_timer"
        timer.mkdir(exist_ok=True)
        include = self.tree.root / "components" / "esp_timer" / "include"
        (timer / "CMakeLists.txt").write_text(
            f'idf_component_register(SRCS "host_timer.c" INCLUDE_DIRS "{include}")\n'
        )
        (timer / "host_timer.c").write_text(HOST_TIMER_C)


def _empty_component(override: Path, origin: Path) -> None:
    """A component without sources that keeps the Kconfig and the headers of ``origin``."""
    override.mkdir(parents=True, exist_ok=True)
    for kconfig in origin.glob("Kconfig*"):
        shutil.copy(kconfig, override)
    include = f'INCLUDE_DIRS "{origin}/include"' if (origin / "include").exists() else ""
    (override / "CMakeLists.txt").write_text(f"idf_component_register({include})\n")


def idf(tree: Tree) -> Idf:
    """The tree with its Python: IDF_PYTHON_ENV_PATH (set by export.sh), else this one."""
    environment = os.environ.get("IDF_PYTHON_ENV_PATH", "")
    python = Path(environment, "bin", "python") if environment else Path(sys.executable)
    probe = "import idf_component_manager, kconfgen, click, esptool, construct, psutil"
    if subprocess.run([python, "-c", probe], capture_output=True).returncode:
        pytest.skip(
            "no Python environment for ESP-IDF: run its install.sh and export.sh, or install "
            "tools/requirements/requirements.core.txt and set IDF_PYTHON_ENV_PATH"
        )
    return Idf(tree, python)


def stand_in_toolchains(folder: Path) -> Path:
    """A folder for PATH with compilers that let CMake configure for every chip."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "stand_in.py"
    script.write_text(f"#!{sys.executable}\n{STAND_IN}")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    for prefix in (*CROSS, "riscv32-esp-elf"):
        for tool in TOOLS:
            link = folder / f"{prefix}-{tool}"
            if not link.exists():
                link.symlink_to(script.name)
    return folder


def override_components(manifest: Path, roots: tuple[Path, ...]) -> None:
    """Point the dependencies of ``manifest`` (idf_component.yml) at local trees.

    What a user does to build with a vendored copy: ``override_path`` beside ``version``.
    """
    lines: list[str] = []
    names = {root.name: root for root in roots}
    for line in manifest.read_text("utf-8").splitlines():
        found = re.fullmatch(r'(\s+)"?espressif/([a-z0-9-]+)"?:\s*(.*)', line)
        if not found or found[2] not in names:
            lines.append(line)
            continue
        indent, name, version = found.groups()
        lines.append(f"{indent}espressif/{name}:")
        if version:
            lines.append(f"{indent}  version: {version}")
        lines.append(f'{indent}  override_path: "{names.pop(name)}"')
    # not named there: a dependency of a dependency
    for name, root in names.items():
        lines += [f"  espressif/{name}:", '    version: "*"', f'    override_path: "{root}"']
    manifest.write_text("\n".join(lines) + "\n", "utf-8")
