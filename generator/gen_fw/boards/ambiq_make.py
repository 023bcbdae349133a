# SPDX-License-Identifier: Apache-2.0
"""The ``[ambiq_make]`` table of a board: names that neuralSPOT has for it, addresses, J-Link."""

from __future__ import annotations

import re
from typing import Any

from gen_fw.boards.board import Memory
from gen_fw.boards.table import Table

_TOP = (1 << 32) - 1
_PLATFORM = re.compile(r"apollo[0-9][0-9A-Za-z]*(?:_[a-z0-9]+)+")
_PART = re.compile(r"apollo[0-9][0-9A-Za-z]*")
_DEVICE = re.compile(r"A[A-Z0-9]+(?:-[A-Z0-9]+)?")
_SUITE = re.compile(r"R[0-9]+(?:\.[A-Za-z0-9_]+)+")
_DEFINE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: folders of extern/tensorflow with a library of TFLM (neuralSPOT 1.3.0), the default first
TF_VERSIONS = (
    "helia_rt_v1_6_0",
    "helia_rt_v1_7_0",
    "helia_rt_v1_4_0",
    "helia_rt_v1_3_0",
    "ns_tflm_v1_7_0",
    "tflm_nov_25",
)


def read(table: Table, memories: tuple[Memory, ...]) -> dict[str, Any]:
    """The family's data.

    Keys of the table:

    ``platform``      PLATFORM of neuralSPOT's make: ``apollo4p_evb``
    ``part``          PART: ``apollo4p``, part of the names of headers and libraries
    ``ambiqsuite``    values of AS_VERSION that have this part, the default first
    ``tf_versions``   values of TF_VERSION that serve, the default first (all of neuralSPOT 1.3.0)
    ``defines``       macros of the part, as neuralspot_toolchain.mk has them
    ``clocks``        {low_power_mhz, high_performance_mhz}
    ``origins``       memory -> address; every memory
    ``data``          memory of static data (``.data``, ``.bss``)
    ``stack``         {origin, bytes} of a memory for stack and heap alone; absent: in ``data``
    ``stack_bytes``, ``heap_bytes``  of the application
    ``usb``, ``ble``  whether the board has it
    ``c_library``     set where the C library is all that is linked
    ``jlink``         {device, address, cpu_hz, swo_hz}: J-Link's name of the chip, where the image
                      is written, clocks of the trace port

    Added: ``evb`` (folder of the BSP's library: ``evb``, ``blue_kbr_evb``).

    Raises:
        UsageError: a key is missing, unknown, malformed, or contradicts the memories.
    """
    kinds = {memory.name: memory.kind for memory in memories}
    clocks, origins, jlink = table.table("clocks"), table.table("origins"), table.table("jlink")
    stack = table.table("stack", {})
    platform = table.word("platform", _PLATFORM)
    data: dict[str, Any] = {
        "platform": platform,
        "evb": platform.partition("_")[2],
        "part": table.word("part", _PART),
        "ambiqsuite": list(table.texts("ambiqsuite")),
        "tf_versions": list(table.texts("tf_versions", TF_VERSIONS)),
        "defines": list(table.texts("defines")),
        "clocks": {
            "low_power_mhz": clocks.integer("low_power_mhz", 1, 1000),
            "high_performance_mhz": clocks.integer("high_performance_mhz", 1, 1000),
        },
        "origins": {name: origins.integer(name, 0, _TOP) for name in kinds if name in origins},
        "data": table.choice("data", [name for name, kind in kinds.items() if kind == "ram"]),
        "stack": {
            "origin": stack.integer("origin", 0, _TOP),
            "bytes": stack.integer("bytes", 1024, 1 << 20),
        }
        if "origin" in stack
        else {},
        "stack_bytes": table.integer("stack_bytes", 1024, 1 << 20),
        "heap_bytes": table.integer("heap_bytes", 0, 1 << 20),
        "c_library": table.choice("c_library", ("", "newlib"), ""),
        "usb": table.boolean("usb", False),
        "ble": table.boolean("ble", False),
        "jlink": {
            "device": jlink.word("device", _DEVICE),
            "address": jlink.integer("address", 0, _TOP),
            "cpu_hz": jlink.integer("cpu_hz", 1, 1 << 30),
            "swo_hz": jlink.integer("swo_hz", 1, 1 << 30),
        },
    }
    for part in (clocks, origins, jlink, stack, table):
        part.close()
    for key, pattern in (("ambiqsuite", _SUITE), ("tf_versions", _DEFINE), ("defines", _DEFINE)):
        if not data[key]:
            table.fail(key, "nothing is named")
        for word in data[key]:
            if not pattern.fullmatch(word):
                table.fail(key, f'"{word}" is malformed', why=f"it must match {pattern.pattern}")
    for name in kinds:
        if name not in data["origins"]:
            table.fail("origins", f'no address of memory "{name}"')
    images = [name for name, kind in kinds.items() if kind == "rom"]
    if data["jlink"]["address"] not in [data["origins"][name] for name in images]:
        table.fail(
            "jlink.address",
            "is the address of no read-only memory",
            why="the image is written where it is linked for",
        )
    return data
