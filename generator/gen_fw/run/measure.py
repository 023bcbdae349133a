# SPDX-License-Identifier: Apache-2.0
"""Builds a project, runs its application and its runner, and collects what they tell."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gen_fw.errors import GenFwError, UsageError
from gen_fw.run import machine
from gen_fw.run.build import build, executable
from gen_fw.run.compare import Comparison, check_comparable, compare
from gen_fw.run.elf import Image, Sizes
from gen_fw.run.process import Done, stream
from gen_fw.run.project import NativeOperator, NativeProgram, NativeProject, load
from gen_fw.run.tensors import (
    Output,
    random_inputs,
    read_inputs,
    read_outputs,
    save_golden,
    save_outputs,
)
from gen_fw.run.tools import VALGRIND, find, needed, require

Verdict = Literal["pass", "fail", "skip"]
#: what ``instructions`` was counted by; "" when nothing here can
Counter = Literal["qemu -icount", "valgrind callgrind", ""]

_SELFTEST = re.compile(r"^SELFTEST (\w+) (PASS|FAIL|SKIP)(?: (.*))?$", re.MULTILINE)
_RUN = re.compile(
    r"^RUN (\w+) arena (\d+) used (\d+) stack (\d+) count (\d+)\*1000000\+(\d+) samples (\d+)$",
    re.MULTILINE,
)
_PROFILE = re.compile(r"^PROFILE (\w+) (\d+) (\d+)$", re.MULTILINE)
_FAILED = re.compile(r"^(?:RUN \w+ failed: |FAULT ).*$", re.MULTILINE)
_COLLECTED = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def _silent(_text: str) -> None:
    """The default callback."""


@dataclass(frozen=True, slots=True)
class OperatorCount:
    """An operator and what it took."""

    operator: NativeOperator
    count: int


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """What one program did and needs. Bytes are of the program's own object files, as linked."""

    program: NativeProgram
    selftest: Verdict
    #: the self-test's words after FAIL
    difference: str
    #: of one inference, the longest when there are several samples; None when nothing counts
    instructions: int | None
    #: of one inference on the host, by the clock: no two runs are equal
    nanoseconds: int | None
    arena_bytes: int
    arena_used: int
    stack_bytes: int
    sizes: Sizes
    samples: int
    outputs: tuple[Output, ...]
    #: what each operator of an inference took: instructions on emulated boards, nanoseconds on the
    #: host; None when that was not asked for
    profile: tuple[OperatorCount, ...] | None = None
    #: beside TFLite Micro, when that was asked for
    comparison: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a run does beside running. ``random``: samples of noise (drawn with ``seed``) for
    programs without a file; ``golden``: where the first program's first sample is stored as a
    golden file."""

    random: int = 0
    seed: int = 0
    compare: bool = False
    golden: Path | None = None
    #: count what each operator takes, with one more build
    profile: bool = False


@dataclass(frozen=True, slots=True)
class ProjectRun:
    """The result of ``run``."""

    project: NativeProject
    counter: Counter
    programs: tuple[ProgramRun, ...]
    image: Path
    image_bytes: int
    image_ram_bytes: int

    @property
    def selftest(self) -> Verdict:
        """fail if any fails, else pass if any passes, else skip."""
        verdicts = {program.selftest for program in self.programs}
        return "fail" if "fail" in verdicts else "pass" if "pass" in verdicts else "skip"


def run(
    folder: Path,
    *,
    inputs: Mapping[str, Path] | None = None,
    output: Path | None = None,
    wishes: Wishes | None = None,
    seconds: float = 300.0,
    environment: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = _silent,
    line: Callable[[str], None] = _silent,
    build_line: Callable[[str], None] = _silent,
) -> ProjectRun:
    """Builds and runs the project in ``folder``.

    ``inputs``: program name (or "" for the only or first one) -> file with inputs; without one the
    reference input is used. ``output``: an .npz for ``out0`` … (``<name>/out0`` … of further
    programs). ``line`` gets the application's output as it comes, ``build_line`` the build's.
    Only files below ``build/`` change.

    Raises UsageError, ToolMissingError, or GenFwError when the build or a program fails.
    """
    project = load(folder)
    require(needed(project.toolchain, cxx=project.cxx))
    wishes = wishes or Wishes()
    given = _inputs(project, inputs or {}, wishes)
    built = build(project, environment=environment or {}, progress=progress, line=build_line)
    progress("running the application")
    app = executable(project, built, "app")
    application = _run(project, app, _empty(built / "run" / "app"), seconds, line)
    progress("measuring")
    measured, place = _measure(project, built, given, seconds)
    runs = {match[1]: match for match in _RUN.finditer(measured.text)}
    tests = {match[1]: match for match in _SELFTEST.finditer(measured.text)}
    for program in project.programs:
        if program.name not in runs or program.name not in tests:
            raise _broken(program, measured)
    if application.code != 0 and all(test[2] != "FAIL" for test in tests.values()):
        raise GenFwError(
            f"the application ended with code {application.code}",
            where=str(app),
            why=_last(application.text),
        )
    image = Image(app)
    counter = _counter(project)
    programs = tuple(
        _program(project, program, built, image, runs[program.name], tests[program.name], place)
        for program in project.programs
    )
    if counter == "valgrind callgrind":
        progress("counting instructions")
        programs = _counted(project, programs, built, seconds)
    if wishes.profile:
        progress("building the profile")
        counts = _profiled(project, given, seconds, environment or {}, build_line)
        programs = tuple(replace(entry, profile=counts[entry.program.name]) for entry in programs)
    if wishes.compare:
        programs = tuple(
            replace(
                entry,
                comparison=compare(
                    project, entry.program, given[entry.program.name], entry.outputs, progress
                ),
            )
            for entry in programs
        )
    if output is not None:
        save_outputs(output, _named(programs))
    if wishes.golden is not None:
        first = programs[0]
        save_golden(wishes.golden, first.program, given[first.program.name], first.outputs)
    return ProjectRun(project, counter, programs, app, image.bytes, image.ram)


def _inputs(
    project: NativeProject, inputs: Mapping[str, Path], wishes: Wishes
) -> dict[str, list[bytes]]:
    """Samples of each program that has some; every program's when they are needed later."""
    if wishes.compare:
        check_comparable(project)
    names = [program.name for program in project.programs]
    given: dict[str, list[bytes]] = {}
    for key, path in inputs.items():
        name = key or names[0]
        if name not in names:
            raise UsageError(f"there is no program {name!r}", hint=f"there is {', '.join(names)}")
        given[name] = read_inputs(path, project.programs[names.index(name)])
    wanted = wishes.random or int(wishes.compare or wishes.golden is not None)
    for program in project.programs if wanted else ():
        if program.name not in given:
            given[program.name] = random_inputs(program, wanted, wishes.seed)
    return given


