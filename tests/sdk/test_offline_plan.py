# SPDX-License-Identifier: Apache-2.0
"""Offline plans on real TFLM: every operator that may work in place, random graphs in other orders,
and the models that gain, give the outputs that they gave before, in the arena that is predicted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import arena_build
import pytest
import sdk_evidence
from arena_truth import Job, run, seeded_inputs
from sdk_trees import Tree, cmsis_nn, esp_nn, esp_tflite_micro, tree

from alias_models import random_graph, single_operators
from gen_fw.errors import ModelError
from gen_fw.model.lifetimes import OFFLINE_PLAN
from gen_fw.model.reader import read_model
from gen_fw.model.rewrite import reordered, with_metadata
from gen_fw.model.types import Model
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.offline.alias import candidates
from gen_fw.runtimes.tflm.offline.improve import improve
from gen_fw.runtimes.tflm.offline.layout import layouts, metadata
from gen_fw.runtimes.tflm.support import check
from sample_models import model_files, topological

pytestmark = pytest.mark.sdk

GRAPHS = 60
#: operators that TFLM refuses for that element type
REFUSED = ("DIV_int16", "EXP_int8", "EXP_int16", "PRELU_int16")
#: the largest model and arena that the firmware holds
MOST = 4 << 20


@dataclass(frozen=True, slots=True)
class Pair:
    """A model as it was and as it is rewritten."""

    name: str
    given: Model
    planned: Model
    #: of what kind: "operator", "graph" or "model"
    kind: str
    steps: tuple[str, ...] = ()


def pairs(build: Build) -> Iterator[Pair]:
    for name, raw in single_operators():
        yield _forced(name, read_model(raw), read_model(raw), build, "operator")
    for seed in range(GRAPHS):
        given = read_model(random_graph(seed))
        order = topological(given.subgraphs[0], seed)
        moved = read_model(reordered(given.raw, {0: order}))
        yield _forced(f"graph{seed}", given, moved, build, "graph")
    for file in model_files():
        try:
            model = read_model(file)
        except ModelError:
            continue
        if check(model, build.release) or len(model.raw) >= MOST:
            continue
        better = improve(model, build)
        if better is not None and better.before.minimum < MOST:
            yield Pair(file.stem, model, better.model, "model", better.steps)


def _forced(name: str, given: Model, moved: Model, build: Build, kind: str) -> Pair:
    """With every alias that the kernels allow, whether it saves anything or not."""
    buffers = account(moved, build).plan.buffers
    layout = list(layouts(moved, buffers, candidates(moved, build)))[-1]
    plan = with_metadata(moved.raw, OFFLINE_PLAN, metadata(moved, layout.offsets))
    return Pair(name, given, read_model(plan), kind)


@pytest.fixture(params=sorted(arena_build.MACHINES))
def firmware(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    machine = arena_build.MACHINES[request.param]
    missing = [name for name in arena_build.variables(machine) if not os.environ.get(name)]
    missing += [name for name in arena_build.tools(machine) if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{machine.name} needs {', '.join(missing)}")
    folder = os.environ.get("GEN_FW_ARENA_BUILD")
    where = Path(folder) if folder else tmp_path_factory.getbasetemp() / "arena"
    where.mkdir(parents=True, exist_ok=True)
    return arena_build.build(machine, where)


def test_outputs_and_arena_on_target(firmware: arena_build.Firmware, tmp_path: Path) -> None:
    build = firmware.machine.build
    jobs: list[Job] = []
    rows: list[tuple[Pair, Account, Account]] = []
    for pair in pairs(build):
        before, after = account(pair.given, build), account(pair.planned, build)
        rows.append((pair, before, after))
        given, planned = tmp_path / f"{pair.name}.tflite", tmp_path / f"{pair.name}.planned.tflite"
        given.write_bytes(pair.given.raw)
        planned.write_bytes(pair.planned.raw)
        values = seeded_inputs(pair.given, rounds=2)
        jobs.append(Job(given, before.minimum, 2, values))
        jobs.append(Job(planned, after.minimum, 2, values))
        jobs.append(Job(planned, after.minimum - 16, 2, values))
    said = run(firmware, jobs)
    wrong: list[str] = []
    shown: list[dict[str, Any]] = []
    checked = {"operator": 0, "graph": 0, "model": 0}
    for number, (pair, before, after) in enumerate(rows):
        given, planned, smaller = said[3 * number : 3 * number + 3]
        if pair.name.startswith(REFUSED):
            assert not given.succeeded, pair.name
            continue
        used = (given.used, planned.used)
        if not given.succeeded or not planned.succeeded or smaller.succeeded:
            wrong.append(f"{pair.name}: {given.end}, {planned.end}, 16 bytes less {smaller.end}")
        elif used != (before.used, after.used):
            wrong.append(f"{pair.name}: used {used}, predicted {(before.used, after.used)}")
        elif given.outputs != planned.outputs or not given.outputs:
            wrong.append(f"{pair.name}: other outputs")
        else:
            checked[pair.kind] += 1
        if pair.kind == "model":
            shown.append(_row(pair, before, after))
    assert not wrong, "\n".join(wrong)
    assert checked["operator"] > 180 and checked["graph"] > 50 and checked["model"] >= 1
    _evidence(firmware, checked, shown)


def _row(pair: Pair, before: Account, after: Account) -> dict[str, Any]:
    return {
        "name": pair.name,
        "model_sha256": pair.given.sha256,
        "steps": list(pair.steps),
        "used_bytes": {"before": before.used, "after": after.used},
        "minimum_bytes": {"before": before.minimum, "after": after.minimum},
        "outputs": "equal",
    }


def _evidence(
    firmware: arena_build.Firmware, checked: dict[str, int], rows: list[dict[str, Any]]
) -> None:
    machine, build = firmware.machine, firmware.machine.build
    cases = {"name": "operators in place and random graphs in other orders", **checked}
    sdk_evidence.record(
        f"offline-plan-{machine.name}",
        title=f"Offline plans in TFLM on {machine.name}",
        method=(
            "each model as given and as rewritten, in arenas of exactly the predicted size, two "
            "invocations: the same outputs, arena_used_bytes() as predicted, and with 16 bytes "
            "less the rewritten one does not start"
        ),
        command=f"{'=... '.join(arena_build.variables(machine))}=... "
        "pytest -m sdk tests/sdk/test_offline_plan.py",
        trees=_trees(build),
        tools={},
        results=[cases, *rows],
    )


def _trees(build: Build) -> list[Tree]:
    if build.release == arena_build.ESPRESSIF:
        return [esp_tflite_micro(), esp_nn()]
    header, version = "tensorflow/lite/micro/micro_interpreter.h", r"SCHEMA_VERSION \((\d+)\)"
    upstream = tree("tflite-micro", "TFLM_ROOT", header, version)
    return [upstream, *([cmsis_nn()] if build.kernels == "cmsis_nn" else [])]
