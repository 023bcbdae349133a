# SPDX-License-Identifier: Apache-2.0
"""The ``[accelerator]`` table of a board: an NPU and what its compiler must know."""

from __future__ import annotations

import re

from gen_fw.boards.board import Accelerator, Memory, SystemConfig
from gen_fw.boards.table import Table

_TOP = (1 << 32) - 1
#: a section of the compiler's configuration, without its prefix
_SECTION = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*")
#: --accelerator-config of Vela 4.2 to 5.2 -> architecture and MAC units
ETHOS_U = {
    **{f"ethos-u55-{macs}": ("u55", macs) for macs in (32, 64, 128, 256)},
    **{f"ethos-u65-{macs}": ("u65", macs) for macs in (256, 512)},
    **{f"ethos-u85-{macs}": ("u85", macs) for macs in (128, 256, 512, 1024, 2048)},
}


def read(table: Table, memories: tuple[Memory, ...]) -> Accelerator | None:
    """The accelerator that ``table`` describes; None for the name ``none``, which takes away
    that of the board that is extended.

    Keys: ``name`` (an Ethos-U as Vela calls it), ``base`` (address of its registers), ``irq``,
    ``system_configs`` (list of {arena, model, system_config, memory_mode}).

    Raises UsageError for a key that is missing, unknown or malformed, and for a memory that the
    board does not have or that the NPU does not see.
    """
    name = table.choice("name", (*ETHOS_U, "none"))
    if name == "none":
        return None
    architecture, macs = ETHOS_U[name]
    visible = {memory.name for memory in memories if memory.npu_visible}
    entries: list[SystemConfig] = []
    for row in table.tables("system_configs"):
        entry = SystemConfig(
            arena=row.choice("arena", visible),
            model=row.choice("model", visible),
            system_config=row.word("system_config", _SECTION),
            memory_mode=row.word("memory_mode", _SECTION),
        )
        row.close()
        if any((old.arena, old.model) == (entry.arena, entry.model) for old in entries):
            row.fail("", f"arena in {entry.arena}, model in {entry.model} stands twice")
        entries.append(entry)
    accelerator = Accelerator(
        name=name,
        compiler=table.choice("compiler", ("vela",), "vela"),
        architecture=architecture,
        macs=macs,
        base=table.integer("base", 0, _TOP),
        irq=table.integer("irq", 0, 479),
        system_configs=tuple(entries),
    )
    table.close()
    return accelerator
