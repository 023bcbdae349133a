# SPDX-License-Identifier: Apache-2.0
"""Operators that move, compare, reduce and compute elements, in every element type: random models
of each family agree with TensorFlow Lite Micro on every byte of every tensor."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fuzz_functions
import fuzz_moving
import fuzz_places
from aot_agree import agree, blank_case, cases_of_models, family_model
from aot_harness import Case, run_cases
from aot_programs import lowered
from aot_targets import HOSTS, M4, M55, RV32, SANITIZED, Target
from fuzz_damage import damaged_model
from fuzz_models import FuzzModel
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model
from gen_fw.runtimes.aot import overlap

FAMILIES = {**fuzz_moving.FAMILIES, **fuzz_places.FAMILIES, **fuzz_functions.FAMILIES}
_BOARDS = {"qemu-cortex-m55": M55, "qemu-cortex-m4": M4, "qemu-riscv32": RV32}
_HOST = HOSTS[0].with_flags("-O1")


def _models(start: int, each: int) -> list[FuzzModel]:
    return [
        family_model(FAMILIES, family, seed)
        for family in FAMILIES
        for seed in range(start, start + each)
    ]


def test_the_first_models_agree(tmp_path: Path) -> None:
    agree(_models(0, 3), "host", SANITIZED[0], tmp_path)


def test_contiguous_parts_are_not_copied(tmp_path: Path) -> None:
    families = ("slice", "split", "unpack")
    models = [family_model(FAMILIES, family, seed) for family in families for seed in range(8)]
    cases = agree(models, "qemu-riscv32", HOSTS[1], tmp_path)
    saved = [case.program.report["plan"]["copies_saved"] for case in cases]
    assert sum(map(bool, saved)) >= len(saved) / 3, saved


def _batches(case: Case) -> bytes:
    """What SPACE_TO_BATCH_ND makes of the first sample, padded with 0."""
    model = case.model
    block, margins, source, target = model.subgraphs[0].tensors
    sides = len(source.shape) - 2
    blocks = np.frombuffer(model.buffers[block.buffer].data, "<i4").tolist()
    around = np.frombuffer(model.buffers[margins.buffer].data, "<i4").reshape(-1, 2).tolist()
    values = np.frombuffer(case.samples[0][0], "i1" if source.dtype.bits == 8 else "<f4")
    padded = np.pad(values.reshape(source.shape), [(0, 0), *around, (0, 0)])
    tiles = [n for size, n in zip(padded.shape[1:-1], blocks, strict=True) for n in (size // n, n)]
    cut = padded.reshape(len(padded), *tiles, padded.shape[-1])
    inner, outer = range(2, 2 * sides + 1, 2), range(1, 2 * sides, 2)
    made = cut.transpose(*inner, 0, *outer, 2 * sides + 1).reshape(target.shape)
    return np.ascontiguousarray(made).tobytes()


def test_space_to_batch_with_margins(tmp_path: Path) -> None:
    families = {"margins": lambda b: fuzz_moving.batch_space(b, padded=True)}
    cases = []
    for seed in range(30):
        fuzz = family_model(families, "margins", seed)
        case = Case(lowered(fuzz.model, fuzz.name, "host"), fuzz.model, fuzz.samples[:1], ())
        cases.append(replace(case, expected=({3: _batches(case)},)))
    outcome = run_cases(cases, SANITIZED[0], tmp_path, unity=True)
    assert not outcome.mismatches, outcome.mismatches[:10]
    assert all(measured.traced == [1] for measured in outcome.measured.values())


def test_a_distance_that_is_too_short_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs that begin 6 bytes later than they may destroy what is still to be read."""
    families = ("strided_slice", "batch_space", "resize_nearest", "mirror_pad", "reduce")
    models = [family_model(FAMILIES, family, seed) for family in families for seed in range(12)]
    cases = agree(models, "host", HOSTS[0], tmp_path)
    assert sum(case.program.report["plan"]["overlapping"] > 0 for case in cases) >= len(cases) / 4
    right = overlap.below

    def short(ends: object, begins: object, *, buffered: bool = True) -> int:
        return max(0, right(ends, begins, buffered=buffered) - 6)

    monkeypatch.setattr(overlap, "below", short)
    outcome = run_cases(cases_of_models(models, "host"), HOSTS[0], tmp_path / "short", unity=True)
    assert len({mismatch.program for mismatch in outcome.mismatches}) >= 3


@pytest.mark.parametrize("board", _BOARDS)
def test_each_machine_agrees(board: str, tmp_path: Path) -> None:
    agree(_models(100, 1), board, _BOARDS[board], tmp_path)


def _survive(seeds: range, target: Target, work: Path) -> None:
    """A damaged model is refused with an error of ours, or its code runs without a fault."""
    cases = []
    for family, build in FAMILIES.items():
        for seed in seeds:
            with suppress(ModelError):
                model = read_model(damaged_model(seed, build))
                program = lowered(model, f"{family}_{seed}", "host")
                if program.adapter["arena_bytes"]["target"] <= 1 << 20:
                    cases.append(blank_case(program, model))
    assert 0.1 < len(cases) / (len(FAMILIES) * len(seeds)) < 0.7
    run_cases(cases, target, work, trace=False, unity=True)


def test_damaged_models(tmp_path: Path) -> None:
    _survive(range(6), SANITIZED[0], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("batch", range(4))
def test_many_damaged_models(batch: int, tmp_path: Path) -> None:
    _survive(range(100 * batch + 100, 100 * batch + 125), SANITIZED[batch % 2], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("target", (_HOST, HOSTS[3], *SANITIZED), ids=lambda target: target.name)
@pytest.mark.parametrize("batch", range(4))
def test_thousands_agree(batch: int, target: Target, tmp_path: Path) -> None:
    board = ("host", *_BOARDS)[batch]
    agree(_models(1000 + 100 * batch, 20), board, target, tmp_path)
