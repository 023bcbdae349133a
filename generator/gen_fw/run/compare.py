# SPDX-License-Identifier: Apache-2.0
"""Outputs of a program beside those of TFLite Micro on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gen_fw.errors import GenFwError, ToolMissingError, UsageError
from gen_fw.files import read_regular
from gen_fw.program import Program
from gen_fw.run.project import NativeProgram, NativeProject
from gen_fw.run.tensors import Output

if TYPE_CHECKING:
    from gen_fw.runtimes.tflm.oracle import Answer

#: the model that runs, or that an archive was compiled from, below gen/<name>/
_MODELS = ("reference.tflite", "model.tflite")
_MAX_MODEL = 64 << 20
#: samples that are compared: each is a process of its own
_MAX_COMPARED = 64


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output over ``samples`` samples. ``worst``: the largest difference, in steps of an
    integer or as a real number; ``same_best``: samples in which the largest element is the same."""

    output: int
    samples: int
    elements: int
    differing: int
    worst: float
    same_best: int


def check_comparable(project: NativeProject) -> None:
    """Raises UsageError for a project without a .tflite to compare with."""
    for program in project.programs:
        _model(project, program)


def compare(
    project: NativeProject,
    program: NativeProgram,
    inputs: Sequence[bytes],
    outputs: Sequence[Output],
    progress: Callable[[str], None],
) -> tuple[Comparison, ...]:
    """``inputs``: samples of each input, one after another; the first ``_MAX_COMPARED`` count.

    Raises ToolMissingError without the interpreter, GenFwError when it does not execute the model.
    """
    from gen_fw.runtimes.tflm import oracle

    model = read_regular(_model(project, program), _MAX_MODEL, what="model")
    stand_in = Program(
        program.name,
        "tflm",
        "",
        program.inputs,
        program.outputs,
        (),
        adapter={"arena_bytes": {"host64": 0}},
    )
    samples = min(len(outputs[0].array), _MAX_COMPARED)
    answers: list[Answer] = []
    for index in range(samples):
        progress(f"TFLite Micro, sample {index + 1} of {samples}")
        one = [
            data[index * io.bytes : (index + 1) * io.bytes]
            for io, data in zip(program.inputs, inputs, strict=True)
        ]
        answer = oracle.run(model, stand_in, one)
        if isinstance(answer, oracle.Failure):
            error = ToolMissingError if answer.kind == "missing" else GenFwError
            raise error(f"--compare: {answer.reason}", where=program.name, hint=answer.hint)
        answers.append(answer)
    return tuple(
        _compared(position, output, [answer.outputs[position] for answer in answers])
        for position, output in enumerate(outputs)
    )


def _model(project: NativeProject, program: NativeProgram) -> Path:
    for name in _MODELS:
        path = project.folder / "gen" / program.name / name
        if path.is_file():
            return path
    raise UsageError(
        f"--compare: there is no .tflite of {program.name}",
        why="it was made from an archive of TVM, which has no model",
        hint="generate again with --tflite MODEL, the model that the archive was compiled from",
    )


def _compared(position: int, output: Output, expected: Sequence[bytes]) -> Comparison:
    import numpy as np

    io = output.io
    got = output.array[: len(expected)].reshape(len(expected), -1).astype(np.float64)
    flat = np.frombuffer(b"".join(expected), np.dtype(io.dtype).newbyteorder("<"))
    wanted = flat.reshape(len(expected), -1).astype(np.float64)
    distance = np.abs(got - wanted)
    best = got.argmax(axis=1) == wanted.argmax(axis=1)
    return Comparison(
        output=position,
        samples=len(expected),
        elements=int(distance.size),
        differing=int(np.count_nonzero(~(distance == 0))),
        worst=float(distance.max(initial=0.0)),
        same_best=int(np.count_nonzero(best)),
    )
