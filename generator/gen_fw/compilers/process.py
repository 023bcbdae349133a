# SPDX-License-Identifier: Apache-2.0
"""A vendor's compiler as a child process: limits on time, memory and output, nothing of the user's
environment, and addresses that are the same in every run."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_CHILD = Path(__file__).resolve().parent / "limited_child.py"
_MAX_TALK = 4 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """Exit code (negative: minus the signal's number), and standard output and error, mixed."""

    code: int
    text: str

    @property
    def crash(self) -> str:
        """Which signal ended the process; "" when none did."""
        if self.code >= 0:
            return ""
        try:
            return f"it crashed ({signal.Signals(-self.code).name})"
        except ValueError:
            return f"it crashed (signal {-self.code})"


def run_limited(command: list[str], folder: Path, seconds: float, memory: int) -> Finished:
    """Runs the command (an absolute path and its arguments) in ``folder``, which gets a file
    ``talk.txt``. ``memory`` in bytes. Raises subprocess.TimeoutExpired."""
    # threads take CPU time side by side
    limits = [str(memory), str(4 * int(seconds) + 1)]
    # no proxies, no plug-ins. A numeric library that starts a thread for each core would run into
    # the limit of memory on large machines
    environment = {
        **{"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
        **{"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    }
    with (folder / "talk.txt").open("w+b") as talk:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD), *limits, *command],
            cwd=folder,
            env=None if sys.platform == "win32" else environment,
            stdin=subprocess.DEVNULL,
            stdout=talk,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
        talk.seek(0)
        text = talk.read(_MAX_TALK).decode("utf-8", "replace")
    return Finished(done.returncode, text)
