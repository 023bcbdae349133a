# SPDX-License-Identifier: Apache-2.0
"""The database of trials: a line of JSON for each, appended as soon as it is measured, so that a
second run goes on where the first one was stopped, at whatever instant."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen_fw.errors import UsageError

SCHEMA = "gen-fw/tvm-trials/1"
_MAX_BYTES = 256 << 20
#: how every line begins
_START = '{"bench": {'


@dataclass(frozen=True, slots=True)
class Trial:
    """What a version of a kernel took. ``fault``: why it cannot be used; else empty."""

    knobs: Mapping[str, int]
    instructions: int
    code_bytes: int
    fault: str = ""


class Trials:
    """The trials of one bench: ``bench`` names all that decides about counts (board, versions of
    compilers and of gen-fw); what others have measured stays in the file and is not looked at.

    Raises UsageError when the file is there and is none of these.
    """

    def __init__(self, path: Path, bench: Mapping[str, str]) -> None:
        self._path = path
        self._bench = json.dumps(dict(bench), sort_keys=True)
        self._known: dict[str, dict[str, Trial]] = {}
        #: trials of this bench that the file had
        self.found = 0
        self._read()

    def known(self, kernel: str) -> list[Trial]:
        """The kernel's trials, in the order in which they were measured."""
        return list(self._known.get(kernel, {}).values())

    def add(self, kernel: str, trial: Trial) -> None:
        """Stores a trial."""
        self._known.setdefault(kernel, {})[_name(trial.knobs)] = trial
        row = {
            "schema": SCHEMA,
            "bench": json.loads(self._bench),
            "kernel": kernel,
            "knobs": dict(trial.knobs),
            "instructions": trial.instructions,
            "code_bytes": trial.code_bytes,
            "fault": trial.fault[:400],
        }
        self._append(json.dumps(row, sort_keys=True) + "\n")

    def _append(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)

    def _read(self) -> None:
        try:
            if self._path.stat().st_size > _MAX_BYTES:
                raise UsageError("the database of trials is too large", where=str(self._path))
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(
                "the database of trials cannot be read",
                where=str(self._path),
                why=error.strerror or str(error),
            ) from None
        lines = text.splitlines()
        rows = [_row(line) for line in lines]
        if text and not text.endswith("\n"):
            if rows[-1] is None and lines[-1][: len(_START)] == _START[: len(lines[-1])]:
                # half a line: the run that wrote it was killed
                rows.pop()
                whole = "".join(line + "\n" for line in lines[:-1])
                self._path.write_text(whole, encoding="utf-8", newline="\n")
            elif rows[-1] is not None:
                self._append("\n")
        for number, row in enumerate(rows, 1):
            if row is None or row.get("schema") != SCHEMA:
                raise UsageError(
                    "this is no database of trials",
                    where=f"{self._path}:{number}",
                    hint="name another file with --database, or delete this one",
                )
            if json.dumps(row.get("bench"), sort_keys=True) == self._bench:
                self._take(row)

    def _take(self, row: Mapping[str, Any]) -> None:
        """A line of this bench; one that says nothing is left out."""
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
            knobs = {str(name): int(value) for name, value in row["knobs"].items()}
            trial = Trial(knobs, int(row["instructions"]), int(row["code_bytes"]), row["fault"])
            self._known.setdefault(str(row["kernel"]), {})[_name(knobs)] = trial
            self.found += 1


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _name(knobs: Mapping[str, int]) -> str:
    return json.dumps(dict(knobs), sort_keys=True)
