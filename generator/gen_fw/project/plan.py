# SPDX-License-Identifier: Apache-2.0
"""Every file that would be written, before any is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

#: ours: rewritten while it matches the lock, edited -> conflict. shared: rewritten while unedited,
#: kept once edited. yours: written once. (DESIGN, "What a generated project is")
Owner = Literal["ours", "shared", "yours"]


@dataclass(frozen=True, slots=True)
class Chunks:
    """Content too large to hold twice: calling ``open`` yields the same bytes every time."""

    open: Callable[[], Iterator[bytes]]


Content = bytes | Chunks


def chunks(content: Content) -> Iterator[bytes]:
    """The content piece by piece."""
    if isinstance(content, bytes):
        yield content
    else:
        yield from content.open()


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """One file: POSIX path relative to the project's root, content, owner."""

    path: str
    content: Content
    owner: Owner
    executable: bool = False
    #: the content already holds the user's edits, so it is written also where the file was edited
    merged: bool = False


@dataclass(frozen=True, slots=True)
class ProjectPlan:
    """All files of a project, sorted by path, and the receipt that goes into the lock."""

    files: tuple[ProjectFile, ...]
    #: plain data for gen-fw.lock beside the file table (tool, board, models, sdk pins, ...)
    receipt: dict[str, object]
