# SPDX-License-Identifier: Apache-2.0
"""What the templates of the ``esp_idf`` family need beyond programs and boards."""

from __future__ import annotations

from typing import Any

from gen_fw.boards.board import Board
from gen_fw.program import Firmware

_KIB = 1024
#: app partitions begin and end at multiples of the flash's MMU page
_PAGE = 64 * _KIB
#: ESP-IDF's own single-app table has a 1 MiB factory partition
_SMALLEST_APP = 1024 * _KIB
#: ESP-IDF, FreeRTOS and libc in an application without radio; measured images are below
_BASE_CODE = 256 * _KIB
#: cycles of one multiply-accumulate in the slowest supported setting: person_detect (7.16 million
#: MACs) takes 4084 ms at 240 MHz on ESP32 without ESP-NN (README of esp-tflite-micro 1.4.0) = 137
_WORST_CYCLES_PER_MAC = 150
#: range of CONFIG_ESP_TASK_WDT_TIMEOUT_S
_WATCHDOG = (5, 60)
#: chips whose bootloader outgrows the space below 0x8000 (sdkconfig.defaults of the examples of
#: esp-tflite-micro 1.4.0)
_PARTITION_TABLE_OFFSET = {"esp32p4": 0xC000}
_DEFAULT_PARTITION_TABLE_OFFSET = 0x8000
_NVS, _PHY = 0x6000, 0x1000
#: chips whose code and constants can run from PSRAM in every supported ESP-IDF: with the arena
#: there too, flash and PSRAM no longer compete for the bus (home-assistant-voice-pe PR 400)
_XIP_FROM_PSRAM = frozenset({"esp32s3"})
#: the release whose scratch buffers the arena's size counts: others ask for other sizes
_ESP_NN_RANGE = "==1.2.3"


def data(firmware: Firmware, board: Board) -> dict[str, Any]:
    """Keys ``target``, ``flash``, ``partitions``, ``psram``, ``watchdog_s``, ``defaults``, ...

    ``defaults`` are the lines of ``sdkconfig.defaults.<target>``: only symbols that exist for the
    target (checked against ESP-IDF 5.5 and 6.0 by tests/sdk).
    """
    facts = board.family_data
    target = str(facts["target"])
    flash = board.memory("flash").bytes
    memories = firmware.chosen.placement.memories
    arena_in_psram = "psram" in (memories.get("arena"), memories.get("persistent"))
    psram = facts["psram"]
    offset = _PARTITION_TABLE_OFFSET.get(target, _DEFAULT_PARTITION_TABLE_OFFSET)
    first_app = _up(offset + 0x1000 + _NVS + _PHY)
    return {
        "target": target,
        # operator table and arena are those of this release; the resolver's calls exist in no older
        "idf_range": board.sdk.requires,
        "tflm_range": f"=={board.sdk.tflm.rpartition('-')[2]}",
        "esp_nn_range": _ESP_NN_RANGE,
        "dual_core": board.cpu.cores > 1,
        "esp_nn": facts["esp_nn"],
        "flash_mib": facts["flash"]["mb"],
        "toolchain_prefix": facts["toolchain_prefix"],
        "openocd": facts["openocd"],
        "console": facts["console"],
        "usb_serial_jtag": facts["usb_serial_jtag"],
        "arena_in_psram": arena_in_psram,
        "psram": dict(psram),
        "partitions": {
            "table_offset": offset,
            "nvs": _NVS,
            "phy": _PHY,
            "app": _app_partition(firmware, flash - first_app),
        },
        "watchdog_s": _watchdog(firmware, board),
        "defaults": _defaults(board, offset, arena_in_psram),
    }


def _up(count: int) -> int:
    return (count + _PAGE - 1) // _PAGE * _PAGE


def _app_partition(firmware: Firmware, available: int) -> int:
    """Bytes of the factory partition: code and models with a quarter to grow, in whole pages."""
    needed = _BASE_CODE + sum(
        region.bytes
        for program in firmware.programs
        for region in program.regions
        if region.role in ("model", "code")
    )
    return min(max(_up(needed + needed // 4), _SMALLEST_APP), available // _PAGE * _PAGE)


def _watchdog(firmware: Firmware, board: Board) -> int:
    """Seconds of the task watchdog: twice the slowest estimate of one pass over all programs; the
    most where one is not known."""
    if any("macs_total" not in program.report for program in firmware.programs):
        return _WATCHDOG[1]
    macs = sum(int(program.report.get("macs_total", 0)) for program in firmware.programs)
    seconds = 2 * macs * _WORST_CYCLES_PER_MAC // (board.cpu.clock_mhz * 1_000_000)
    low, high = _WATCHDOG
    return min(max(low, seconds), high)


def _defaults(board: Board, table_offset: int, arena_in_psram: bool) -> list[str]:
    facts = board.family_data
    target, flash, psram = facts["target"], facts["flash"], facts["psram"]
    lines = [
        f"ESPTOOLPY_FLASHSIZE_{flash['mb']}MB=y",
        f"ESPTOOLPY_FLASHMODE_{flash['mode'].upper()}=y",
        f"ESPTOOLPY_FLASHFREQ_{flash['freq_mhz']}M=y",
        # options that other options depend on come first
        *(f"{key}={_kconfig_value(value)}" for key, value in facts["kconfig"].items()),
        f"ESP_DEFAULT_CPU_FREQ_MHZ_{board.cpu.clock_mhz}=y",
    ]
    if table_offset != _DEFAULT_PARTITION_TABLE_OFFSET:
        lines.append(f"PARTITION_TABLE_OFFSET=0x{table_offset:x}")
    if facts["console"] != "uart":
        lines.append(f"ESP_CONSOLE_{facts['console'].upper()}=y")
    if psram:
        lines += [
            "SPIRAM=y",
            f"SPIRAM_MODE_{psram['mode'].upper()}=y",
            f"SPIRAM_SPEED_{psram['speed_mhz']}M=y",
            # only gen/ asks for PSRAM; malloc keeps to internal RAM
            "SPIRAM_USE_CAPS_ALLOC=y",
        ]
        if not arena_in_psram:
            # nothing needs it: boot without it too
            lines.append("SPIRAM_IGNORE_NOTFOUND=y")
        elif target in _XIP_FROM_PSRAM:
            lines.append("SPIRAM_XIP_FROM_PSRAM=y")
    return lines


def _kconfig_value(value: object) -> str:
    if isinstance(value, bool):
        return "y" if value else "n"
    return str(value) if isinstance(value, int) else f'"{value}"'
