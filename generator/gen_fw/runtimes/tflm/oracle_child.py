# SPDX-License-Identifier: Apache-2.0
"""The child process of oracle.py: reads a request from stdin, writes raw outputs to stdout.

A script of its own that imports nothing of gen_fw, so that it runs isolated (``python -I``).
Request: one line of JSON, the model, the inputs. Reply: the outputs of each run, little endian.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any


def limit(seconds: int, memory: int) -> None:
    """Processor time, address space, no core dump; where the system has such limits."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def main() -> int:
    reply = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # native code that prints must not reach the reply
    os.putenv("OPENBLAS_NUM_THREADS", "1")  # its threads would take address space
    header: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    limit(header["seconds"], header["memory"])

    import numpy as np
    from tflite_micro import runtime

    model = sys.stdin.buffer.read(header["model"])
    inputs = []
    for tensor in header["inputs"]:
        data = sys.stdin.buffer.read(tensor["bytes"])
        dtype = np.dtype(tensor["dtype"]).newbyteorder("<")
        array = np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))
        inputs.append(array.reshape(tensor["shape"]))
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=header["arena"])
    for _ in range(header["runs"]):
        for position, array in enumerate(inputs):
            interpreter.set_input(array, position)
        interpreter.invoke()
        for position in range(header["outputs"]):
            output = np.asarray(interpreter.get_output(position))
            little = output.astype(output.dtype.newbyteorder("<"))
            reply.write(np.ascontiguousarray(little).tobytes())
    reply.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
