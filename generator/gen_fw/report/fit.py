# SPDX-License-Identifier: Apache-2.0
"""The result of ``gen-fw fit`` (schema gen-fw/fit/1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from gen_fw.program import Confidence, Item

if TYPE_CHECKING:
    from rich.console import Console

    from gen_fw.fitting import BoardFit, Fit

#: from the strongest claim to the weakest
_CLAIMS: tuple[Confidence, ...] = get_args(Confidence)


def document(result: Fit) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "schema": "gen-fw/fit/1",
        "models": [
            {"name": name, "file": file, "bytes": size} for name, file, size in result.models
        ],
        "boards": [_row(row) for row in result.boards],
        "smallest": result.smallest.board.name if result.smallest else None,
    }


def _row(row: BoardFit) -> dict[str, Any]:
    return {
        "board": row.board.name,
        "title": row.board.title,
        "runtime": row.runtime,
        "kernels": row.kernels,
        "fits": row.fits,
        "verdict": row.verdict,
        "reason": row.reason,
        "hint": row.hint,
        "arena_bytes": _total(row.arena),
        "model_bytes": _total(row.model),
        "code_bytes": _total(row.code),
        "label": _label(row.arena),
        "model_label": _label(row.model),
        "code_label": _label(row.code),
        "placement": dict(row.candidate.get("placement", {})),
        "memories": list(row.candidate.get("memories", [])),
    }


def _total(items: Sequence[Item]) -> int | None:
    return sum(item.bytes for item in items) if items else None


def _label(items: Sequence[Item]) -> str | None:
    """The weakest claim."""
    return max((item.confidence for item in items), key=_CLAIMS.index, default=None)


def show(result: Fit, console: Console) -> None:
    """Prints the table, the reasons, and the smallest board that fits."""
    from gen_fw.report.tables import count, table

    rows = [
        (
            row.board.name,
            f"{row.runtime} / {row.kernels}" if row.kernels else row.runtime,
            *(_shown(items) for items in (row.arena, row.model, row.code)),
            _label(row.arena) or "",
            _verdict(row),
            _fullest(row.candidate),
        )
        for row in result.boards
    ]
    names = ", ".join(f"{name} ({count(size)} bytes)" for name, _, size in result.models)
    columns = ["board", "runtime", ">arena", ">weights", ">code", "arena is", "fits", "fullest"]
    console.print(table(f"boards for {names}; code is an estimate", columns, rows))
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in result.boards:
        if row.reason:
            reasons.setdefault((row.reason, row.hint), []).append(row.board.name)
    for (reason, hint), boards in reasons.items():
        console.print(f"{', '.join(boards)}: {reason}", markup=False)
        if hint:
            console.print(f"  hint: {hint}", markup=False)
    small = result.smallest
    last = f"{small.board.name} ({small.board.title})" if small else "none"
    console.print(f"smallest board that fits: {last}", markup=False)


def _shown(items: Sequence[Item]) -> int | str:
    total = _total(items)
    return "" if total is None else total


def _verdict(row: BoardFit) -> str:
    if row.verdict == "fits elsewhere":
        return f"with {row.candidate['placement']['arena']}"
    return {"fits": "yes", "does not fit": "no", "not supported": "cannot run"}[row.verdict]


def _fullest(candidate: Mapping[str, Any]) -> str:
    """The memory with the largest share in use."""
    shares = [
        (use["needed"] / use["available"], use["name"])
        for use in candidate.get("memories", ())
        if use["available"] > 0
    ]
    if not shares:
        return ""
    share, name = max(shares)
    return f"{name} {share:.0%}"
