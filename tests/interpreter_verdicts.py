# SPDX-License-Identifier: Apache-2.0
"""Asks an interpreter about models, each in a forked process.

    python interpreter_verdicts.py litert|tflm < FILES

``litert`` runs LiteRT's Interpreter constructor, ``tflm`` TFLM's with tensor allocation. Reads
paths, one a line; prints one JSON object: file name -> "" when accepted, else what it said or the
signal that ended it. Forking after the import keeps a thousand models in seconds; nothing else runs
in this process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_SECONDS = 10
_ARENA = 4 << 20


def _litert() -> Callable[[bytes], object]:
    from ai_edge_litert.interpreter import Interpreter

    return lambda content: Interpreter(model_content=content)


def _tflm() -> Callable[[bytes], object]:
    from tflite_micro.python.tflite_micro import runtime

    return lambda content: runtime.Interpreter.from_bytes(content, arena_size=_ARENA)


def verdict(build: Callable[[bytes], object], content: bytes) -> str:
    """What ``build`` says about a model."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.dup2(write, 2)
        signal.alarm(_SECONDS)
        try:
            build(content)
            said = ""
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(write, b"\0" + said.encode(errors="replace")[:60_000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().rpartition(b"\0")[2].decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else said


if __name__ == "__main__":
    constructor = {"litert": _litert, "tflm": _tflm}[sys.argv[1]]()
    files = [Path(text) for text in sys.stdin.read().splitlines()]
    json.dump({file.name: verdict(constructor, file.read_bytes()) for file in files}, sys.stdout)
