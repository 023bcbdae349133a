# SPDX-License-Identifier: Apache-2.0
"""Reading and writing a file that the user names: bounded, regular files only, one clear error."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from gen_fw.errors import ConflictError, GenFwError, UsageError

#: bytes of an existing file that are looked at before it is replaced
_LOOK = 4096


def read_regular(
    path: Path,
    limit: int,
    *,
    what: str = "file",
    hint: str = "",
    too_large: type[GenFwError] = UsageError,
) -> bytes:
    """The content of a regular file of at most ``limit`` bytes; links are followed.

    Raises UsageError when there is no such file, it is not a regular file or cannot be read, and
    ``too_large`` for what that says. ``what`` names the file, ``hint`` says what to name instead.
    Never waits on a FIFO or device.
    """
    where = str(path)
    try:
        # O_NONBLOCK: a FIFO opens at once and is refused below, without a race between two calls
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except FileNotFoundError:
        raise UsageError("no such file", where=where, hint="check the path") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the {what}", where=where, why=_reason(error)) from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise UsageError(f"this is {kind}", where=where, hint=hint)
        if status.st_size > limit:
            raise too_large(
                f"the {what} has {status.st_size} bytes, more than the limit of {limit}",
                where=where,
            )
        with open(handle, "rb", buffering=0, closefd=False) as file:
            return file.read(status.st_size)
    except OSError as error:
        raise UsageError(f"cannot read the {what}", where=where, why=_reason(error)) from None
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes, *, mark: bytes, what: str) -> None:
    """Writes all of the file or nothing; creates its parents.

    Only a file of the same kind is replaced: ``mark`` stands near its beginning. Raises
    ConflictError for any other file that is there, UsageError when the system refuses.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write the {what}", where=str(path), why=_reason(error)) from None
    else:
        if not stat.S_ISREG(found.st_mode) or mark not in _beginning(path, what):
            raise ConflictError(
                f"there is something else where the {what} would go; nothing was written",
                where=str(path),
                hint="name another file, or move this one away",
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise UsageError(f"cannot write the {what}", where=str(path), why=_reason(error)) from None


def _beginning(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LOOK)
    except OSError as error:
        raise UsageError(f"cannot read the {what}", where=str(path), why=_reason(error)) from None


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
