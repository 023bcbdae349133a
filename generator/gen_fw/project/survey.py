# SPDX-License-Identifier: Apache-2.0
"""What writing a plan would do to each file, before anything is done.

| owner  | on disk            | becomes                                                          |
|--------|--------------------|------------------------------------------------------------------|
| any    | as wanted          | unchanged                                                        |
| any    | never generated    | create                                                           |
| ours   | as in the lock     | update; delete when no longer generated                          |
| ours   | edited             | conflict; with force update, the old text goes to .gen-fw/saved; |
|        |                    | keep when no longer generated                                    |
| ours   | deleted            | create                                                           |
| shared | as in the lock     | update; delete when no longer generated                          |
| shared | edited or deleted  | keep, with the diff of the change that was wanted                |
| yours  | anything           | keep, also deleted; a changed starting point is noted as diff    |
| merged | edited or deleted  | update with the old text saved, or create                        |

"As in the lock" ignores line ends (Found.holds). A file of the user's that stands where a new
file of ours should go is an edit too. A merged file's content holds the edits that were there when
it was made; should another have come since, it is in the saved text. What a link or a folder blocks
is always a conflict, force or not, except for a shared or yours file that the user replaced.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gen_fw.errors import ConflictError
from gen_fw.project.folder import Folder, Found, sha256_of, system_errors
from gen_fw.project.journal import saved_place
from gen_fw.project.lock import Entry, Lock, read_lock
from gen_fw.project.paths import BASE, LOCK, STATE, check_paths
from gen_fw.project.plan import Owner, ProjectFile, ProjectPlan, chunks

Action = Literal["create", "update", "unchanged", "keep", "conflict", "delete"]

#: larger or binary files get no diff
_DIFF_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one file."""

    path: str
    owner: Owner
    action: Action
    #: why, when the action alone does not say it
    note: str = ""
    #: unified diff of a change that was wanted and is not made
    diff: str = ""
    #: where, relative to the project, the overwritten edit is saved
    saved: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """All files of the old and the new project, sorted by path."""

    files: tuple[Change, ...]

    def of(self, *actions: Action) -> tuple[Change, ...]:
        """The changes with one of these actions."""
        return tuple(change for change in self.files if change.action in actions)

    @property
    def diffs(self) -> tuple[str, ...]:
        """The changes of shared files that were wanted and are not made, one patch a file."""
        return tuple(
            change.diff for change in self.files if change.diff and change.owner == "shared"
        )

    @property
    def restarts(self) -> tuple[Change, ...]:
        """The yours files that a new project would start with another text, with the diff."""
        return tuple(change for change in self.files if change.diff and change.owner == "yours")

    def raise_conflicts(self) -> None:
        """Raise ConflictError naming every file in conflict, if there is one."""
        conflicts = self.of("conflict")
        if not conflicts:
            return
        listed = ", ".join(f"{change.path} ({change.note})" for change in conflicts)
        edited = all(change.note == _EDITED for change in conflicts)
        raise ConflictError(
            "files that gen-fw generates were changed or replaced; nothing was written",
            where=conflicts[0].path,
            why=listed,
            hint="--force overwrites them and saves the old text under .gen-fw/saved"
            if edited
            else "move them away and repeat",
            detail={"conflicts": [change.path for change in conflicts]},
        )


_EDITED = "edited"
_DELETED = "deleted by you"
_BLOCKED = "not a regular file"


@dataclass(frozen=True, slots=True)
class Step:
    """A change with what the writer needs to make it."""

    change: Change
    found: Found
    file: ProjectFile | None = None
    #: hash of the content that the plan has; "" when it has none
    sha256: str = ""
    #: the file's row in the new lock; None drops it
    entry: Entry | None = None


def survey(plan: ProjectPlan, out: Path, *, force: bool = False) -> Changes:
    """What ``write`` would do; nothing is touched. ``out`` need not exist.

    Raises ConflictError for a folder that is not ours or has a damaged lock, GenFwError for a
    plan with unusable paths.
    """
    check_plan(plan)
    with system_errors("read the project"):
        if not out.exists():
            return changes_of(_new(file) for file in plan.files)
        with Folder(out) as folder:
            return changes_of(survey_steps(plan, folder, own_lock(folder), force=force))


def changes_of(steps: Iterable[Step]) -> Changes:
    return Changes(tuple(step.change for step in steps))


def check_plan(plan: ProjectPlan) -> None:
    """Raise GenFwError when the plan's paths are unusable or clash."""
    check_paths((file.path for file in plan.files), "project plan")


