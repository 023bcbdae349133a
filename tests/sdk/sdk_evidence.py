# SPDX-License-Identifier: Apache-2.0
"""Writes docs/evidence/<id>.json: what was run against which trees with which result.

No date and no absolute path goes in, so that the same run gives the same file on any machine.
``GEN_FW_EVIDENCE`` names another folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sdk_trees import Tree

ROOT = Path(__file__).resolve().parents[2]
_PATH = re.compile(r"(?<![\w.:/$])/(?:[\w.+-]+/)+[\w.+-]*")


def folder() -> Path:
    """Where the evidence is written."""
    return Path(os.environ.get("GEN_FW_EVIDENCE", ROOT / "docs" / "evidence"))


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record(
    identity: str,
    *,
    title: str,
    method: str,
    command: str,
    trees: Iterable[Tree],
    tools: Mapping[str, str],
    results: Iterable[Mapping[str, Any]],
) -> None:
    """Write the evidence of one run. ``results`` are rows of plain data with a ``name``.

    Evidence names the commit of every tree: of one without ``.git`` the user must say it.
    """
    trees = list(trees)
    for found in trees:
        if not re.fullmatch(r"[0-9a-f]{40}", found.commit):
            hint = f"set {found.variable}_COMMIT to the commit that {found.name} is of"
            warnings.warn(f"no evidence written for {identity}: {hint}", stacklevel=2)
            return
    data = {
        "schema": "gen-fw/evidence/1",
        "id": identity,
        "title": title,
        "method": method,
        "command": command,
        "trees": [tree.record() for tree in trees],
        "tools": dict(sorted(tools.items())),
        "results": sorted((dict(row) for row in results), key=lambda row: str(row["name"])),
    }
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    leaked = _PATH.search(text)
    assert not leaked, f"absolute path in evidence: {leaked.group()}"
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / f"{identity}.json").write_text(text, "utf-8")
