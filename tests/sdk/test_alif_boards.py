# SPDX-License-Identifier: Apache-2.0
"""The numbers of the Alif boards against Alif's own headers (``ALIF_DFP_ROOT``)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sdk_evidence
from sdk_alif import alif_dfp
from sdk_trees import Tree

from gen_fw.boards.board import Board
from gen_fw.boards.load import all_boards

pytestmark = pytest.mark.sdk
SAME: list[dict[str, str]] = []
BOARDS = [board for board in all_boards() if board.family == "alif_cmake"]


def numbers(path: Path) -> dict[str, int]:
    """Macros that are plain numbers."""
    found = re.findall(
        r"^#define\s+(\w+)\s+\(?(0[xX][0-9A-Fa-f]+|\d+)U?L?\)?", path.read_text("utf-8"), re.M
    )
    return {name: int(value, 0) for name, value in found}


@pytest.fixture(scope="module")
def dfp_tree() -> Tree:
    return alif_dfp()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_headers_say_the_same(dfp_tree: Tree, board: Board) -> None:
    dfp = dfp_tree.root
    data, npu = board.family_data, board.accelerator
    assert npu is not None
    soc = dfp / "Device" / "soc" / data["soc"]
    features = numbers(soc / "include" / "soc_features.h")
    regions = numbers(soc / "config" / "app_mem_regions.h")
    core = data["core"].removeprefix("M55_")
    for tcm in ("itcm", "dtcm"):
        macro = f"SOC_FEAT_{core}_{tcm.upper()}"
        assert board.memory(tcm).bytes == features[f"{macro}_SIZE"]
        assert data["global_addresses"][tcm] == features[f"{macro}_BASE"]
        assert data["origins"][tcm] == regions[f"APP_{tcm.upper()}_BASE"]
    for index in range(2):
        if features["SOC_FEAT_HAS_BULK_SRAM"]:
            assert board.memory(f"sram{index}").bytes == features[f"SOC_FEAT_BULK_SRAM{index}_SIZE"]
            assert data["origins"][f"sram{index}"] == regions[f"APP_SRAM{index}_BASE"]
    start, size = data["origins"]["mram"], board.memory("mram").bytes
    assert start == regions[f"APP_MRAM_{core}_BASE"]
    end = features["SOC_FEAT_MRAM_BASE"] + features["SOC_FEAT_MRAM_SIZE"]
    assert start + size <= end and size >= regions[f"APP_MRAM_{core}_SIZE"]
    assert board.cpu.clock_mhz * 1_000_000 == features[f"SOC_FEAT_M55_{core}_MAX_HZ"]
    reaches = features["SOC_FEAT_U55_M1_CAN_ACCESS_HIGHER_ADDRESS"]
    assert data["m1_reaches_high_addresses"] == bool(reaches)
    device = numbers(soc / "include" / data["subsystem"] / "soc.h")
    name = "NPU_HG" if npu.architecture == "u85" else f"NPU_{core}"
    assert npu.base == device[f"{name}_BASE"]
    assert (dfp / "Boards" / data["kit"]).is_dir()
    pdsc = (dfp / "AlifSemiconductor.Ensemble.pdsc").read_text("utf-8")
    assert f'<device Dname="{data["device"]}">' in pdsc
    retarget = {"alif-e1c": "e1c", "alif-e4": "e4", "alif-e8": "e8"}.get(board.chip, "e7")
    console = numbers(dfp / "libs" / "retarget_io" / "config" / retarget / "retarget_config.h")
    assert data["uart"]["instance"] == console["PRINTF_UART_CONSOLE"]
    assert data["uart"]["baud"] == console["PRINTF_UART_CONSOLE_BAUD_RATE"]
    SAME.append({"name": board.name, "device": data["device"], "core": data["core"]})
    if len(SAME) == len(BOARDS):
        sdk_evidence.record(
            "alif-headers",
            title="The numbers of the Alif boards are those of Alif's headers",
            method="sizes and addresses of memories, the core's clock, the NPU's base and the "
            "reach of its port M1, the console, and names of the device and its folders are "
            "compared with soc_features.h, app_mem_regions.h, soc.h, retarget_config.h and the "
            "pack's description",
            command="ALIF_DFP_ROOT=... pytest -m sdk tests/sdk/test_alif_boards.py",
            trees=[dfp_tree],
            tools={},
            results=SAME,
        )
