# SPDX-License-Identifier: Apache-2.0
"""Compiles the component gen/ of a generated ESP-IDF project, with the real esp-tflite-micro and
esp-nn, for rv32imc (the ISA of ESP32-C3) and runs it on an emulated RISC-V machine.

Debian's riscv64-unknown-elf-gcc brings picolibc but no C++ library; the headers of the Arm
newlib package's libstdc++ serve, as TFLM uses headers only. Nothing of ESP-IDF is compiled: three
of its headers are stand-ins, so what runs is the code that does not depend on the chip.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sdk_trees import Tree

CC = "riscv64-unknown-elf-gcc"
CXX = "riscv64-unknown-elf-g++"
QEMU = "qemu-system-riscv32"
#: -O1: same results as -O2, compiled in two thirds of the time
TARGET = (
    *("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs", "-O1"),
    *("-ffunction-sections", "-fdata-sections", "-DTF_LITE_STATIC_MEMORY", "-DESP_NN"),
)
CPLUSPLUS = ("-std=gnu++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics")
#: QEMU's virt machine: 16 MiB of its RAM as flash, 16 MiB as RAM
LAYOUT = {
    "__flash": 0x80000000,
    "__flash_size": 0x1000000,
    "__ram": 0x81000000,
    "__ram_size": 0x1000000,
}
STAND_INS = {
    "sdkconfig.h": "#define CONFIG_NN_OPTIMIZED 1\n#define CONFIG_IDF_TARGET_ESP32C3 1\n",
    "esp_timer.h": """\
#pragma once
#include <stdint.h>
static inline int64_t esp_timer_get_time(void) { return 0; }
""",
    "esp_heap_caps.h": """\
