# SPDX-License-Identifier: Apache-2.0
"""Compilers and machines for ahead-of-time programs: the host, and what QEMU emulates."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from jinja2 import Template

from gen_fw.program import Program
from gen_fw.resources import templates_root

PARTS = Path(__file__).resolve().parent / "functional" / "aot"
WARNINGS = (
    *("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wpedantic", "-Wconversion", "-Wshadow"),
    *("-Wcast-qual", "-Wstrict-prototypes", "-Wmissing-prototypes"),
)
SANITIZERS = (
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
_SECTIONS = {
    "code": (".text",),
    "constants": (".rodata", ".srodata"),
    "ram": (".data", ".bss", ".sdata", ".sbss", "COMMON"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A compiler, its flags, and what runs the result."""

    name: str
    cc: str
    flags: tuple[str, ...]
    machine: str
    link: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()
    #: what links, where that is another compiler: command and flags
    linker: tuple[str, ...] = ()
    #: archives, linked last
    archives: tuple[Path, ...] = ()

    @property
    def is_host(self) -> bool:
        return not self.emulator

    @property
    def size(self) -> str:
        """The ``size`` that reads this target's objects."""
        prefix, _, _ = self.cc.rpartition("gcc")
        return "size" if self.is_host else f"{prefix}size"

    def with_flags(self, *flags: str) -> Target:
        """The same machine, compiled otherwise; later flags win."""
        return replace(self, name=" ".join((self.name, *flags)), flags=(*self.flags, *flags))

    def need(self) -> None:
        """Skips the test when a tool is not installed."""
        for tool in (self.cc, *self.emulator[:1]):
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed")


def _host(cc: str, *flags: str) -> Target:
    return Target(f"{cc} {flags[0]}", cc, ("-DHARNESS_HOST", *flags), "host.c")


def _cortex_m(name: str, board: str, shift: int, cpu: tuple[str, ...], *layout: str) -> Target:
    words = ("start_origin", "code_origin", "code_bytes", "ram_origin", "ram_bytes")
    places = [f"-Wl,--defsym={word}={value}" for word, value in zip(words, layout, strict=True)]
    return Target(
        name,
        "arm-none-eabi-gcc",
        # the compiler's own arm_acle.h converts signs
        ("-mthumb", *cpu, "-O2", "-Wno-sign-conversion"),
        "cortex_m.c",
        ("--specs=nosys.specs", "-nostartfiles", *places, f"-T{PARTS / 'cortex_m.ld'}"),
        (
            "qemu-system-arm",
            "-M",
            board,
            "-nographic",
            "-semihosting-config",
            "enable=on,target=native",
            "-icount",
            f"shift={shift},sleep=off",
            "-kernel",
        ),
    )


HOSTS = tuple(_host(cc, level) for cc in ("gcc", "clang") for level in ("-O0", "-O3"))
SANITIZED = tuple(
    replace(_host(cc, *SANITIZERS), name=f"{cc} sanitizers") for cc in ("gcc", "clang")
)
M55 = _cortex_m(
    "cortex-m55",
    "mps3-an547",
    5,
    ("-mcpu=cortex-m55", "-mfloat-abi=hard"),
    *("0x10000000", "0x70000000", "0x4000000", "0x30000000", "0x80000"),
)
M4 = _cortex_m(
    "cortex-m4",
    "mps2-an386",
    6,
    ("-mcpu=cortex-m4",),
    *("0x0", "0x21000000", "0x1000000", "0x20000000", "0x400000"),
)
#: the same machine, compiled by clang and linked by GCC, whose C library it uses
M55_CLANG = replace(
    M55,
    name="cortex-m55 clang",
    cc="clang",
    flags=(
        *("--target=thumbv8.1m.main-none-eabi", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-O2"),
        *("-isystem", "/usr/lib/arm-none-eabi/include", "-Wno-sign-conversion"),
    ),
    linker=(M55.cc, *M55.flags),
)
RV32 = Target(
    "rv32imc",
    "riscv64-unknown-elf-gcc",
    (
        *("-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "-mcmodel=medany"),
        *("--specs=picolibc.specs", "-O2"),
    ),
    "riscv.c",
    ("-nostartfiles", f"-T{PARTS / 'riscv.ld'}"),
    (
        "qemu-system-riscv32",
        *("-M", "virt", "-bios", "none", "-nographic"),
        *("-icount", "shift=0,sleep=off", "-kernel"),
    ),
)
EMULATED = (M55, M4, RV32)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a program's own objects: instructions, constants, variables."""

    code: int = 0
    constants: int = 0
    ram: int = 0


def sizes_of(program: Program, target: Target, work: Path) -> Sizes:
    """What the linker gets for ``program``, as ``size -A`` lists it."""
    target.need()
    objects = [
        compile_c(work / path, (work / path).with_suffix(".size.o"), target, f"-I{work}")
        for path in write_sources(program, work)
        if path.suffix == ".c"
    ]
    sums = {"code": 0, "constants": 0, "ram": 0}
    for line in run_tool([target.size, "-A", "-d", *objects]).splitlines():
        name, *numbers = line.split() or [""]
        for kind, prefixes in _SECTIONS.items():
            if name.startswith(prefixes):
                sums[kind] += int(numbers[0])
    return Sizes(**sums)


def compile_c(source: Path, output: Path, target: Target, *flags: str) -> Path:
    """One object, without warnings."""
    wrapper = ["ccache"] if shutil.which("ccache") else []
    run_tool([*wrapper, target.cc, *WARNINGS, *target.flags, *flags, "-c", source, "-o", output])
    return output


def write_sources(program: Program, work: Path) -> list[Path]:
    """Writes a program's sources to ``work/<name>/``, and to ``work`` the headers of the project
    that they may include; returns the sources' paths relative to ``work``."""
    for header in ("gen_fw.h", "gen_fw_quant.h"):
        template = templates_root() / "shared" / "gen" / f"{header}.j2"
        text = Template(template.read_text(), keep_trailing_newline=True).render(abi=1)
        (work / header).write_text(text)
    paths = []
    for source in program.sources:
        path = Path(program.name) / source.path
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(source.content)
        paths.append(path)
    return paths


def run_tool(command: Sequence[str | Path]) -> str:
    """What a command that must succeed prints."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=600
    )
    text = f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-8000:]}"
    assert done.returncode == 0, text
    return done.stdout
