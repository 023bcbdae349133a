# SPDX-License-Identifier: Apache-2.0
"""Reading a file that the user names: bounded, regular files only, one clear error."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gen_fw.errors import GenFwError, UsageError


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


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
