# SPDX-License-Identifier: Apache-2.0
"""Memory needs against a board's memories, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def show_candidate(candidate: Mapping[str, Any], console: Console) -> None:
    """Prints one placement; ``candidate`` is what ``memory.document.candidate_document`` makes."""
    from gen_fw.report.tables import table

    rows: list[tuple[object, ...]] = []
    for use in candidate["memories"]:
        for item in use["needs"]:
            rows.append(("", item["label"], item["bytes"], "", "", item["confidence"]))
        available, needed = use["available"], use["needed"]
        share = f"{needed / available:.0%}" if available > 0 else "-"
        rows.append((use["name"], "total of usable", needed, available, share, ""))
        if needed > available:
            rows.append(("", "MISSING", needed - available, "", "", ""))
    where = ", ".join(f"{role} in {name}" for role, name in candidate["placement"].items())
    columns = ["memory", "need", ">bytes", ">usable", ">used", "confidence"]
    console.print(table(f"memory: {where}", columns, rows))
