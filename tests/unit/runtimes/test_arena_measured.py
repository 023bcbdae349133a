# SPDX-License-Identifier: Apache-2.0
"""Accounts of whole models against TFLM itself, run on emulated processors."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from gen_fw.model.reader import read_model
from gen_fw.runtimes.tflm.abi import build_for_isa
from gen_fw.runtimes.tflm.arena.account import account

ROOT = Path(__file__).resolve().parents[3]
KERNELS = {"ref": "reference", "cmsis": "cmsis_nn"}
#: arena_used_bytes() of CMSIS-NN kernels on QEMU's Cortex-M55, TFLM 90b983c2 and CMSIS-NN
#: 99f736a6 built by GCC 12.2: with MVE, with DSP alone, without either; and with MVE, for size
CMSIS_NN = {
    "examples/models/chirps_int8": (9636, 5156, 5156, 9636),
    "examples/models/digits_int8": (2516, 2436, 2436, 2468),
    "examples/models/sine_float32": (832, 832, 832, 832),
    "examples/models/sine_int8": (1172, 1028, 1028, 1092),
    "tests/data/models/branches_int8": (3600, 3584, 3584, 3600),
    "tests/data/models/cnn_float32": (3376, 3376, 3376, 3376),
    "tests/data/models/labels_inside": (596, 580, 580, 596),
    "tests/data/models/lstm_int8": (2228, 2212, 2212, 2212),
    "tests/data/models/svdf_int8": (836, 788, 788, 820),
}


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


@pytest.mark.parametrize("name", CMSIS_NN)
def test_cmsis_nn_equals_what_its_kernels_took(name: str) -> None:
    model = read_model(ROOT / f"{name}.tflite")
    mve = build_for_isa("cortex-m55", "cmsis_nn")
    builds = (
        mve,
        replace(mve, variant="dsp"),
        replace(mve, variant="plain"),
        replace(mve, optimise="size"),
    )
    arenas = [account(model, build) for build in builds]
    assert tuple(arena.used for arena in arenas) == CMSIS_NN[name]
    assert {arena.label for arena in arenas} == {"exact"}


def test_kernels_of_a_cortex_m4_are_the_dsp_ones() -> None:
    for name, (_, dsp, _, _) in CMSIS_NN.items():
        model = read_model(ROOT / f"{name}.tflite")
        assert account(model, build_for_isa("cortex-m4", "cmsis_nn")).used == dsp, name
