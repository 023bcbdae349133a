# SPDX-License-Identifier: Apache-2.0
"""An account of the interpreter's arena as plain data: ``arena`` of gen-fw/inspect/1."""

from __future__ import annotations

from typing import Any

from gen_fw.errors import Diagnostic
from gen_fw.memory.buffers import align
from gen_fw.memory.document import item_document
from gen_fw.model.types import Model
from gen_fw.program import ArenaPlan
from gen_fw.runtimes.planned import arena_plan, interpreter_steps
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.offline.program import Runs


def run_plan(runs: Runs) -> ArenaPlan:
    """The planned part of the arena, for a picture."""
    return arena_plan(
        runs.model,
        runs.account.plan,
        planner=runs.planner,
        steps=interpreter_steps(runs.model, runs.order),
    )


def wasteful(runs: Runs) -> list[Diagnostic]:
    """A plan that came with the model and wastes memory here: made for another kernel set, say.
    Vela's are left alone, since the NPU's command stream relies on them."""
    plan = run_plan(runs)
    compiled = any(
        operator.custom_code == b"ethos-u"
        for subgraph in runs.model.subgraphs
        for operator in subgraph.operators
    )
    if compiled or runs.planner != "offline plan of the model" or plan.bytes <= plan.lower_bound:
        return []
    return [
        Diagnostic(
            "the model brings a memory plan that is larger than needed",
            why=f"{plan.bytes} bytes; {plan.lower_bound} are in use at one time",
            hint="generate from the model before that plan was written into it",
        )
    ]


def arena_document(given: Model, build: Build, runs: Runs, plan: ArenaPlan) -> dict[str, Any]:
    """The arena of the model ``given``, as ``runs`` has it under ``build``; ``plan`` is that of
    ``run_plan``. All sizes in bytes."""
    counted = runs.account
    kept, rest = account(runs.model, build, split=True).split
    return {
        "runtime": "tflm",
        "build": {
            "release": build.release,
            "abi": build.abi,
            "kernels": build.kernels,
            "variant": build.variant,
            "optimise": build.optimise,
        },
        "used_bytes": counted.used,
        "minimum_bytes": counted.minimum,
        "head_bytes": counted.head,
        "tail_bytes": counted.tail,
        "lower_bound_bytes": plan.lower_bound,
        "split": {"arena_bytes": rest, "persistent_bytes": kept},
        "label": counted.label,
        "weakest": counted.weakest,
        "items": [item_document(item) for item in counted.items],
        "planner": runs.planner,
        "buffers": len(plan.blocks),
        "operators": _operators(given, counted, runs.order),
        "offline_plan": {
            "applied": runs.report["applied"],
            "steps": runs.report["steps"],
            "before": runs.report.get("before"),
        },
    }


def _operators(model: Model, counted: Account, order: tuple[int, ...]) -> list[dict[str, Any]]:
    """What each operator's kernel asks for, by the operators of the model as given."""
    kept: dict[tuple[int, int], int] = {}
    scratch: dict[tuple[int, int], int] = {}
    for event in counted.events:
        if event.kind == "persistent":
            kept[event.operator] = kept.get(event.operator, 0) + event.taken
    for one in counted.scratch:
        place = (one.subgraph, one.operator)
        scratch[place] = scratch.get(place, 0) + align(one.bytes)
    position = {old: new for new, old in enumerate(order)}
    rows = []
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            index = operator.index
            place = (subgraph.index, index if subgraph.index else position.get(index, index))
            rows.append(
                {
                    "subgraph": subgraph.index,
                    "index": index,
                    "name": operator.label,
                    "persistent_bytes": kept.get(place, 0),
                    "scratch_bytes": scratch.get(place, 0),
                }
            )
    return rows
