# SPDX-License-Identifier: Apache-2.0
"""Where a program on xcore.ai runs, and where its parameters lie: the memory modes of XMOS's guide.

A tile has its own RAM, which nothing else addresses: the other tile's RAM and the flash are read
over a channel from a server thread. External memory (LPDDR) is addressed by one tile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gen_fw.boards.board import Board
from gen_fw.errors import UsageError
from gen_fw.program import Placement

#: inside the tile's own RAM; read from flash or from the other tile's RAM by a server; external
Kind = Literal["inside", "flash", "tile", "external"]

FLASH, LPDDR = "flash", "lpddr"


@dataclass(frozen=True, slots=True)
class Mode:
    """``tile`` executes (``tile0`` or ``tile1``); ``arena`` and ``model`` are names of memories."""

    tile: str
    arena: str
    model: str

    @property
    def kind(self) -> Kind:
        if self.model == self.tile:
            return "inside"
        if self.model == FLASH:
            return "flash"
        return "external" if self.model == LPDDR else "tile"

    @property
    def placement(self) -> Placement:
        return Placement({"arena": self.arena, "model": self.model, "code": self.tile})

    @property
    def words(self) -> str:
        """What ``--place`` says of it."""
        parts = [f"model={self.model}"]
        if self.arena != self.tile:
            parts.append(f"arena={self.arena}")
        if self.tile != "tile0":
            parts.append(f"code={self.tile}")
        return "--place " + " ".join(parts)

    @property
    def title(self) -> str:
        where = {
            "inside": "everything internal",
            "flash": "parameters in flash",
            "tile": f"parameters in the RAM of {self.model}",
            "external": "parameters in LPDDR",
        }[self.kind]
        return where if self.arena == self.tile else f"{where}, arena in LPDDR"


def modes(board: Board, wanted: Mapping[str, str]) -> Iterator[Mode]:
    """All modes that follow ``--place``, in the order of advice: everything internal, flash, RAM of
    the other tile, LPDDR for parameters, for the arena, for both; on tile0, then on tile1.

    A role without a word of ``--place`` may be anywhere; ``check_wanted`` saw the words.
    """
    tiles = board.placement["code"]
    order = {name: rank for rank, name in enumerate(("inside", "flash", "tile", "external"))}
    found = [
        Mode(tile, arena, model)
        for tile in tiles
        for arena in board.placement["arena"]
        if arena in (tile, LPDDR)
        for model in board.placement["model"]
    ]
    found = [
        mode
        for mode in found
        if all(mode.placement.memories[role] == name for role, name in wanted.items())  # type: ignore[index]
    ]
    found.sort(
        key=lambda mode: (
            LPDDR in (mode.arena, mode.model),
            mode.arena == LPDDR,
            order[mode.kind],
            tiles.index(mode.tile),
        )
    )
    yield from found


def first_choice(board: Board, wanted: Mapping[str, str]) -> Mode:
    """What ``--place`` means where it leaves something open: on tile0, or on the tile that it puts
    the arena or the code into; all that it does not name in that tile's RAM.

    Raises UsageError when no mode follows the words.
    """
    tiles = board.placement["code"]
    tile = wanted.get("code") or (wanted["arena"] if wanted.get("arena") in tiles else tiles[0])
    mode = Mode(tile, wanted.get("arena", tile), wanted.get("model", tile))
    if mode.arena not in (tile, LPDDR):
        raise UsageError(
            f"--place arena={mode.arena} code={tile}: a tile has no access to the other one's RAM",
            hint=f"--place arena={tile} code={tile}",
        )
    return mode


def check_tiles(mine: Sequence[Mode]) -> None:
    """Raises UsageError when two tiles would use the external memory."""
    users = {mode.tile for mode in mine if LPDDR in (mode.arena, mode.model)}
    if len(users) > 1:
        raise UsageError(
            "two tiles would use the LPDDR",
            why="xcore.ai connects it to one tile of an application",
            hint="place one of the models elsewhere",
        )
