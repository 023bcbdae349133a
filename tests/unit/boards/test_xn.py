# SPDX-License-Identifier: Apache-2.0
"""Boards from network descriptions (.xn): what is read, and what each fault is told as."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen_fw.boards.load import load_board, portable
from gen_fw.errors import UsageError

#: a board of ours: two tiles, flash of 8 MiB, 64 MiB of LPDDR
XN = """<?xml version="1.0" encoding="UTF-8"?>
<Network xmlns="http://www.xmos.com">
  <Type>Board</Type>
  <Name>Our board</Name>
  <Declarations><Declaration>tileref tile[2]</Declaration></Declarations>
  <Packages><Package id="0" Type="XS3-UnA-1024-FB265"><Nodes>
    <Node Id="0" InPackageId="0" Type="XS3-L16A-1024" Oscillator="24MHz" SystemFrequency="700MHz">
      <Boot><Source Location="bootFlash"/></Boot>
      <Extmem sizeMbit="512"/>
      <Tile Number="0" Reference="tile[0]">
        <Port Location="XS1_PORT_1B" Name="PORT_SQI_CS"/>
        <Port Location="XS1_PORT_1C" Name="PORT_SQI_SCLK"/>
        <Port Location="XS1_PORT_4B" Name="PORT_SQI_SIO"/>
      </Tile>
      <Tile Number="1" Reference="tile[1]"/>
    </Node>
  </Nodes></Package></Packages>
  <Nodes><Node Id="2" Type="device:" RoutingId="0x8000"/></Nodes>
  <ExternalDevices>
    <Device NodeId="0" Tile="0" Class="SQIFlash" Name="bootFlash" PageSize="256" NumPages="32768"/>
  </ExternalDevices>
</Network>
"""


def write(tmp_path: Path, text: str = XN, name: str = "Our_Board.xn") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_board_is_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    board = load_board(path)
    assert (board.name, board.title, board.cpu.clock_mhz) == ("our-board", "Our board", 700)
    assert {memory.name: memory.bytes for memory in board.memories} == {
        "tile0": 524288,
        "tile1": 524288,
        "flash": 8388608,
        "lpddr": 67108864,
    }
    assert board.placement["arena"] == ("tile0", "tile1", "lpddr")
    assert board.placement["model"] == ("tile0", "tile1", "flash", "lpddr")
    assert (board.family_data["xn"], board.family_data["target"]) == ("Our_Board.xn", "")
    assert portable(path) == XN.encode()
    assert load_board(str(path)) == board


def test_without_flash_and_with_one_tile(tmp_path: Path) -> None:
    text = XN.replace('<Tile Number="1" Reference="tile[1]"/>', "")
    text = text.replace('Class="SQIFlash"', 'Class="Other"').replace('<Extmem sizeMbit="512"/>', "")
    board = load_board(write(tmp_path, text))
    assert [memory.name for memory in board.memories] == ["tile0"]
    assert board.placement == {"arena": ("tile0",), "model": ("tile0",), "code": ("tile0",)}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<Network", "<Netwrk", "no XML"),
        ("Network", "Board", "no network description"),
        ("XS3-L16A-1024", "XS2-L16A-512", "no xcore.ai"),
        ('Type="XS3-L16A-1024"', 'Type="other"', "no XMOS device"),
        ("700MHz", "fast", "no clock"),
        ('NumPages="32768"', "", "flash has no size"),
        ('NumPages="32768"', 'NumPages="many"', "flash has no size"),
        ("PORT_SQI_SCLK", "PORT_LEDS", "no port PORT_SQI_SCLK"),
        ('sizeMbit="512"', 'sizeMbit="-1"', "external memory has no size"),
        ('Tile Number="1"', 'Tile Number="7"', "one or two tiles"),
        ("<Type>", '<!DOCTYPE x [<!ENTITY e "e">]><Type>', "document type"),
        (XN, "", "no XML"),
        (XN, "\0" * 100, "no XML"),
        (XN, "<a>" * 80000, "no XML"),
    ],
)
def test_faults_are_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in XN
    with pytest.raises(UsageError) as caught:
        load_board(write(tmp_path, XN.replace(old, new)))
    assert words in caught.value.what and "Our_Board.xn" in caught.value.where, caught.value
    assert caught.value.why and caught.value.hint


def test_a_missing_file_and_a_bad_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        load_board(str(tmp_path / "nowhere.xn"))
    with pytest.raises(UsageError, match="cannot name a board"):
        load_board(write(tmp_path, name="my board.xn"))
    big = tmp_path / "big.xn"
    big.write_bytes(b" " * (300 * 1024))
    with pytest.raises(UsageError):
        load_board(big)
