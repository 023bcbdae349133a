# SPDX-License-Identifier: Apache-2.0
"""Whether a checked-in project still is what gen-fw generates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen_fw.errors import UsageError
from gen_fw.project.folder import Folder, Found, sha256_of, system_errors
from gen_fw.project.lock import Entry, Lock, read_lock
from gen_fw.project.paths import LOCK
from gen_fw.project.plan import Owner, ProjectFile, ProjectPlan, chunks
from gen_fw.project.survey import check_plan

#: the folder in which every file is ours
GENERATED = "gen"
#: the table of the receipt that may differ: another gen-fw that makes the same files is no drift
_TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Finding:
    """One deviation: ``path`` is a file, or ``gen-fw.lock: key`` for a pinned input."""

    path: str
    #: None for a pinned input and for a file that the lock does not know
    owner: Owner | None
    reason: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``drift`` fails the check; ``edited`` are the user's own edits of shared and yours files."""

    drift: tuple[Finding, ...]
    edited: tuple[Finding, ...]
    notes: tuple[str, ...]
    #: whether a regeneration was compared, not only hashes
    regenerated: bool

    @property
    def ok(self) -> bool:
        return not self.drift


def check(out: Path, plan: ProjectPlan | None = None) -> CheckResult:
    """Compare the project in ``out`` with its lock and, when given, with a regeneration's plan.

    Drift is a file of ours that is edited, missing, unknown to the lock or would be regenerated
    otherwise, or a receipt that differs outside its table ``tool``. Line ends are no difference.

    Raises UsageError when the folder has no lock, ConflictError when the lock is damaged.
    """
    if plan is not None:
        check_plan(plan)
    with system_errors("check the project"), Folder(out) as folder:
        lock = read_lock(folder)
        if lock is None:
            raise UsageError("this is not a project of gen-fw", where=str(out), why=f"no {LOCK}")
        deviations = list(_against_lock(folder, lock))
        others = list(_unknown(folder, lock))
        if plan is not None:
            others += [f for f in _against_plan(lock, plan) if not _stands(folder, plan, f.path)]
            others += _receipt("", lock.receipt, plan.receipt)
    findings = sorted({*deviations, *others}, key=lambda finding: (finding.path, finding.reason))
    drift = [finding for finding in findings if _is_drift(finding)]
    edited = [finding for finding in findings if finding not in drift and finding in deviations]
    notes = [f for f in findings if f not in drift and f not in edited]
    return CheckResult(
        tuple(drift),
        tuple(edited),
        tuple(f"{note.path}: {note.reason}" for note in notes),
        regenerated=plan is not None,
    )


def _is_drift(finding: Finding) -> bool:
    tool = finding.path == f"{LOCK}: {_TOOL}" or finding.path.startswith(f"{LOCK}: {_TOOL}.")
    return finding.owner in (None, "ours") and not tool


def _against_lock(folder: Folder, lock: Lock) -> Iterator[Finding]:
    for path, entry in lock.files.items():
        found = folder.find(path)
        if not found.holds(entry.sha256):
            yield Finding(path, entry.owner, _deviation(found))


def _stands(folder: Folder, plan: ProjectPlan, path: str) -> bool:
    """Whether ``path`` is a merged file (gen-fw.toml), which keeps what the user writes into it,
    and already is what a regeneration would write."""
    return any(
        file.merged and folder.find(path).holds(sha256_of(chunks(file.content)))
        for file in plan.files
        if file.path == path
    )


def _deviation(found: Found) -> str:
    return {"missing": "deleted", "file": "edited", "other": "not a regular file"}[found.kind]


def _unknown(folder: Folder, lock: Lock) -> Iterator[Finding]:
    """Files among ours that nobody generated; hidden ones (.DS_Store) harm no build."""
    for path in folder.files(GENERATED):
        if path not in lock.files and not path.rpartition("/")[2].startswith("."):
            yield Finding(path, None, "not generated")


def _against_plan(lock: Lock, plan: ProjectPlan) -> Iterator[Finding]:
    planned = {file.path: file for file in plan.files}
    for path in sorted(planned.keys() | lock.files.keys()):
        file, entry = planned.get(path), lock.files.get(path)
        if reason := _difference(file, entry):
            yield Finding(path, file.owner if file else entry.owner if entry else None, reason)


def _difference(file: ProjectFile | None, entry: Entry | None) -> str:
    if file is None:
        return "no longer generated"
    if entry is None:
        return "new in a regeneration"
    if entry.sha256 != sha256_of(chunks(file.content)):
        return "regenerated otherwise"
    return "" if entry.owner == file.owner else f"now {file.owner}"


def _receipt(prefix: str, old: object, new: object) -> Iterator[Finding]:
    """Dotted keys of the receipt whose values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        tables: tuple[Mapping[str, Any], Mapping[str, Any]] = (old, new)
        for key in sorted(old.keys() | new.keys()):
            below = f"{prefix}.{key}" if prefix else key
            yield from _receipt(below, tables[0].get(key), tables[1].get(key))
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _receipt(f"{prefix}[{index}]", before, after)
    elif old != new:
        reason = "added" if old is None else "removed" if new is None else "changed"
        yield Finding(f"{LOCK}: {prefix}", None, reason)
