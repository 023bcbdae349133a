# SPDX-License-Identifier: Apache-2.0
"""Errors and warnings as data: what, where, why, hint. The exit codes are published API."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Process exit codes (docs/exit-codes.md)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MODEL = 3
    DOES_NOT_FIT = 4
    DRIFT = 5
    CONFLICT = 6
    TOOL_MISSING = 7


class GenFwError(Exception):
    """One failure that a user can act on.

    ``what`` says what went wrong, ``where`` names the place (a file, or a path inside a model such
    as ``subgraphs[0].operators[7]``), ``why`` the cause, ``hint`` what to do about it. ``detail``
    is plain data for ``--json``.
    """

    exit_code = ExitCode.FAILED

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        why: str = "",
        hint: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint
        self.detail = detail or {}

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.why})" if self.why else text


class UsageError(GenFwError):
    """Wrong options, an unknown board, a missing file."""

    exit_code = ExitCode.USAGE


class ModelError(GenFwError):
    """The model is unreadable, or the runtime cannot execute it."""

    exit_code = ExitCode.MODEL


class DoesNotFitError(GenFwError):
    """No placement of the board holds the firmware; ``detail`` has the table of what was tried."""

    exit_code = ExitCode.DOES_NOT_FIT


class DriftError(GenFwError):
    """A checked-in project differs from what would be generated."""

    exit_code = ExitCode.DRIFT


class ConflictError(GenFwError):
    """Files that were edited by hand, or a folder that is not ours, stand in the way."""

    exit_code = ExitCode.CONFLICT


class ToolMissingError(GenFwError):
    """A program or Python package that this step needs is not installed."""

    exit_code = ExitCode.TOOL_MISSING


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A warning or note that does not stop the generation."""

    what: str
    where: str = ""
    why: str = ""
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.why})" if self.why else text
