# SPDX-License-Identifier: Apache-2.0
"""What the templates of the ``native_cmake`` family need beyond programs and boards."""

from __future__ import annotations

from typing import Any

from gen_fw.boards.board import Board
from gen_fw.program import Firmware, RegionRole
from gen_fw.project.tflm_tree import tflm_tree

#: roles that are buffers of the generated code
_BUFFERS: tuple[RegionRole, ...] = ("arena", "persistent")


def data(firmware: Firmware, board: Board) -> dict[str, Any]:
    """The board's own table, what ``tflm_tree`` says of the programs, and:

    ``regions``: the memories as the linker sees them; ``sections``: roles whose buffers lie in
    another memory than all data, with that memory; ``flags``: conditions for family.toml.
    """
    facts = board.family_data
    placed = firmware.chosen.placement.memories
    return {
        **facts,
        **tflm_tree(firmware),
        "regions": [
            {
                "name": memory.name,
                "macro": _macro(memory.name),
                "kind": memory.kind,
                "origin": f"0x{facts['origins'][memory.name]:08x}",
                "bytes": memory.bytes,
            }
            for memory in board.memories
            if memory.name in facts["origins"]
        ],
        "sections": [
            {"role": role, "memory": placed[role], "macro": _macro(placed[role])}
            for role in _BUFFERS
            if facts["machine"] and placed.get(role, "ram") != "ram"
        ],
        "vectors": f"0x{facts['origins']['vectors']:08x}" if "vectors" in facts["origins"] else "",
        "flags": [
            "emulated" if facts["machine"] else "host",
            *([f"toolchain-{facts['toolchain']}"] if facts["toolchain"] else []),
        ],
    }


def _macro(memory: str) -> str:
    """The memory's name in the linker script."""
    return memory.replace("-", "_").upper()
