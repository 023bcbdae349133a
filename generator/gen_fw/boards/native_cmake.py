# SPDX-License-Identifier: Apache-2.0
"""The ``[native_cmake]`` table of a board: compiler, emulator, addresses, instruction counter."""

from __future__ import annotations

import re
from typing import Any

from gen_fw.boards.board import Memory
from gen_fw.boards.table import Table

_FLAG = re.compile(r"-m[a-z0-9][A-Za-z0-9=+._-]*")
_MACHINE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LIBRARIES = {"": "system", "arm-none-eabi": "newlib-nano", "riscv64-unknown-elf": "picolibc"}
_EMULATORS = {"arm-none-eabi": "qemu-system-arm", "riscv64-unknown-elf": "qemu-system-riscv32"}
_COUNTERS = ("clock", "sse300", "cmsdk_timer", "minstret")
_TOP = (1 << 32) - 1


def read(table: Table, memories: tuple[Memory, ...]) -> dict[str, Any]:
    """The family's data.

    Keys: ``toolchain`` (prefix of the GNU tools; empty: the host's own), ``c_library``,
    ``compiler_flags`` (list), ``machine`` and ``emulator`` (empty on the host), ``icount_shift``
    (QEMU's ``-icount shift``: 2^shift ns an instruction), ``counter`` ({kind, ticks,
    instructions}: ``ticks`` of the counter are ``instructions`` instructions), ``origins`` (memory
    name -> address, and ``vectors`` where the vector table lies apart from the code),
    ``stack_bytes`` (of main).

    Raises:
        UsageError: a key is missing, unknown, malformed, or contradicts the memories.
    """
    toolchain = table.choice("toolchain", _LIBRARIES, "")
    counter = table.table("counter")
    origins = table.table("origins", {})
    data: dict[str, Any] = {
        "toolchain": toolchain,
        "c_library": _LIBRARIES[toolchain],
        "compiler_flags": list(table.texts("compiler_flags", ())),
        "machine": table.word("machine", _MACHINE, "") if toolchain else "",
        "emulator": _EMULATORS.get(toolchain, ""),
        "icount_shift": table.integer("icount_shift", 0, 10, 0),
        "stack_bytes": table.integer("stack_bytes", 1024, 1 << 20, 65536),
        "counter": {
            "kind": counter.choice("kind", _COUNTERS),
            "ticks": counter.integer("ticks", 1, 1 << 20, 1),
            "instructions": counter.integer("instructions", 1, 1 << 20, 1),
        },
        "origins": {
            name: origins.integer(name, 0, _TOP)
            for name in (*(memory.name for memory in memories), "vectors")
            if name in origins
        },
    }
    for flag in data["compiler_flags"]:
        if not _FLAG.fullmatch(flag):
            table.fail("compiler_flags", f'"{flag}" is no machine option', why="such as -mcpu=...")
    if toolchain:
        _check_emulated(table, data, memories)
    for part in (counter, origins, table):
        part.close()
    return data


def _check_emulated(table: Table, data: dict[str, Any], memories: tuple[Memory, ...]) -> None:
    if not data["machine"]:
        table.fail("machine", "required key is missing", why="it is a machine of the emulator")
    if data["counter"]["kind"] == "clock":
        table.fail("counter.kind", "a clock counts no instructions", hint="see docs/boards.md")
    for memory in memories:
        if memory.name not in data["origins"]:
            table.fail("origins", f'no address of memory "{memory.name}"')
