# SPDX-License-Identifier: Apache-2.0
"""A user's own board file: what it may say, and the exact error when it says something wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_fw.boards.load import load_board
from gen_fw.errors import UsageError

SMALLEST = 'extends = "chips/esp32s3"\ntitle = "Mine"\n'


def write(folder: Path, text: str, name: str = "my-board.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_extends_a_shipped_board_and_keeps_all_else(tmp_path: Path) -> None:
    text = """
extends = "esp32-s3-devkitc-n8r8"
title = "Mine"
sources = ["measured"]
[[memories]]
name = "internal"
reserved = 100000
[[memories]]
name = "scratch"
bytes = 16384
rank = 3
kind = "ram"
"""
    mine, base = load_board(write(tmp_path, text)), load_board("esp32-s3-devkitc-n8r8")
    assert (mine.name, mine.title, mine.chip) == ("my-board", "Mine", "esp32s3")
    assert mine.memory("internal").bytes == base.memory("internal").bytes
    assert mine.memory("internal").reserved == 100000
    assert mine.memory("scratch").bytes == 16384
    assert mine.sources == ("measured", *base.sources)
    assert mine.family_data == base.family_data
    assert mine.placement == base.placement


def test_an_npu_can_be_taken_away_or_serve_another_memory(tmp_path: Path) -> None:
    start = 'extends = "alif-e3-hp"\ntitle = "Mine"\n'
    none = load_board(write(tmp_path, start + 'accelerator = { name = "none" }\n'))
    assert none.accelerator is None and none.memories == load_board("alif-e3-hp").memories
    more = (
        start
        + """
