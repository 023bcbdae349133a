# SPDX-License-Identifier: Apache-2.0
"""What an account promises by construction, on every model of the tests."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.model.reader import read_model
from gen_fw.runtimes.tflm import TflmOptions, lower
from gen_fw.runtimes.tflm.abi import Build, build_for_isa, host_build
from gen_fw.runtimes.tflm.arena.account import account
from tflite_writer import edited, write

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"
BUILDS = (
    build_for_isa("cortex-m55", "cmsis_nn"),
    build_for_isa("cortex-m4", "cmsis_nn"),
    build_for_isa("cortex-m0", "reference"),
    build_for_isa("rv32imc", "esp_nn"),
    build_for_isa("xtensa-lx7", "esp_nn"),
    build_for_isa("rv32imafc", "esp_nn"),
    build_for_isa("host"),
)


def named(build: Build) -> str:
    return f"{build.abi}-{build.kernels}-{build.variant}"


@pytest.mark.parametrize("build", BUILDS, ids=named)
@pytest.mark.parametrize("path", sorted(MODELS.glob("*_golden.npz")), ids=lambda path: path.stem)
def test_items_add_up(path: Path, build: Build) -> None:
    model = read_model(path.with_name(path.stem.removesuffix("_golden") + ".tflite"))
    found = account(model, build)
    assert found.minimum % 16 == 0
    assert found.used == found.head + found.tail <= found.minimum
    assert sum(item.bytes for item in found.items) == found.minimum
    assert all(item.bytes >= 0 and item.source for item in found.items)
    assert found.head == found.plan.bytes >= found.lower_bound
    assert found.label == ("upper bound" if build.abi == "xtensa" else "exact")
    # two arenas: the same plan; the allocators themselves differ in size
    split = account(model, build, split=True)
    assert split.head == found.head and split.minimum == sum(split.split)
    assert split.split[0] >= split.tail and split.split[1] >= split.head
    # pointers of a 64-bit host only add
    if build.abi != "x86-64":
        assert account(model, host_build(build)).tail > found.tail


def test_a_kernel_of_the_application_makes_only_its_part_an_estimate() -> None:
    found = account(read_model(MODELS / "custom_operator.tflite"), BUILDS[0])
    sure = {item.label: item.confidence for item in found.items}
    assert found.label == sure["custom operators"] == "estimate"
    assert sure["planned tensors and scratch"] == sure["operator data"] == "estimate"
    assert sure["tensor structures"] == sure["input and output tensors"] == "exact"
    assert all(item.source for item in found.items)


def test_room_for_any_64_bit_host(shared: Path) -> None:
    """MANIFEST.csv has the total of the recording interpreter of a wheel that was built with
    compression, which needs more than a plain host build."""
    options = TflmOptions(kernels="reference", offline_plan=False)
    board = load_board("host")
    with (shared / "models" / "MANIFEST.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["tflm_ok"] == "yes" and row["ops"]]
    assert len(rows) > 20
    for row in rows:
        program = lower(read_model(shared / "models" / row["name"]), "m", board, options)
        assert program.adapter["arena_bytes"]["host64"] >= int(row["tflm_arena"]), row["name"]


def test_many_buffers_are_accounted_for() -> None:
    """TFLM sorts its buffers by exchange at every start; here their number may grow."""
    count = 3000
    tensors = [{"name": b"t", "shape": [1], "type": 0} for _ in range(count + 1)]
    operators = [
        {"opcode_index": 0, "inputs": [index], "outputs": [index + 1]} for index in range(count)
    ]
    subgraph = {"inputs": [0], "outputs": [count], "tensors": tensors, "operators": operators}
    codes = [{"deprecated_builtin_code": 8, "builtin_code": 8}]  # FLOOR
    edits = {"operator_codes": codes, "subgraphs": [subgraph], "signature_defs": []}
    found = account(read_model(write(edited(edits))), BUILDS[0])
    assert found.head == found.lower_bound == 32
    # the planner's table: 40 bytes for each buffer
    assert found.minimum > 40 * (count + 1)
