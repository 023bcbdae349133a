# SPDX-License-Identifier: Apache-2.0
"""Which of a user's tuning records a model's kernels get."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.records import for_board, read_records
from gen_fw.errors import Diagnostic


class Tuned:
    """The records of a file's contents for a board; raises UsageError when they are damaged."""

    def __init__(self, data: bytes, board: Board | None) -> None:
        self._read = read_records(data) if data else None
        self._board = board
        records = self._read.records if self._read else ()
        self._chosen = for_board(records, board)

    @property
    def knobs(self) -> Mapping[str, Mapping[str, int]]:
        """By the kernel's key."""
        return {name: record.knobs for name, record in self._chosen.items()}

    def report(self, kernels: Set[str]) -> dict[str, Any]:
        """``tunable_kernels`` and ``tuned_kernels``: numbers of them; ``notes``: what a user should
        know."""
        used = [self._chosen[name] for name in sorted(kernels & self._chosen.keys())]
        notes = list(self._read.notes) if self._read else []
        board = self._board
        foreign = sorted({record.board for record in used if board and record.isa != board.cpu.isa})
        if self._read and not used:
            boards = ", ".join(sorted({record.board for record in self._read.records})[:4])
            notes.append(
                Diagnostic(
                    "none of the tuning records is for a kernel of this model",
                    why=f"there are {len(self._read.records)}, of {boards or 'no board'}",
                    hint="gen-fw tvm tune MODEL --board qemu-... makes some",
                )
            )
        elif foreign and board:
            notes.append(
                Diagnostic(
                    f"tuning records of {', '.join(foreign)} are used for {board.cpu.isa}",
                    why="another processor may prefer other schedules; results are the same",
                )
            )
        return {"tunable_kernels": len(kernels), "tuned_kernels": len(used), "notes": notes}
