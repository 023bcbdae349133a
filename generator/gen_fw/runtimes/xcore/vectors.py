# SPDX-License-Identifier: Apache-2.0
"""Test vectors of a program for xcore.ai: expected outputs are what XMOS's interpreter computes,
and TFLite Micro's, where they can be had, tell how far the two are apart.

``golden.npz`` has ``in``, ``out``, ``run2_out`` as everywhere, and ``tflm_out``. The origin names
the compiled model that the outputs belong to: another compilation computes them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gen_fw.errors import Diagnostic, UsageError
from gen_fw.program import Golden, Program
from gen_fw.runtimes import golden as files
from gen_fw.runtimes.npz import Npz
from gen_fw.runtimes.tflm import oracle as tflm
from gen_fw.runtimes.tflm.oracle import Answer, Failure

#: the interpreter: program and inputs -> outputs
Oracle = Callable[[Program, Sequence[bytes]], Answer | Failure]
_BY = ", outputs by XMOS's interpreter of compiled model "


def origin_of(program: Program, origin: str) -> str:
    """``seeded input`` becomes ``seeded input, outputs by XMOS's interpreter of compiled model
    0123abcd``."""
    digest = hashlib.sha256()
    # of the C++, not of the model: in that xformer leaves bytes that differ from run to run
    for source in program.sources:
        digest.update(source.content)
    digest.update(_parameters(program))
    return f"{origin.partition(_BY)[0]}{_BY}{digest.hexdigest()[:8]}"


def vectors(
    program: Program,
    oracle: Oracle,
    *,
    golden: Path | None,
    sample: Path | None,
    kept: bytes,
    kept_origin: str,
) -> tuple[Golden | None, tuple[Diagnostic, ...]]:
    """The vectors, or None (the self-test is skipped) with the reason as a warning.

    ``golden`` and ``sample`` give inputs; of a golden file the outputs are compared only. ``kept``
    is the project's own golden.npz, empty when it has none. Raises UsageError for a bad file.
    """
    if golden is not None and sample is not None:
        raise UsageError("--golden and --sample exclude each other", where=program.name)
    reference: tuple[bytes, ...] = ()
    origin = "seeded input"
    if golden is not None:
        given = files.load_golden(golden, program)
        inputs, reference, origin = given.inputs, given.outputs, given.origin
    elif sample is not None:
        inputs, origin = files.load_sample(sample, program), "sample file"
    elif kept:
        try:
            found = files.read_golden(kept, program, where="golden.npz", origin=kept_origin)
        except UsageError:
            inputs = files.seeded_inputs(program)
        else:
            reference = _reference(kept, program)
            if kept_origin == origin_of(program, kept_origin):
                return _with(replace(found, npz=kept), program, reference), ()
            inputs, origin = found.inputs, kept_origin
    else:
        inputs = files.seeded_inputs(program)
    answer = oracle(program, inputs)
    if isinstance(answer, Failure):
        note = Diagnostic(
            f"SELFTEST {program.name} will be skipped: no test vectors",
            why=answer.reason,
            hint=answer.hint or "--sample F.npy gives an input of your own",
        )
        return None, (note,)
    if not reference:
        expected = tflm.run(program.constants[0].data, program, inputs)
        reference = () if isinstance(expected, Failure) else expected.outputs
    made = files.make_golden(
        program,
        inputs,
        answer.outputs,
        answer.run2_outputs,
        origin=origin_of(program, origin),
        reference=reference,
    )
    return _with(made, program, reference), ()


def difference(
    program: Program, outputs: Sequence[bytes], reference: Sequence[bytes]
) -> dict[str, Any]:
    """How far outputs are from TFLite Micro's: elements in all, elements that differ, and the
    largest difference (in steps of the quantization, or as it is for real numbers)."""
    import numpy as np

    elements = different = 0
    largest = 0.0
    for io, mine, theirs in zip(program.outputs, outputs, reference, strict=True):
        arrays = [
            np.frombuffer(data, np.dtype(io.dtype).newbyteorder("<")) for data in (mine, theirs)
        ]
        a, b = (array.astype(np.float64) for array in arrays)
        elements += len(a)
        apart = np.abs(a - b)[~(np.isnan(a) & np.isnan(b))]
        different += int(np.count_nonzero(apart))
        largest = max(largest, float(apart.max(initial=0.0)))
    return {
        "reference": "TFLite Micro",
        "elements": elements,
        "different": different,
        "largest": int(largest) if largest == int(largest) else largest,
    }


def _with(golden: Golden, program: Program, reference: Sequence[bytes]) -> Golden:
    if not reference:
        return golden
    return replace(golden, difference=difference(program, golden.outputs, reference))


def _reference(npz: bytes, program: Program) -> tuple[bytes, ...]:
    """TFLite Micro's outputs in a project's golden.npz; none when it has none."""
    content = Npz(npz, "golden.npz")
    if content.numbered("tflm_out") != len(program.outputs):
        return ()
    return tuple(
        content.array(f"tflm_out{io.position}", io.bytes).tobytes() for io in program.outputs
    )


def _parameters(program: Program) -> bytes:
    parts = [part.data for part in program.constants if part.label == "parameters"]
    return bytes(parts[0]) if parts else b""
