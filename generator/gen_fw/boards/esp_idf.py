# SPDX-License-Identifier: Apache-2.0
"""The ``[esp_idf]`` table of a board: what only the templates of that family understand."""

from __future__ import annotations

import re
from typing import Any

from gen_fw.boards.board import Memory
from gen_fw.boards.table import Table

_MIB = 1 << 20
_TARGET = re.compile(r"[a-z][a-z0-9]*")
_TOOLCHAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-")
_OPENOCD = re.compile(r"[a-z0-9]+/[a-z0-9.-]+\.cfg")
_KCONFIG = re.compile(r"[A-Z][A-Z0-9_]*")
#: values that go between quotes into an sdkconfig file, which knows no other escape
_KCONFIG_TEXT = re.compile(r'[^"\\]*')
#: sizes that ESPTOOLPY_FLASHSIZE_* offers (components/esptool_py/Kconfig.projbuild, v5.5.5)
_FLASH_MIB = (1, 2, 4, 8, 16, 32, 64, 128)


def read(table: Table, memories: tuple[Memory, ...]) -> dict[str, Any]:
    """The family's data, completed by what follows from the memories.

    Keys: ``target``, ``esp_nn`` ("generic", "esp32s3", "esp32p4"), ``toolchain_prefix``,
    ``flash`` ({mb, mode, freq_mhz}), ``psram`` ({mb, mode, speed_mhz}; empty: none), ``console``,
    ``usb_serial_jtag``, ``openocd``, ``kconfig`` (symbol without CONFIG_ -> value).

    Raises:
        UsageError: a key is missing, unknown, malformed, or contradicts the memories.
    """
    sizes = {memory.name: memory.bytes for memory in memories}
    flash = table.table("flash")
    data: dict[str, Any] = {
        "target": table.word("target", _TARGET),
        "esp_nn": table.choice("esp_nn", ("generic", "esp32s3", "esp32p4")),
        "toolchain_prefix": table.word("toolchain_prefix", _TOOLCHAIN),
        "flash": {
            "mb": _mebibytes(table, sizes, "flash"),
            "mode": flash.choice("mode", ("qio", "qout", "dio", "dout", "opi")),
            "freq_mhz": flash.integer("freq_mhz", 1, 1000),
        },
        "psram": _psram(table, sizes),
        "console": table.choice("console", ("uart", "usb_serial_jtag", "usb_cdc")),
        "usb_serial_jtag": table.boolean("usb_serial_jtag", False),
        "openocd": table.word("openocd", _OPENOCD, ""),
        "kconfig": _kconfig(table.table("kconfig", {})),
    }
    flash.close()
    table.close()
    if data["flash"]["mb"] not in _FLASH_MIB:
        table.fail("", f"flash of {data['flash']['mb']} MiB", why=f"ESP-IDF knows {_FLASH_MIB}")
    if data["console"] == "usb_serial_jtag" and not data["usb_serial_jtag"]:
        table.fail("console", "the chip has no USB Serial/JTAG controller")
    return data


def _mebibytes(table: Table, sizes: dict[str, int], name: str) -> int:
    size = sizes.get(name, 0)
    if not size or size % _MIB:
        table.fail("", f'the board needs a memory "{name}" of whole mebibytes')
    return size // _MIB


def _psram(table: Table, sizes: dict[str, int]) -> dict[str, Any]:
    if "psram" not in table:
        if "psram" in sizes:
            table.fail("psram", 'missing, though the board has a memory "psram"')
        table.table("psram", {})
        return {}
    psram = table.table("psram")
    data = {
        "mb": _mebibytes(table, sizes, "psram"),
        "mode": psram.choice("mode", ("quad", "oct", "hex")),
        "speed_mhz": psram.integer("speed_mhz", 1, 1000),
    }
    psram.close()
    return data


def _kconfig(table: Table) -> dict[str, bool | int | str]:
    values = table.scalars()
    for key, value in values.items():
        if not _KCONFIG.fullmatch(key):
            hint = "without CONFIG_" if key.startswith("CONFIG_") else ""
            table.fail(key, "not a Kconfig symbol", hint=hint)
        if isinstance(value, str) and not _KCONFIG_TEXT.fullmatch(value):
            table.fail(key, "quotes and backslashes cannot stand in an sdkconfig file")
    return values
