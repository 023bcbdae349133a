# SPDX-License-Identifier: Apache-2.0
"""Memory words as plain data: for ``--json``, errors and templates."""

from __future__ import annotations

from typing import Any

from gen_fw.program import Candidate, Item


def item_document(item: Item) -> dict[str, Any]:
    """One line of an accounting."""
    return {
        "label": item.label,
        "bytes": item.bytes,
        "confidence": item.confidence,
        "source": item.source,
    }


def candidate_document(candidate: Candidate) -> dict[str, Any]:
    """One placement with the use of every memory."""
    return {
        "placement": {str(role): name for role, name in candidate.placement.memories.items()},
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
                "needs": [item_document(item) for item in use.needs],
            }
            for use in candidate.uses
        ],
    }
