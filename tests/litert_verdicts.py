# SPDX-License-Identifier: Apache-2.0
"""Asks LiteRT's Interpreter constructor about models, each in a forked process.

    python litert_verdicts.py < FILES

Reads paths, one a line; prints one JSON object: file name -> "" when accepted, else what it said or
the signal that ended it. Forking after the import keeps a thousand models in seconds; nothing else
runs in this process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter

_SECONDS = 10


def verdict(content: bytes) -> str:
    """What the constructor says about a model."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.dup2(write, 2)
        signal.alarm(_SECONDS)
        try:
            Interpreter(model_content=content)
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
    files = [Path(text) for text in sys.stdin.read().splitlines()]
    json.dump({file.name: verdict(file.read_bytes()) for file in files}, sys.stdout)
