# SPDX-License-Identifier: Apache-2.0
"""Which kernels the operators of a program use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

#: operators that a row names before it only counts
_NAMED = 4


def show_kernels(name: str, rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """A table with a row for each set of kernels and reason."""
    from gen_fw.report.tables import table

    lines = []
    for row in rows:
        operators = row["operators"]
        named = ", ".join(operators[:_NAMED])
        rest = len(operators) - _NAMED
        lines.append(
            (
                row["kernels"],
                len(operators),
                f"{named} and {rest} more" if rest > 0 else named,
                row["why"],
            )
        )
    columns = ["kernels", ">operators", "which", "why"]
    console.print(table(f"kernels of {name}", columns, lines))
