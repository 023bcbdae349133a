# SPDX-License-Identifier: Apache-2.0
"""Collects oddities that do not stop the reading, one Diagnostic per kind."""

from __future__ import annotations

from gen_fw.errors import Diagnostic


class Notes:
    """Oddities by kind; the first place and the number of places are kept."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], str] = {}
        self._count: dict[tuple[str, str], int] = {}

    def add(self, what: str, *, where: str, why: str) -> None:
        kind = what, why
        self._first.setdefault(kind, where)
        self._count[kind] = self._count.get(kind, 0) + 1

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """In order of first appearance; repeated kinds say how often they were met."""
        found = []
        for (what, why), where in self._first.items():
            more = self._count[what, why] - 1
            found.append(Diagnostic(f"{what} (and {more} more)" if more else what, where, why))
        return tuple(found)
