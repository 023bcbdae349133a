# SPDX-License-Identifier: Apache-2.0
"""Where package data lives: inside the wheel, or in place in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def templates_root() -> Path:
    """The folder with one sub-folder per family and ``shared``."""
    packaged = _PACKAGE / "templates"
    return packaged if packaged.is_dir() else _PACKAGE.parents[1] / "templates"
