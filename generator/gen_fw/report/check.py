# SPDX-License-Identifier: Apache-2.0
"""The result of ``gen-fw check`` (schema gen-fw/check/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gen_fw.project.check import CheckResult, Finding

if TYPE_CHECKING:
    from rich.console import Console


def document(result: CheckResult) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "schema": "gen-fw/check/1",
        "ok": result.ok,
        "regenerated": result.regenerated,
        "drift": [_finding(finding) for finding in result.drift],
        "edited": [_finding(finding) for finding in result.edited],
        "notes": list(result.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {"path": finding.path, "owner": finding.owner, "reason": finding.reason}


def show(result: CheckResult, console: Console) -> None:
    """Prints every finding, then the verdict."""
    for note in result.notes:
        console.print(f"note: {note}", markup=False)
    for finding in result.edited:
        text = f"yours to edit ({finding.owner}): {finding.path}: {finding.reason}"
        console.print(text, markup=False)
    for finding in result.drift:
        console.print(f"drift: {finding.path}: {finding.reason}", markup=False)
    how = "hashes and regeneration" if result.regenerated else "hashes only"
    if result.ok:
        console.print(f"ok: the project is what gen-fw makes ({how})", markup=False)
    else:
        text = f"{len(result.drift)} x drift ({how}); `gen-fw -o DIR` regenerates what is ours"
        console.print(text, markup=False)
