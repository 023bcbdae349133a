# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every room's tests use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_root() -> Path | None:
    """The folder with the real models and hostile files: GEN_FW_SHARED, else ../shared."""
    root = Path(os.environ.get("GEN_FW_SHARED", ROOT.parent / "shared"))
    return root if (root / "models" / "MANIFEST.csv").is_file() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real models; the test is skipped where it is absent."""
    root = shared_root()
    if root is None:
        pytest.skip("no folder of real models (set GEN_FW_SHARED)")
    return root
