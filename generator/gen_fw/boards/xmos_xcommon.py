# SPDX-License-Identifier: Apache-2.0
"""The ``[xmos_xcommon]`` table of a board with an XMOS xcore.ai: how XTC names it, its tiles,
the flash's partitions, and external memory."""

from __future__ import annotations

import re
from typing import Any

from gen_fw.boards.board import Memory
from gen_fw.boards.table import Table

#: a target that XTC ships
_TARGET = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")
#: a network description in the project
_XN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.xn")
_TILES = ("tile0", "tile1")


def read(table: Table, memories: tuple[Memory, ...]) -> dict[str, Any]:
    """The family's data.

    Keys: ``target`` (XTC's name of the board) or ``xn`` (a network description in the project's
    ``gen/``, which gen-fw writes), ``architecture`` (of the tiles, as xcore-opt calls it),
    ``boot_bytes`` (of the flash, before the data partition), ``lpddr_mbit`` (0: none; only for a
    description that gen-fw writes).

    Added: ``tiles``, names of the tiles' memories; ``c_library``, empty.

    Raises:
        UsageError: a key is missing, unknown, malformed, or contradicts the memories.
    """
    names = [memory.name for memory in memories]
    tiles = [name for name in _TILES if name in names]
    data: dict[str, Any] = {
        "target": table.word("target", _TARGET, ""),
        "xn": table.word("xn", _XN, ""),
        "architecture": table.choice("architecture", ("XS3A",), "XS3A"),
        "boot_bytes": table.integer("boot_bytes", 0, 1 << 28, 0),
        "lpddr_mbit": table.integer("lpddr_mbit", 0, 4096, 0),
        "tiles": tiles,
        "c_library": "",
    }
    table.close()
    if bool(data["target"]) == bool(data["xn"]):
        table.fail("target", "a board has either a target of XTC or an xn of its own")
    if "tile0" not in names:
        table.fail("", 'the board needs a memory "tile0"', why="the RAM of its first tile")
    if data["lpddr_mbit"] and "lpddr" not in names:
        table.fail("lpddr_mbit", 'the board has no memory "lpddr"')
    if "flash" in names and data["boot_bytes"] == 0:
        table.fail("boot_bytes", "required key is missing", why="the boot image lies in the flash")
    return data
