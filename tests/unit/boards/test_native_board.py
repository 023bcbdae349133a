# SPDX-License-Identifier: Apache-2.0
"""Boards of one's own that extend an emulated one: what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.errors import UsageError

FAULTS = {
    "flag": ('[native_cmake]\ncompiler_flags = ["-mcpu=x; rm -rf"]', "compiler_flags", "-mcpu=x"),
    "not a machine option": ('[native_cmake]\ncompiler_flags = ["-O3"]', "compiler_flags", "-O3"),
    "machine": ('[native_cmake]\nmachine = "virt,dumpdtb=x"', "machine", "malformed"),
    "toolchain": ('[native_cmake]\ntoolchain = "evil"', "toolchain", "arm-none-eabi"),
    "clock": ('[native_cmake]\ncounter = { kind = "clock" }', "counter.kind", "no instructions"),
    "ticks": ("[native_cmake]\ncounter = { ticks = 0 }", "counter.ticks", "1 ..."),
    "no address": (
        '[[memories]]\nname = "more"\nbytes = 65536\nrank = 2\nkind = "ram"',
        "origins",
        '"more"',
    ),
    "address of nothing": ("[native_cmake]\norigins = { moon = 1 }", "origins.moon", "unknown"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(fault: str, tmp_path: Path) -> None:
    text, where, words = FAULTS[fault]
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "qemu-cortex-m4"\n{text}\n')
    with pytest.raises(UsageError) as caught:
        load_board(path)
    error = caught.value
    assert f"native_cmake.{where}" in error.where
    assert words in f"{error.what} {error.why} {error.hint}"


def test_another_machine(tmp_path: Path) -> None:
    path = tmp_path / "an500.toml"
    path.write_text(
        'extends = "qemu-cortex-m4"\ntitle = "MPS2 AN500"\n'
        'cpu = { isa = "cortex-m7" }\n'
        '[native_cmake]\nmachine = "mps2-an500"\n'
        'compiler_flags = ["-mcpu=cortex-m7", "-mthumb"]\n'
        "origins = { program = 0x00000000, ram = 0x20000000 }\n"
    )
    board = load_board(path)
    assert board.family_data["machine"] == "mps2-an500"
    assert board.family_data["emulator"] == "qemu-system-arm"
    assert board.family_data["counter"]["kind"] == "cmsdk_timer"
