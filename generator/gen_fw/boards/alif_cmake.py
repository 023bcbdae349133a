# SPDX-License-Identifier: Apache-2.0
"""The ``[alif_cmake]`` table of a board: one core of an Alif Ensemble or Balletto device, its
addresses, and the names that Alif's software has for it."""

from __future__ import annotations

import re
from typing import Any

from gen_fw.boards.board import Memory
from gen_fw.boards.table import Table

_TOP = (1 << 32) - 1
_CORES = {"M55_HP": "rtss_hp", "M55_HE": "rtss_he"}
#: first address that the M1 port of a first-generation U55 cannot reach, by core
#: (U55_M1_HIGHER_ADDRESS, source/hal/source/platform/alif/source/platform_drivers.c of the MLEK)
_M1_LIMIT = {"M55_HP": 0x58000000, "M55_HE": 0x60000000}
#: weakest first
CACHES = ("none", "write-through", "write-back")
_DEVICE = re.compile(r"AE[0-9A-Z]{8,20}")
_FILE = re.compile(r"[a-z0-9][a-z0-9.-]*\.json")
_FOLDER = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_PACK = re.compile(r"[A-Za-z0-9_]+::[A-Za-z0-9_-]+@\d+(?:\.\d+)+")


def read(table: Table, memories: tuple[Memory, ...]) -> dict[str, Any]:
    """The family's data.

    Keys of the table:

    ``core``                       processor of the device: ``M55_HP`` or ``M55_HE``
    ``device``                     order code as the CMSIS pack spells it: ``AE722F80F55D5LS``
    ``soc``                        folder below ``Device/soc`` of the DFP: ``AE722F80F55D5``
    ``kit``                        folder below ``Boards`` of the DFP: ``DevKit-e7``
    ``mlek_board``                 TARGET_BOARD of the ML Embedded Evaluation Kit
    ``mlek_scripts``               its linker scripts: {arena, models, name, image, mram_bytes},
                                   where each has the activation buffer and may have the model,
                                   its name, address of the image and bytes of MRAM
    ``m1_reaches_high_addresses``  whether the U55's M1 port reaches MRAM and OSPI
    ``stack_bytes``, ``heap_bytes``  of the application, in ``dtcm``
    ``origins``                    memory -> address where this core sees it; every memory
    ``global_addresses``           memory -> address where other masters see it, where it differs
    ``caches``                     memory -> ``none`` (the default), ``write-through`` or
                                   ``write-back``: what DFP's MPU table says of it
    ``uart``                       {instance, baud} of the console
    ``se``                         {cpu_id, mram_address, toc_bytes, device_config} for the SE
                                   tools; they keep ``toc_bytes`` (0) at the end of ``mram``
    ``packs``                      CMSIS packs of the csolution, ``VENDOR::NAME@VERSION``

    Added: ``subsystem`` (``rtss_hp``: folder of DFP's headers and linker files), ``m1_limit``
    (first address that the M1 port does not reach; 0: it reaches all).

    Raises:
        UsageError: a key is missing, unknown, malformed, or contradicts the memories.
    """
    names = [memory.name for memory in memories]
    uart, se = table.table("uart"), table.table("se")
    core = table.choice("core", _CORES)
    reaches = table.boolean("m1_reaches_high_addresses", True)
    data: dict[str, Any] = {
        "core": core,
        "subsystem": _CORES[core],
        "device": table.word("device", _DEVICE),
        "soc": table.word("soc", _DEVICE),
        "kit": table.word("kit", _FOLDER),
        "mlek_board": table.word("mlek_board", _FOLDER),
        "mlek_scripts": [_script(row, names) for row in table.tables("mlek_scripts")],
        "m1_reaches_high_addresses": reaches,
        "m1_limit": 0 if reaches else _M1_LIMIT[core],
        "stack_bytes": table.integer("stack_bytes", 1024, 1 << 20),
        "heap_bytes": table.integer("heap_bytes", 0, 1 << 20),
        "origins": _addresses(table.table("origins"), names),
        "global_addresses": _addresses(table.table("global_addresses", {}), names),
        "caches": _caches(table.table("caches", {}), names),
        "uart": {
            "instance": uart.integer("instance", 0, 7),
            "baud": uart.integer("baud", 1200, 4_000_000),
        },
        "se": {
            "cpu_id": se.choice("cpu_id", _CORES),
            "mram_address": se.integer("mram_address", 0, _TOP),
            "toc_bytes": se.integer("toc_bytes", 0, 1 << 20, 0),
            "device_config": se.word("device_config", _FILE),
        },
        "packs": list(table.texts("packs")),
    }
    for part in (uart, se, table):
        part.close()
    for pack in data["packs"]:
        if not _PACK.fullmatch(pack):
            table.fail("packs", f'"{pack}" is no pack', why="such as ARM::CMSIS@6.1.0")
    for name in ("dtcm", "itcm", "mram"):
        if name not in names:
            table.fail("", f'the board needs a memory "{name}"')
    for name in names:
        if name not in data["origins"]:
            table.fail("origins", f'no address of memory "{name}"')
    if data["se"]["mram_address"] != data["origins"]["mram"]:
        table.fail(
            "se.mram_address",
            "is not the address of the memory mram",
            why="the SE tools write the image there, and it is linked for that place",
        )
    return data


def _script(row: Table, names: list[str]) -> dict[str, Any]:
    script: dict[str, Any] = {
        "arena": row.choice("arena", names),
        "models": list(row.texts("models")),
        "name": row.word("name", _FOLDER),
        "image": row.integer("image", 0, _TOP),
        "mram_bytes": row.integer("mram_bytes", 1, _TOP),
    }
    row.close()
    for name in script["models"]:
        if name not in names:
            row.fail("models", f'the board has no memory "{name}"')
    return script


def _addresses(table: Table, names: list[str]) -> dict[str, int]:
    found = {name: table.integer(name, 0, _TOP) for name in names if name in table}
    table.close()
    return found


def _caches(table: Table, names: list[str]) -> dict[str, str]:
    found = {name: table.choice(name, CACHES, "none") for name in names}
    table.close()
    return found
