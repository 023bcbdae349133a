# SPDX-License-Identifier: Apache-2.0
"""Stepping through every change that the writer makes to the file system, and dying at one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from gen_fw.project import folder as folder_module

Step = Callable[[int, str, Callable[..., Any], tuple[Any, ...]], None]


class Steps:
    """Stands for the module ``os`` in the one module that touches projects, and calls ``step``
    with (number, name, function, arguments) before every call that changes the file system.
    fsync does nothing else: it makes no difference to a process that dies, only to a machine."""

    _CHANGING = frozenset(["write", "fsync", "rename", "unlink", "mkdir", "rmdir"])

    def __init__(self, step: Step) -> None:
        self.step = step
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        function = getattr(os, name)
        if name not in self._CHANGING and name != "open":
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            if name != "open" or args[1] & os.O_CREAT:
                self.count += 1
                self.step(self.count - 1, name, function, args)
            return None if name == "fsync" else function(*args, **kwargs)

        return call


def stepping(step: Step, work: Callable[[], object]) -> int:
    """Do ``work`` with ``step`` before each change; how many changes there were."""
    steps = Steps(step)
    folder_module.os = steps  # type: ignore[assignment,misc]
    try:
        work()
    finally:
        without_fsync()
    return steps.count


def count_steps(work: Callable[[], object]) -> int:
    return stepping(lambda *_: None, work)


def child(work: Callable[[], object]) -> int:
    """Start a process that does ``work``; its id."""
    if pid := os.fork():
        return pid
    try:
        work()
    finally:
        os._exit(0)


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process that kills itself at a step; whether it got that far. A write that
    is cut short leaves half of its block."""

    def step(count: int, name: str, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if count == number:
            if name == "write":
                function(args[0], args[1][: len(args[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

    _, status = os.waitpid(child(lambda: stepping(step, work)), 0)
    return os.WIFSIGNALED(status)


def without_fsync() -> None:
    """Projects are written without waiting for the disk, until ``folder_module.os`` is restored."""
    folder_module.os = Steps(lambda *_: None)  # type: ignore[assignment,misc]


def restore() -> None:
    """Projects are written for real again."""
    folder_module.os = os  # type: ignore[misc]
