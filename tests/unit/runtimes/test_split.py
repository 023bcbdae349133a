# SPDX-License-Identifier: Apache-2.0
"""--place persistent=MEM: what the interpreter keeps lies in an arena of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen_fw import generate
from gen_fw.boards.load import load_board
from gen_fw.errors import UsageError
from gen_fw.model.reader import read_model
from gen_fw.pipeline import check
from gen_fw.runtimes.tflm import TflmOptions, lower
from sample_models import ROOT

MODEL = ROOT / "tests" / "data" / "models" / "ring_buffer_int8.tflite"
KIT = "esp32-s3-devkitc-n8r8"


def test_two_regions_add_up() -> None:
    board, model = load_board(KIT), read_model(MODEL)
    one = lower(model, "m", board, TflmOptions())
    two = lower(model, "m", board, TflmOptions(place={"persistent": "psram"}))
    assert [region.role for region in one.regions] == ["arena", "model", "code"]
    assert [region.role for region in two.regions] == ["arena", "persistent", "model", "code"]
    for role in ("arena", "persistent"):
        region = two.region(role)
        assert region.bytes % 16 == 0
        assert sum(item.bytes for item in region.items) == region.bytes
    assert two.region("arena").bytes < one.region("arena").bytes
    # the allocators of two arenas are larger than the one of one
    assert one.report["arena_used"] < two.report["arena_used"]


def test_projects_place_both_and_keep_the_choice(tmp_path: Path) -> None:
    place = {"persistent": "psram"}
    result = generate([MODEL], KIT, tmp_path / "p", names=["ring"], place=place)
    memories = result.planned.firmware.chosen.placement.memories
    assert (memories["arena"], memories["persistent"]) == ("internal", "psram")
    gen = tmp_path / "p" / "gen" / "ring"
    assert "MALLOC_CAP_SPIRAM" in (gen / "ring_arena.c").read_text()
    assert "RING_PERSISTENT_BYTES" in (gen / "ring.h").read_text()
    assert "ring_persistent_arena(&kept_bytes)" in (gen / "ring_tflm.cc").read_text()
    assert "persistent, in psram" in (tmp_path / "p" / "README.md").read_text()
    assert "CONFIG_SPIRAM=y" in "".join(
        path.read_text() for path in (tmp_path / "p").glob("sdkconfig.defaults*")
    )
    assert check(tmp_path / "p").ok


@pytest.mark.parametrize(
    ("board", "options", "words"),
    [
        (KIT, {"place": {"persistent": "flash"}}, "read-only"),
        (KIT, {"place": {"persistent": "psram"}, "shared_arena": True}, "exclude each other"),
        ("host", {"place": {"persistent": "ram"}, "runtime": "aot"}, "keeps nothing"),
        ("esp32s3", {"place": {"persistent": "psram"}}, "psram"),
    ],
)
def test_what_cannot_be(board: str, options: dict[str, object], words: str, tmp_path: Path) -> None:
    model = ROOT / "examples" / "models" / "digits_int8.tflite"
    with pytest.raises(UsageError) as caught:
        generate([model], board, tmp_path / "p", **options)
    error = caught.value
    assert words in f"{error.what} {error.why} {error.hint}"
