# SPDX-License-Identifier: Apache-2.0
"""A folder that cannot be left: every path is walked from its root, part by part, without following
a symbolic link (openat with O_NOFOLLOW, so that swapping a part for a link meanwhile fails too)."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from gen_fw.errors import ConflictError, GenFwError, UsageError

_READ = 1 << 20
#: identity of a file's content at one moment: inode, size, modification time in ns
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path. ``other`` is a link, a folder, a device, or a path below one."""

    kind: Literal["missing", "file", "other"]
    sha256: str = ""
    #: sha256 with CRLF read as LF; "" for binary content and for content without CR
    text_sha256: str = ""
    executable: bool = False
    stamp: Stamp | None = None

    def holds(self, sha256: str) -> bool:
        """Whether the file has the content of that hash. Line ends do not count as content, so
        that a checkout with core.autocrlf has no edits."""
        return bool(sha256) and sha256 in (self.sha256, self.text_sha256)


class Folder:
    """The root of a project, opened once; ``path`` arguments are POSIX paths relative to it.

    Methods raise ConflictError where a link or a file stands in the place of a parent folder, and
    OSError for everything that the system refuses.
    """

    def __init__(self, root: Path) -> None:
        """``root`` itself may be reached through links: that is the caller's own choice."""
        if os.name != "posix":
            raise GenFwError(
                "projects can be written on POSIX systems only",
                why="nothing else has openat, by which a folder cannot be left",
                hint="use WSL on Windows",
            )
        try:
            #: whether files and renames are forced to disk, so that they survive a power cut
            self.durable = True
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        except NotADirectoryError:
            raise UsageError("the output is not a folder", where=str(root)) from None

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._root)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """Descriptor of the folder that holds ``path``, and the last part."""
        *parents, name = path.split("/")
        if "" in parents or ".." in (*parents, name):
            raise ConflictError("this path leaves the project", where=path)
        here = os.dup(self._root)
        try:
            for part in parents:
                try:
                    below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                except OSError as error:
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                        raise
                    raise ConflictError(
                        "a link or a file stands where the project needs a folder",
                        where="/".join(parents),
                        hint="move it away and repeat",
                    ) from None
                os.close(here)
                here = below
            yield here, name
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(here)

    def exists(self, path: str) -> bool:
        """Whether anything stands at ``path``, a dangling link included."""
        try:
            with self._parent(path) as (parent, name):
                os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def stamp(self, path: str) -> Stamp:
        with self._parent(path) as (parent, name):
            return _stamp(os.stat(name, dir_fd=parent, follow_symlinks=False))

    def find(self, path: str) -> Found:
        """What stands at ``path``, hashed when it is a regular file."""
        try:
            with self._parent(path) as (parent, name):
                mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
            if not stat.S_ISREG(mode):
                return Found("other")
            with self._reader(path) as file:
                status = os.fstat(file)
                plain, text = _digests(file)
        except FileNotFoundError:
            return Found("missing")
        except ConflictError:
            return Found("other")
        return Found("file", plain, text, bool(status.st_mode & stat.S_IXUSR), _stamp(status))

    @contextmanager
    def _reader(self, path: str) -> Iterator[int]:
        with self._parent(path) as (parent, name):
            # O_NONBLOCK: never wait for the writer of a FIFO that was put there meanwhile
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        try:
            yield file
        finally:
            os.close(file)

    def blocks(self, path: str) -> Iterator[bytes]:
        """The content of a file, piece by piece."""
        with self._reader(path) as file:
            yield from _blocks(file)

    def read(self, path: str, limit: int) -> bytes | None:
        """The content, or None when nothing is there.

        Raises ConflictError when it is not a regular file of at most ``limit`` bytes.
        """
        try:
            if not stat.S_ISREG(self._mode(path)):
                raise ConflictError("this is not a regular file", where=path)
            with self._reader(path) as file:
                data = b"".join(_blocks(file, limit + 1))
        except FileNotFoundError:
            return None
        if len(data) > limit:
            raise ConflictError("the file is too large", where=path, why=f"over {limit} bytes")
        return data

    def _mode(self, path: str) -> int:
        with self._parent(path) as (parent, name):
            return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode

    def names(self, path: str = "") -> list[str]:
        """Sorted names inside a folder; [] when it does not exist."""
        try:
            with self._parent(f"{path}/." if path else ".") as (here, _), os.scandir(here) as all_:
                return sorted(entry.name for entry in all_)
        except FileNotFoundError:
            return []

    def files(self, path: str) -> Iterator[str]:
        """Everything below a folder that is no folder itself, in sorted order."""
        pending = [path] if self.exists(path) else []
        while pending:
            here = pending.pop()
            if stat.S_ISDIR(self._mode(here)):
                pending.extend(f"{here}/{name}" for name in reversed(self.names(here)))
            else:
                yield here

    def create(self, path: str, content: Iterable[bytes], *, executable: bool = False) -> None:
        """A new file, on disk when this returns (if ``durable``).

        Raises FileExistsError if something is there.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with self._parent(path) as (parent, name):
            file = os.open(name, flags, 0o777 if executable else 0o666, dir_fd=parent)
            try:
                for block in content:
                    view = memoryview(block)
                    while view:
                        view = view[os.write(file, view) :]
                if self.durable:
                    os.fsync(file)
            finally:
                os.close(file)

    def open_for_lock(self, path: str) -> int:
        """Descriptor of a file that need not exist, open for writing."""
        with self._parent(path) as (parent, name):
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666, dir_fd=parent)

    def move(self, source: str, target: str) -> None:
        """Rename a file; what stands at ``target`` is replaced."""
        with self._parent(source) as (here, name), self._parent(target) as (there, new_name):
            os.rename(name, new_name, src_dir_fd=here, dst_dir_fd=there)

    def remove(self, path: str) -> None:
        """Unlink a file; nothing happens when it is not there."""
        with suppress(FileNotFoundError), self._parent(path) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def missing_parents(self, path: str) -> list[str]:
        """Folders that must be made before ``path`` can be created, outermost first."""
        parts = path.split("/")[:-1]
        prefixes = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
        return [prefix for prefix in prefixes if not self.exists(prefix)]

    def make_folder(self, path: str) -> None:
        """Create one folder unless it exists."""
        with suppress(FileExistsError), self._parent(path) as (parent, name):
            os.mkdir(name, dir_fd=parent)

    def make_parents(self, path: str) -> None:
        """Create all folders above ``path``."""
        for folder in self.missing_parents(path):
            self.make_folder(folder)

    def remove_folder(self, path: str) -> bool:
        """Remove a folder if it is empty; whether it is gone."""
        try:
            with self._parent(path) as (parent, name):
                os.rmdir(name, dir_fd=parent)
        except (OSError, ConflictError):
            return False
        return True

    def sync(self, folders: Iterable[str]) -> None:
        """Make the entries of these folders ("" is the root) durable."""
        for folder in sorted(set(folders)) if self.durable else ():
            with self._parent(f"{folder}/." if folder else ".") as (here, _):
                os.fsync(here)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _blocks(file: int, limit: int | None = None) -> Iterator[bytes]:
    """The rest of an open file, at most ``limit`` bytes of it."""
    left = limit
    while block := os.read(file, _READ if left is None else min(_READ, left)):
        yield block
        if left is not None:
            left -= len(block)


def _digests(file: int) -> tuple[str, str]:
    """sha256 of an open file, and sha256 with LF line ends ("" when that is not another text)."""
    plain = hashlib.sha256()
    carriage = False
    for block in _blocks(file):
        plain.update(block)
        carriage = carriage or b"\r" in block
    if not carriage:
        return plain.hexdigest(), ""
    os.lseek(file, 0, os.SEEK_SET)
    text = hashlib.sha256()
    held = b""
    for block in _blocks(file):
        if b"\0" in block:
            return plain.hexdigest(), ""
        block = held + block
        held = b"\r" if block.endswith(b"\r") else b""
        text.update(block[: len(block) - len(held)].replace(b"\r\n", b"\n"))
    text.update(held)
    return plain.hexdigest(), text.hexdigest()


def sha256_of(content: Iterable[bytes]) -> str:
    """Hexadecimal sha256 of a content given in blocks."""
    digest = hashlib.sha256()
    for block in content:
        digest.update(block)
    return digest.hexdigest()


@contextmanager
def system_errors(what: str) -> Iterator[None]:
    """Turn an OSError into a GenFwError; ``what`` completes "cannot ..."."""
    try:
        yield
    except OSError as error:
        raise GenFwError(
            f"cannot {what}", where=str(error.filename or ""), why=error.strerror or str(error)
        ) from error
