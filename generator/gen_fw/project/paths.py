# SPDX-License-Identifier: Apache-2.0
"""Which relative paths a project may hold: the same set on Linux, macOS and Windows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gen_fw.errors import GenFwError

LOCK = "gen-fw.lock"
#: the folder of our own records
STATE = ".gen-fw"
#: last generated text of shared and yours files; checked in, for a later 3-way merge
BASE = f"{STATE}/base"
#: edited text that was overwritten or stood in the way, one folder per content; git-ignored
SAVED = f"{STATE}/saved"

_MAX_PATH = 240
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"]
)
_ILLEGAL = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


def path_fault(path: str) -> str:
    """Why ``path`` cannot be a file of a project, or "" when it can.

    POSIX, relative, Unicode NFC, at most 240 bytes; no ``.`` or ``..``, no character or device
    name that Windows refuses, nothing below ``.git`` or ``.gen-fw``, not the lock.
    """
    if not path or path.startswith("/"):
        return "it is not relative"
    if _ILLEGAL.search(path):
        return "it has a character that some system forbids"
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "it is not Unicode"
    if size > _MAX_PATH:
        return f"it is longer than {_MAX_PATH} bytes"
    if unicodedata.normalize("NFC", path) != path:
        return "it is not in Unicode form NFC"
    parts = path.split("/")
    for part in parts:
        if part in ("", ".", ".."):
            return "it has an empty part, . or .."
        if part[-1] in ". ":
            return "Windows drops a dot or a blank at the end of a name"
        if part.split(".")[0].rstrip().casefold() in _DEVICES:
            return f"{part} is a device on Windows"
    if parts[0].casefold() in (STATE, ".git") or path.casefold() == LOCK:
        return "it is reserved"
    return ""


def clash(paths: Iterable[str]) -> str:
    """Two spellings in ``paths`` that are one file on a case-insensitive system, or a file that
    is also a folder, as a phrase; "" when there are none."""
    spelling: dict[str, str] = {}
    folders: set[str] = set()
    files: set[str] = set()
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            prefix = "/".join(parts[:depth])
            if spelling.setdefault(prefix.casefold(), prefix) != prefix:
                return f"{prefix} and {spelling[prefix.casefold()]} differ in case only"
            if depth < len(parts):
                folders.add(prefix)
        if path in files:
            return f"{path} occurs twice"
        files.add(path)
    both = sorted(files & folders)
    return f"{both[0]} is both a file and a folder" if both else ""


def check_paths(paths: Iterable[str], where: str, error: type[GenFwError] = GenFwError) -> None:
    """Raise ``error`` when a path is unusable or two of them clash; ``where`` lists them."""
    paths = list(paths)
    for path in paths:
        if fault := path_fault(path):
            raise error(f"{path!r} cannot be a file of a project", where=where, why=fault)
    if fault := clash(paths):
        raise error("the files of the project clash", where=where, why=fault)
