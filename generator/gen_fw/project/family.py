# SPDX-License-Identifier: Apache-2.0
"""A family: the files of one vendor's project shape, as ``templates/<family>/family.toml`` lists
them (docs/templates.md is the reference of that file)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from gen_fw.errors import UsageError
from gen_fw.project.plan import Owner
from gen_fw.resources import templates_root

SCHEMA = "gen-fw/family/1"

#: what a rule is expanded over; "" means once
Each = Literal["", "program", "arena", "licence"]

_OWNERS = ("ours", "shared", "yours")
_EACH = ("", "program", "arena", "licence")
#: exactly one of these says where a file's content comes from
_ORIGINS = ("template", "raw", "constant")
_RULE_KEYS = frozenset({"path", "owner", "each", "when", "executable", *_ORIGINS})
_FAMILY_KEYS = frozenset(
    {"schema", "title", "layouts", "kernel_libraries", "kernel_layouts", "file"}
)


@dataclass(frozen=True, slots=True)
class FileRule:
    """One entry of ``[[file]]``.

    ``path`` is POSIX, relative to the project's root, and may hold ``{key}`` of the item it is
    expanded over. ``origin`` and ``source``: a template's name, the name of a file that is copied
    as it is, or the key of a constant. ``when``: flags that must be set (``!flag``: not set).
    """

    path: str
    owner: Owner
    origin: Literal["template", "raw", "constant"]
    source: str
    each: Each = ""
    when: tuple[str, ...] = ()
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """A vendor's project shape. ``layouts`` are the values of ``--layout``, the default first."""

    name: str
    title: str
    folder: Path
    shared_folder: Path
    layouts: tuple[str, ...]
    files: tuple[FileRule, ...]
    #: kernel libraries that its projects can build for generated C
    kernel_libraries: tuple[str, ...] = ()
    #: layouts whose projects do
    kernel_layouts: tuple[str, ...] = ()


def load_family(name: str, root: Path | None = None) -> Family:
    """Reads ``<root>/<name>/family.toml``; ``root`` is the package's template folder by default.

    Raises UsageError for an unknown family or a faulty file.
    """
    folder = (root or templates_root()) / name
    where = f"{name}/family.toml"
    try:
        data = tomllib.loads((folder / "family.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no project family {name!r}", where=where) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read", where=where, why=str(error)) from None
    if data.get("schema") != SCHEMA:
        raise UsageError(f"expected schema {SCHEMA!r}", where=where)
    _only(data, _FAMILY_KEYS, where)
    layouts = data.get("layouts", ["default"])
    if not layouts or not all(isinstance(layout, str) for layout in layouts):
        raise UsageError("layouts is a list of names, the default first", where=where)
    return Family(
        name=name,
        title=str(data.get("title", name)),
        folder=folder,
        shared_folder=folder.parent / "shared",
        layouts=tuple(layouts),
        kernel_libraries=tuple(str(library) for library in data.get("kernel_libraries", ())),
        kernel_layouts=tuple(str(layout) for layout in data.get("kernel_layouts", layouts)),
        files=tuple(
            _rule(entry, f"{where}: file[{index}]")
            for index, entry in enumerate(data.get("file", []))
        ),
    )


def _rule(entry: Mapping[str, Any], where: str) -> FileRule:
    _only(entry, _RULE_KEYS, where)
    origins = [key for key in _ORIGINS if key in entry]
    if len(origins) != 1:
        raise UsageError(f"give exactly one of {', '.join(_ORIGINS)}", where=where)
    if "path" not in entry or entry.get("owner") not in _OWNERS:
        raise UsageError(f"needs a path, and an owner out of {', '.join(_OWNERS)}", where=where)
    if entry.get("each", "") not in _EACH:
        raise UsageError(f"each is one of {', '.join(_EACH[1:])}", where=where)
    return FileRule(
        path=str(entry["path"]),
        owner=cast(Owner, entry["owner"]),
        origin=cast(Literal["template", "raw", "constant"], origins[0]),
        source=str(entry[origins[0]]),
        each=cast(Each, entry.get("each", "")),
        when=tuple(entry.get("when", ())),
        executable=bool(entry.get("executable", False)),
    )


def _only(table: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise UsageError(f"unknown key {unknown[0]!r}", where=where)
