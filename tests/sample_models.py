# SPDX-License-Identifier: Apache-2.0
"""The models at hand: ours, and the real and hostile ones where they are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def shared_root() -> Path | None:
    """The folder with the real models and hostile files: GEN_FW_SHARED, else ../shared."""
    root = Path(os.environ.get("GEN_FW_SHARED", ROOT.parent / "shared"))
    return root if (root / "models" / "MANIFEST.csv").is_file() else None


def model_files() -> list[Path]:
    """Every ``.tflite`` of ours, and of the shared folder where it exists."""
    folders = [ROOT / "tests" / "data" / "models", ROOT / "examples" / "models"]
    shared = shared_root()
    if shared is not None:
        folders.append(shared / "models")
    return [file for folder in folders for file in sorted(folder.rglob("*.tflite"))]
