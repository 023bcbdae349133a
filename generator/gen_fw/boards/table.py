# SPDX-License-Identifier: Apache-2.0
"""Reads the keys of a TOML table one by one; what is wrong or left over becomes a UsageError."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from gen_fw.errors import UsageError

#: identifiers in board files: memories, roles, features
ID = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_TEXT_LIMIT = 400


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean "x"?``, else the list of what is known."""
    from difflib import get_close_matches  # only errors need it

    names = sorted(known)
    # case and separators are the usual slips: "ESP32-S3" for "esp32s3"
    plain = {_squeeze(name): name for name in names}
    close = get_close_matches(_squeeze(word), plain, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{plain[close[0]]}"?'
    return f"known: {', '.join(names)}" if names else ""


def _squeeze(word: str) -> str:
    return re.sub(r"[-_. ]", "", word.lower())


class Table:
    """One table of a board file. ``where`` of every error is ``FILE: path.to.key``.

    Every reading method removes its key; ``close`` refuses what is left.
    """

    def __init__(self, data: Mapping[str, Any], file: str, path: str = "") -> None:
        self._data = dict(data)
        self._known: list[str] = []
        self.file = file
        self.path = path

    def fail(self, key: str, what: str, *, why: str = "", hint: str = "") -> NoReturn:
        """Raise the UsageError about ``key`` (empty: about the table itself)."""
        place = ".".join(part for part in (self.path, key) if part)
        where = f"{self.file}: {place}" if place else self.file
        raise UsageError(what, where=where, why=why, hint=hint)

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def keys(self) -> tuple[str, ...]:
        """The keys that were not read yet."""
        return tuple(self._data)

    def _take(self, key: str, kind: type, name: str, default: Any = None) -> Any:
        self._known.append(key)
        if key not in self._data:
            if default is None:
                self.fail(key, "required key is missing", why=f"it is {name}")
            return default
        value = self._data.pop(key)
        # bool is an int in Python, never in a board file
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, f"{value!r:.80} is not {name}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """One line of printable text."""
        value: str = self._take(key, str, "a string", default)
        self._check_text(key, value)
        return value

    def _check_text(self, key: str, value: str) -> None:
        if not value.isprintable() or len(value) > _TEXT_LIMIT:
            self.fail(key, f"not one printable line of at most {_TEXT_LIMIT} characters")

    def word(self, key: str, pattern: re.Pattern[str], default: str | None = None) -> str:
        """A string that the pattern matches whole."""
        value = self.text(key, default)
        if not pattern.fullmatch(value) and value != default:
            self.fail(key, f'"{value}" is malformed', why=f"it must match {pattern.pattern}")
        return value

    def choice(self, key: str, known: Iterable[str], default: str | None = None) -> str:
        """One of the known strings."""
        known = tuple(known)
        value = self.text(key, default)
        if value not in known:
            self.fail(key, f'unknown value "{value}"', hint=did_you_mean(value, known))
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """An integer in ``low`` ... ``high``, both included."""
        value: int = self._take(key, int, "an integer", default)
        if not low <= value <= high:
            self.fail(key, f"{value} is out of range", why=f"it must lie in {low} ... {high}")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        """true or false."""
        value: bool = self._take(key, bool, "true or false", default)
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of distinct, printable, non-empty lines."""
        values: Any = self._take(key, list, "a list of strings", default)
        for index, value in enumerate(values):
            place = f"{key}[{index}]"
            if not isinstance(value, str) or not value:
                self.fail(place, f"{value!r:.80} is not a non-empty string")
            self._check_text(place, value)
            if value in values[:index]:
                self.fail(place, f'"{value}" stands twice')
        return tuple(values)

    def table(self, key: str, default: Mapping[str, Any] | None = None) -> Table:
        """A table below this one."""
        value = self._take(key, dict, "a table", default)
        return Table(value, self.file, ".".join(part for part in (self.path, key) if part))

    def tables(self, key: str) -> tuple[Table, ...]:
        """A non-empty list of tables."""
        values = self._take(key, list, "a list of tables")
        if not values or not all(isinstance(value, dict) for value in values):
            self.fail(key, "not a non-empty list of tables")
        prefix = ".".join(part for part in (self.path, key) if part)
        return tuple(Table(v, self.file, f"{prefix}[{i}]") for i, v in enumerate(values))

    def scalars(self) -> dict[str, bool | int | str]:
        """All that is left, each a bool, an integer or one printable line."""
        values: dict[str, bool | int | str] = {}
        for key, value in self._data.items():
            if not isinstance(value, bool | int | str):
                self.fail(key, f"{value!r:.80} is not true, false, an integer or a string")
            if isinstance(value, str):
                self._check_text(key, value)
            values[key] = value
        self._data.clear()
        return values

    def close(self) -> None:
        """Refuse keys that nobody read."""
        for key in self._data:
            self.fail(key, "unknown key", hint=did_you_mean(key, self._known))
