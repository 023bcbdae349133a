# SPDX-License-Identifier: Apache-2.0
"""The programs that building and running need: where they are, their versions, how to get them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from gen_fw.errors import ToolMissingError

_VERSION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)+)")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, what it is for, and the Debian packages that bring it."""

    command: str
    purpose: str
    packages: tuple[str, ...]
    #: smallest version that serves, as numbers
    at_least: tuple[int, ...] = ()
    #: a file that the compiler must find beside its program (``-print-file-name``)
    library: str = ""
    required: bool = True
    #: other programs that serve as well
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A tool as it is on this machine. ``path`` is empty when it is missing."""

    tool: Tool
    path: str
    version: str
    #: why a tool that is there does not serve; empty when it does
    fault: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.path) and not self.fault


CMAKE = Tool("cmake", "configures and builds", ("cmake",), (3, 21))
MAKE = Tool("ninja", "runs the compiler", ("ninja-build",), instead=("make",))
GNU_MAKE = Tool("make", "runs the compiler", ("make",))
JLINK = Tool("JLinkExe", "flashes the board (SEGGER's J-Link software)", (), required=False)
HOST_CC = Tool("cc", "compiler of this computer", ("build-essential",), instead=("gcc", "clang"))
HOST_CXX = Tool(
    "c++", "C++ compiler, for runtime tflm", ("build-essential",), instead=("g++", "clang++")
)
ARM_CC = Tool("arm-none-eabi-gcc", "compiler for Arm Cortex-M", ("gcc-arm-none-eabi",))
ARM_LIBC = Tool(
    "arm-none-eabi-gcc",
    "C library newlib",
    ("libnewlib-arm-none-eabi",),
    library="nano.specs",
)
ARM_CXX = Tool(
    "arm-none-eabi-g++",
    "C++ library, for runtime tflm",
    ("libstdc++-arm-none-eabi-newlib",),
    library="libstdc++.a",
)
GIT = Tool("git", "fetches what no variable names", ("git",))
ARM_QEMU = Tool("qemu-system-arm", "emulator", ("qemu-system-arm",), (7, 0))
RISCV_CC = Tool("riscv64-unknown-elf-gcc", "compiler for RISC-V", ("gcc-riscv64-unknown-elf",))
RISCV_LIBC = Tool(
    "riscv64-unknown-elf-gcc",
    "C library picolibc",
    ("picolibc-riscv64-unknown-elf",),
    library="picolibc.specs",
)
RISCV_QEMU = Tool("qemu-system-riscv32", "emulator", ("qemu-system-misc",), (7, 0))
VALGRIND = Tool("valgrind", "counts instructions on the host", ("valgrind",), required=False)


def needed(toolchain: str, *, cxx: bool = False) -> tuple[Tool, ...]:
    """What a project with this tool chain (empty: the host's) needs."""
    if toolchain == "arm-none-eabi":
        extra = (ARM_CXX,) if cxx else ()
        return (CMAKE, MAKE, ARM_CC, ARM_LIBC, *extra, ARM_QEMU)
    if toolchain == "riscv64-unknown-elf":
        return (CMAKE, MAKE, RISCV_CC, RISCV_LIBC, RISCV_QEMU)
    return (CMAKE, MAKE, HOST_CC, *((HOST_CXX,) if cxx else ()), VALGRIND)


def find(tool: Tool, *, version: bool = True) -> Found:
    """Looks for the tool. Its version costs a run of it."""
    path = next(filter(None, map(shutil.which, (tool.command, *tool.instead))), "")
    if not path:
        return Found(tool, "", "")
    fault = ""
    if tool.library:
        where = _output([path, f"-print-file-name={tool.library}"]).strip()
        if where in ("", tool.library):  # a compiler without it repeats the name
            return Found(tool, "", "")
    number = ""
    if version or tool.at_least:
        match = _VERSION.search(_output([path, "--version"]))
        number = match[1] if match else ""
    if tool.at_least and number and _numbers(number) < tool.at_least:
        fault = f"{'.'.join(map(str, tool.at_least))} or later is needed"
    return Found(tool, path, number, fault)


def require(tools: Sequence[Tool]) -> tuple[Found, ...]:
    """All of the tools. Raises ToolMissingError with everything that is missing at once."""
    found = tuple(find(tool, version=False) for tool in tools)
    lacking = [entry for entry in found if entry.tool.required and not entry.ok]
    if lacking:
        raise ToolMissingError(
            f"missing: {', '.join(_shown(entry) for entry in lacking)}",
            why="; ".join(f"{entry.tool.command}: {entry.tool.purpose}" for entry in lacking),
            hint=f"on Debian and Ubuntu: {install_line(lacking)}",
            detail={"missing": [entry.tool.command for entry in lacking]},
        )
    return found


def install_line(lacking: Sequence[Found]) -> str:
    """The command that installs what these lack, on Debian and its kin."""
    packages = dict.fromkeys(package for entry in lacking for package in entry.tool.packages)
    return f"sudo apt-get install {' '.join(packages)}"


def _shown(entry: Found) -> str:
    if entry.fault:
        return f"{entry.tool.command} ({entry.version} found, {entry.fault})"
    return (
        f"{entry.tool.library} of {entry.tool.command}"
        if entry.tool.library
        else (entry.tool.command)
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _output(command: list[str]) -> str:
    """What the command prints; nothing when it cannot be run."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
