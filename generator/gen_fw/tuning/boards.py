# SPDX-License-Identifier: Apache-2.0
"""On which boards schedules can be tuned: those that QEMU emulates, counting instructions."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.records import isa_family
from gen_fw.errors import UsageError


def emulated(board: Board) -> bool:
    return bool(board.family_data.get("machine")) and board.family == "native_cmake"


def check_tunable(board: Board, known: Sequence[Board]) -> None:
    """Raises UsageError for a board that is not emulated; the hint names one that is and executes
    the same instructions, if there is one."""
    if emulated(board):
        return
    boards = [one for one in known if emulated(one)]
    same = [one.name for one in boards if one.cpu.isa == board.cpu.isa]
    alike = [one.name for one in boards if isa_family(one.cpu.isa) == isa_family(board.cpu.isa)]
    names = ", ".join(one.name for one in boards)
    if same:
        advice = f"--board {same[0]} executes the same instructions ({board.cpu.isa})"
    elif alike:
        advice = f"--board {alike[0]} comes nearest to {board.cpu.isa}"
    else:
        advice = f"no emulated board executes {board.cpu.isa}; there are {names}"
    raise UsageError(
        "schedules are tuned on emulated boards",
        where=board.name,
        why="instructions are counted by QEMU, and it does not emulate this board",
        hint=f"{advice}; its records serve {board.name} too: --tuning-records FILE",
    )
