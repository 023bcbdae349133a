# SPDX-License-Identifier: Apache-2.0
"""Writing a project plan into a folder: all of it or nothing, and never over an edit.

``gen-fw.lock`` and ``.gen-fw/base`` belong into version control, so that a fresh clone can be
regenerated; ``.gen-fw/.gitignore`` keeps the rest of ``.gen-fw`` out of it. Files that stay the
same are not touched, so that make builds nothing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from gen_fw.errors import ConflictError, UsageError
from gen_fw.project.folder import Folder, system_errors
from gen_fw.project.journal import (
    GITIGNORE,
    JOURNAL,
    Operation,
    Progress,
    exclusive,
    recover,
    settle,
    transact,
)
from gen_fw.project.lock import Lock, lock_bytes
from gen_fw.project.paths import BASE, LOCK
from gen_fw.project.plan import Chunks, Content, ProjectPlan
from gen_fw.project.survey import (
    Change,
    Changes,
    Step,
    changes_of,
    check_plan,
    own_lock,
    survey,
    survey_steps,
)

__all__ = ["Change", "Changes", "Progress", "recover", "survey", "write"]

_IGNORED = b"""\
# SPDX-License-Identifier: Apache-2.0
/busy
/journal
/saved/
/stage/
"""


def write(
    plan: ProjectPlan, out: Path, *, force: bool = False, progress: Progress | None = None
) -> Changes:
    """Make ``out`` the project of ``plan``; folders above it are made. Undoes a killed write first.

    Every file becomes what ``survey`` says. ``force`` overwrites edited files of ours, whose text
    then is in ``.gen-fw/saved``.

    Raises ConflictError, with nothing written, when edited files or a foreign folder stand in the
    way, a file changes meanwhile, or another process is writing; GenFwError when the system
    refuses (disk full, no permission), with the old project intact.
    """
    check_plan(plan)
    with system_errors("write the project"), _made(out), Folder(out) as folder:
        if not folder.exists(JOURNAL):
            own_lock(folder)  # leave no trace in a foreign folder
        with exclusive(folder):
            settle(folder)
            lock = own_lock(folder)
            # a first generation has nothing to lose, and forcing its files to disk takes a second
            folder.durable = bool(lock.files)
            steps = survey_steps(plan, folder, lock, force=force)
            changes = changes_of(steps)
            changes.raise_conflicts()
            if operations := list(_operations(plan, folder, lock, steps)):
                transact(folder, operations, progress)
                _remove_empty(folder, changes)
    return changes


@contextmanager
def _made(out: Path) -> Iterator[None]:
    """``out`` exists inside; what had to be made is removed again after a failure."""
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UsageError("the output is not a folder", where=str(out)) from None
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def _operations(
    plan: ProjectPlan, folder: Folder, lock: Lock, steps: Sequence[Step]
) -> Iterator[Operation]:
    """What changes on disk: project files, saved edits, base texts, and the lock last."""
    for step in steps:
        change, file = step.change, step.file
        if change.saved and not folder.exists(change.saved):
            old_text = _content_of(folder, change.path)
            yield Operation(change.saved, old_text, step.found.sha256)
        if change.action in ("create", "update") and file is not None:
            yield Operation(
                change.path, file.content, step.sha256, file.executable, step.found.stamp
            )
        elif change.action == "delete":
            yield Operation(change.path, None, "", stamp=step.found.stamp)
    entries = {step.change.path: step.entry for step in steps if step.entry is not None}
    for step in steps:
        # the base of an edited file stays what the edit started from
        file, entry = step.file, step.entry
        if file and file.owner != "ours" and entry and entry.sha256 == step.sha256:
            yield from _own(folder, f"{BASE}/{file.path}", file.content, step.sha256)
    for path in lock.files:
        if path not in entries or entries[path].owner == "ours":
            found = folder.find(f"{BASE}/{path}")
            if found.kind == "file":
                yield Operation(f"{BASE}/{path}", None, "", stamp=found.stamp)
    new_lock = lock_bytes(Lock(plan.receipt, entries))
    for own_path, content in ((GITIGNORE, _IGNORED), (LOCK, new_lock)):
        yield from _own(folder, own_path, content, sha256(content).hexdigest())


def _own(folder: Folder, path: str, content: Content, digest: str) -> Iterator[Operation]:
    """Bring a record of ours up to date."""
    found = folder.find(path)
    if found.kind == "other":
        raise ConflictError("not a regular file", where=path, hint="move it away and repeat")
    if not found.holds(digest):
        yield Operation(path, content, digest, stamp=found.stamp)


def _content_of(folder: Folder, path: str) -> Chunks:
    return Chunks(lambda: folder.blocks(path))


def _remove_empty(folder: Folder, changes: Changes) -> None:
    """Remove the folders that a deletion left empty."""
    for change in changes.of("delete"):
        parent = change.path.rpartition("/")[0]
        while parent and folder.remove_folder(parent):
            parent = parent.rpartition("/")[0]
