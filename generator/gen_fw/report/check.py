# SPDX-License-Identifier: Apache-2.0
"""The result of ``gen-fw check`` (schema gen-fw/check/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gen_fw.project.check import CheckResult

if TYPE_CHECKING:
    from rich.console import Console


def document(result: CheckResult) -> dict[str, Any]:
    return {
        "schema": "gen-fw/check/1",
        "ok": not result.drift,
        "drift": [{"path": item.path, "reason": item.reason} for item in result.drift],
        "edited": [{"path": item.path, "owner": item.owner} for item in result.edited],
        "notes": list(result.notes),
    }


def show(result: CheckResult, console: Console) -> None:
    for note in result.notes:
        console.print(f"note: {note}", markup=False)
    for item in result.edited:
        console.print(f"edited ({item.owner}, fine): {item.path}", markup=False)
    for drift in result.drift:
        console.print(f"drift: {drift.path}: {drift.reason}", markup=False)
    if result.drift:
        console.print("drift: regenerate with `gen-fw -o DIR`", markup=False)
    else:
        console.print("ok: the project is what gen-fw makes", markup=False)