def own_lock(folder: Folder) -> Lock:
    """The lock, empty for a folder that is empty but for ``.git`` and our own records.

    Raises ConflictError for any other folder without a lock: force does not adopt it.
    """
    lock = read_lock(folder)
    if lock is None:
        foreign = [name for name in folder.names() if name not in (".git", STATE)]
        if foreign:
            raise ConflictError(
                "the folder is not empty and was not generated by gen-fw",
                where=foreign[0],
                why=f"it has no {LOCK}",
                hint=f"choose a new folder, or restore {LOCK} from version control",
            )
        lock = Lock({}, {})
    return lock


def survey_steps(
    plan: ProjectPlan, folder: Folder, lock: Lock, *, force: bool = False
) -> list[Step]:
    """One step per file of the plan or of the lock, sorted by path."""
    survey = _Survey(folder, lock.files, force)
    planned = {file.path for file in plan.files}
    steps = [survey.wanted(file) for file in plan.files]
    steps += [
        survey.stale(path, entry, found)
        for path, entry in lock.files.items()
        if path not in planned and (found := folder.find(path)).kind != "missing"
    ]
    return sorted(steps, key=lambda step: step.change.path)


def _new(file: ProjectFile) -> Step:
    sha256 = sha256_of(chunks(file.content))
    change = Change(file.path, file.owner, "create")
    return Step(change, Found("missing"), file, sha256, Entry(file.owner, sha256))


@dataclass(frozen=True, slots=True)
class _Survey:
    folder: Folder
    lock: Mapping[str, Entry]
    force: bool

    def wanted(self, file: ProjectFile) -> Step:
        """A file that the plan has."""
        step = replace(_new(file), found=self.folder.find(file.path))
        found, old = step.found, self.lock.get(file.path)
        if found.holds(step.sha256):
            lacks_mode = file.executable and not found.executable and file.owner != "yours"
            return _act(step, "update" if lacks_mode else "unchanged")
        if old is None and found.kind == "missing":
            return step
        if found.kind == "other" and (old is None or file.owner == "ours" or file.merged):
            return _act(step, "conflict", _BLOCKED)
        edited = old is None or not found.holds(old.sha256)
        if file.owner == "ours" or file.merged:
            return self._ours(step, edited, overwrite=self.force or file.merged)
        if file.owner == "shared" and not edited:
            return _act(step, "update")
        return self._kept(step, file, old, edited)

    def _ours(self, step: Step, edited: bool, overwrite: bool) -> Step:
        if step.found.kind == "missing":
            return step
        if not edited:
            return _act(step, "update")
        if not overwrite:
            return _act(step, "conflict", _EDITED)
        return self._saved(_act(step, "update", _EDITED))

    def _saved(self, step: Step) -> Step:
        place = saved_place(self.folder, step.found, step.change.path)
        return replace(step, change=replace(step.change, saved=place))

    def _kept(self, step: Step, file: ProjectFile, old: Entry | None, edited: bool) -> Step:
        """A shared or yours file that stays as it is, and what would have changed."""
        if step.found.kind == "missing":
            note = f"{_DELETED}; its last text is {BASE}/{file.path}"
        else:
            note = _EDITED if edited else ""
        diff = ""
        if old is None or old.sha256 != step.sha256:
            diff = self._diff(file, old)
        kept = Entry(file.owner, old.sha256 if old else step.sha256)
        return replace(_act(step, "keep", note, diff), entry=kept)

    def _diff(self, file: ProjectFile, old: Entry | None) -> str:
        """From the text that the user's version started from to the text of now."""
        base = f"{BASE}/{file.path}"
        known = old is not None and self.folder.find(base).holds(old.sha256)
        source = base if known else file.path
        try:
            before = (self.folder.read(source, _DIFF_LIMIT) or b"").decode().replace("\r\n", "\n")
            after = b"".join(chunks(file.content)).decode()
        except (ConflictError, UnicodeDecodeError):
            return ""
        return unified_diff(before, after, file.path)

    def stale(self, path: str, entry: Entry, found: Found) -> Step:
        """A file of the last project that the plan no longer has."""
        step = Step(Change(path, entry.owner, "keep", "no longer generated"), found)
        if entry.owner == "yours" or found.kind == "other":
            return step
        if found.holds(entry.sha256):
            return _act(step, "delete")
        if self.force and entry.owner == "ours":
            return self._saved(_act(step, "delete", _EDITED))
        return _act(step, "keep", "edited, and no longer generated")


def _act(step: Step, action: Action, note: str = "", diff: str = "") -> Step:
    change = Change(step.change.path, step.change.owner, action, note, diff)
    return replace(step, change=change)


def unified_diff(before: str, after: str, path: str) -> str:
    """A patch of ``path`` that git apply and patch -p1 read."""
    # not splitlines, which also splits at form feeds and other characters inside a line
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))
    lines: list[str] = []
    for line in difflib.unified_diff(old, new, f"a/{path}", f"b/{path}"):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)
