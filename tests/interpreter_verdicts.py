# SPDX-License-Identifier: Apache-2.0
"""Asks an interpreter about models, each in a forked process.

    python interpreter_verdicts.py litert|tflm|litert-run|tflm-run < FILES

``litert`` runs LiteRT's Interpreter constructor, ``tflm`` TFLM's with tensor allocation; ``-run``
invokes twice on seeded inputs. Reads paths, one a line; prints one JSON object: file name -> ""
when accepted ("sha256:" and the hash of all outputs when run), else what it said or the signal that
ended it. Forking after the import keeps a thousand models in seconds; nothing else runs in this
process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SECONDS = 10
_ARENA = 4 << 20


def _litert() -> Callable[[bytes], object]:
    from ai_edge_litert.interpreter import Interpreter

    return lambda content: Interpreter(model_content=content)


def _tflm() -> Callable[[bytes], object]:
    from tflite_micro.python.tflite_micro import runtime

    return lambda content: runtime.Interpreter.from_bytes(content, arena_size=_ARENA)


def _inputs(shapes: list[tuple[tuple[int, ...], Any]]) -> list[Any]:
    """Seeded values of every input: small indices for wide integers, else the whole range."""
    import numpy as np

    random = np.random.default_rng(7)
    arrays = []
    for shape, dtype in shapes:
        kind = np.dtype(dtype)
        array: Any
        if kind.kind == "f":
            array = random.standard_normal(shape)
        elif kind.kind == "b" or kind.itemsize > 2:
            array = random.integers(0, 2, shape)
        else:
            array = random.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape)
        arrays.append(np.asarray(array).astype(kind))
    return arrays


def _hash(outputs: list[Any]) -> str:
    digest = hashlib.sha256()
    for output in outputs:
        digest.update(output.tobytes())
    return f"sha256:{digest.hexdigest()}"


def _litert_run() -> Callable[[bytes], object]:
    construct = _litert()

    def run(content: bytes) -> str:
        interpreter: Any = construct(content)
        interpreter.allocate_tensors()
        details = interpreter.get_input_details()
        outputs = []
        for _ in range(2):
            arrays = _inputs([(tuple(one["shape"]), one["dtype"]) for one in details])
            for one, array in zip(details, arrays, strict=True):
                interpreter.set_tensor(one["index"], array)
            interpreter.invoke()
            for one in interpreter.get_output_details():
                outputs.append(interpreter.get_tensor(one["index"]))
        return _hash(outputs)

    return run


def _tflm_run() -> Callable[[bytes], object]:
    construct = _tflm()

    def run(content: bytes) -> str:
        interpreter: Any = construct(content)
        details: list[Any] = []
        with contextlib.suppress(Exception):  # TFLM tells the number of inputs by failing
            while True:
                details.append(interpreter.get_input_details(len(details)))
        outputs: list[Any] = []
        for _ in range(2):
            arrays = _inputs([(tuple(one["shape"]), one["dtype"]) for one in details])
            for position, array in enumerate(arrays):
                interpreter.set_input(array, position)
            interpreter.invoke()
            before = len(outputs)
            with contextlib.suppress(Exception):
                while True:
                    outputs.append(interpreter.get_output(len(outputs) - before).copy())
        return _hash(outputs)

    return run


def verdict(build: Callable[[bytes], object], content: bytes) -> str:
    """What ``build`` says about a model."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.dup2(write, 2)
        signal.alarm(_SECONDS)
        try:
            result = build(content)
            said = result if isinstance(result, str) else ""
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(write, b"\0" + said.encode(errors="replace")[:60_000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().rpartition(b"\0")[2].decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else said


def ask(mode: str, files: list[Path]) -> dict[str, str]:
    """File name -> what an interpreter says, from this script in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), mode],
        input="\n".join(map(str, files)),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, str] = json.loads(done.stdout)
    assert len(said) == len(files)
    return said


if __name__ == "__main__":
    modes = {"litert": _litert, "tflm": _tflm, "litert-run": _litert_run, "tflm-run": _tflm_run}
    constructor = modes[sys.argv[1]]()
    files = [Path(text) for text in sys.stdin.read().splitlines()]
    json.dump({file.name: verdict(constructor, file.read_bytes()) for file in files}, sys.stdout)
