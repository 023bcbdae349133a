# SPDX-License-Identifier: Apache-2.0
"""gen/idf_component.yml as the IDF component manager reads it, and by a check of our own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gen_fw.boards.load import all_boards, load_board
from gen_fw.pipeline import generate
from gen_fw.request import request

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "examples" / "models"
#: keys of a manifest: docs.espressif.com, IDF Component Manager, Manifest File Format
KEYS = {"version", "description", "url", "repository", "documentation", "targets", "dependencies"}
#: namespace/name of the registry, or the SDK itself
DEPENDENCIES = {"idf", "espressif/esp-tflite-micro", "espressif/esp-nn"}
RANGE = re.compile(r"[~^]\d+\.\d+(\.\d+)?|([<>]=?|==)\d+(\.\d+)*(,([<>]=?|==)\d+(\.\d+)*)*")

manager = pytest.importorskip("idf_component_tools.manager", reason="no idf-component-manager")


@pytest.mark.parametrize(
    "board", [b.name for b in all_boards() if b.family == "esp_idf"], ids=lambda name: name
)
def test_manifest(board: str, tmp_path: Path) -> None:
    golden = MODELS / "sine_int8_golden.npz"
    generate(request([MODELS / "sine_int8.tflite"], board, goldens=[golden]), tmp_path)
    manifests = sorted(tmp_path.rglob("idf_component.yml"))
    assert [path.parent.name for path in manifests] == ["gen"]
    checked = manager.ManifestManager(str(manifests[0].parent), "gen")
    checked.validate()
    assert checked.is_valid, checked.validation_errors
    loaded = checked.load()
    ranges = {dependency.name: dependency.version for dependency in loaded.requirements}
    assert set(ranges) == DEPENDENCIES
    assert all(RANGE.fullmatch(text) for text in ranges.values())
    assert ranges["idf"] == load_board(board).sdk.requires

    top = [line for line in manifests[0].read_text("utf-8").splitlines() if line[:1].isalpha()]
    keys = {line.partition(":")[0] for line in top}
    assert keys <= KEYS
    target = load_board(board).family_data["target"]
    assert not loaded.targets or target in loaded.targets


def test_the_manager_refuses_what_is_wrong(tmp_path: Path) -> None:
    text = 'dependencies:\n  espressif/esp tflite: "~1.4.0"\n'
    (tmp_path / "idf_component.yml").write_text(text, "utf-8")
    checked = manager.ManifestManager(str(tmp_path), "gen")
    checked.validate()
    assert not checked.is_valid
