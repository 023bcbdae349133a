# SPDX-License-Identifier: Apache-2.0
"""Models whose operators moved and whose tensors share memory give the same outputs in TFLM."""

from __future__ import annotations

from pathlib import Path

import pytest

from alias_models import random_graph, single_operators
from gen_fw.errors import ModelError
from gen_fw.memory.buffers import Buffer
from gen_fw.model.lifetimes import OFFLINE_PLAN, lifetimes, offline_offsets
from gen_fw.model.reader import read_model
from gen_fw.model.rewrite import reordered, with_metadata
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import account
from gen_fw.runtimes.tflm.offline.alias import candidates
from gen_fw.runtimes.tflm.offline.check import faults
from gen_fw.runtimes.tflm.offline.layout import layouts, metadata
from gen_fw.runtimes.tflm.support import check
from interpreter_verdicts import ask
from sample_models import model_files, topological

HOST = Build("tflite-micro-90b983c2", "x86-64", "reference")
#: operators that this TFLM refuses for that element type
REFUSED = ("DIV_int16", "EXP_int8", "EXP_int16", "PRELU_int16")


def test_outputs_are_the_same_in_place(tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro")
    given, planned = tmp_path / "given", tmp_path / "planned"
    given.mkdir()
    planned.mkdir()
    names: list[str] = []
    shared = 0
    graphs = ((f"graph{seed}", random_graph(seed)) for seed in range(100))
    for name, raw in (*single_operators(), *graphs):
        model = read_model(raw)
        if name.startswith("graph"):
            order = topological(model.subgraphs[0], seed=len(names))
            model = read_model(reordered(raw, {0: order}))
        # none of these kernels asks for scratch
        buffers = [Buffer(x.bytes, x.first_use, x.last_use, x.label) for x in lifetimes(model)]
        layout = list(layouts(model, buffers, candidates(model, HOST)))[-1]
        if not name.startswith("graph"):
            assert any(alias.operator == 1 for alias in layout.aliases), name
        shared += len(layout.aliases)
        names.append(f"{name}.tflite")
        (given / names[-1]).write_bytes(raw)
        plan = metadata(model, layout.offsets)
        (planned / names[-1]).write_bytes(with_metadata(model.raw, OFFLINE_PLAN, plan))
    before = ask("tflm-run", [given / name for name in names])
    after = ask("tflm-run", [planned / name for name in names])
    refused = [name for name, said in before.items() if not said.startswith("sha256:")]
    assert all(name.startswith(REFUSED) for name in refused), refused
    assert shared > 400
    assert after == before


def test_every_model_runs_with_a_plan(tmp_path: Path) -> None:
    """Whether it saves anything or not: recurrent layers, control flow, resource variables."""
    pytest.importorskip("tflite_micro")
    given: list[Path] = []
    for file in model_files():
        try:
            model = read_model(file)
        except ModelError:
            continue
        if check(model, HOST.release) or offline_offsets(model) is not None:
            continue
        buffers = account(model, HOST).plan.buffers
        layout = list(layouts(model, buffers, candidates(model, HOST)))[-1]
        plan = metadata(model, layout.offsets)
        written = read_model(with_metadata(model.raw, OFFLINE_PLAN, plan))
        counted = account(written, HOST)
        scratch = [(one.subgraph, one.operator) for one in counted.scratch]
        assert list(faults(written, counted.plan, scratch, layout.aliases)) == [], file.stem
        given.append(file)
        (tmp_path / file.name).write_bytes(written.raw)
    before = ask("tflm-run", given)
    after = ask("tflm-run", [tmp_path / file.name for file in given])
    assert len(given) >= 10 and all(said.startswith("sha256:") for said in before.values())
    assert after == before
