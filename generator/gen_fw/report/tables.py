# SPDX-License-Identifier: Apache-2.0
"""The look of every table: one place for headings, alignment and byte counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text


def count(value: int) -> str:
    """A whole number with narrow groups: 7 489 664."""
    return f"{value:,}".replace(",", " ")


def shape(dims: Iterable[int]) -> str:
    """1x96x96x3; "scalar" for rank 0."""
    return "x".join(str(dim) for dim in dims) or "scalar"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; a column whose heading starts with ``>`` is right-aligned.

    Cells are shown literally (no markup), since names come from untrusted models.
    """
    result = Table(
        title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, expand=False
    )
    for column in columns:
        right = column.startswith(">")
        result.add_column(Text(column.lstrip(">")), justify="right" if right else "left")
    for row in rows:
        result.add_row(*(Text(count(cell) if isinstance(cell, int) else str(cell)) for cell in row))
    return result