def _empty(folder: Path) -> Path:
    """The folder, without what an earlier run has left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(
    project: NativeProject, binary: Path, cwd: Path, seconds: float, line: Callable[[str], None]
) -> Done:
    return stream(machine.command(project, binary), cwd, seconds=seconds, line=line)


def _measure(
    project: NativeProject, built: Path, given: Mapping[str, Sequence[bytes]], seconds: float
) -> tuple[Done, Path]:
    """Runs the runner on the inputs; its output, and the folder with the outputs."""
    place = _empty(built / "run" / "runner")
    for name, blobs in given.items():
        for index, blob in enumerate(blobs):
            (place / f"{name}_in{index}.bin").write_bytes(blob)
    runner = executable(project, built, "runner")
    return _run(project, runner, place, seconds, _silent), place


def _program(
    project: NativeProject,
    program: NativeProgram,
    built: Path,
    image: Image,
    run: re.Match[str],
    test: re.Match[str],
    place: Path,
) -> ProgramRun:
    samples, count = int(run[7]), int(run[5]) * 1_000_000 + int(run[6])
    files = [place / f"{program.name}_out{io.position}.bin" for io in program.outputs]
    verdict: dict[str, Verdict] = {"PASS": "pass", "FAIL": "fail", "SKIP": "skip"}
    return ProgramRun(
        program=program,
        selftest=verdict[test[2]],
        difference=test[3] or "",
        instructions=count if project.emulator else None,
        nanoseconds=None if project.emulator else count,
        arena_bytes=int(run[2]),
        arena_used=int(run[3]),
        stack_bytes=int(run[4]),
        sizes=image.part(_objects(built, program)),
        samples=samples,
        outputs=tuple(read_outputs(program, files, samples)),
    )


def _objects(built: Path, program: NativeProgram) -> list[Path]:
    """The program's object files: kernels, glue, weights; tflm's library, which programs share."""
    folders = [f"program_{program.name}.dir", *(["tflm.dir"] if program.runtime == "tflm" else [])]
    places = (built / "gen" / "CMakeFiles", built / "CMakeFiles")
    return sorted(
        path
        for folder in folders
        for place in places
        for path in (place / folder).rglob("*.o*")
        if path.suffix in (".o", ".obj")
    )


def _profiled(
    project: NativeProject,
    given: Mapping[str, Sequence[bytes]],
    seconds: float,
    environment: Mapping[str, str],
    line: Callable[[str], None],
) -> dict[str, tuple[OperatorCount, ...]]:
    """Program -> its operators in order with what each took."""
    others = [program.name for program in project.programs if not program.operators]
    if others:
        raise UsageError(
            f"--profile: {', '.join(others)} is not of runtime aot",
            why="only generated C tells when an operator begins and ends",
            hint="generate with --runtime aot",
        )
    built = build(project, environment=environment, progress=_silent, line=line, profile=True)
    measured, _ = _measure(project, built, given, seconds)
    found: dict[str, dict[int, int]] = {}
    for name, index, count in _PROFILE.findall(measured.text):
        found.setdefault(name, {})[int(index)] = int(count)
    for program in project.programs:
        if program.name not in found:
            raise _broken(program, measured)
    return {
        program.name: tuple(
            OperatorCount(operator, found[program.name].get(operator.index, 0))
            for operator in program.operators
        )
        for program in project.programs
    }


def _counter(project: NativeProject) -> Counter:
    if project.emulator:
        return "qemu -icount"
    if project.aitools:
        return ""  # it would count how the vector unit is simulated
    return "valgrind callgrind" if find(VALGRIND, version=False).ok else ""


def _counted(
    project: NativeProject, programs: tuple[ProgramRun, ...], built: Path, seconds: float
) -> tuple[ProgramRun, ...]:
    """The programs with the instructions of one inference of the reference input."""
    place = _empty(built / "run" / "count")
    runner = executable(project, built, "runner")
    counted = []
    for entry in programs:
        report = place / f"{entry.program.name}.callgrind"
        # valgrind runs about fifty times as long
        command = machine.counting(runner, entry.program.name, report)
        stream(command, place, seconds=seconds * 10, line=_silent)
        text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
        match = _COLLECTED.search(text)
        number = int(match[1]) if match and int(match[1]) else None
        counted.append(replace(entry, instructions=number))
    return tuple(counted)


def _named(programs: Sequence[ProgramRun]) -> list[tuple[str, Output]]:
    return [
        (f"{entry.program.name}/" * bool(index) + f"out{output.io.position}", output)
        for index, entry in enumerate(programs)
        for output in entry.outputs
    ]


def _broken(program: NativeProgram, done: Done) -> GenFwError:
    told = _FAILED.search(done.text)
    return GenFwError(
        f"{program.name} did not run to its end",
        why=told[0] if told else f"exit code {done.code}; {_last(done.text)}",
        hint="`gen-fw check` tells whether gen/ is as generated",
    )


def _last(text: str) -> str:
    lines = text.rstrip().splitlines()
    return "\n".join(lines[-5:]) if lines else "it printed nothing"
