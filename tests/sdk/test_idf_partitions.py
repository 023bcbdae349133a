# SPDX-License-Identifier: Apache-2.0
"""ESP-IDF's own tools accept partitions.csv and find room for code and model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sdk_evidence
from sdk_projects import EXAMPLE, EXAMPLE_OPTIONS, IDF_BOARDS, generate
from sdk_trees import Tree, esp_idf

pytestmark = pytest.mark.sdk

DEFAULT_OFFSET = 0x8000


def run(tree: Tree, tool: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A tool of components/partition_table; both are plain Python."""
    script = tree.root / "components" / "partition_table" / tool
    return subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        text=True,
        capture_output=True,
    )


def table_offset(project: Path) -> int:
    """PARTITION_TABLE_OFFSET that the project asks for."""
    for path in project.glob("sdkconfig.defaults*"):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("CONFIG_PARTITION_TABLE_OFFSET="):
                return int(line.partition("=")[2], 0)
    return DEFAULT_OFFSET


@pytest.fixture(scope="module")
def rows() -> Iterator[list[dict[str, object]]]:
    """Rows of the evidence; written when all boards were checked."""
    tree = esp_idf()
    collected: list[dict[str, object]] = []
    yield collected
    if len(collected) == len(IDF_BOARDS):
        sdk_evidence.record(
            f"esp-idf-{tree.version.rpartition('.')[0]}-partitions",
            title=f"ESP-IDF {tree.version} accepts the partition table of every board",
            method="gen_esp32part.py (to binary and back) and check_sizes.py of ESP-IDF",
            command="pytest -m sdk tests/sdk/test_idf_partitions.py",
            trees=(tree,),
            tools={},
            results=collected,
        )


@pytest.mark.parametrize("name", IDF_BOARDS)
def test_partition_table(name: str, tmp_path: Path, rows: list[dict[str, object]]) -> None:
    tree, flash = esp_idf(), IDF_BOARDS[name].family_data["flash"]["mb"]
    project = generate(name, tmp_path / "project", EXAMPLE, options=EXAMPLE_OPTIONS)
    offset = table_offset(project)
    common = ("--flash-size", f"{flash}MB", "--offset", hex(offset))
    binary, back = tmp_path / "table.bin", tmp_path / "back.csv"
    made = run(tree, "gen_esp32part.py", *common, project / "partitions.csv", binary)
    assert made.returncode == 0, made.stderr
    assert run(tree, "gen_esp32part.py", *common, binary, back).returncode == 0
    partitions = {
        fields[0]: (int(fields[3], 0), fields[4])
        for line in back.read_text("utf-8").splitlines()
        if not line.startswith("#") and (fields := line.split(","))
    }
    assert "factory" in partitions
    start, size = partitions["factory"]
    kibibytes = int(size.removesuffix("K")) if size.endswith("K") else int(size[:-1]) * 1024
    assert start % 0x10000 == 0 and start + kibibytes * 1024 <= flash << 20

    # the largest app that fits, and one byte more
    app = tmp_path / "app.bin"
    for excess in (0, 1):
        with app.open("wb") as file:
            file.truncate(kibibytes * 1024 + excess)
        arguments = ("--offset", hex(offset), "partition", "--type", "app", binary, app)
        assert (run(tree, "check_sizes.py", *arguments).returncode != 0) == bool(excess)
    # what is really linked must leave room: the model, and what ESP-IDF's smallest app takes
    assert kibibytes * 1024 >= EXAMPLE.stat().st_size + 256 * 1024
    rows.append({"name": name, "flash_mb": flash, "app_bytes": kibibytes * 1024})
