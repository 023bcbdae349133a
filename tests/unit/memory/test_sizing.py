# SPDX-License-Identifier: Apache-2.0
"""``--arena-size``, ``--arena-margin`` and ``--max-arena`` against what a program needs."""

from __future__ import annotations

import pytest

from gen_fw.errors import DoesNotFitError, UsageError
from gen_fw.memory.sizing import sized
from gen_fw.program import Program, Region

#: needs 1008 bytes on the target, 1504 on a 64-bit host
PROGRAM = Program(
    name="p",
    runtime="tflm",
    kernels="reference",
    inputs=(),
    outputs=(),
    regions=(Region("arena", "tensor arena", 1008, 16, "static", "upper bound"),),
    adapter={"arena_bytes": {"target": 1008, "host64": 1504}},
)


def test_nothing_asked_changes_nothing() -> None:
    assert sized(PROGRAM) is PROGRAM
    assert sized(PROGRAM, max_arena=1008) is PROGRAM


def test_a_size_is_rounded_up_and_the_host_keeps_what_it_needs() -> None:
    larger = sized(PROGRAM, arena_size=2000, max_arena=2000)
    assert larger.region("arena").bytes == 2000
    assert larger.adapter["arena_bytes"] == {"target": 2000, "host64": 2000}
    assert not larger.diagnostics
    smaller = sized(PROGRAM, arena_size=1, allow_small=True)
    assert smaller.adapter["arena_bytes"] == {"target": 16, "host64": 1504}
    assert "smaller than computed" in smaller.diagnostics[0].what


def test_too_small_and_too_large_are_refused() -> None:
    with pytest.raises(UsageError, match="1008 bytes"):
        sized(PROGRAM, arena_size=992)
    with pytest.raises(DoesNotFitError, match="allows 1007"):
        sized(PROGRAM, max_arena=1007)
    # the limit holds for a size that is asked for, too
    with pytest.raises(DoesNotFitError, match="has 2000 bytes"):
        sized(PROGRAM, arena_size=2000, max_arena=1999)
    # and a size that the user vouches for may be below a limit that the computed one passes
    assert sized(PROGRAM, arena_size=500, allow_small=True, max_arena=512).region("arena").bytes


@pytest.mark.parametrize(
    ("margin", "target", "host"),
    [(1, 1024, 1520), (4096, 5104, 5600), ("10%", 1008 + 112, 1504 + 160), ("100%", 2016, 3008)],
)
def test_a_margin_is_a_row_of_its_own(margin: int | str, target: int, host: int) -> None:
    program = sized(PROGRAM, margin=margin)
    region = program.region("arena")
    assert region.bytes == target
    assert program.adapter["arena_bytes"] == {"target": target, "host64": host}
    assert [(item.label, item.bytes) for item in region.items] == [
        ("margin, as asked", target - 1008)
    ]
    with pytest.raises(DoesNotFitError):
        sized(PROGRAM, margin=margin, max_arena=1008)


def test_no_margin_changes_nothing() -> None:
    assert sized(PROGRAM, margin="0%") is PROGRAM
