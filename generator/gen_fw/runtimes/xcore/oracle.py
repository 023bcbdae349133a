# SPDX-License-Identifier: Apache-2.0
"""Expected outputs from XMOS's own interpreter for this computer, in a child process with limits.

Its kernels are those of xcore.ai with the vector unit simulated, so that the chip is compared with
what it should compute; TFLite Micro's reference kernels round some operators differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gen_fw.program import Program
from gen_fw.runtimes.tflm.oracle import MEMORY_LIMIT, TIME_LIMIT, Answer, Failure, ask

_CHILD = Path(__file__).resolve().parent / "oracle_child.py"


def run(
    program: Program,
    inputs: Sequence[bytes],
    python: Path,
    *,
    time_limit: float = TIME_LIMIT,
    memory_limit: int = MEMORY_LIMIT,
) -> Answer | Failure:
    """Runs the transformed model (constants ``compiled`` and ``compiled_parameters``) once, twice
    when stateful. ``python`` is an interpreter that has xmos-ai-tools. Limits: seconds, bytes."""
    parts = {constant.label: bytes(constant.data) for constant in program.constants}
    model, parameters = parts["compiled"], parts["compiled_parameters"]
    header = {
        "model": len(model),
        "parameters": len(parameters),
        "inputs": [len(data) for data in inputs],
        "outputs": [io.bytes for io in program.outputs],
        "runs": 2 if program.stateful else 1,
        "seconds": int(time_limit) + 1,
        "memory": memory_limit,
    }
    command = [str(python), "-I", str(_CHILD)]
    blobs = (model, parameters, *inputs)
    return ask(command, header, blobs, program, "XMOS's interpreter", time_limit)
