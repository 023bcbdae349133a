# SPDX-License-Identifier: Apache-2.0
"""Rewritten models run as before: LiteRT and TFLM give the same outputs, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen_fw.model.rewrite import with_metadata
from interpreter_verdicts import ask
from sample_models import model_files


@pytest.mark.parametrize("interpreter", ["litert", "tflm"])
def test_outputs_are_the_same(interpreter: str, tmp_path: Path) -> None:
    pytest.importorskip({"litert": "ai_edge_litert", "tflm": "tflite_micro"}[interpreter])
    files = model_files()
    before = ask(f"{interpreter}-run", files)
    changed = []
    for file in files:
        if not before[file.name].startswith("sha256:"):
            continue  # refused or hostile
        raw = with_metadata(file.read_bytes(), b"gen-fw test", bytes(100))
        changed.append(tmp_path / file.name)
        changed[-1].write_bytes(raw)
    assert len(changed) >= 8
    after = ask(f"{interpreter}-run", changed)
    assert after == {file.name: before[file.name] for file in changed}
