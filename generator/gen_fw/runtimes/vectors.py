# SPDX-License-Identifier: Apache-2.0
"""Test vectors of one program: given, kept from the last generation, or computed by TFLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gen_fw.errors import Diagnostic, UsageError
from gen_fw.program import Golden, Program
from gen_fw.runtimes import golden as files
from gen_fw.runtimes.tflm import oracle as tflm

if TYPE_CHECKING:
    from gen_fw.runtimes.xcore.vectors import Oracle

_HINT = "give --golden F.npz, or install the extra `reference` so that TFLM can compute it"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the project in place has: ``npz`` is empty when it has no vectors."""

    npz: bytes
    origin: str
    #: whether they were made for the model that is generated now
    same_model: bool
    #: the user asked to regenerate the project as it is
    as_it_is: bool


def vectors(
    program: Program,
    *,
    golden: Path | None = None,
    sample: Path | None = None,
    kept: Kept | None = None,
    oracle: Oracle | None = None,
) -> tuple[Golden | None, tuple[Diagnostic, ...]]:
    """The vectors, or None (the self-test is skipped) with the reason as a warning.

    A file that was given wins; then vectors kept for the same model; for another model their
    inputs are run again; else a seeded input is run. ``oracle`` computes the expected outputs of a
    program whose kernels round differently than TFLM's. Raises UsageError for a bad file.
    """
    if oracle is not None:
        from gen_fw.runtimes.xcore import vectors as xcore

        return xcore.vectors(
            program,
            oracle,
            golden=golden,
            sample=sample,
            kept=kept.npz if kept else b"",
            kept_origin=kept.origin if kept else "",
        )
    if golden is not None and sample is not None:
        raise UsageError("--golden and --sample exclude each other", where=program.name)
    if golden is not None:
        return files.load_golden(golden, program), ()
    if sample is not None:
        return _computed(program, files.load_sample(sample, program), "sample file")
    if kept is not None and kept.same_model:
        if kept.npz:
            where = f"gen/{program.name}/golden.npz"
            found = files.read_golden(kept.npz, program, where=where, origin=kept.origin)
            return found, ()
        if kept.as_it_is:
            return None, (_skipped(program, "the project has no test vectors", _HINT),)
    if kept is not None and kept.npz:
        return _again(program, kept)
    return _computed(program, files.seeded_inputs(program), "seeded input")


def _again(program: Program, kept: Kept) -> tuple[Golden | None, tuple[Diagnostic, ...]]:
    """The kept inputs on a new model; a seeded input when the interface is another."""
    try:
        old = files.read_golden(kept.npz, program, where="golden.npz", origin=kept.origin)
    except UsageError:
        return _computed(program, files.seeded_inputs(program), "seeded input")
    found, notes = _computed(program, old.inputs, kept.origin)
    if kept.origin == "golden file" and found is not None:
        note = Diagnostic(
            f"the model of {program.name} is new, so its expected outputs were computed again",
            why="they came from a golden file for the old model",
            hint="give --golden F.npz to use expected outputs of your own",
        )
        notes = (*notes, note)
    return found, notes


def _computed(
    program: Program, inputs: Sequence[bytes], origin: str
) -> tuple[Golden | None, tuple[Diagnostic, ...]]:
    model = program.tflite
    if model is None:
        why = "an archive of TVM has no model that TFLite Micro could execute"
        return None, (_skipped(program, why, "give --tflite MODEL, or --golden F.npz"),)
    answer = tflm.run(model, program, inputs)
    if isinstance(answer, tflm.Failure):
        return None, (_skipped(program, answer.reason, answer.hint or _HINT),)
    found = files.make_golden(program, inputs, answer.outputs, answer.run2_outputs, origin=origin)
    return found, ()


def _skipped(program: Program, why: str, hint: str) -> Diagnostic:
    return Diagnostic(
        f"SELFTEST {program.name} will be skipped: no test vectors", why=why, hint=hint
    )
