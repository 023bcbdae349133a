# SPDX-License-Identifier: Apache-2.0
"""Random models of families: the ahead-of-time runtime computes what TensorFlow Lite Micro does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from aot_harness import Case, Outcome, run_cases
from aot_oracle import Question, Tensors, preserved
from aot_programs import lowered
from aot_targets import Target
from fuzz_builder import Builder
from fuzz_models import FuzzModel, samples
from fuzz_moving import Family
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model
from gen_fw.program import Program


def family_model(families: Mapping[str, Family], family: str, seed: int) -> FuzzModel:
    """The model of a family and a seed: the same bytes for the same two."""
    b = Builder(np.random.default_rng([seed, *family.encode()]))
    content = b.model(*families[family](b))
    model = read_model(content)
    return FuzzModel(f"{family}_{seed:04d}", family, content, model, tuple(samples(model, b)))


def agree(
    models: Sequence[FuzzModel], board: str, target: Target, work: Path, *, share: float = 0.98
) -> list[Case]:
    """Asserts that no byte of any tensor differs, and that at most the rest of ``share`` is left
    out: TFLM refuses the model, or its scales are so far from sense that this runtime does."""
    cases = cases_of_models(models, board, share=share)
    compared(cases, models, target, work)
    return cases


def compared(
    cases: Sequence[Case], models: Sequence[FuzzModel], target: Target, work: Path
) -> Outcome:
    """What the programs of ``models`` did on a target; asserts that no byte of any tensor
    differs."""
    outcome = run_cases(cases, target, work, unity=True)
    families = {fuzz.name: fuzz.family for fuzz in models}
    found = Counter(families[mismatch.program] for mismatch in outcome.mismatches)
    assert not outcome.mismatches, f"{dict(found)}\n{outcome.mismatches[:10]}"
    return outcome


def cases_of_models(
    models: Sequence[FuzzModel],
    board: str,
    *,
    share: float = 0.98,
    optimise: str = "speed",
    begins: Callable[[FuzzModel], tuple[bool, ...]] = lambda _fuzz: (),
    settled: Callable[[Model, Tensors], Tensors] = lambda _model, tensors: tensors,
) -> list[Case]:
    """The programs of models, with what TFLM computes. ``begins`` tells which samples begin with
    the state after init (empty: all), ``settled`` makes the expected tensors of TFLM's."""
    answers = preserved([Question(fuzz.model, fuzz.samples, begins(fuzz)) for fuzz in models])
    cases = []
    refused = []
    for fuzz, answer in zip(models, answers, strict=True):
        if isinstance(answer, str):
            refused.append(f"{fuzz.name}: TFLM {answer}")
            continue
        with suppress(ModelError):
            program = lowered(fuzz.model, fuzz.name, board, optimise)
            expected = tuple(settled(fuzz.model, tensors) for tensors in answer)
            cases.append(Case(program, fuzz.model, fuzz.samples, expected, begins(fuzz)))
            continue
        refused.append(fuzz.name)
    assert len(cases) >= share * len(models), refused
    return cases


def blank_case(program: Program, model: Model) -> Case:
    """Runs on zeros; nothing is expected of the outputs."""
    inputs = tuple(bytes(io.bytes) for io in program.inputs)
    places = zip(model.subgraphs[0].outputs, program.outputs, strict=True)
    return Case(program, model, (inputs,), ({tensor: bytes(io.bytes) for tensor, io in places},))
