# SPDX-License-Identifier: Apache-2.0
"""How an executable of a project is started: directly, in the emulator, or under valgrind."""

from __future__ import annotations

from pathlib import Path

from gen_fw.run.project import NativeProject

#: machines that need to be told more (``virt`` starts firmware of its own otherwise)
_MACHINE_OPTIONS = {"virt": ("-bios", "none", "-m", "64M")}


def command(project: NativeProject, executable: Path) -> list[str]:
    """The command line that runs the executable, console on standard output.

    With ``-icount`` every instruction takes 2^shift ns of emulated time, so that timers count
    instructions, and two runs are equal.
    """
    if not project.emulator:
        return [str(executable)]
    return [
        project.emulator,
        *("-M", project.machine),
        *_MACHINE_OPTIONS.get(project.machine, ()),
        *("-icount", f"shift={project.icount_shift},sleep=off"),
        *("-display", "none", "-monitor", "none", "-serial", "none"),
        *("-chardev", "stdio,id=console"),
        *("-semihosting-config", "enable=on,target=native,chardev=console"),
        *("-kernel", str(executable)),
    ]


def counting(executable: Path, program: str, report: Path) -> list[str]:
    """The command line that counts the instructions of one inference of ``program`` on the host."""
    return [
        "valgrind",
        "--tool=callgrind",
        f"--callgrind-out-file={report}",
        f"--toggle-collect={program}_runner_invoke",
        str(executable),
    ]
