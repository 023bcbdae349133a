# SPDX-License-Identifier: Apache-2.0
"""What the templates of the ``xmos_xcommon`` family need beyond programs and boards: which tile
executes what, and which server sends parameters to whom."""

from __future__ import annotations

from typing import Any

from gen_fw.boards.board import Board
from gen_fw.program import Firmware, Program

_PAGE_BYTES = 256
#: the tiles' applications, in src/main.cpp
_MAIN, _OTHER = "app_main", "app_tile1"


def data(firmware: Firmware, board: Board) -> dict[str, Any]:
    """The board's own table, and:

    ``plain``: the programs are C, without XMOS's AI tools; ``version`` of xmos-ai-tools, empty for
    plain C; ``layout`` (``sequence`` or ``tiles``); ``engines``: names of the
    programs with parameters in flash, in the order of the image; ``image_bytes``; ``servers``:
    which kinds run (``flash``, ``tile``); ``channels``: programs with a channel to a server;
    ``entries``: [{tile, function, channels, quits}] of tiles that execute; ``applications``:
    function -> programs; ``jobs``: tile -> calls; ``two_tiles``: main is in XC; ``dispatched``,
    ``asynchronous``; ``flash_pages``; ``flags``: conditions for family.toml.
    """
    facts = board.family_data
    programs = firmware.programs
    mine = [_of(program) for program in programs]
    engines = [p.name for p in programs if _of(p)["kind"] == "flash"]
    served = [p.name for p in programs if _of(p)["kind"] == "tile"]
    tiles = list(dict.fromkeys(one["tile"] for one in mine))
    by_tile = len(tiles) > 1
    two_tiles = by_tile or bool(served) or tiles != ["tile0"]
    entries = [
        _entry(tile, [p for p in programs if _of(p)["tile"] == tile], last=not by_tile)
        for tile in sorted(tiles)
    ]
    flash = [memory for memory in board.memories if memory.name == "flash"]
    image = [part for p in programs for part in p.constants if part.label == "flash.bin"]
    return {
        **facts,
        "plain": not any(program.runtime == "xcore" for program in programs),
        "version": mine[0]["version"],
        "layout": "tiles" if by_tile else "sequence",
        "engines": engines,
        "image_bytes": len(image[0].data) if image else 0,
        "servers": ["flash"] * bool(engines) + ["tile"] * bool(served),
        "channels": [*engines, *served],
        "entries": entries,
        "applications": {entry["function"]: entry["programs"] for entry in entries},
        "jobs": _jobs(firmware, engines, entries),
        "two_tiles": two_tiles,
        "dispatched": any(one["dispatched"] for one in mine),
        "asynchronous": any(one["asynchronous"] for one in mine),
        "uses_lpddr": any("lpddr" in (one["arena"], one["model"]) for one in mine),
        "flash_pages": flash[0].bytes // _PAGE_BYTES if flash else 0,
        "flags": [
            *(["two-tiles"] if two_tiles else []),
            *(["dispatched"] if any(one["dispatched"] for one in mine) else []),
            *(["flash"] if engines else []),
            *(["own-xn"] if facts["lpddr_mbit"] else []),
        ],
    }


def _of(program: Program) -> dict[str, Any]:
    return dict(program.adapter["xcore"])


def _entry(tile: str, programs: list[Program], *, last: bool) -> dict[str, Any]:
    """What a tile executes. A server ends when a client says so, which only a single application
    can know the time for."""
    served = [p.name for p in programs if _of(p)["kind"] in ("flash", "tile")]
    flash = [p.name for p in programs if _of(p)["kind"] == "flash"]
    return {
        "tile": tile,
        "function": _MAIN if last or tile == "tile0" else _OTHER,
        "programs": [p.name for p in programs],
        "channels": served,
        # the flash server has all its clients, a tile server has one
        "quits": [name for name in served if name not in flash[1:]] if last else [],
    }


def _jobs(
    firmware: Firmware, engines: list[str], entries: list[dict[str, Any]]
) -> dict[str, list[str]]:
    """The calls that run in parallel on each tile."""
    jobs: dict[str, list[str]] = {"tile0": [], "tile1": []}
    if engines:
        jobs["tile0"].append(f"gen_fw_serve_flash({_channels(engines)})")
    for program in firmware.programs:
        if _of(program)["kind"] == "tile":
            jobs[_of(program)["model"]].append(
                f"gen_fw_serve_{program.name}({_channels([program.name])})"
            )
    for entry in entries:
        jobs[entry["tile"]].append(f"gen_fw_{entry['tile']}({_channels(entry['channels'])})")
    return {tile: calls for tile, calls in jobs.items() if calls}


def _channels(names: list[str]) -> str:
    return ", ".join(f"c_{name}" for name in names)
