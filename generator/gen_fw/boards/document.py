# SPDX-License-Identifier: Apache-2.0
"""A board as plain data: for reports, JSON and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gen_fw.boards.board import Accelerator, Board


def board_document(board: Board) -> dict[str, Any]:
    """One board as plain data, every field."""
    return {
        "name": board.name,
        "title": board.title,
        "vendor": board.vendor,
        "family": board.family,
        "chip": board.chip,
        "cpu": {
            "isa": board.cpu.isa,
            "cores": board.cpu.cores,
            "clock_mhz": board.cpu.clock_mhz,
            "abi": board.cpu.abi,
            "features": list(board.cpu.features),
        },
        "runtime": {"default": board.default_runtime, "kernels": board.kernels},
        "memories": [
            {
                "name": memory.name,
                "kind": memory.kind,
                "bytes": memory.bytes,
                "reserved": memory.reserved,
                "rank": memory.rank,
                "npu_visible": memory.npu_visible,
                "note": memory.note,
                "loaded_from": memory.loaded_from,
            }
            for memory in board.memories
        ],
        "placement": {role: list(names) for role, names in board.placement.items()},
        "sdk": asdict(board.sdk),
        "licence": board.licence,
        "sources": list(board.sources),
        "family_data": plain(board.family_data),
        "accelerator": _accelerator(board.accelerator),
    }


def _accelerator(accelerator: Accelerator | None) -> dict[str, Any] | None:
    return None if accelerator is None else asdict(accelerator)


def plain(value: Any) -> Any:
    """Mappings and sequences as new dicts and lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
