# SPDX-License-Identifier: Apache-2.0
"""An account of the interpreter's arena as plain data: ``arena`` of gen-fw/inspect/1."""

from __future__ import annotations

from typing import Any

from gen_fw.memory.buffers import align
from gen_fw.memory.document import item_document
from gen_fw.model.lifetimes import offline_offsets
from gen_fw.model.types import Model
from gen_fw.program import ArenaPlan
from gen_fw.runtimes.planned import arena_plan, interpreter_steps
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.offline.improve import Improved, improve


def explained(
    model: Model, build: Build, *, offline_plan: bool = True
) -> tuple[dict[str, Any], ArenaPlan]:
    """The arena of ``model`` under ``build``, with a plan of ours where that is smaller unless
    ``offline_plan`` says no, and the planned part for a picture. All sizes in bytes.

    Raises UsageError and ModelError like ``account``.
    """
    better = improve(model, build) if offline_plan else None
    counted = better.after if better else account(model, build)
    final = better.model if better else model
    order = better.order if better else ()
    plan = arena_plan(
        final,
        counted.plan,
        planner=planner_of(model, better),
        steps=interpreter_steps(final, order),
    )
    document = {
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
        "label": counted.label,
        "weakest": counted.weakest,
        "items": [item_document(item) for item in counted.items],
        "planner": plan.planner,
        "buffers": len(plan.blocks),
        "operators": _operators(model, counted, order),
        "offline_plan": {
            "applied": better is not None,
            "steps": list(better.steps) if better else [],
            "before": _sizes(better.before) if better else None,
        },
    }
    return document, plan


def planner_of(model: Model, better: Improved | None) -> str:
    """Who decides where tensors lie. Raises ModelError for a malformed plan in the model."""
    if better is not None:
        return "offline plan of gen-fw"
    return "TFLM greedy" if offline_offsets(model) is None else "offline plan of the model"


def _sizes(counted: Account) -> dict[str, int]:
    return {
        "used_bytes": counted.used,
        "minimum_bytes": counted.minimum,
        "head_bytes": counted.head,
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
