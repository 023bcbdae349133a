# SPDX-License-Identifier: Apache-2.0
"""Accounts of whole models against TFLM itself, run on emulated processors."""

from __future__ import annotations

import csv
from pathlib import Path

from gen_fw.model.reader import read_model
from gen_fw.runtimes.tflm.abi import build_for_isa
from gen_fw.runtimes.tflm.arena.account import account

KERNELS = {"ref": "reference", "cmsis": "cmsis_nn"}


def test_equals_an_emulated_cortex_m55(shared: Path) -> None:
    """Every row of the baselines: what stays in use, its two ends, and the smallest arena."""
    with (shared / "baselines" / "tflm_m55.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["arena_used_bytes"]]
    assert {row["kernels"] for row in rows} == set(KERNELS) and len(rows) >= 28
    for row in rows:
        build = build_for_isa("cortex-m55", KERNELS[row["kernels"]])
        arena = account(read_model(shared / "models" / row["model"]), build)
        measured = {
            "arena_used_bytes": arena.used,
            "head_bytes": arena.head,
            "tail_bytes": arena.tail,
            "min_arena_bytes": arena.minimum,
        }
        for column, ours in measured.items():
            assert not row[column] or ours == int(row[column]), (row["model"], column)
        assert arena.label == "exact", row["model"]
