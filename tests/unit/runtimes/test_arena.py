# SPDX-License-Identifier: Apache-2.0
"""The arena bound against measured arenas, and what it promises by construction."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model
from gen_fw.runtimes.tflm.arena.bound import Abi, arena_bound
from tflite_writer import edited, write

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"
UPSTREAM = "tflite-micro-90b983c2"
KERNELS = ("reference", "esp_nn:generic", "esp_nn:esp32s3", "esp_nn:esp32p4")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_against_an_emulated_cortex_m55(shared: Path) -> None:
    """Head exact; total enough to allocate and invoke, and not silly."""
    measured = [
        row
        for row in rows(shared / "baselines" / "tflm_m55.csv")
        if row["kernels"] == "ref" and row["head_bytes"]
    ]
    assert len(measured) >= 12
    for row in measured:
        model = read_model(shared / "models" / row["model"])
        arena = arena_bound(model, UPSTREAM, "reference", "ilp32")
        used = int(row["arena_used_bytes"])
        needed = max(used, int(row["min_arena_bytes"] or 0))
        assert arena.plan.bytes == int(row["head_bytes"]), row["model"]
        assert arena.bytes >= needed, row["model"]
        if used > 10_000:
            assert arena.bytes <= 1.3 * used, row["model"]
        else:
            assert arena.bytes - needed < 1024, row["model"]


def test_against_the_64_bit_interpreter(shared: Path) -> None:
    """MANIFEST.csv has the recording interpreter's total on x86-64."""
    for row in rows(shared / "models" / "MANIFEST.csv"):
        if row["tflm_ok"] == "yes" and row["ops"]:
            model = read_model(shared / "models" / row["name"])
            arena = arena_bound(model, UPSTREAM, "reference", "lp64")
            total = int(row["tflm_arena"])
            assert total <= arena.bytes <= total + max(0.3 * total, 4096), row["name"]


@pytest.mark.parametrize("abi", ["ilp32", "lp64"])
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("path", sorted(MODELS.glob("*_golden.npz")), ids=lambda path: path.stem)
def test_items_add_up(path: Path, kernels: str, abi: Abi) -> None:
    model = read_model(path.with_name(path.stem.removesuffix("_golden") + ".tflite"))
    arena = arena_bound(model, UPSTREAM, kernels, abi)
    assert arena.bytes % 16 == 0
    assert sum(item.bytes for item in arena.items) == arena.bytes
    assert all(item.bytes >= 0 and item.source for item in arena.items)
    assert arena.items[0].confidence == "exact"
    assert arena.items[0].bytes == arena.plan.bytes >= arena.lower_bound
    if kernels != "reference":
        plain = arena_bound(model, UPSTREAM, "reference", abi)
        assert arena.bytes >= plain.bytes


def test_too_many_buffers_are_refused_quickly() -> None:
    """TFLM would sort them by exchange at every start; planning them must not hang here."""
    count = 2100
    tensors = [{"name": b"t", "shape": [1], "type": 0} for _ in range(count + 1)]
    operators = [
        {"opcode_index": 0, "inputs": [index], "outputs": [index + 1]} for index in range(count)
    ]
    subgraph = {"inputs": [0], "outputs": [count], "tensors": tensors, "operators": operators}
    codes = [{"deprecated_builtin_code": 8, "builtin_code": 8}]  # FLOOR
    edits = {"operator_codes": codes, "subgraphs": [subgraph], "signature_defs": []}
    model = read_model(write(edited(edits)))
    started = time.monotonic()
    with pytest.raises(ModelError, match="too many tensors"):
        arena_bound(model, UPSTREAM, "reference", "ilp32")
    assert time.monotonic() - started < 2
