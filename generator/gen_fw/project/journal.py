# SPDX-License-Identifier: Apache-2.0
"""All changes of a project or none, also when the process is killed between any two system calls.

1. Every new text is written to ``.gen-fw/stage/<n>.new``, n being the operation's number.
2. ``.gen-fw/journal`` lists the operations. From its appearance on, the project is in transition.
3. Operation by operation, the old file moves to ``<n>.old`` and ``<n>.new`` takes its place.
4. Removing the journal makes the new project valid. The stage is then rubbish.

A journal found later means that step 3 or 4 was cut short: the old files move back. The presence
of ``<n>.new`` and ``<n>.old`` tells how far an operation got, so undoing can be cut short as well.
Whatever else stands where a file has to return is a user's edit, and is saved.

One process at a time: an advisory lock (flock) on ``.gen-fw/busy``, which dies with its owner.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gen_fw.errors import ConflictError
from gen_fw.project.folder import Folder, Found, Stamp, system_errors
from gen_fw.project.paths import BASE, LOCK, SAVED, STATE, path_fault
from gen_fw.project.plan import Content, chunks

GITIGNORE = f"{STATE}/.gitignore"
JOURNAL = f"{STATE}/journal"
STAGE = f"{STATE}/stage"
_BUSY = f"{STATE}/busy"
_LIMIT = 16 << 20
#: our copies of a project's file stand below one of these
_RECORD = re.compile(rf"^(?:{re.escape(BASE)}|{re.escape(SAVED)}/[0-9a-z-]+)/")

#: called with the path of each file before it is written
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """Replace, create or (content None) delete one file."""

    path: str
    content: Content | None
    #: of the content; "" for a deletion
    sha256: str
    executable: bool = False
    #: the file as surveyed, None when there was none; anything else found later is an edit
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class _Journal:
    #: (path, sha256 of the new text or "") by number
    operations: tuple[tuple[str, str], ...]
    #: folders that the operations make, outermost first
    folders: tuple[str, ...]


def recover(out: Path) -> bool:
    """Undo a generation that was killed; whether there was one. Every command calls this first.

    Raises ConflictError when another process is writing in the folder or the journal is damaged,
    GenFwError when the system refuses.
    """
    if not os.path.lexists(out / STATE):
        return False
    with system_errors("restore the project"), Folder(out) as folder:
        if not any(map(folder.exists, (JOURNAL, STAGE, _BUSY))):
            return False
        with exclusive(folder):
            return settle(folder)


@contextmanager
def exclusive(folder: Folder) -> Iterator[None]:
    """Hold the project's advisory lock; leaves no trace.

    Raises ConflictError when another process holds it.
    """
    file = _lock_file(folder)
    try:
        yield
    finally:
        try:
            with suppress(OSError):
                folder.remove(_BUSY)  # while locked, see _lock_file
            folder.remove_folder(STATE)  # only when nothing else is in it
        finally:
            os.close(file)


def _lock_file(folder: Folder) -> int:
    """Descriptor of the file ``busy``, locked."""
    import fcntl  # POSIX only, as Folder is

    while True:
        folder.make_folder(STATE)
        try:
            file = folder.open_for_lock(_BUSY)
        except FileNotFoundError:  # its last owner removed the folder
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if folder.stamp(_BUSY)[0] == os.fstat(file).st_ino:
                    return file
        except BaseException as error:
            os.close(file)
            if not isinstance(error, BlockingIOError):
                raise
            raise ConflictError(
                "another gen-fw is writing in this folder", hint="wait for it to end"
            ) from None
        os.close(file)  # its last owner removed the file: lock the next one


def transact(
    folder: Folder, operations: Sequence[Operation], progress: Progress | None = None
) -> None:
    """Do all operations, or none and raise what stopped them. Needs ``exclusive`` and ``settle``.

    Raises ConflictError when a file is not as surveyed, OSError when the system refuses.
    """
    new_folders = dict.fromkeys(
        parent for operation in operations for parent in folder.missing_parents(operation.path)
    )
    try:
        _stage(folder, operations, tuple(new_folders), progress)
        folder.move(f"{STAGE}/journal", JOURNAL)
        folder.sync([STATE])
        for number, operation in enumerate(operations):
            _apply(folder, number, operation)
        folder.sync(operation.path.rpartition("/")[0] for operation in operations)
        folder.remove(JOURNAL)
    except BaseException:
        settle(folder)
        raise
    # the new project is valid: what fails now leaves rubbish that the next command removes
    with suppress(OSError):
        folder.sync([STATE])
        _clear_stage(folder)


def settle(folder: Folder) -> bool:
    """Undo what a journal lists and empty the stage; whether there was a journal."""
    journal = _read(folder)
    if journal is not None:
        for number, (path, sha256) in reversed(list(enumerate(journal.operations))):
            _undo(folder, number, path, sha256)
        for made in reversed(journal.folders):
            folder.remove_folder(made)
        folder.sync(_existing_parents(folder, [path for path, _ in journal.operations]))
        folder.remove(JOURNAL)
    _clear_stage(folder)
    return journal is not None


def saved_place(folder: Folder, found: Found, path: str) -> str:
    """Where the text ``found`` at ``path`` is or can be saved, without overwriting anything."""
    for number in itertools.count():
        content = (found.sha256 or "link")[:16] + (f"-{number}" if number else "")
        place = f"{SAVED}/{content}/{path}"
        there = folder.find(place)
        if there.kind == "missing" or there.holds(found.sha256):
            return place
    raise AssertionError("unreachable")


def _stage(
    folder: Folder,
    operations: Sequence[Operation],
    new_folders: Sequence[str],
    progress: Progress | None,
) -> None:
    folder.make_parents(f"{STAGE}/journal")
    for number, operation in enumerate(operations):
        if progress is not None:
            progress(operation.path)
        if operation.content is not None:
            content = chunks(operation.content)
            folder.create(_new(number), content, executable=operation.executable)
    table = {
        "version": 1,
        "operations": [[operation.path, operation.sha256] for operation in operations],
        "folders": list(new_folders),
    }
    folder.create(f"{STAGE}/journal", [json.dumps(table).encode()])
    folder.sync([STAGE])


def _apply(folder: Folder, number: int, operation: Operation) -> None:
    folder.make_parents(operation.path)
    try:
        folder.move(operation.path, _old(number))
        moved = folder.stamp(_old(number))
    except FileNotFoundError:
        moved = None
    if moved != operation.stamp:
        raise ConflictError(
            "the file changed while the project was being written",
            where=operation.path,
            hint="everything is as before; repeat the command",
        )
    if operation.content is not None:
        folder.move(_new(number), operation.path)


def _undo(folder: Folder, number: int, path: str, sha256: str) -> None:
    if sha256 and not folder.exists(_new(number)):
        found = folder.find(path)
        if found.kind != "missing":
            ours = found.sha256 == sha256
            _move(folder, path, _new(number) if ours else saved_place(folder, found, path))
    if folder.exists(_old(number)):
        found = folder.find(path)
        if found.kind != "missing":
            _move(folder, path, saved_place(folder, found, path))
        _move(folder, _old(number), path)


def _move(folder: Folder, source: str, target: str) -> None:
    folder.make_parents(target)
    folder.move(source, target)


def _read(folder: Folder) -> _Journal | None:
    """The journal, checked: it may have come with a hostile checkout."""
    data = folder.read(JOURNAL, _LIMIT)
    if data is None:
        return None
    fault = "the stage is gone"
    if folder.exists(STAGE):
        try:
            table = json.loads(data)
            operations = tuple((str(path), str(sha256)) for path, sha256 in table["operations"])
            journal = _Journal(operations, tuple(map(str, table["folders"])))
            faults = [_fault(path) for path, _ in operations]
            faults += [_fault(f"{made}/file") for made in journal.folders]
            fault = "" if table["version"] == 1 else "it is from a newer gen-fw"
            fault = next(filter(None, faults), fault)
            if not fault:
                return journal
        except (ValueError, TypeError, KeyError, RecursionError):
            fault = "it is not a journal"
    raise ConflictError(
        "an interrupted generation cannot be undone",
        where=JOURNAL,
        why=fault,
        hint=f"restore the project from version control, then remove {JOURNAL} and {STAGE}",
    )


def _fault(path: str) -> str:
    """Why an operation of ours never has this path, or ""."""
    if path in (LOCK, GITIGNORE, f"{STATE}/file", f"{BASE}/file", f"{SAVED}/file"):
        return ""
    return path_fault(_RECORD.sub("", path) or "file")


def _existing_parents(folder: Folder, paths: Sequence[str]) -> set[str]:
    parents = {path.rpartition("/")[0] for path in paths}
    return {parent for parent in parents if not parent or folder.exists(parent)}


def _clear_stage(folder: Folder) -> None:
    for name in folder.names(STAGE):
        folder.remove(f"{STAGE}/{name}")
    folder.remove_folder(STAGE)


def _new(number: int) -> str:
    return f"{STAGE}/{number}.new"


def _old(number: int) -> str:
    return f"{STAGE}/{number}.old"
