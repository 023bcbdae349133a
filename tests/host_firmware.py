# SPDX-License-Identifier: Apache-2.0
"""Generates projects from models, and builds and runs their code on the host."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gen_fw.boards.load import load_board
from gen_fw.memory.place import place
from gen_fw.model.reader import read_model
from gen_fw.program import Firmware, Golden, Program
from gen_fw.project.context import ProjectOptions, build, constants
from gen_fw.project.family import load_family
from gen_fw.project.plan import ProjectPlan, chunks
from gen_fw.project.render import render
from gen_fw.runtimes.golden import load_golden
from gen_fw.runtimes.tflm.lower import TflmOptions, lower
from gen_fw.runtimes.tflm.prebuilt import upper_bound

HOST = Path(__file__).resolve().parent / "functional" / "host"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wcomment", "-Wtrigraphs")
#: the board on which every model of the suite fits
BOARD = "esp32-s3-devkitc-n8r8"


def firmware_of(
    models: Mapping[str, Path],
    goldens: Mapping[str, Path] | None = None,
    *,
    board: str = BOARD,
    shared_arena: bool = False,
    custom_ops: Mapping[str, str] | None = None,
) -> Firmware:
    """Models by program name, lowered and placed; goldens by program name."""
    target = load_board(board)
    read = {name: read_model(path) for name, path in models.items()}
    programs = tuple(
        lower(model, name, target, TflmOptions(custom_ops=custom_ops or {}))
        for name, model in read.items()
    )
    if target.sdk.prebuilt:
        programs = tuple(upper_bound(program, read[program.name]) for program in programs)
    chosen, tried = place(programs, target, shared_arena=shared_arena)
    return Firmware(
        programs,
        chosen,
        tried,
        tuple(
            load_golden(goldens[program.name], program)
            if goldens and program.name in goldens
            else None
            for program in programs
        ),
        shared_arena,
    )


def plan_of(
    firmware: Firmware,
    *,
    board: str = BOARD,
    options: ProjectOptions | None = None,
    template_dirs: Sequence[Path] = (),
) -> ProjectPlan:
    """The rendered project."""
    target = load_board(board)
    family = load_family(target.family)
    context = build(firmware, target, family, options or ProjectOptions())
    return render(family, context, constants(firmware), template_dirs=template_dirs)


def write_plan(plan: ProjectPlan, folder: Path) -> Path:
    for file in plan.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.writelines(chunks(file.content))
    return folder


def run(command: Sequence[Any], **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command that must succeed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, **options
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done


@dataclass(slots=True)
class Tflm:
    """Headers and a library of TensorFlow Lite Micro, and the flags that they want."""

    flags: tuple[str, ...]
    libraries: tuple[str, ...]
    work: Path
    cxx: str = "g++"
    standard: str = "gnu++17"
    _header: Path | None = field(default=None)

    def compile_cxx(self, source: Path, output: Path, *flags: str) -> Path:
        """One C++ file against TFLM, with its headers precompiled."""
        run(
            [*self._compiler(), *flags, "-include", self._precompiled(), "-c", source, "-o", output]
        )
        return output

    def _compiler(self) -> list[str]:
        wrapper = ["ccache"] if shutil.which("ccache") else []
        common = ["-O1", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti"]
        return [*wrapper, self.cxx, f"-std={self.standard}", *WARNINGS, *common, *self.flags]

    def _precompiled(self) -> Path:
        if self._header is None:
            header = self.work / "tflm.h"
            header.write_text(
                "".join(
                    f'#include "tensorflow/lite/{name}.h"\n'
                    for name in (
                        "micro/micro_interpreter",
                        "micro/micro_mutable_op_resolver",
                        "micro/micro_resource_variable",
                        "schema/schema_generated",
                    )
                )
            )
            compiler = [part for part in self._compiler() if part != "ccache"]
            run([*compiler, "-x", "c++-header", header, "-o", f"{header}.gch"])
            self._header = header
        return self._header


def build_gen(project: Path, tflm: Tflm, work: Path, *, cc: str = "gcc") -> list[Path]:
    """Objects of everything in ``gen/``."""
    work.mkdir(parents=True, exist_ok=True)
    include = [f"-I{project / 'gen'}", f"-I{HOST / 'include'}"]
    objects = []
    for source in sorted((project / "gen").rglob("*.[cS]")):
        objects.append(work / f"{source.stem}_{source.suffix[1]}.o")
        run([cc, "-std=gnu11", *WARNINGS, "-O1", *include, "-c", source, "-o", objects[-1]])
    for source in sorted((project / "gen").rglob("*.cc")):
        objects.append(tflm.compile_cxx(source, work / f"{source.stem}.o", *include))
    return objects


def build_app(project: Path, objects: Sequence[Path], tflm: Tflm, work: Path) -> Path:
    """The application in ``main/`` on a host that runs one task three times."""
    include = [f"-I{project / 'gen'}", f"-I{project / 'main'}", f"-I{HOST / 'include'}"]
    mains = []
    for source in sorted((project / "main").glob("*.cc")):
        mains.append(work / f"main_{source.stem}.o")
        run([tflm.cxx, "-std=gnu++17", *WARNINGS, *include, "-c", source, "-o", mains[-1]])
    system = work / "freertos.o"
    run(["gcc", "-std=gnu11", *WARNINGS, *include, "-c", HOST / "freertos.c", "-o", system])
    binary = work / "app"
    run([tflm.cxx, *mains, system, *objects, *tflm.libraries, "-o", binary])
    return binary


def build_runner(
    project: Path, program: Program, objects: Sequence[Path], tflm: Tflm, work: Path
) -> Path:
    """``run_program`` for one program."""
    name, macro = program.name, program.name.upper()

    def table(direction: str, count: int) -> str:
        rows = ", ".join(
            f"{{(void *){name}_{direction}{i}(), {macro}_{direction.upper()}{i}_BYTES}}"
            for i in range(count)
        )
        return f"{{{rows}}}"

    words = {
        **{f"HARNESS_{word.upper()}": f"{name}_{word}" for word in _FUNCTIONS},
        "HARNESS_ARENA_BYTES": f"{macro}_ARENA_BYTES",
        "HARNESS_INPUTS": table("input", len(program.inputs)),
        "HARNESS_OUTPUTS": table("output", len(program.outputs)),
    }
    header = work / f"{name}_runner.h"
    defines = "".join(f"#define {word} {text}\n" for word, text in words.items())
    header.write_text(f'#include "{name}/{name}.h"\n{defines}')
    binary = work / f"{name}_runner"
    include = [f"-I{project / 'gen'}", "-include", header]
    flags = ["-std=gnu++17", "-Wall", "-Wextra", "-Werror"]
    libraries = tflm.libraries
    source = HOST / "run_program.cc"
    run([tflm.cxx, *flags, *include, source, *objects, *libraries, "-o", binary])
    return binary


_FUNCTIONS = ("init", "init_with", "invoke", "reset", "arena_used")


def run_program(binary: Path, golden: Golden, outputs: int, work: Path) -> dict[str, list[bytes]]:
    """Outputs as raw bytes: of the first run, a second one (``run2``), one after a ``reset``, and
    one more for which the inputs are not written ``again``."""
    inputs = []
    for index, data in enumerate(golden.inputs):
        inputs.append(work / f"in{index}")
        inputs[-1].write_bytes(data)
    run([binary, *inputs, f"{work}/"])
    return {
        label: [(work / f"{label}_{index}").read_bytes() for index in range(outputs)]
        for label in ("run1", "run2", "reset", "again")
    }