#pragma once
#include <stdlib.h>
#define MALLOC_CAP_INTERNAL 1
#define MALLOC_CAP_8BIT 2
#define MALLOC_CAP_SPIRAM 4
static inline void *heap_caps_aligned_alloc(size_t alignment, size_t bytes, unsigned caps) {
  (void)caps;
  return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
""",
    # what libstdc++ and libsupc++ would define
    "cplusplus.cc": """\
#include <cstddef>
#include <cstdlib>
void operator delete(void *) noexcept {}
void operator delete(void *, std::size_t) noexcept {}
extern "C" void __cxa_pure_virtual() { abort(); }
extern "C" int __cxa_atexit(void (*)(void *), void *, void *) { return 0; }
""",
}


def tools() -> dict[str, str]:
    """Versions of compiler and emulator; the test is skipped where one is missing."""
    for tool in (CC, CXX, QEMU):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    compiler = subprocess.run([CC, "-dumpfullversion"], capture_output=True, text=True).stdout
    emulator = subprocess.run([QEMU, "--version"], capture_output=True, text=True).stdout
    version = re.search(r"version (\S+)", emulator)
    return {CC: compiler.strip(), QEMU: version[1] if version else ""}


def cplusplus_headers() -> tuple[str, ...]:
    """Include options of a libstdc++ for bare metal."""
    found = sorted(Path("/usr").glob("lib/arm-none-eabi/include/c++/*/vector"))
    found += sorted(Path("/usr").glob("include/newlib/c++/*/vector"))
    if not found:
        pytest.skip("no libstdc++ headers for bare metal (libstdc++-arm-none-eabi-newlib)")
    folder = found[-1].parent
    return ("-isystem", str(folder), "-isystem", str(folder / "arm-none-eabi"))


def core_sources(tflm: Tree) -> list[Path]:
    """What the component's CMakeLists.txt names one by one: the interpreter, no kernels."""
    text = (tflm.root / "CMakeLists.txt").read_text("utf-8")
    text = re.sub(r"list\(REMOVE_ITEM [^)]*\)", "", text)
    variables = {"CMAKE_CURRENT_SOURCE_DIR": str(tflm.root)}
    for name, value in re.findall(r'set\((\w+)\s+"([^"]*)"\)', text):
        variables[name] = re.sub(r"\$\{(\w+)\}", lambda m: variables[m[1]], value)
    sources = [
        Path(re.sub(r"\$\{(\w+)\}", lambda m: variables[m[1]], entry))
        for entry in re.findall(r'"(\$\{\w+\}/[^"*]+\.cc?)"', text)
        if "/kernels/esp_nn/" not in entry and "signal" not in entry
    ]
    bridge = tflm.root / "tensorflow" / "lite" / "micro" / "tflite_bridge"
    folder = tflm.root / "tensorflow" / "lite" / "micro"
    skip = {folder / "micro_time.cc"}  # replaced by esp/micro_time.cc
    return [source for source in sources if source not in skip] + sorted(bridge.glob("*.cc"))


def kernel_sources(tflm: Tree, kernels: Iterable[str]) -> list[Path]:
    """The kernels' files and what they share."""
    folder = tflm.root / "tensorflow" / "lite" / "micro" / "kernels"
    wanted = {tflm.root / kernel for kernel in kernels}
    common = {folder / f"{path.stem}_common.cc" for path in wanted}
    shared = {folder / "kernel_util.cc", folder / "micro_tensor_utils.cc"}
    return sorted(path for path in wanted | common | shared if path.is_file())


def esp_nn_sources(esp_nn: Tree) -> list[Path]:
    """The portable C kernels: the list ``c_srcs`` of esp-nn's CMakeLists.txt."""
    text = (esp_nn.root / "CMakeLists.txt").read_text("utf-8")
    block = re.search(r"set\(c_srcs(.*?)\)", text, re.DOTALL)
    assert block
    return [esp_nn.root / entry for entry in re.findall(r'"([^"]+\.c)"', block[1])]


@dataclass(frozen=True, slots=True)
class Rv32:
    """Compiles into ``folder``, where unchanged objects are found again."""

    folder: Path
    tflm: Tree
    esp_nn: Tree

    def executable(self, gen: Path, kernels: Iterable[str], main: str) -> Path:
        """gen/ with TFLM, esp-nn and the C text ``main``, linked for the emulator."""
        stand_ins = self.folder / "stand-ins"
        stand_ins.mkdir(parents=True, exist_ok=True)
        for name, text in {**STAND_INS, "main.c": main}.items():
            path = stand_ins / name
            if not path.is_file() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")
        library = core_sources(self.tflm) + kernel_sources(self.tflm, kernels)
        objects = [self._object(path, ()) for path in library + esp_nn_sources(self.esp_nn)]
        strict = ("-Wall", "-Wextra", "-Werror")
        ours = [*sorted(gen.rglob("*.c")), *sorted(gen.rglob("*.cc"))]
        for path in (*ours, stand_ins / "main.c", stand_ins / "cplusplus.cc"):
            objects.append(self._object(path, (*strict, "-I", str(gen))))
        elf = self.folder / f"{gen.parent.name}.elf"
        symbols = [f"-Wl,--defsym={name}={value:#x}" for name, value in LAYOUT.items()]
        link = ["--oslib=semihost", "--crt0=hosted", "-Wl,--gc-sections", *symbols]
        _run([CC, *TARGET, *link, "-o", str(elf), *map(str, objects), "-lm"])
        return elf

    def _object(self, source: Path, options: tuple[str, ...]) -> Path:
        target = self.folder / (re.sub(r"\W", "_", str(source)) + ".o")
        if target.is_file() and not options:
            return target  # a file of a tree, which does not change
        root = self.tflm.root
        include = [self.folder / "stand-ins", root, self.esp_nn.root / "include"]
        include += [self.esp_nn.root / "src" / "common"]
        include += [
            root / "third_party" / name
            for name in ("gemmlowp", "flatbuffers/include", "ruy", "kissfft")
        ]
        # a tree's headers are system headers: their warnings are not ours
        flags = [flag for path in include for flag in ("-isystem", str(path))]
        plus = source.suffix == ".cc"
        language = (*CPLUSPLUS, *cplusplus_headers()) if plus else ("-std=gnu17",)
        cache = ["ccache"] if shutil.which("ccache") else []
        quiet = () if options else ("-w",)
        compiler = [*cache, CXX if plus else CC, *TARGET, *language, *quiet, *options, *flags]
        part = target.with_suffix(".part")
        _run([*compiler, "-c", str(source), "-o", str(part)])
        part.rename(target)
        return target


def run(elf: Path, seconds: float) -> str:
    """What the executable prints; it must return 0."""
    machine = [QEMU, "-M", "virt", "-m", "64M", "-bios", "none", "-nographic"]
    machine += ["-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on"]
    done = subprocess.run(
        [*machine, "-kernel", str(elf)], capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr  # semihosting writes to either


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-4000:]}"
