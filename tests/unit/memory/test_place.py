# SPDX-License-Identifier: Apache-2.0
"""Placement: best first, the table of what was tried, and what would help."""

from __future__ import annotations

import json

import pytest

from gen_fw.boards.board import Board
from gen_fw.boards.load import all_boards, load_board
from gen_fw.errors import DoesNotFitError, UsageError
from gen_fw.memory.place import place
from gen_fw.program import Item, Program, Region


def program(name: str, arena: int, model: int = 1000, code: int = 50_000) -> Program:
    items = (Item("interpreter", code, "estimate"),)
    return Program(
        name=name,
        runtime="tflm",
        kernels="esp_nn",
        inputs=(),
        outputs=(),
        regions=(
            Region("arena", "tensor arena", arena, 16, "static", "upper bound"),
            Region("model", "model file", model, 16, "static", "exact"),
            Region("code", "code", code, 16, "static", "estimate", items),
        ),
    )


@pytest.fixture
def chip() -> Board:
    return load_board("esp32s3")


@pytest.fixture
def kit() -> Board:
    return load_board("esp32-s3-devkitc-n8r8")


def test_internal_memory_first(chip: Board) -> None:
    chosen, tried = place([program("a", 100_000)], chip)
    assert dict(chosen.placement.memories)["arena"] == "internal"
    assert tried == (chosen,)
    internal = next(use for use in chosen.uses if use.memory == "internal")
    assert internal.needed == 100_000
    assert internal.available == chip.memory("internal").bytes - chip.memory("internal").reserved


def test_psram_when_internal_is_too_small(kit: Board) -> None:
    chosen, tried = place([program("a", 400_000)], kit)
    assert dict(chosen.placement.memories)["arena"] == "psram"
    assert [candidate.fits for candidate in tried] == [False, True]


def test_the_error_has_the_table_and_a_board(chip: Board) -> None:
    with pytest.raises(DoesNotFitError) as caught:
        place([program("big", 400_000)], chip, alternatives=all_boards)
    error = caught.value
    assert error.exit_code == 4
    assert "esp32-s3-devkitc-n8r8" in error.hint
    assert error.where == "internal"
    (candidate,) = error.detail["tried"]
    internal = next(m for m in candidate["memories"] if m["name"] == "internal")
    assert internal["needed"] == 400_000 and not internal["fits"]
    json.dumps(error.detail)


def test_exactly_full_fits_and_one_byte_more_does_not(chip: Board) -> None:
    memory = chip.memory("internal")
    usable = (memory.bytes - memory.reserved) // 16 * 16
    assert place([program("a", usable)], chip)[0].fits
    with pytest.raises(DoesNotFitError):
        place([program("a", usable + 16)], chip)


def test_arenas_add_up_unless_shared(chip: Board) -> None:
    pair = [program("a", 150_000), program("b", 200_000)]
    with pytest.raises(DoesNotFitError, match="a and b") as caught:
        place(pair, chip)
    assert "--shared-arena" in caught.value.hint
    chosen, _ = place(pair, chip, shared_arena=True)
    uses = {use.memory: use.needed for use in chosen.uses}
    assert uses["internal"] == 200_000
    # two models, but one interpreter
    assert uses["flash"] == 2 * 1008 + 50_000


def test_reserve_replaces_the_board_figure(chip: Board) -> None:
    size = chip.memory("internal").bytes // 16 * 16
    with pytest.raises(DoesNotFitError):
        place([program("a", size)], chip)
    chosen, _ = place([program("a", size)], chip, reserve={"internal": 0})
    assert chosen.fits


def test_a_fixed_place_is_the_only_candidate(kit: Board) -> None:
    chosen, tried = place([program("a", 1000)], kit, wanted={"arena": "psram"})
    assert dict(chosen.placement.memories)["arena"] == "psram" and len(tried) == 1
    with pytest.raises(DoesNotFitError) as caught:
        place([program("a", 400_000)], kit, wanted={"arena": "internal"}, alternatives=all_boards)
    assert "leave --place out" in caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "reserve", "text"),
    [
        ({"arena": "intrenal"}, {}, 'did you mean "internal"'),
        ({"arean": "internal"}, {}, 'did you mean "arena"'),
        ({"arena": "flash"}, {}, "--place arena=internal or psram"),
        # ESP-IDF projects leave constants and code in flash: no promise of anything else
        ({"model": "internal"}, {}, "--place model=flash"),
        ({"code": "psram"}, {}, "--place code=flash"),
        ({}, {"psarm": 5}, 'did you mean "psram"'),
        ({}, {"internal": -1}, ""),
        ({}, {"internal": 10**9}, ""),
    ],
)
def test_wrong_words(
    kit: Board, wanted: dict[str, str], reserve: dict[str, int], text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        place([program("a", 1000)], kit, wanted=wanted, reserve=reserve)
    assert text in caught.value.hint
