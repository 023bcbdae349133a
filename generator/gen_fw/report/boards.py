# SPDX-License-Identifier: Apache-2.0
"""Boards as tables and JSON (schema gen-fw/boards/1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gen_fw.boards.board import Board
from gen_fw.boards.document import board_document

if TYPE_CHECKING:
    from rich.console import Console


def list_document(boards: Sequence[Board]) -> dict[str, Any]:
    return {"schema": "gen-fw/boards/1", "boards": [board_document(board) for board in boards]}


def show_document(board: Board) -> dict[str, Any]:
    return {"schema": "gen-fw/boards/1", "boards": [board_document(board)]}


def show_list(boards: Sequence[Board], console: Console) -> None:
    from gen_fw.report.tables import count, table

    def largest(board: Board, kind: str) -> str:
        return " + ".join(
            f"{m.name} {count(m.bytes // 1024)} KiB" for m in board.memories if m.kind == kind
        )

    console.print(
        table(
            f"{len(boards)} boards",
            ["board", "title", "cpu", ">MHz", "ram", "rom", "runtime"],
            [
                (
                    board.name,
                    board.title,
                    f"{board.cpu.cores}x {board.cpu.isa}",
                    board.cpu.clock_mhz,
                    largest(board, "ram"),
                    largest(board, "rom"),
                    f"{board.default_runtime} / {board.kernels}",
                )
                for board in boards
            ],
        )
    )


def show(board: Board, console: Console) -> None:
    from gen_fw.report.tables import table

    console.print(f"{board.name}: {board.title}", markup=False)
    console.print(
        f"{board.vendor}, family {board.family}, {board.cpu.cores}x {board.cpu.isa} at "
        f"{board.cpu.clock_mhz} MHz, {board.sdk.name} {board.sdk.requires}, "
        f"runtime {board.default_runtime} with {board.kernels}",
        markup=False,
    )
    npu = board.accelerator
    seen = ["NPU sees it"] if npu is not None else []
    console.print(
        table(
            "memories",
            ["name", "kind", ">bytes", ">reserved", "roles, best first", *seen, "note"],
            [
                (
                    memory.name,
                    memory.kind,
                    memory.bytes,
                    memory.reserved,
                    ", ".join(
                        role for role, names in board.placement.items() if memory.name in names
                    ),
                    *(("yes" if memory.npu_visible else "no",) if seen else ()),
                    memory.note,
                )
                for memory in board.memories
            ],
        )
    )
    if npu is not None:
        console.print(
            f"accelerator {npu.name} at {npu.base:#010x}, IRQ {npu.irq}, compiled for by "
            f"{npu.compiler}",
            markup=False,
        )
        console.print(
            table(
                "placements that it serves",
                ["arena", "model", "system configuration", "memory mode"],
                [(e.arena, e.model, e.system_config, e.memory_mode) for e in npu.system_configs],
            )
        )
    console.print("sources:", markup=False)
    for source in board.sources:
        console.print(f"  {source}", markup=False)
