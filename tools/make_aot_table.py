# SPDX-License-Identifier: Apache-2.0
"""Writes the operator table of docs/aot.md from the code.

python tools/make_aot_table.py
"""

from __future__ import annotations

from pathlib import Path

from gen_fw.runtimes.aot.table import entries

PAGE = Path(__file__).resolve().parents[1] / "docs" / "aot.md"
BEGIN, END = "<!-- operators: begin -->\n", "<!-- operators: end -->\n"


def table() -> str:
    """The rows, sorted by operator; one for each lowering."""
    known = [entry for lowerings in entries().values() for entry in lowerings]
    rows = [f"| {e.name} | {e.types} | {e.limits or 'none'} |" for e in known]
    return "\n".join(["| operator | element types | limits |", "|---|---|---|", *rows, ""])


def page(text: str) -> str:
    """``text`` with the table in its place."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
