# SPDX-License-Identifier: Apache-2.0
"""The models at hand: ours, and the real and hostile ones where they are."""

from __future__ import annotations

import os
import random
from pathlib import Path

from gen_fw.model.types import Subgraph

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


def topological(subgraph: Subgraph, seed: int) -> list[int]:
    """A random order in which no operator reads what a later one writes."""
    chance = random.Random(seed)
    writer = {t: o.index for o in subgraph.operators for t in o.outputs}
    waits = {o.index: {writer[t] for t in o.inputs if t in writer} for o in subgraph.operators}
    order: list[int] = []
    while waits:
        ready = sorted(index for index, needs in waits.items() if needs <= set(order))
        order.append(chance.choice(ready))
        del waits[order[-1]]
    return order
