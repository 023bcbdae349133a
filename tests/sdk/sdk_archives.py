# SPDX-License-Identifier: Apache-2.0
"""Real archives of TVM, from the folder that MLF_ARCHIVES names: an archive (a tar, or an unpacked
folder) an entry, and ``<entry>.tflite`` beside it where the model is known.

docs/tvm.md says which public repositories have some.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class RealArchive:
    """One archive: ``name`` is that of its entry."""

    name: str
    path: Path
    tflite: Path | None


def real_archives() -> list[RealArchive]:
    """All of them, by name; skips the test when the variable names no folder."""
    value = os.environ.get("MLF_ARCHIVES", "")
    if not value:
        pytest.skip("MLF_ARCHIVES does not name a folder of archives")
    found = []
    for path in sorted(Path(value).iterdir()):
        if path.suffix == ".tflite" or not (path.suffix == ".tar" or path.is_dir()):
            continue
        model = path.with_name(f"{path.name.removesuffix('.tar')}.tflite")
        name = path.name.removesuffix(".tar")
        found.append(RealArchive(name, path, model if model.is_file() else None))
    if not found:
        pytest.skip("MLF_ARCHIVES names a folder without archives")
    return found
