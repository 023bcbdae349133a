# SPDX-License-Identifier: Apache-2.0
"""The harness of the ahead-of-time tests sees what it must see: a hand-written program runs on
every machine, and each kind of error in it is found."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from aot_harness import Case, Outcome, cases_of, run_cases
from aot_targets import EMULATED, HOSTS, SANITIZED, Target, sizes_of
from fuzz_models import FuzzModel, fuzz_model
from gen_fw.program import Program, Source
from gen_fw.runtimes.io import interface

#: RESHAPE by hand: in the arena the input, then the output
_SOURCE = """
#include <stdint.h>
#include <string.h>
void {name}_aot_run(uint8_t *arena);
void {name}_aot_run(uint8_t *arena) {{
  memcpy(arena + {bytes}, arena, {bytes});
  {error};
#ifdef GEN_FW_AOT_TRACE
  GEN_FW_AOT_TRACE({tensor}, arena + {bytes}, {bytes});
#endif
}}
"""


def _by_hand(fuzz: FuzzModel, error: str = "") -> Program:
    inputs, outputs = interface(fuzz.model)
    size = math.prod(inputs[0].shape)
    graph = fuzz.model.subgraphs[0]
    text = _SOURCE.format(
        name=fuzz.name, bytes=size, tensor=graph.outputs[0], error=error.format(size)
    )
    adapter = {
        "arena_bytes": {"target": 2 * size, "host64": 2 * size},
        "inputs": [{"offset": 0}],
        "outputs": [{"offset": size}],
    }
    return Program(
        *(fuzz.name, "aot", "portable", inputs, outputs, ()),
        sources=(Source(f"{fuzz.name}_aot.c", text.encode()),),
        adapter=adapter,
    )


def _cases(*errors: str) -> list[Case]:
    models = [fuzz_model(seed, "reshape") for seed in range(len(errors))]
    programs = [_by_hand(*pair) for pair in zip(models, errors, strict=True)]
    return cases_of(programs, [m.model for m in models], [m.samples for m in models])


def _kinds(outcome: Outcome) -> set[tuple[str, str]]:
    return {(mismatch.program, mismatch.kind) for mismatch in outcome.mismatches}


@pytest.mark.parametrize("target", (HOSTS[0], *EMULATED), ids=lambda target: target.name)
def test_errors_are_found(target: Target, tmp_path: Path) -> None:
    cases = _cases("", "arena[{0}] ^= 1", "arena[2 * {0}] ^= 1", "harness_trace(99, arena, 1)")
    outcome = run_cases(cases[::3] + cases[1:2], target, tmp_path)
    assert _kinds(outcome) == {("m00001", "MISMATCH"), ("m00003", "UNKNOWN")}
    assert {len(measured.traced) for measured in outcome.measured.values()} == {2}
    if not target.is_host:
        assert _kinds(run_cases(cases[2:3], target, tmp_path)) == {("m00002", "OVERRUN")}
        assert all(
            10 < count < 10_000 and 8 <= stack < 1024
            for measured in outcome.measured.values()
            for count, stack in zip(measured.instructions, measured.stack, strict=True)
        )
        sizes = sizes_of(cases[0].program, target, tmp_path)
        assert 0 < sizes.code < 100 and sizes.ram == 0


@pytest.mark.parametrize("target", SANITIZED, ids=lambda target: target.name)
def test_sanitizers_stop_an_overrun(target: Target, tmp_path: Path) -> None:
    assert not run_cases(_cases(""), target, tmp_path).mismatches
    with pytest.raises(AssertionError, match="heap-buffer-overflow"):
        run_cases(_cases("", "arena[2 * {0}] = 1"), target, tmp_path)


def test_instructions_repeat(tmp_path: Path) -> None:
    for target in EMULATED:
        runs = [run_cases(_cases(""), target, tmp_path, trace=False) for _ in range(2)]
        assert runs[0] == runs[1], target.name
