# SPDX-License-Identifier: Apache-2.0
"""tools/prove_scratch.py on the vendors' trees, and that it sees a wrong port."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sdk_evidence
from sdk_trees import Tree, cmsis_nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import prove_scratch
from prove_scratch import Case, ProofError

pytestmark = pytest.mark.sdk


@pytest.fixture(scope="module")
def cmsis_nn_tree() -> Tree:
    return cmsis_nn()


def test_ports_equal_the_vendors(cmsis_nn_tree: Tree, esp_nn_tree: Tree) -> None:
    rows = prove_scratch.prove_cmsis_nn(cmsis_nn_tree.root)
    rows += prove_scratch.prove_esp_nn(esp_nn_tree.root)
    wrong = [f"{row.function} {row.variant}: {row.first}" for row in rows if row.mismatches]
    assert not wrong, "\n".join(wrong)
    assert len(rows) == 45 and all(row.shapes >= 10_000 for row in rows)
    sdk_evidence.record(
        "scratch-ports",
        title="Scratch sizes: our ports against the vendors' own functions",
        method="The vendors' size functions, compiled for the host with the macros of each target, "
        "and our ports answer the same random shapes.",
        command="CMSIS_NN_ROOT=... ESP_NN_ROOT=... pytest -m sdk tests/sdk/test_scratch_ports.py",
        trees=[cmsis_nn_tree, esp_nn_tree],
        tools={},
        results=[
            {
                "name": f"{row.function}, {row.variant}",
                "shapes": row.shapes,
                "mismatches": row.mismatches,
            }
            for row in rows
        ],
    )


def off_by_one(case: Case) -> Case:
    return replace(case, port=lambda w: case.port(w) + 1)


def test_a_wrong_port_is_seen(cmsis_nn_tree: Tree, esp_nn_tree: Tree) -> None:
    root = cmsis_nn_tree.root
    source, cases = prove_scratch.cmsis_source(root, "mve"), prove_scratch.cmsis_cases("mve")
    rows = prove_scratch.prove(source, [off_by_one(c) for c in cases], root / "Include", 50)
    assert {row.mismatches for row in rows} == {50}
    # the variants are not the same code: each proof runs under its own macros
    other = prove_scratch.prove(source, prove_scratch.cmsis_cases("dsp"), root / "Include", 2000)
    assert {row.function for row in other if row.mismatches} >= {
        "arm_convolve_wrapper_s8_get_buffer_size",
        "arm_depthwise_conv_wrapper_s8_get_buffer_size",
        "arm_avgpool_s16_get_buffer_size",
    }
    with pytest.raises(ProofError):
        prove_scratch.cmsis_source(esp_nn_tree.root, "mve")
    with pytest.raises(ProofError):
        prove_scratch.esp_source(root, "esp32s3")
