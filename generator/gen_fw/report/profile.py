# SPDX-License-Identifier: Apache-2.0
"""What each operator of a program takes: as table, plain data and CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_fw.errors import UsageError
from gen_fw.run.measure import ProgramRun, ProjectRun

if TYPE_CHECKING:
    from rich.console import Console

_KEYS = ("index", "name", "kernels", "macs", "count", "unit", "per_mac")


def profile_document(result: ProjectRun, entry: ProgramRun) -> list[dict[str, Any]] | None:
    """Operators in order; ``per_mac`` is null for those without multiply-accumulates."""
    if entry.profile is None:
        return None
    unit = "instructions" if result.project.emulator else "nanoseconds"
    return [
        {
            "index": row.operator.index,
            "name": row.operator.name,
            "kernels": row.operator.kernels,
            "macs": row.operator.macs,
            "count": row.count,
            "unit": unit,
            "per_mac": round(row.count / row.operator.macs, 4) if row.operator.macs else None,
        }
        for row in entry.profile
    ]


def save_profile(path: Path, result: ProjectRun) -> None:
    """A CSV with a line for each operator of each program. Raises UsageError when it cannot be
    written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["program", *_KEYS])
    for entry in result.programs:
        for row in profile_document(result, entry) or ():
            values = ["" if row[key] is None else row[key] for key in _KEYS]
            writer.writerow([entry.program.name, *values])
    try:
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "the profile cannot be stored", where=str(path), why=error.strerror or str(error)
        ) from None


def show_profile(result: ProjectRun, entry: ProgramRun, console: Console) -> None:
    """Prints a table with the share of each operator."""
    from gen_fw.report.tables import table

    rows = profile_document(result, entry)
    if rows is None:
        return
    total = sum(row["count"] for row in rows) or 1
    macs = sum(row["macs"] for row in rows)
    unit = rows[0]["unit"] if rows else "instructions"
    lines = [
        (
            row["index"],
            row["name"],
            row["kernels"],
            row["macs"],
            row["count"],
            f"{100 * row['count'] / total:.1f}%",
            "" if row["per_mac"] is None else f"{row['per_mac']:.3f}",
        )
        for row in rows
    ]
    lines.append(("", "in all", "", macs, total, "100.0%", f"{total / macs:.3f}" if macs else ""))
    columns = [">operator", "kind", "kernels", ">MACs", f">{unit}", ">share", ">per MAC"]
    console.print(table(f"profile of {entry.program.name}", columns, lines))