[[memories]]
name = "hyperram"
bytes = 33554432
kind = "ram"
rank = 9
npu_visible = true
[[accelerator.system_configs]]
arena = "hyperram"
model = "mram"
system_config = "RTSS_HP_SRAM_OSPI"
memory_mode = "Shared_Sram"
[alif_cmake]
origins = { hyperram = 0xA0000000 }
"""
    )
    npu = load_board(write(tmp_path, more)).accelerator
    assert npu is not None and npu.name == "ethos-u55-256"
    entry = npu.system_config("hyperram", "mram")
    assert entry is not None and entry.system_config == "RTSS_HP_SRAM_OSPI"


def test_extends_a_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST, "base.toml")
    mine = load_board(str(write(tmp_path, 'extends = "./base.toml"\ntitle = "Other"\n')))
    assert (mine.title, mine.chip) == ("Other", "esp32s3")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("esp32s33", "esp32s3"),
        ("ESP32-S3", "esp32s3"),
        ("esp32_c3", "esp32c3"),
        ("esp32-s3-box3", "esp32-s3-box-3"),
        ("esp32-s3-devkitc-1-n8r8", "esp32-s3-devkitc-n8r8"),
    ],
)
def test_unknown_board_suggests_the_nearest(asked: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_board(asked)
    assert caught.value.exit_code == 2
    assert f'did you mean "{meant}"?' in caught.value.hint


@pytest.mark.parametrize("name", ["", "chips", "..", "chips/../esp32s3", "/", "\x00", "qqqqq"])
def test_names_never_reach_the_file_system(name: str) -> None:
    with pytest.raises(UsageError):
        load_board(name)


FAULTS = {
    "unknown key": ('sourecs = ["x"]', "sourecs", 'did you mean "sources"?'),
    "unknown memory key": (
        '[[memories]]\nname = "flash"\nbites = 1',
        "memories[1].bites",
        '"bytes"',
    ),
    "negative size": ('[[memories]]\nname = "flash"\nbytes = -1', "memories[1].bytes", "-1"),
    "absurd size": (
        '[[memories]]\nname = "flash"\nbytes = 99999999999',
        "memories[1].bytes",
        "range",
    ),
    "boolean size": ('[[memories]]\nname = "flash"\nbytes = true', "memories[1].bytes", "integer"),
    "reserved over size": (
        '[[memories]]\nname = "internal"\nreserved = 341761',
        "memories[0].reserved",
        "0 ... 341760",
    ),
    "memory twice": (
        '[[memories]]\nname = "a"\n[[memories]]\nname = "a"',
        "memories",
        "",
    ),
    "nameless memory": ("[[memories]]\nbytes = 1", "memories[2].name", "missing"),
    "unhashable name": ("[[memories]]\nname = [1]", "memories[2].name", "not a string"),
    "no such memory": (
        'placement = { arena = ["psram"] }',
        "placement.arena[0]",
        "internal, flash",
    ),
    "arena in rom": ('placement = { arena = ["flash"] }', "placement.arena[0]", "not RAM"),
    "empty placement": ("placement = { arena = [] }", "placement.arena", "no memory"),
    "model in ram": ('placement = { model = ["internal"] }', "placement.model", '"flash"'),
    "unknown role": ('placement = { arenas = ["flash"] }', "placement.arenas", '"arena"'),
    "kernels": ('runtime = { kernels = "esp-nn" }', "runtime.kernels", '"esp_nn"'),
    "abi": ('cpu = { abi = "riscv" }', "cpu.abi", "riscv-ilp32"),
    "cores": ("cpu = { cores = 0 }", "cpu.cores", "1 ... 64"),
    "sdk range": ('sdk = { requires = "5.1" }', "sdk.requires", "malformed"),
    "family": ('family = "esp-idf"', "family", '"esp_idf"'),
    "no table": ('cpu = "fast"', "cpu", "table"),
    "title of two lines": ('vendor = "a\\nb"', "vendor", "printable"),
    "flash of three": ('[[memories]]\nname = "flash"\nbytes = 3145728', "esp_idf", "3 MiB"),
    "flash of half a mebibyte": (
        '[[memories]]\nname = "flash"\nbytes = 524288',
        "esp_idf",
        "whole mebibytes",
    ),
    "psram without mode": (
        '[[memories]]\nname = "psram"\nbytes = 8388608\nrank = 2\nkind = "ram"',
        "esp_idf.psram",
        "missing",
    ),
    "psram without memory": (
        '[esp_idf.psram]\nmode = "oct"\nspeed_mhz = 80',
        "esp_idf",
        '"psram"',
    ),
    "kconfig prefix": ("[esp_idf.kconfig]\nCONFIG_x = true", "esp_idf.kconfig.CONFIG_x", "CONFIG_"),
    "kconfig quote": ("[esp_idf.kconfig]\nA = 'x\"y'", "esp_idf.kconfig.A", "quotes"),
    "kconfig float": ("[esp_idf.kconfig]\nA = 1.5", "esp_idf.kconfig.A", "1.5"),
    "target": ('[esp_idf]\ntarget = "../x"', "esp_idf.target", "malformed"),
    "no console": ('[esp_idf]\nconsole = "jtag"', "esp_idf.console", "usb_serial_jtag"),
    "base is no string": ("", "extends", "unknown board"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_names_file_key_and_remedy(fault: str, tmp_path: Path) -> None:
    text, key, words = FAULTS[fault]
    head = SMALLEST if text else "extends = 5\n"
    path = write(tmp_path, head + text)
    with pytest.raises(UsageError) as caught:
        load_board(path)
    error = caught.value
    assert error.where.startswith(f"{path}: {key}")
    assert words in " ".join((error.what, error.why, error.hint))


def test_circles_and_long_chains_end(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "./b.toml"\n', "a.toml")
    path = write(tmp_path, 'extends = "./a.toml"\n', "b.toml")
    with pytest.raises(UsageError, match="circle") as caught:
        load_board(path)
    assert caught.value.why == "b -> a -> b"
    for step in range(20):
        write(tmp_path, f'extends = "./c{step + 1}.toml"\n', f"c{step}.toml")
    with pytest.raises(UsageError, match="too many"):
        load_board(tmp_path / "c0.toml")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"a = ", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000, b"#" * 300_000],
    ids=["empty", "not utf-8", "truncated", "deep", "huge number", "huge file"],
)
def test_files_that_are_no_board(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load_board(path)
    assert str(path) in caught.value.where


def test_missing_file_folder_and_bad_name(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path, write(tmp_path, SMALLEST, "My_Board.toml")):
        with pytest.raises(UsageError):
            load_board(path)


VALUES = st.recursive(
    st.none().map(lambda _: "true") | st.integers().map(str) | st.text(max_size=5).map(repr),
    lambda inner: st.lists(inner, max_size=3).map(lambda xs: "[" + ", ".join(xs) + "]"),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        *("cpu", "cpu.isa", "memories", "placement", "placement.arena", "sdk.tflm", "sources"),
        *("esp_idf", "esp_idf.flash", "esp_idf.kconfig", "runtime.default", "extends", "title"),
        *("chip", "x"),
    ]
)


@given(key=KEYS, value=VALUES)
def test_any_value_gives_a_board_or_a_usage_error(
    key: str, value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    head = "" if key == "extends" else 'extends = "esp32s3"\n'
    path = write(tmp_path_factory.getbasetemp(), f"{head}{key} = {value}\n", "fuzz.toml")
    try:
        assert load_board(path).name == "fuzz"
    except UsageError as error:
        assert "fuzz.toml" in error.where


def test_layouts_of_an_own_board(tmp_path: Path) -> None:
    path = tmp_path / "our-apollo.toml"
    text = 'extends = "apollo4p-evb"\nsources = ["sram: a measurement"]\n'
    text += '[[memories]]\nname = "sram"\nreserved = 4096\n'
    text += "[layouts.standalone]\n[[layouts.standalone.memories]]\n"
    path.write_text(text + 'name = "sram"\nreserved = 8192\n')
    assert load_board(path).memory("sram").reserved == 4096
    alone = load_board(path, "standalone")
    assert alone.memory("sram").reserved == 8192 and alone.default_runtime == "aot"
    for bad in ("layouts = 3\n", "[layouts]\nstandalone = 1\n"):
        path.write_text('sources = ["x"]\n' + bad)
        with pytest.raises(UsageError) as caught:
            load_board(path)
        assert caught.value.where.endswith("our-apollo.toml: layouts")
    path.write_text('extends = "apollo4p-evb"\n[layouts.standalone.cpu]\nclok = 1\n')
    assert load_board(path).default_runtime == "tflm"
    with pytest.raises(UsageError, match="unknown key"):
        load_board(path, "standalone")
