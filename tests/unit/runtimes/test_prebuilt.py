# SPDX-License-Identifier: Apache-2.0
"""Arenas over a library of TFLM: never below upstream's, and by how much, operator by operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.lowering import lowering
from gen_fw.memory.buffers import align
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model
from gen_fw.program import Program
from gen_fw.request import Options
from gen_fw.runtimes.tflm.lower import lower
from gen_fw.runtimes.tflm.prebuilt import allowance

ROOT = Path(__file__).resolve().parents[3]
MODELS = [*sorted((ROOT / "examples/models").glob("*.tflite"))]
MODELS += [ROOT / f"tests/data/models/{n}.tflite" for n in ("ring_buffer_int8", "lstm_int8")]
BOARD = load_board("apollo4p-evb")


def both(path: Path, **options: object) -> tuple[Model, Program, Program]:
    """The model, its program with upstream's kernels, and with the library's."""
    model, asked = read_model(path), Options(**options)  # type: ignore[arg-type]
    return model, lower(model, "m", BOARD, asked), lowering(asked, BOARD)(model, "m")


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_the_arena_is_upstreams_and_the_allowance(path: Path) -> None:
    model, upstream, library = both(path)
    extra = allowance(model)
    operators = sum(len(subgraph.operators) for subgraph in model.subgraphs)
    assert extra % 16 == 0 and extra >= 64 * operators
    before, region = upstream.region("arena"), library.region("arena")
    assert region.bytes == before.bytes + extra and region.confidence == "upper bound"
    assert sum(item.bytes for item in region.items) == region.bytes
    assert {item.confidence for item in region.items} == {"upper bound"}
    for abi, size in upstream.adapter["arena_bytes"].items():
        assert library.adapter["arena_bytes"][abi] == size + extra
    # weights and code stay as they are
    assert library.region("model") == upstream.region("model")
    assert library.region("code") == upstream.region("code")


def test_two_arenas_both_have_it() -> None:
    path = ROOT / "tests/data/models/ring_buffer_int8.tflite"
    model, upstream, library = both(path, place={"persistent": "sram"})
    for role in ("arena", "persistent"):
        bytes_ = upstream.region(role).bytes + allowance(model)  # type: ignore[arg-type]
        assert library.region(role).bytes == bytes_  # type: ignore[arg-type]
    assert library.adapter["persistent_bytes"]["target"] == library.region("persistent").bytes


def test_what_is_asked_is_checked_against_the_bound() -> None:
    model = read_model(ROOT / "examples/models/digits_int8.tflite")
    bound = lowering(Options(), BOARD)(model, "m").region("arena").bytes
    program = lowering(Options(arena_size=bound), BOARD)(model, "m")
    assert program.region("arena").bytes == bound
    with pytest.raises(Exception, match="is below what m needs"):
        lowering(Options(arena_size=bound - 16), BOARD)(model, "m")


def test_allowances_of_operators(shared: Path) -> None:
    """KWS: five CONV_2D, four DEPTHWISE_CONV_2D with 64 channels, a FULLY_CONNECTED 64 to 12."""
    model = read_model(shared / "models" / "mlperf_kws_ref_model.tflite")
    plain: Callable[[int], int] = lambda more: align(64 + more)  # noqa: E731
    assert allowance(model) == 9 * plain(4 * 64) + plain(4 * (64 + 12)) + 3 * plain(0)
