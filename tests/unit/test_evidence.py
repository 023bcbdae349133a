# SPDX-License-Identifier: Apache-2.0
"""docs/evidence.md is what the recorded runs say, and the records say nothing private."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORDS = sorted((ROOT / "docs" / "evidence").glob("*.json"))
KEYS = {"schema", "id", "title", "method", "command", "trees", "tools", "results"}


def test_page_is_rendered_from_the_records() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "render_evidence.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_record(path: Path) -> None:
    text = path.read_text("utf-8")
    data = json.loads(text)
    assert set(data) == KEYS
    assert data["schema"] == "gen-fw/evidence/1" and data["id"] == path.stem
    # every tree is identified by version and commit
    for tree in data["trees"]:
        assert tree["version"] and re.fullmatch(r"[0-9a-f]{40}", tree["commit"])
    assert data["results"] and all(row["name"] for row in data["results"])
    assert "FAIL" not in text
    # no date, no path of a machine
    assert not re.search(r"\b20\d\d-\d\d-\d\dT|(?<![\w.:/])/(?:home|tmp|root|usr|work)/", text)
