# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden anew from the present templates; git then shows what has changed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "golden")]

from golden_cases import CASES, FOLDER, files  # noqa: E402


def main() -> None:
    for case in CASES:
        root = FOLDER / case
        shutil.rmtree(root, ignore_errors=True)
        for path, content in files(case).items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


if __name__ == "__main__":
    main()
