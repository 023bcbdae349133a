# SPDX-License-Identifier: Apache-2.0
"""What a project's layout takes from a board: not every layout can put everything everywhere."""

from __future__ import annotations

from dataclasses import replace

from gen_fw.boards.board import Board
from gen_fw.errors import UsageError


def for_layout(board: Board, layout: str) -> Board:
    """The board as a project of this layout sees it; the board itself for most layouts.

    In Alif's ML Embedded Evaluation Kit (``mlek``) the kit's linker scripts say what lies where.

    Raises UsageError when the kit has no linker script for the board.
    """
    if board.family != "alif_cmake" or layout != "mlek":
        return board
    scripts = board.family_data["mlek_scripts"]
    if not scripts:
        raise UsageError(
            f"the ML Embedded Evaluation Kit has no linker script for {board.name}",
            where="--layout mlek",
            hint="--layout cmake, or csolution",
        )
    models = {name for script in scripts for name in script["models"]}
    placement = {
        **board.placement,
        "arena": tuple(dict.fromkeys(script["arena"] for script in scripts)),
        "model": tuple(name for name in board.placement["model"] if name in models),
    }
    return replace(board, placement=placement)
