# SPDX-License-Identifier: Apache-2.0
"""Expected outputs from TensorFlow Lite Micro itself, in a child process with limits.

TFLM does not verify models, so it never runs in this process: the child has a time limit, a memory
limit and no core dump, and whatever happens to it comes back as data.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gen_fw.program import Io, Program

_CHILD = Path(__file__).resolve().parent / "oracle_child.py"
TIME_LIMIT = 20.0
MEMORY_LIMIT = 2 * 1024**3
#: the arena is memory that is not touched unless it is needed. The program's own may be much
#: smaller: it is for a better memory plan, or for another runtime
_ARENA = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class Answer:
    """Raw little-endian output bytes; ``run2_outputs`` follow a second run without a reset, and are
    empty for stateless programs."""

    outputs: tuple[bytes, ...]
    run2_outputs: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer."""

    kind: Literal["missing", "timeout", "crash", "refused"]
    reason: str
    hint: str = ""


def run(
    model: bytes | memoryview,
    program: Program,
    inputs: Sequence[bytes],
    *,
    time_limit: float = TIME_LIMIT,
    memory_limit: int = MEMORY_LIMIT,
) -> Answer | Failure:
    """Runs ``model`` (the .tflite that ``program`` was made from) once, twice when stateful.

    ``inputs`` are little-endian bytes in input order; limits are seconds and bytes.
    """
    if program.adapter.get("custom_ops"):
        return Failure("refused", "the model has custom operators that only the application knows")
    if program.adapter.get("npu", {}).get("given_compiled"):
        return Failure(
            "refused",
            "the model was given compiled, and only the NPU executes that",
            "generate from the original model, or give --golden",
        )
    if importlib.util.find_spec("tflite_micro") is None:
        return Failure(
            "missing",
            "the TFLite Micro interpreter is not installed",
            "pip install 'gen-fw[reference]', or give --golden",
        )
    header = {
        "model": len(model),
        "arena": max(_ARENA, 2 * program.adapter["arena_bytes"]["host64"]),
        "inputs": [_tensor(io) for io in program.inputs],
        "outputs": len(program.outputs),
        "runs": 2 if program.stateful else 1,
        "seconds": int(time_limit) + 1,
        "memory": memory_limit,
    }
    command = [sys.executable, "-I", str(_CHILD)]
    return ask(command, header, (bytes(model), *inputs), program, "TFLite Micro", time_limit)


def ask(
    command: Sequence[str],
    header: Mapping[str, object],
    blobs: Sequence[bytes],
    program: Program,
    title: str,
    time_limit: float,
) -> Answer | Failure:
    """Starts an oracle's child process, hands over header and blobs, and reads its reply. ``title``
    names the interpreter in texts."""
    request = b"".join((json.dumps(header).encode() + b"\n", *blobs))
    try:
        done = subprocess.run(
            list(command), input=request, capture_output=True, timeout=time_limit, check=False
        )
    except subprocess.TimeoutExpired:
        return Failure(
            "timeout",
            f"{title} did not finish within {time_limit:g} s",
            "give --golden, or a --sample that ends earlier",
        )
    except OSError as error:
        return Failure("crash", f"the child process did not start: {error.strerror or error}")
    if done.returncode != 0:
        return _failed(done.returncode, done.stderr, title)
    return _answer(done.stdout, program, title)


def _tensor(io: Io) -> dict[str, object]:
    return {"dtype": io.dtype, "shape": list(io.shape), "bytes": io.bytes}


def _failed(code: int, stderr: bytes, title: str) -> Failure:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return Failure("crash", f"{title} died of {name} on this model")
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    text = "".join(c for c in (lines[-1] if lines else "") if c.isprintable())
    return Failure("refused", text[:300] or f"the child process ended with code {code}")


def _answer(reply: bytes, program: Program, title: str) -> Answer | Failure:
    """The outputs of each run, cut by the program's sizes."""
    size = sum(io.bytes for io in program.outputs)
    runs = 2 if program.stateful else 1
    if len(reply) != runs * size:
        return Failure("refused", f"{title} gave {len(reply)} bytes, not {runs * size}")
    blobs: list[bytes] = []
    at = 0
    for io in program.outputs * runs:
        blobs.append(reply[at : at + io.bytes])
        at += io.bytes
    count = len(program.outputs)
    return Answer(tuple(blobs[:count]), tuple(blobs[count:]))
