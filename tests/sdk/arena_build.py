# SPDX-License-Identifier: Apache-2.0
"""Builds arena/truth.cc with a whole TFLite Micro for each machine: every kernel that the tree has,
of the kernel set, compiled as for a project. Trees are only read; an object is compiled once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
import sdk_rv32

from gen_fw.runtimes.tflm.abi import Build

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "templates" / "native_cmake" / "board"
TABLES = ROOT / "generator" / "gen_fw" / "runtimes" / "tflm" / "data"
OURS = Path(__file__).resolve().parent / "arena"
UPSTREAM, ESPRESSIF = "tflite-micro-90b983c2", "esp-tflite-micro-1.4.0"
#: variables that name the trees
UPSTREAM_TREES = ("TFLM_ROOT", "FLATBUFFERS_ROOT", "GEMMLOWP_ROOT", "RUY_ROOT", "KISSFFT_ROOT")
KERNELS = "tensorflow/lite/micro/kernels"
_CORE = (
    *("tensorflow/compiler/mlir/lite/core/api", "tensorflow/compiler/mlir/lite/schema"),
    *("tensorflow/lite/core/api", "tensorflow/lite/core/c", "tensorflow/lite/kernels"),
    *("tensorflow/lite/kernels/internal", "tensorflow/lite/kernels/internal/reference"),
    *("tensorflow/lite/micro", KERNELS),
    *("tensorflow/lite/micro/arena_allocator", "tensorflow/lite/micro/memory_planner"),
    "tensorflow/lite/micro/tflite_bridge",
    *("signal/src", "signal/src/kiss_fft_wrappers", "signal/micro/kernels"),
)
# truth.cc has its own DebugLog; circular_buffer's is the operator, which is needed
_SKIP = re.compile(
    r"(_test|_test_common|hexdump|debug_log|kernel_runner|generated_data)"
    r"\.cc$|/(test_|fake_|mock_|recording_|benchmark)"
)
# what nearly every file of TFLM reads: parsing it takes three quarters of the compiler's time
_PRECOMPILED = """\
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>
#include "tensorflow/lite/c/builtin_op_data.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/kernels/internal/common.h"
#include "tensorflow/lite/kernels/internal/quantization_util.h"
#include "tensorflow/lite/kernels/internal/tensor_ctypes.h"
#include "tensorflow/lite/kernels/kernel_util.h"
#include "tensorflow/lite/micro/kernels/kernel_util.h"
#include "tensorflow/lite/micro/micro_allocator.h"
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A core with a kernel set, and how both are had."""

    name: str
    build: Build
    #: "" for this computer, or the prefix of the GNU tools
    toolchain: str = ""
    flags: tuple[str, ...] = ()
    #: QEMU's command, and its machine
    emulator: tuple[str, ...] = ()
    #: linker script: (kind, origin, bytes) of program and RAM; where the vectors are
    program: tuple[str, str] = ("", "")
    ram: tuple[str, str] = ("", "")
    vectors: str = ""

    @property
    def target(self) -> str:
        """Machines with the same target share objects."""
        core = self.name.split("-")[1]
        small = "-size" if self.build.optimise == "size" else ""
        return f"{self.build.abi}-{core}-{self.build.release}{small}"


def _x86(kernels: str, variant: str = "") -> Machine:
    name = f"host-x86_64-{kernels}"
    return Machine(name, Build(UPSTREAM, "x86-64", kernels, variant), flags=("-DON_HOST",))


def _m55(kernels: str, variant: str = "", optimise: str = "speed") -> Machine:
    return Machine(
        f"cortex-m55-{kernels}" + ("" if optimise == "speed" else f"-{optimise}"),
        Build(UPSTREAM, "arm-eabi", kernels, variant, optimise),
        "arm-none-eabi",
        ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
        ("qemu-system-arm", "-M", "mps3-an547"),
        # DDR, as large models and arenas need
        ("0x01000000", "2M"),
        ("0x60000000", "32M"),
        "0x00000000",
    )


def _m4(kernels: str, variant: str = "") -> Machine:
    return Machine(
        f"cortex-m4-{kernels}",
        Build(UPSTREAM, "arm-eabi", kernels, variant),
        "arm-none-eabi",
        ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
        ("qemu-system-arm", "-M", "mps2-an386"),
        ("0x00000000", "4M"),
        # PSRAM
        ("0x21000000", "16M"),
    )


def _rv32(release: str, kernels: str, variant: str = "") -> Machine:
    return Machine(
        f"riscv-rv32imc-{kernels}",
        Build(release, "riscv-ilp32", kernels, variant),
        "riscv64-unknown-elf",
        ("-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "--specs=picolibc.specs"),
        ("qemu-system-riscv32", "-M", "virt", "-m", "64M", "-bios", "none"),
        ("0x80000000", "16M"),
        ("0x81000000", "32M"),
    )


MACHINES = {
    machine.name: machine
    for machine in (
        _x86("reference"),
        _x86("cmsis_nn", "plain"),
        _m55("cmsis_nn", "mve"),
        _m55("reference"),
        _m55("cmsis_nn", "mve", "size"),
        _m4("cmsis_nn", "dsp"),
        _m4("reference"),
        _rv32(ESPRESSIF, "esp_nn", "generic"),
        _rv32(UPSTREAM, "reference"),
    )
}


#: the Cortex-M55 with TFLM's kernel for the NPU; only compiled models need it
ETHOS_U = _m55("ethos_u", "mve")


@dataclass(frozen=True, slots=True)
class Firmware:
    """An executable for a machine."""

    machine: Machine
    path: Path


def variables(machine: Machine) -> tuple[str, ...]:
    """Environment variables that name the trees of a machine."""
    if machine.build.release == ESPRESSIF:
        return ("ESP_TFLITE_MICRO_ROOT", "ESP_NN_ROOT")
    kernels = machine.build.kernels
    more = {"cmsis_nn": ["CMSIS_NN_ROOT"], "ethos_u": ["CMSIS_NN_ROOT", "ETHOS_U_DRIVER_ROOT"]}
    return (*UPSTREAM_TREES, *more.get(kernels, []))


def tools(machine: Machine) -> tuple[str, ...]:
    """Commands that building and running need."""
    prefix = f"{machine.toolchain}-" if machine.toolchain else ""
    return (f"{prefix}gcc", f"{prefix}g++", "ninja", "patch", *machine.emulator[:1])


def build(machine: Machine, folder: Path) -> Firmware:
    """The firmware in ``folder``, where unchanged objects are found again.

    Raises KeyError for a tree that no variable names, CalledProcessError when it does not compile.
    """
    maker = _Maker(machine, folder)
    return Firmware(machine, maker.make())


class _Maker:
    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self.roots = {name: Path(os.environ[name]).resolve() for name in variables(machine)}
        espressif = machine.build.release == ESPRESSIF
        self.tflm = self.roots["ESP_TFLITE_MICRO_ROOT" if espressif else "TFLM_ROOT"]
        self.work = folder / machine.name
        self.work.mkdir(parents=True, exist_ok=True)
        self.shared = folder / f"objects-{machine.target}"
        if espressif:
            third = self.tflm / "third_party"
            self.include = [third / "gemmlowp", third / "flatbuffers" / "include", third / "ruy"]
            self.include += [third / "kissfft", self.roots["ESP_NN_ROOT"] / "include"]
            self.include += [self.roots["ESP_NN_ROOT"] / "src" / "common", self._stand_ins()]
        else:
            self.include = [self.roots["FLATBUFFERS_ROOT"] / "include"]
            self.include += [self.roots["GEMMLOWP_ROOT"], self.roots["RUY_ROOT"], self._kissfft()]

    def make(self) -> Path:
        """Writes build.ninja, and runs it."""
        self._write("operators.inc", "".join(f"OPERATOR({call})\n" for call in self._calls()))
        executable = self.work / "truth"
        objects: list[str] = []
        header = self.shared / "precompiled.h"
        self.shared.mkdir(parents=True, exist_ok=True)
        _update(header, _PRECOMPILED)
        edges = [f"build {header}.gch: header {header}\n"]
        for source, flags, private in self._sources():
            rule = "cxx" if source.suffix == ".cc" else "c"
            if source.is_relative_to(self.tflm / "signal" / "src"):
                rule = "small"
            name = re.sub(r"\W", "_", str(source)) + ".o"
            target = (self.work if private else self.shared) / name
            objects.append(str(target))
            edges.append(f"build {target}: {rule} {source} | {header}.gch\n  extra = {flags}\n")
        edges.append(f"build {executable}: link {' '.join(objects)} | {self._script()}\n")
        self._write("build.ninja", self._rules(header) + "\n".join(edges) + "\n")
        command = ["nice", "-n", "2", "ninja", "-j2", "-C", str(self.work), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.machine.name}:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
        return executable

    def _rules(self, header: Path) -> str:
        machine = self.machine
        prefix = f"{machine.toolchain}-" if machine.toolchain else ""
        flags = [*machine.flags, "-O2", "-w", "-ffunction-sections", "-fdata-sections"]
        flags += ["-ffp-contract=off", "-DTF_LITE_STATIC_MEMORY", "-DTF_LITE_DISABLE_X86_NEON"]
        flags += [f"-DKERNELS_OPTIMIZED_FOR_{machine.build.optimise.upper()}"]
        flags += ["-DFLATBUFFERS_LOCALE_INDEPENDENT=0"]
        include = [self.tflm, *self.include, BOARD, OURS]
        flags += [f"-isystem {path}" for path in include]
        plus = ["-std=gnu++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]
        if machine.toolchain.startswith("riscv"):
            plus += sdk_rv32.cplusplus_headers()
        linker = f"{prefix}{'gcc' if machine.toolchain.startswith('riscv') else 'g++'}"
        link = [*machine.flags, "-Wl,--gc-sections"]
        if machine.toolchain:
            link += ["-nostartfiles", f"-T{self._script()}"]
        if machine.toolchain.startswith("arm"):
            link += ["--specs=nano.specs"]
        compile_rule = "  command = {} {} $extra -MMD -MF $out.d -c $in -o $out\n"
        compile_rule += "  depfile = $out.d\n  deps = gcc\n"
        cxx = " ".join([*flags, *plus])
        make_header = compile_rule.replace("-c $in", "-x c++-header -c $in")
        return "\n".join(
            (
                # one log for all machines that share objects
                f"builddir = {self.shared}",
                f"rule header\n{make_header.format(f'{prefix}g++', cxx)}",
                f"rule cxx\n{compile_rule.format(f'{prefix}g++', f'{cxx} -include {header}')}",
                f"rule small\n{compile_rule.format(f'{prefix}g++', cxx)}",
                f"rule c\n{compile_rule.format(f'{prefix}gcc', ' '.join([*flags, '-std=gnu17']))}",
                f"rule link\n  command = {linker} {' '.join(link)} -o $out $in -lm\n",
            )
        )

    def _calls(self) -> list[str]:
        """AddXxx of every operator of the release, the NPU's only where it has a kernel."""
        rows = json.loads((TABLES / f"{self.machine.build.release}.json").read_text("utf-8"))
        npu = self.machine.build.kernels == "ethos_u"
        return [row["call"] for row in rows["registrations"] if npu or row["custom"] != "ethos-u"]

    def _sources(self) -> Iterator[tuple[Path, str, bool]]:
        """(file, options, whether other kernel sets cannot share the object)."""
        kernels = self.machine.build.kernels
        npu = kernels == "ethos_u"
        kernels = "cmsis_nn" if npu else kernels
        replaced = (
            {path.name for path in (self.tflm / KERNELS / kernels).glob("*.cc")}
            if kernels != "reference"
            else set()
        )
        if npu:  # beside the kernels of CMSIS-NN, and without a driver behind it
            driver = self.roots["ETHOS_U_DRIVER_ROOT"] / "include"
            yield self.tflm / KERNELS / "ethos_u" / "ethosu.cc", f"-isystem {driver}", True
            yield OURS / "no_npu.c", f"-isystem {driver}", True
        for folder in _CORE:
            for path in sorted((self.tflm / folder).glob("*.cc")):
                name = str(path.relative_to(self.tflm))
                if _SKIP.search(name) or (folder == KERNELS and path.name in replaced):
                    continue
                if npu and path.name == "ethosu.cc":  # says that there is no such kernel
                    continue
                if path.name == "micro_time.cc" and self.machine.build.release == ESPRESSIF:
                    continue
                yield path, "", False
        define = {"reference": "", "cmsis_nn": "-DCMSIS_NN", "esp_nn": "-DESP_NN"}[kernels]
        if replaced:
            extra = define
            if kernels == "cmsis_nn":
                root = self.roots["CMSIS_NN_ROOT"]
                extra += f" -isystem {root} -isystem {root / 'Include'}"
                for path in sorted((root / "Source").glob("*/*.c")):
                    if not re.search(r"_f(16|32)\.c$", path.name):
                        yield path, extra, False
            else:
                extra += " -DCONFIG_NN_OPTIMIZED=1"
                for path in _esp_nn_sources(self.roots["ESP_NN_ROOT"]):
                    yield path, extra, False
            for name in sorted(replaced):
                yield self.tflm / KERNELS / kernels / name, extra, True
        yield OURS / "truth.cc", f"{define} -isystem {self.work}", True
        if self.machine.toolchain:
            arm = self.machine.toolchain.startswith("arm")
            files = ["startup_arm.c", "libc_newlib.c"] if arm else ["startup_riscv.c"]
            files += ["semihosting.c", "cplusplus.cc"] + ([] if arm else ["libc_picolibc.c"])
            for name in files:
                yield BOARD / name, "", True

    def _script(self) -> Path:
        """The linker script of a project for such a board, with these memories."""
        machine = self.machine
        path = self.work / "linker.ld"
        if not machine.toolchain:
            path.write_text("", "utf-8")
            return path
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)
        environment.filters["c_comment"] = str
        regions = [
            {"macro": "PROGRAM", "kind": "rom", "origin": machine.program[0]},
            {"macro": "RAM", "kind": "ram", "origin": machine.ram[0]},
        ]
        for region, (_, size) in zip(regions, (machine.program, machine.ram), strict=True):
            region["bytes"] = size
        text = environment.from_string((BOARD / "linker.ld.j2").read_text("utf-8")).render(
            board={"title": machine.name},
            native_cmake={
                "vectors": machine.vectors,
                "regions": regions,
                "sections": [],
                "toolchain": machine.toolchain,
                "stack_bytes": 1 << 18,
                "c_library": "newlib" if machine.toolchain.startswith("arm") else "picolibc",
            },
        )
        self._write("linker.ld", text)
        return path

    def _kissfft(self) -> Path:
        """A copy of kissfft with TFLM's patch, without which the signal library does not link."""
        copy = self.folder / "kissfft"
        if not copy.is_dir():
            part = self.folder / f"kissfft.{os.getpid()}"
            shutil.copytree(self.roots["KISSFFT_ROOT"], part)
            patch = self.tflm / "third_party" / "kissfft" / "kissfft.patch"
            subprocess.run(["patch", "-p1", "--quiet", "-i", str(patch)], cwd=part, check=True)
            part.rename(copy)
        return copy

    def _stand_ins(self) -> Path:
        folder = self.folder / "esp-idf"
        folder.mkdir(exist_ok=True)
        for name, text in sdk_rv32.STAND_INS.items():
            if name.endswith(".h"):
                _update(folder / name, text)
        return folder

    def _write(self, name: str, text: str) -> None:
        _update(self.work / name, text)


def _update(path: Path, text: str) -> None:
    """Writes only what differs, so that nothing is compiled again in vain."""
    if not path.is_file() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def _esp_nn_sources(root: Path) -> list[Path]:
    """The portable C kernels: the list ``c_srcs`` of esp-nn's CMakeLists.txt."""
    block = re.search(
        r"set\(c_srcs(.*?)\)", (root / "CMakeLists.txt").read_text("utf-8"), re.DOTALL
    )
    assert block
    return [root / entry for entry in re.findall(r'"([^"]+\.c)"', block[1])]


def digest(firmware: Firmware) -> str:
    """SHA-256 of the executable."""
    return hashlib.sha256(firmware.path.read_bytes()).hexdigest()
