# SPDX-License-Identifier: Apache-2.0
"""The checked-in example projects are exactly what gen-fw makes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from gen_fw.pipeline import check

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from regen_examples import EXAMPLES, PROJECTS, regenerate  # noqa: E402


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_has_not_drifted(name: str, tmp_path: Path) -> None:
    found = check(PROJECTS / name)  # without the vendor's compiler by hashes only
    assert found.drift == found.edited == ()
    extra = {"alif_cmake": ("ethosu", "vela"), "xmos_xcommon": ("xmos_ai_tools", "xmos")}
    module, word = extra.get(name, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        assert not found.regenerated
        pytest.skip(f"to generate it again needs the extra {word}")
    regenerate(tmp_path / name, name)
    fresh = {p.relative_to(tmp_path / name): p for p in (tmp_path / name).rglob("*") if p.is_file()}
    for path, file in fresh.items():
        stored = PROJECTS / name / path
        assert stored.is_file(), f"{path} is missing: run `make examples`"
        assert stored.read_bytes() == file.read_bytes(), f"{path} drifted: run `make examples`"


def test_every_project_folder_is_an_example() -> None:
    assert {path.name for path in PROJECTS.iterdir() if path.is_dir()} == set(EXAMPLES)
