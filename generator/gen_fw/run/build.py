# SPDX-License-Identifier: Apache-2.0
"""Configures and builds a project with CMake, in ``build/release`` of the project."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gen_fw.errors import GenFwError, ToolMissingError
from gen_fw.run.process import Done, stream
from gen_fw.run.project import NativeProject

#: folder below build/ of the runner that counts what each operator takes
_PROFILE = "profile"
_CONFIGURE_SECONDS = 300.0
_BUILD_SECONDS = 3600.0
_SHOWN_LINES = 40
_FAILURE = re.compile(r"(error:|error |FAILED:|undefined reference|will not fit|overflowed)", re.I)
#: what gen/tflm.cmake says of trees and headers that are not there: the fault, and what to do
_LACKING = re.compile(
    r"(\w+ does not name a folder that has [^;]+); (configure with \S+)"
    r"|(\S+ has no headers of the C\+\+ library)\. (Name a folder .*?/c\+\+)"
)
_PERCENT = re.compile(r"\[\s*(\d+)(?:/(\d+)|%)\]")


def build(
    project: NativeProject,
    *,
    environment: Mapping[str, str],
    progress: Callable[[str], None],
    line: Callable[[str], None],
    profile: bool = False,
) -> Path:
    """The build folder, with the application and the runner in it; with ``profile``, another one
    with the runner that counts by operator.

    ``environment`` is looked at for what the project's runtime needs. Raises ToolMissingError when
    the runtime's tree is not named, GenFwError with the compiler's messages when the build fails.
    """
    preset = project.preset
    folder = project.folder / "build" / (_PROFILE if profile else preset)
    cache = folder / "CMakeCache.txt"
    needs_tflm = project.cxx and not project.aitools
    if needs_tflm and not environment.get("TFLM_ROOT") and not _cached(cache, "TFLM_ROOT"):
        raise ToolMissingError(
            "TFLM_ROOT is not set",
            why="runtime tflm is compiled from a tree of tflite-micro, which the variable names",
            hint="git clone https://github.com/tensorflow/tflite-micro, "
            "then TFLM_ROOT=.../tflite-micro gen-fw run ...; or generate with --runtime aot",
        )
    arguments = []
    if project.aitools:
        arguments.append(f"-DXMOS_AITOOLSLIB_PATH={_runtime(project)}")
    if profile:
        arguments.append("-DGEN_FW_PROFILE=ON")
    progress("configuring")
    configure(project, folder, arguments, line=line)
    progress("building")
    shown = 0

    def told(text: str) -> None:
        nonlocal shown
        line(text)
        step = _PERCENT.match(text)
        percent = 100 * int(step[1]) // max(1, int(step[2] or 100)) if step else 0
        if percent >= shown + 20:  # a line for each fifth
            shown = percent
            progress(f"building: {percent} %")

    targets = ["runner"] if profile else ["all", "runner"]
    done = compile_targets(project, folder, targets, line=told)
    if done.code != 0:
        raise failed("the project does not build", project, done.text)
    return folder


def configure(
    project: NativeProject, folder: Path, arguments: Sequence[str], *, line: Callable[[str], None]
) -> None:
    """Makes ``folder`` a build folder of the project; ``arguments`` are CMake's, beside those of
    the preset. Raises ToolMissingError or GenFwError."""
    preset = project.preset
    cache = folder / "CMakeCache.txt"
    home = _cached(cache, "CMAKE_HOME_DIRECTORY")
    if home and Path(home) != project.folder:
        cache.unlink()  # the folder was moved or copied; CMake insists
    command = ["cmake", "--preset", preset, *arguments]
    if folder != project.folder / "build" / preset:
        command += ["-B", str(folder)]
    if not cache.is_file() and shutil.which("ninja"):
        command += ["-G", "Ninja"]
    done = stream(command, project.folder, seconds=_CONFIGURE_SECONDS, line=line)
    if done.code != 0:
        error = failed("cmake cannot configure the project", project, done.text)
        lacking = _LACKING.search(" ".join(done.text.split()))
        if lacking:
            what, hint = (group for group in lacking.groups() if group)
            raise ToolMissingError(what, where=error.where, hint=hint)
        raise error


def compile_targets(
    project: NativeProject,
    folder: Path,
    targets: Sequence[str],
    *,
    line: Callable[[str], None],
    jobs: int = 2,
) -> Done:
    """Builds the targets, ``jobs`` files at a time; the caller looks at the exit code."""
    command = ["cmake", "--build", str(folder), "--target", *targets, "--parallel", str(jobs)]
    return stream(command, project.folder, seconds=_BUILD_SECONDS, line=line)


def executable(project: NativeProject, build_folder: Path, target: str) -> Path:
    """The file of the application (``app``) or the ``runner``."""
    suffix = ".elf" if project.emulator else ""
    if target == "app":
        return build_folder / "app" / f"{project.name}{suffix}"
    return build_folder / "gen" / f"{target}{suffix}"


def _runtime(project: NativeProject) -> Path:
    """The folder of XMOS's AI tools with the library for this computer. Raises ToolMissingError."""
    from gen_fw.compilers.xmos_wheel import INSTALL, find_wheel

    wheel = find_wheel()
    if wheel.host_library() is None:
        raise ToolMissingError(
            "XMOS's AI tools have no library for this computer",
            where=str(wheel.runtime),
            why=f"release {wheel.version} is installed",
            hint=INSTALL,
        )
    return wheel.runtime


def _cached(cache: Path, name: str) -> str:
    """An entry of CMakeCache.txt; empty when there is none."""
    try:
        text = cache.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = re.search(rf"^{name}:\w+=(.+)$", text, re.MULTILINE)
    return match[1] if match else ""


def failed(what: str, project: NativeProject, text: str) -> GenFwError:
    """An error with what the tool has said, from its first complaint on."""
    lines = text.rstrip().splitlines()
    first = next((i for i, line in enumerate(lines) if _FAILURE.search(line)), None)
    shown = lines[-_SHOWN_LINES:] if first is None else lines[first : first + _SHOWN_LINES]
    return GenFwError(what, where=str(project.folder), why="\n".join(shown))
