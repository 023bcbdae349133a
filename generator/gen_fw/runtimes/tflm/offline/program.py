# SPDX-License-Identifier: Apache-2.0
"""What a Program takes over from an offline plan: the model that runs, its arena, its constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gen_fw.errors import Diagnostic
from gen_fw.model.lifetimes import has_offline_plan
from gen_fw.model.types import Model
from gen_fw.program import Constant
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.offline.check import check_given
from gen_fw.runtimes.tflm.offline.improve import Improved, improve


@dataclass(frozen=True, slots=True)
class Runs:
    """The model as it runs on the target."""

    model: Model
    account: Account
    #: the file as given first; what runs is labelled "model"
    constants: tuple[Constant, ...]
    #: "TFLM greedy", "offline plan of gen-fw" or "offline plan of the model"
    planner: str
    #: plain data for reports
    report: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...] = ()
    #: new order of subgraph 0, as old indices; empty: as given
    order: tuple[int, ...] = ()


def planned(model: Model, build: Build, *, offline_plan: bool = True) -> Runs:
    """``model`` as ``build`` runs it, with an offline plan of ours if that is wanted and smaller.

    Raises ModelError for a plan in the model that is surely wrong, and like ``improve``.
    """
    notes = check_given(model)
    improved = improve(model, build) if offline_plan else None
    if improved is None:
        own = has_offline_plan(model)
        return Runs(
            model=model,
            account=account(model, build),
            constants=(Constant("model", model.raw),),
            planner="offline plan of the model" if own else "TFLM greedy",
            report=_report(None),
            diagnostics=notes,
        )
    return Runs(
        model=improved.model,
        account=improved.after,
        constants=(Constant("input", model.raw), Constant("model", improved.model.raw)),
        planner="offline plan of gen-fw" if improved.planned else "TFLM greedy",
        report=_report(improved),
        diagnostics=notes,
        order=improved.order,
    )


def _report(improved: Improved | None) -> dict[str, Any]:
    if improved is None:
        return {"applied": False, "steps": []}
    before, after = improved.before, improved.after
    return {
        "applied": True,
        "steps": list(improved.steps),
        "before": {"used_bytes": before.used, "minimum_bytes": before.minimum},
        "after": {"used_bytes": after.used, "minimum_bytes": after.minimum},
        "model_bytes": len(improved.model.raw),
    }
