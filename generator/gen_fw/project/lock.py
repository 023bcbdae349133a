# SPDX-License-Identifier: Apache-2.0
"""gen-fw.lock: what was done. TOML, sorted, LF, without dates or absolute paths.

The receipt's tables come first, then one ``[[file]]`` per file with its path, owner and the sha256
of the text that gen-fw last wrote there. A file that was edited keeps the hash of the text the edit
started from, which is the text in ``.gen-fw/base``.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from gen_fw.errors import ConflictError, GenFwError
from gen_fw.project.escape import toml_string
from gen_fw.project.folder import Folder
from gen_fw.project.paths import LOCK, check_paths
from gen_fw.project.plan import Owner

VERSION = 1
_LIMIT = 16 << 20
_HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# What gen-fw did, and the hash of each file as generated. Check it in; do not edit it.
"""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OWN_KEYS = ("lock_version", "file")


@dataclass(frozen=True, slots=True)
class Entry:
    """One generated file: its owner and the hash of the text last written."""

    owner: Owner
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The receipt (plain nested data) and the file table by path."""

    receipt: Mapping[str, Any]
    files: Mapping[str, Entry]


def read_lock(folder: Folder) -> Lock | None:
    """The project's lock, or None when there is none.

    Raises ConflictError when it is unreadable, from a newer gen-fw, or names an unusable path.
    """
    data = folder.read(LOCK, _LIMIT)
    return None if data is None else parse_lock(data)


def parse_lock(data: bytes) -> Lock:
    """The lock of these bytes; raises ConflictError like ``read_lock``."""
    try:
        text = data.decode()
        if re.search(r"^(<{7}|={7}|>{7})", text, re.MULTILINE):
            raise ConflictError(
                "the lock has unresolved merge conflicts",
                where=LOCK,
                hint="take either side (git checkout --theirs gen-fw.lock) and generate again",
            )
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(str(error) or "it is nested too deep") from None
    version = table.pop("lock_version", None)
    if not isinstance(version, int) or version < 1:
        raise _damaged("lock_version is missing")
    if version > VERSION:
        raise ConflictError(
            "the lock was written by a newer gen-fw",
            where=LOCK,
            why=f"lock version {version}, this gen-fw reads up to {VERSION}",
            hint="update gen-fw",
        )
    rows = table.pop("file", [])
    if not isinstance(rows, list):
        raise _damaged("file is not an array of tables")
    entries = [_entry(row) for row in rows]
    check_paths((path for path, _ in entries), LOCK, ConflictError)
    return Lock(table, dict(entries))


def _entry(row: object) -> tuple[str, Entry]:
    match row:
        case {"path": str(path), "owner": str(owner), "sha256": str(sha256)}:
            if owner in get_args(Owner) and _SHA256.fullmatch(sha256):
                return path, Entry(cast(Owner, owner), sha256)
    raise _damaged("a [[file]] lacks a valid path, owner or sha256")


def _damaged(why: str) -> ConflictError:
    return ConflictError(
        "the lock is damaged",
        where=LOCK,
        why=why,
        hint="restore it from version control, or generate into a new folder",
    )


def lock_bytes(lock: Lock) -> bytes:
    """The file's content.

    Raises GenFwError when the receipt holds anything but str, int, float, bool and lists and dicts
    of them, or one of the lock's own keys.
    """
    for key in _OWN_KEYS:
        if key in lock.receipt:
            raise GenFwError("the receipt uses a key of the lock", where=f"{LOCK}: {key}")
    lines = [_HEAD, f"lock_version = {VERSION}", *_table("", lock.receipt)]
    for path, entry in sorted(lock.files.items()):
        lines += ["", "[[file]]", f"path = {toml_string(path)}"]
        lines += [f'owner = "{entry.owner}"', f'sha256 = "{entry.sha256}"']
    return ("\n".join(lines) + "\n").encode()


def _table(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Lines of a table's body: values first, as a sub-table's header ends the body."""
    nested: list[str] = []
    for key, value in sorted(table.items()):
        full = f"{name}.{_key(key)}" if name else _key(key)
        if isinstance(value, Mapping):
            nested += ["", f"[{full}]", *_table(full, value)]
        elif (
            isinstance(value, list | tuple) and value and all(isinstance(v, Mapping) for v in value)
        ):
            for row in value:
                nested += ["", f"[[{full}]]", *_table(full, row)]
        else:
            yield f"{_key(key)} = {_value(full, value)}"
    yield from nested


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else toml_string(key)


def _value(where: str, value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() if -(1 << 63) <= value < 1 << 63:
            return str(value)
        case float():
            return "nan" if math.isnan(value) else repr(value)
        case str():
            return toml_string(value)
        case list() | tuple():
            return f"[{', '.join(_value(where, item) for item in value)}]"
        case Mapping():
            pairs = (f"{_key(key)} = {_value(where, item)}" for key, item in sorted(value.items()))
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
    raise GenFwError(f"the receipt cannot hold a {type(value).__name__}", where=f"{LOCK}: {where}")
