# SPDX-License-Identifier: Apache-2.0
"""Finds and reads board files: shipped boards and chips by name, a user's own by path.

Loading one board reads its file and the files that it extends, nothing else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.boards.check import board as check_board
from gen_fw.boards.table import ID, did_you_mean
from gen_fw.boards.xn import board_data, is_xn, read_xn, xn_name
from gen_fw.errors import UsageError
from gen_fw.files import read_regular

_DATA = Path(__file__).resolve().parent
_FOLDERS = (_DATA, _DATA / "chips")
#: a board file is a few kilobytes; anything larger is not one
_MAX_FILE = 256 * 1024
_MAX_DEPTH = 8


def board_names() -> tuple[str, ...]:
    """Names of all shipped boards and bare chips, sorted; reads no file."""
    return tuple(sorted(path.stem for folder in _FOLDERS for path in folder.glob("*.toml")))


def all_boards() -> tuple[Board, ...]:
    """All shipped boards and bare chips, sorted by name."""
    return tuple(load_board(name) for name in board_names())


def load_board(name_or_path: str | Path, layout: str = "") -> Board:
    """The board of that name (``esp32s3``), or that a user's own file describes (``./my.toml``),
    with what its table ``[layouts.<layout>]`` says otherwise for that layout of projects.

    Raises:
        UsageError: unknown name (with a suggestion), unreadable file, or a board that makes no
            sense; ``where`` names file and key.
    """
    text = str(name_or_path)
    own = isinstance(name_or_path, Path) or is_own_board(text)
    path = Path(name_or_path) if own else _shipped(text)
    if path is None:
        raise UsageError(
            f'unknown board "{text}"',
            hint=f"{did_you_mean(text, board_names())} (gen-fw boards lists all)",
        )
    if own and is_xn(path.name):
        return check_board(xn_name(path), "", board_data(path), str(path))
    name = path.stem
    if not ID.fullmatch(name) or "_" in name:
        raise UsageError(
            f'"{name}" cannot name a board',
            where=str(path),
            why="the file's stem is the board's name: lower-case letters, digits and dashes",
        )
    data, root = _resolve(path, ())
    file = path.name if not own else str(path)
    return check_board(name, root, _in_layout(data, layout, file), file)


def _in_layout(data: dict[str, Any], layout: str, file: str) -> dict[str, Any]:
    """The document without ``layouts``, the table of this layout merged in."""
    layouts = data.pop("layouts", {})
    if not isinstance(layouts, dict) or not all(isinstance(v, dict) for v in layouts.values()):
        raise UsageError("is not a table of tables", where=f"{file}: layouts")
    return merge(data, layouts.get(layout, {}))


def is_own_board(text: str) -> bool:
    """Whether this names a user's own file: it ends in ``.toml`` or ``.xn`` or has a path
    separator."""
    return text.endswith((".toml", ".xn")) or "/" in text or "\\" in text


def portable(path: Path) -> bytes:
    """The text of a user's board that needs no other file of the user: as it is, or merged with
    what it extends. Raises UsageError when a file cannot be read."""
    if is_xn(path.name):
        return read_xn(path)
    data, root = _resolve(path, (), own_only=True)
    if data.get("extends") == _read(path).get("extends"):
        return read_regular(path, _MAX_FILE, what="board")
    import tomlkit

    if "extends" not in data:
        data.setdefault("chip", root)
    return f"# SPDX-License-Identifier: Apache-2.0\n{tomlkit.dumps(data)}".encode()


def _shipped(name: str) -> Path | None:
    """The shipped file ``chips/esp32s3``, ``esp32s3`` or ``esp32-s3-box-3``."""
    if not ID.fullmatch(name.removeprefix("chips/")):
        return None  # never a path out of the data folder
    candidates = (folder / f"{name}.toml" for folder in _FOLDERS)
    return next((path for path in candidates if path.is_file()), None)


def _resolve(
    path: Path, seen: tuple[Path, ...], *, own_only: bool = False
) -> tuple[dict[str, Any], str]:
    """The document with all that it extends merged in, and the stem of the last base.

    ``own_only`` stops at a shipped board and leaves ``extends`` naming it.
    """
    real = path.resolve()
    if real in seen or len(seen) >= _MAX_DEPTH:
        raise UsageError(
            "boards extend each other in a circle" if real in seen else "too many bases",
            where=f"{path}: extends",
            why=" -> ".join(step.stem for step in (*seen, real)),
        )
    data = _read(path)
    if "extends" not in data:
        return data, path.stem
    if own_only and not is_own_board(str(data["extends"])):
        return data, path.stem
    value = data.pop("extends")
    base = _base(value, path) if isinstance(value, str) else None
    if base is None:
        raise UsageError(
            f"unknown board {value!r:.80}",
            where=f"{path}: extends",
            hint=f"{did_you_mean(str(value), board_names())} (or a file: ./base.toml)",
        )
    inherited, root = _resolve(base, (*seen, real), own_only=own_only)
    return merge(inherited, data), root


def _base(value: str, path: Path) -> Path | None:
    return path.parent / value if value.endswith(".toml") else _shipped(value)


def _read(path: Path) -> dict[str, Any]:
    content = read_regular(path, _MAX_FILE, what="board", hint="name a .toml file")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError and UnicodeDecodeError are ValueErrors; both tell the position
        raise UsageError("not a TOML file", where=str(path), why=str(error)) from None


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` over ``base``: tables key by key, memories by name, sources one after the other
    (own first), anything else replaced."""
    result = dict(base)
    for key, value in own.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            result[key] = merge(old, value)
        elif isinstance(old, list) and isinstance(value, list) and key == "memories":
            result[key] = _merge_memories(old, value)
        elif isinstance(old, list) and isinstance(value, list) and key == "sources":
            result[key] = value + [line for line in old if line not in value]
        else:
            result[key] = value
    return result


def _merge_memories(base: list[Any], own: list[Any]) -> list[Any]:
    entries = base + own
    if not all(isinstance(e, dict) and isinstance(e.get("name"), str) for e in entries):
        return entries  # malformed; the check names the culprit
    by_name = {entry["name"]: entry for entry in own}
    if len(by_name) < len(own):
        return entries
    inherited = {entry["name"] for entry in base}
    merged = [{**entry, **by_name.get(entry["name"], {})} for entry in base]
    return merged + [entry for entry in own if entry["name"] not in inherited]
