# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of many versions of one kernel on an emulated board.

The versions are compiled within a generated project of that board, with its options, start-up code
and linker script, into one firmware (``bench_source``), which runs once in the emulator. Each
starts with the same inputs; a digest of what it has written tells whether versions agree.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gen_fw.errors import GenFwError, UsageError
from gen_fw.run import bench_source as source
from gen_fw.run import machine
from gen_fw.run.bench_source import Buffer
from gen_fw.run.build import compile_targets, configure, failed
from gen_fw.run.elf import Image
from gen_fw.run.process import Done, stream
from gen_fw.run.project import NativeProject
from gen_fw.run.tools import needed, require

#: versions that are compiled into one firmware
SLOTS = 16
_TARGET = "gen_fw_bench"
_RESULT = re.compile(
    r"^KERNEL (\d+) (\d+)\*1000000\+(\d+) ([0-9a-f]{16}) (OK|BEYOND)\s*$", re.MULTILINE
)
_BEGIN = re.compile(r"^BEGIN (\d+)\s*$", re.MULTILINE)
_FAULT = re.compile(r"^FAULT .*$", re.MULTILINE)
_SLOT_FILE = re.compile(r"\bslot_(\d+)\.c\b")
_TOO_LARGE = re.compile(r"will not fit|overflowed|do not fit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function with pointers as parameters: what they point to, in order."""

    entry: str
    buffers: tuple[Buffer, ...]


def widest(kernels: Sequence[Kernel]) -> Kernel:
    """One kernel for versions that differ in the sizes of their buffers only."""
    columns = zip(*(kernel.buffers for kernel in kernels), strict=True)
    buffers = tuple(max(column, key=lambda buffer: buffer.length) for column in columns)
    return Kernel(kernels[0].entry, buffers)


@dataclass(frozen=True, slots=True)
class Count:
    """What one version took. ``fault`` is empty when it ran to its end; else the rest is 0."""

    instructions: int = 0
    #: of all that it has written
    digest: str = ""
    #: of its object file: code and constants
    bytes: int = 0
    fault: str = ""


def _silent(_text: str) -> None:
    """The default callback."""


def processors() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


class Bench:
    """A bench in ``folder``, which it keeps its sources and its build in. ``project`` must be for
    an emulated board. Raises ToolMissingError, UsageError, or GenFwError when CMake fails."""

    def __init__(
        self,
        project: NativeProject,
        folder: Path,
        *,
        jobs: int | None = None,
        seconds: float = 120.0,
        line: Callable[[str], None] = _silent,
    ) -> None:
        if not project.emulator:
            raise UsageError(
                "instructions of single kernels are counted on emulated boards only",
                where=project.board,
                hint="choose one of the boards qemu-...",
            )
        require(needed(project.toolchain))
        self._project = project
        self._sources = folder.resolve() / "bench"
        self._build = folder.resolve() / "build"
        self._jobs = jobs or processors()
        self._seconds = seconds
        self._line = line
        self._sources.mkdir(parents=True, exist_ok=True)
        self._write("hook.cmake", source.HOOK_CMAKE)
        self._write("target.cmake", source.target_cmake(SLOTS))
        self._write("bench.h", source.HEADER)
        self._write("main.c", source.main_source(()))
        self._write("buffers.c", source.buffers_source(()))
        for index in range(SLOTS):
            self._write(source.slot_file(index), source.EMPTY_SLOT)
        arguments = [
            f"-DGEN_FW_BENCH={self._sources.as_posix()}",
            f"-DCMAKE_PROJECT_INCLUDE={(self._sources / 'hook.cmake').as_posix()}",
        ]
        configure(project, self._build, arguments, line=line)

    def count(self, kernel: Kernel, texts: Sequence[str]) -> list[Count]:
        """Counts for each text, a complete C file that defines ``kernel.entry``.

        A version that does not compile, does not fit, crashes or runs too long has a ``fault``;
        the others are counted. Raises GenFwError when the bench itself does not build or run.
        """
        self._write("buffers.c", source.buffers_source(kernel.buffers))
        results: list[Count] = []
        for start in range(0, len(texts), SLOTS):
            part = list(texts[start : start + SLOTS])
            results += self._batch(kernel, dict(enumerate(part)))
        return results

    def _batch(self, kernel: Kernel, texts: dict[int, str]) -> list[Count]:
        """Counts of at most SLOTS texts, by slot."""
        found: dict[int, Count] = {}
        waiting = dict(texts)
        size = len(waiting)
        while waiting:
            slots = sorted(waiting)[:size]
            for index in range(SLOTS):
                text = source.EMPTY_SLOT
                if index in slots:
                    text = source.slot_source(
                        index, waiting[index], kernel.entry, len(kernel.buffers)
                    )
                self._write(source.slot_file(index), text)
            self._write("main.c", source.main_source(slots))
            built = compile_targets(
                self._project, self._build, [_TARGET], line=self._line, jobs=self._jobs
            )
            if built.code != 0:
                faults, size = self._unbuilt(built, slots, size)
            else:
                faults = self._run(slots, found)
            found.update(faults)
            waiting = {index: text for index, text in waiting.items() if index not in found}
        return [found[index] for index in sorted(found)]

    def _unbuilt(
        self, built: Done, slots: Sequence[int], size: int
    ) -> tuple[dict[int, Count], int]:
        """Which slots are at fault that the bench does not build, and how many to try at once."""
        lines = built.text.splitlines()
        guilty: dict[int, Count] = {}
        for text in lines:
            match = _SLOT_FILE.search(text)
            if match and "error:" in text and int(match[1]) in slots:
                guilty.setdefault(int(match[1]), Count(fault=f"does not compile: {text.strip()}"))
        if guilty:
            return guilty, size
        if _TOO_LARGE.search(built.text):
            if len(slots) == 1:
                return {slots[0]: Count(fault="does not fit into the board's memory")}, size
            return {}, max(1, len(slots) // 2)
        raise failed("the kernels' bench does not build", self._project, built.text)

    def _run(self, slots: Sequence[int], found: dict[int, Count]) -> dict[int, Count]:
        """Runs the bench: results go to ``found``, the result is the version that ended it."""
        image = self._build / f"{_TARGET}.elf"
        command = machine.command(self._project, image)
        late = ""
        lines: list[str] = []
        try:
            done = stream(command, self._build, seconds=self._seconds, line=lines.append)
            text, code = done.text, done.code
        except GenFwError as error:
            late, text, code = error.what, "\n".join(lines), 1
        for match in _RESULT.finditer(text):
            index = int(match[1])
            count = int(match[2]) * 1_000_000 + int(match[3])
            fault = "" if match[5] == "OK" else "it writes beyond its scratch memory"
            found[index] = Count(0 if fault else count, match[4], self._bytes(index), fault)
        begun = [int(match[1]) for match in _BEGIN.finditer(text)]
        if begun and begun[-1] not in found:
            trap = _FAULT.search(text)
            why = late or (trap[0] if trap else f"the program ended with code {code}")
            return {begun[-1]: Count(fault=why)}
        if any(index not in found for index in slots):
            last = "\n".join(text.splitlines()[-5:]) or "it printed nothing"
            raise GenFwError(
                "the kernels' bench did not run to its end", where=str(image), why=late or last
            )
        return {}

    def _bytes(self, index: int) -> int:
        """Bytes of flash that a version takes, as its object file tells."""
        name = source.slot_file(index)
        place = self._build / "CMakeFiles" / f"{_TARGET}.dir"
        return max((Image(path).bytes for path in place.rglob(f"{name}.o*")), default=0)

    def _write(self, name: str, text: str) -> None:
        """Writes a file if it is not so already: what is as before is not compiled again."""
        path = self._sources / name
        data = text.encode()
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
