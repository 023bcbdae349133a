# SPDX-License-Identifier: Apache-2.0
"""All shipped boards: they load, cite their sources, have a licence and a memory budget."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

import gen_fw.boards.load as load
from gen_fw.boards.board import Board
from gen_fw.boards.load import all_boards, board_names, load_board

CHIPS = {
    "esp32": (240, "xtensa", 2),
    "esp32s2": (240, "xtensa", 1),
    "esp32s3": (240, "xtensa", 2),
    "esp32c2": (120, "riscv-ilp32", 1),
    "esp32c3": (160, "riscv-ilp32", 1),
    "esp32c5": (240, "riscv-ilp32", 1),
    "esp32c6": (160, "riscv-ilp32", 1),
    "esp32c61": (160, "riscv-ilp32", 1),
    "esp32h2": (96, "riscv-ilp32", 1),
    "esp32p4": (400, "riscv-ilp32f", 2),
}
#: kit -> chip, MiB of flash, MiB of PSRAM and its mode
KITS = {
    "esp32-s3-devkitc-n8r8": ("esp32s3", 8, 8, "oct"),
    "esp32-s3-box-3": ("esp32s3", 16, 16, "oct"),
    "esp32-c3-devkitm": ("esp32c3", 4, 0, ""),
    "esp32-p4-function-ev": ("esp32p4", 16, 32, "hex"),
}
BOARDS = all_boards()
each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
#: board -> compiler's prefix, ABI, QEMU's machine
NATIVE = {
    "host": ("", "lp64", ""),
    "qemu-cortex-m4": ("arm-none-eabi", "arm-eabi", "mps2-an386"),
    "qemu-cortex-m55": ("arm-none-eabi", "arm-eabi", "mps3-an547"),
    "qemu-riscv32": ("riscv64-unknown-elf", "riscv-ilp32", "virt"),
}
_ENSEMBLE = ("e3", "e4", "e5", "e7", "e8")
#: board -> NPU, MHz, whether the U55's M1 port reaches MRAM
ALIF = {
    "alif-e1c-he": ("ethos-u55-128", 160, True),
    **{f"alif-{chip}-hp": ("ethos-u55-256", 400, chip in ("e4", "e8")) for chip in _ENSEMBLE},
    **{f"alif-{chip}-he": ("ethos-u55-128", 160, chip in ("e4", "e8")) for chip in _ENSEMBLE},
    **{f"alif-{chip}-hp-u85": ("ethos-u85-256", 400, True) for chip in ("e4", "e8")},
}
#: board -> XTC's target, or a network description of ours; MHz, whether it has LPDDR
XMOS = {
    "xcore-ai-explorer": ("XCORE-AI-EXPLORER", 600, False),
    "xk-evk-xu316": ("XK-EVK-XU316", 600, False),
    "xcore-ai-explorer-lpddr": ("xcore-ai-explorer-lpddr.xn", 800, True),
}


#: board -> PLATFORM, part, AS_VERSION, J-Link's device, USB, BLE, low and high clock
AMBIQ = {
    "apollo3p-evb": ("apollo3p_evb", "apollo3p", "R3.1.1", "AMA3B2KK-KCR", False, True, 48, 96),
    "apollo4p-evb": ("apollo4p_evb", "apollo4p", "R4.5.0", "AMAP42KK-KBR", True, False, 96, 192),
    **{
        f"apollo4p-blue-{kind}": (
            f"apollo4p_blue_{kind}_evb",
            *("apollo4p", "R4.5.0", "AMAP42KK-KBR", True, True, 96, 192),
        )
        for kind in ("kbr", "kxr")
    },
    "apollo4l-evb": ("apollo4l_evb", "apollo4l", "R4.5.0", "AMAP42KK-KBR", False, False, 96, 192),
    "apollo4l-blue-evb": (
        *("apollo4l_blue_evb", "apollo4l", "R4.5.0", "AMAP42KK-KBR"),
        *(False, True, 96, 192),
    ),
    "apollo510-evb": ("apollo510_evb", "apollo510", "R5.3.0", "AP510NFA-CBR", True, False, 96, 250),
    "apollo330mp-evb": (
        *("apollo330mP_evb", "apollo330P", "R5.2.alpha.1.1", "AP330MPA-CBR"),
        *(True, True, 96, 250),
    ),
}


def of_family(family: str) -> pytest.MarkDecorator:
    boards = [board for board in BOARDS if board.family == family]
    return pytest.mark.parametrize("board", boards, ids=lambda board: board.name)


def test_all_boards_are_there() -> None:
    known = {*CHIPS, *KITS, *NATIVE, *ALIF, *AMBIQ, *XMOS}
    assert known == set(board_names())
    assert [board.name for board in BOARDS] == list(board_names()) == sorted(set(board_names()))


@each_board
def test_has_sources_licence_and_a_memory_budget(board: Board) -> None:
    assert board.title
    assert board.licence in ("Apache-2.0", "BSD-3-Clause", "LicenseRef-Alif-Semiconductor") or (
        board.licence == "LicenseRef-XMOS-Public-Licence-1" and board.vendor == "xmos"
    )
    # every memory's size has a source that names it
    for memory in board.memories:
        assert any(memory.name in source.split(":")[0] for source in board.sources), memory.name
        assert memory.bytes - memory.reserved >= 64 * 1024, memory.name
    assert board.memory(board.placement["arena"][0]).kind == "ram"
    # a tile executes from RAM, and reads flash through a server only
    assert board.memory(board.placement["model"][0]).kind == (
        "ram" if board.family == "xmos_xcommon" else "rom"
    )
    # best first: the ranks of an arena's memories rise
    ranks = [board.memory(name).rank for name in board.placement["arena"]]
    assert ranks == sorted(set(ranks))


@of_family("esp_idf")
def test_family_data_agrees_with_cpu_and_memories(board: Board) -> None:
    data = board.family_data
    assert data["flash"]["mb"] << 20 == board.memory("flash").bytes
    psram = [memory.bytes for memory in board.memories if memory.name == "psram"]
    assert data["psram"].get("mb", 0) << 20 == sum(psram)
    assert ("psram" in board.placement["arena"]) == bool(psram)
    xtensa = board.cpu.isa.startswith("xtensa")
    assert (board.cpu.abi == "xtensa") == xtensa
    assert data["toolchain_prefix"].startswith("xtensa-" if xtensa else "riscv32-")
    assert data["esp_nn"] == (board.chip if board.chip in ("esp32s3", "esp32p4") else "generic")


@of_family("native_cmake")
def test_native_board(board: Board) -> None:
    data = board.family_data
    assert (data["toolchain"], board.cpu.abi, data["machine"]) == NATIVE[board.name]
    assert (board.default_runtime, board.kernels) == ("aot", "portable")
    # a clock counts no instructions
    assert (data["counter"]["kind"] == "clock") == (board.name == "host")
    ranges = sorted(
        (data["origins"][memory.name], data["origins"][memory.name] + memory.bytes)
        for memory in board.memories
        if memory.name in data["origins"]
    )
    assert len(ranges) == (0 if board.name == "host" else len(board.memories))
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))


@of_family("alif_cmake")
def test_alif_board(board: Board) -> None:
    data, npu = board.family_data, board.accelerator
    assert npu is not None and (board.cpu.isa, board.cpu.abi) == ("cortex-m55", "arm-eabi")
    assert (npu.name, board.cpu.clock_mhz, data["m1_reaches_high_addresses"]) == ALIF[board.name]
    assert (npu.base, npu.irq) == (
        (0x49042000, 366) if npu.architecture == "u85" else (0x400E1000, 55)
    )
    assert (data["core"] == "M55_HP") == ("-hp" in board.name)
    ranges = sorted(
        (data["origins"][memory.name], data["origins"][memory.name] + memory.bytes)
        for memory in board.memories
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
    # the NPU never sees the local addresses of the TCMs
    assert set(data["global_addresses"]) == {"itcm", "dtcm"}
    # every memory that the arena may use is reached by the NPU, and has an entry but U85's DTCM
    for arena in board.placement["arena"]:
        served = {entry.model for entry in npu.system_configs if entry.arena == arena}
        expected = (
            set() if (npu.architecture, arena) == ("u85", "dtcm") else {*board.placement["model"]}
        )
        assert board.memory(arena).npu_visible and served == expected


def test_alif_cores_share_the_mram() -> None:
    """The images of both cores of a device do not overlap."""
    for chip in _ENSEMBLE:
        hp, he = load_board(f"alif-{chip}-hp"), load_board(f"alif-{chip}-he")
        end = he.family_data["origins"]["mram"] + he.memory("mram").bytes
        assert end == hp.family_data["origins"]["mram"]
        assert end + hp.memory("mram").bytes == 0x80000000 + 0x580000


@pytest.mark.parametrize("name", CHIPS)
def test_chip(name: str) -> None:
    board = load_board(name)
    assert (board.cpu.clock_mhz, board.cpu.abi, board.cpu.cores) == CHIPS[name]
    assert board.chip == board.family_data["target"] == name
    assert board.placement["arena"] == ("internal",)
    assert board.kernels == "esp_nn" and board.default_runtime == "tflm"


@pytest.mark.parametrize("name", KITS)
def test_kit_differs_from_its_chip_only_in_what_it_adds(name: str) -> None:
    chip_name, flash, psram, mode = KITS[name]
    kit, chip = load_board(name), load_board(chip_name)
    assert kit.family_data["flash"]["mb"] == flash
    assert kit.family_data["psram"].get("mb", 0) == psram
    assert kit.family_data["psram"].get("mode", "") == mode
    assert (kit.chip, kit.sdk, kit.kernels, kit.licence) == (
        chip.chip,
        chip.sdk,
        chip.kernels,
        chip.licence,
    )
    assert (kit.cpu.isa, kit.cpu.abi, kit.cpu.cores) == (chip.cpu.isa, chip.cpu.abi, chip.cpu.cores)
    assert kit.cpu.clock_mhz <= chip.cpu.clock_mhz
    assert kit.memory("internal").bytes <= chip.memory("internal").bytes
    assert set(chip.sources) < set(kit.sources)


def test_p4_kit_is_for_the_chip_revision_on_the_board() -> None:
    kit = load_board("esp32-p4-function-ev")
    assert kit.family_data["kconfig"]["ESP32P4_SELECTS_REV_LESS_V3"] is True
    assert kit.cpu.clock_mhz == 360


def test_the_guide_tells_the_same_numbers() -> None:
    guide = Path(__file__).parents[3] / "docs" / "boards.md"
    rows = [line.split("|")[1:3] for line in guide.read_text("utf-8").splitlines()]
    told = {row[0].strip(): row[1].replace(" ", "") for row in rows if len(row) == 2}
    for name in CHIPS:
        internal = load_board(name).memory("internal")
        assert told[name] == str(internal.bytes - internal.reserved)


def test_loading_one_board_reads_only_its_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def read(path: Path) -> dict[str, object]:
        opened.append(path.stem)
        return tomllib.loads(path.read_text("utf-8"))

    monkeypatch.setattr(load, "_read", read)
    load_board("esp32-s3-box-3")
    assert opened == ["esp32-s3-box-3", "esp32s3"]


@of_family("ambiq_make")
def test_ambiq_board(board: Board) -> None:
    data = board.family_data
    clocks, jlink = data["clocks"], data["jlink"]
    assert (
        data["platform"],
        data["part"],
        data["ambiqsuite"][0],
        jlink["device"],
        data["usb"],
        data["ble"],
        clocks["low_power_mhz"],
        clocks["high_performance_mhz"],
    ) == AMBIQ[board.name]
    assert board.cpu.clock_mhz == clocks["high_performance_mhz"]
    assert data["tf_versions"][0] == "helia_rt_v1_6_0" and board.sdk.prebuilt
    ranges = sorted(
        (data["origins"][memory.name], data["origins"][memory.name] + memory.bytes)
        for memory in board.memories
    )
    if data["stack"]:
        ranges.append((data["stack"]["origin"], data["stack"]["origin"] + data["stack"]["bytes"]))
    assert all(end <= start for (_, end), (start, _) in pairwise(sorted(ranges)))


@of_family("ambiq_make")
def test_layouts_change_a_board(board: Board) -> None:
    alone, module = load_board(board.name, "standalone"), load_board(board.name, "module")
    assert (board.default_runtime, alone.default_runtime) == ("tflm", "aot")
    assert alone.sdk.name == "gcc-arm-none-eabi" and not alone.sdk.prebuilt
    assert alone.memories == board.memories and alone.family_data["part"]
    assert ("psram" in module.placement["arena"]) == (board.name == "apollo510-evb")
    assert "psram" not in (*alone.placement["arena"], *board.placement["arena"])


@of_family("xmos_xcommon")
def test_xcore_boards(board: Board) -> None:
    data = board.family_data
    target, clock, lpddr = XMOS[board.name]
    assert (data["target"] or data["xn"], board.cpu.clock_mhz) == (target, clock)
    assert [board.memory(tile).bytes for tile in data["tiles"]] == [512 * 1024] * 2
    assert board.placement["code"] == ("tile0", "tile1")
    assert ("lpddr" in board.placement["arena"]) == bool(data["lpddr_mbit"]) == lpddr
    if lpddr:
        assert board.memory("lpddr").bytes == data["lpddr_mbit"] * 1024 * 1024 // 8
    assert board.memory("flash").reserved == data["boot_bytes"]
