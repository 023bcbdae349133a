# SPDX-License-Identifier: Apache-2.0
"""Memory needs against a board's memories: for reports, errors and ``--json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gen_fw.program import Candidate, Program

if TYPE_CHECKING:
    from rich.console import Console


def candidate_document(candidate: Candidate) -> dict[str, Any]:
    """One placement as plain data."""
    return {
        "placement": dict(candidate.placement.memories),
        "fits": candidate.fits,
        "memories": [
            {
                "name": use.memory,
                "kind": use.kind,
                "capacity": use.capacity,
                "reserved": use.reserved,
                "available": use.available,
                "needed": use.needed,
                "fits": use.fits,
                "needs": [
                    {
                        "label": item.label,
                        "bytes": item.bytes,
                        "confidence": item.confidence,
                        "source": item.source,
                    }
                    for item in use.needs
                ],
            }
            for use in candidate.uses
        ],
    }


def arena_document(program: Program) -> dict[str, Any]:
    """The arena of a program with every item."""
    region = program.region("arena")
    return {
        "bytes": region.bytes,
        "alignment": region.alignment,
        "confidence": region.confidence,
        "items": [
            {
                "label": item.label,
                "bytes": item.bytes,
                "confidence": item.confidence,
                "source": item.source,
            }
            for item in region.items
        ],
    }


def show_candidate(candidate: Candidate, console: Console) -> None:
    from gen_fw.report.tables import table

    rows: list[tuple[object, ...]] = []
    for use in candidate.uses:
        for item in use.needs:
            rows.append(("", item.label, item.bytes, "", "", item.confidence))
        free = use.available - use.needed
        share = f"{use.needed / use.available:.0%}" if use.available else "-"
        rows.append((use.memory, "total of usable", use.needed, use.available, share, ""))
        if free < 0:
            rows.append(("", "missing", -free, "", "", ""))
    console.print(
        table("memory", ["memory", "need", ">bytes", ">usable", ">used", "confidence"], rows)
    )
