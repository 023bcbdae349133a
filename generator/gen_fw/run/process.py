# SPDX-License-Identifier: Apache-2.0
"""Child processes with a time limit, their output line by line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gen_fw.errors import GenFwError

Line = Callable[[str], None]
#: a program that prints without end is stopped here
_MAX_OUTPUT = 16 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """How a process ended: its exit code, and its standard output and error, mixed."""

    code: int
    text: str


def stream(command: Sequence[str], cwd: Path, *, seconds: float, line: Line) -> Done:
    """Runs the command, hands over every line of its output as it comes.

    Raises GenFwError when it does not start, runs longer than ``seconds`` or prints over 16 MiB;
    it is then killed with its children.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise GenFwError(f"{command[0]} does not start", why=error.strerror or str(error)) from None
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    lines: list[str] = []
    size = 0
    try:
        assert process.stdout is not None
        for text in process.stdout:
            size += len(text)
            if size > _MAX_OUTPUT:
                break
            lines.append(text)
            line(text.rstrip("\n"))
        if size <= _MAX_OUTPUT:
            process.wait()
    finally:
        timer.cancel()
        _kill(process)  # also when the user interrupts
        process.wait()
    if late.is_set():
        raise GenFwError(
            f"{Path(command[0]).name} was stopped after {seconds:g} s",
            why=_last(lines),
            hint="--timeout SECONDS allows more",
        )
    if size > _MAX_OUTPUT:
        raise GenFwError(f"{Path(command[0]).name} prints without end", why=_last(lines))
    return Done(process.returncode, "".join(lines))


def _kill(process: subprocess.Popen[str]) -> None:
    """Kills what is left of the process and its children."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _last(lines: Sequence[str]) -> str:
    return "last output: " + lines[-1].strip()[:200] if lines else "it printed nothing"
