# SPDX-License-Identifier: Apache-2.0
"""The child process of oracle.py: runs a transformed model in XMOS's interpreter for this computer.

A script of its own that imports nothing of gen_fw; it may run in another Python than gen-fw does.
Request: one line of JSON, the model, its parameters, the inputs. Reply: the outputs of each run.
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

    import ctypes

    from xmos_ai_tools.xinterpreters import host_interpreter

    model = sys.stdin.buffer.read(header["model"])
    parameters = sys.stdin.buffer.read(header["parameters"])
    inputs = [sys.stdin.buffer.read(size) for size in header["inputs"]]
    interpreter = host_interpreter.TFLMHostInterpreter()
    interpreter.set_model(model_content=model, params_content=parameters)
    # the class's own functions for tensors know four element types only
    library, handle = host_interpreter.lib, interpreter.obj
    for _ in range(header["runs"]):
        for position, data in enumerate(inputs):
            if library.set_input_tensor(handle, position, data, len(data)):
                raise RuntimeError(f"input {position} was refused")
        interpreter.invoke()
        for position, size in enumerate(header["outputs"]):
            buffer = ctypes.create_string_buffer(size)
            if library.get_output_tensor(handle, position, buffer, size):
                raise RuntimeError(f"output {position} was refused")
            reply.write(buffer.raw)
    reply.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
