# SPDX-License-Identifier: Apache-2.0
"""Every tensor of a model as TensorFlow Lite Micro computes it.

The Python wheel's interpreter preserves all tensors on request (``kPreserveAllTensors``): no buffer
is reused, and each tensor can be read after an inference. It runs in a child process, each model in
a fork of its own, so that thousands of models take seconds and a crash is an answer.

    python aot_oracle.py < REQUEST > REPLY

Request: a line of JSON, then models and inputs. Reply: for each model a line of JSON, then the
tensors of each sample. All data are little endian.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from gen_fw.model.graph import is_stateful
from gen_fw.model.types import DType, Model, Tensor

_SECONDS = 60
_ARENA = 256 * 1024
#: one sample: the bytes of each input; one answer: tensor index -> bytes
Sample = tuple[bytes, ...]
Tensors = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Question:
    """A model and the inputs to run it on."""

    model: Model
    samples: tuple[Sample, ...]
    #: by sample: True when it begins with the state after init; empty: all do
    fresh: tuple[bool, ...] = ()


def computed(model: Model) -> list[Tensor]:
    """The tensors of subgraph 0 that a run writes, inputs included."""
    return [
        tensor
        for tensor in model.subgraphs[0].tensors
        if not model.is_constant(tensor) and not tensor.is_variable and tensor.bytes
    ]


def preserved(questions: Sequence[Question]) -> list[list[Tensors] | str]:
    """For each question: the computed tensors of each sample, or what the interpreter said. Skips
    the test where the interpreter is not installed."""
    if importlib.util.find_spec("tflite_micro") is None:
        pytest.skip("extra reference is not installed (the TFLite Micro interpreter)")
    header = [
        {
            "model": len(question.model.raw),
            "arena": _ARENA + 2 * sum(tensor.bytes + 64 for tensor in computed(question.model)),
            "inputs": [
                _layout(question.model.subgraphs[0].tensors[index])
                for index in question.model.subgraphs[0].inputs
            ],
            "samples": len(question.samples),
            "fresh": question.fresh or [True] * len(question.samples),
            "stateful": is_stateful(question.model),
            "tensors": [tensor.index for tensor in computed(question.model)],
        }
        for question in questions
    ]
    request = [json.dumps(header).encode() + b"\n"]
    for question in questions:
        request.append(bytes(question.model.raw))
        request.extend(data for sample in question.samples for data in sample)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, __file__],
        input=b"".join(request),
        capture_output=True,
        env=environment,
        timeout=_SECONDS + len(questions),
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    reply = io.BytesIO(done.stdout)
    return [_answer(question, reply) for question in questions]


def _answer(question: Question, reply: BinaryIO) -> list[Tensors] | str:
    said: str = json.loads(reply.readline())
    if said:
        return said
    return [
        {tensor.index: reply.read(tensor.bytes) for tensor in computed(question.model)}
        for _ in question.samples
    ]


def _layout(tensor: Tensor) -> dict[str, Any]:
    return {
        "dtype": DType(tensor.dtype).name.lower(),
        "shape": list(tensor.shape),
        "bytes": tensor.bytes,
    }


def _run(question: dict[str, Any], model: bytes, samples: list[list[bytes]]) -> bytes:
    import numpy as np
    from tflite_micro import runtime

    def little(array: Any) -> bytes:
        values = np.asarray(array)
        return values.astype(values.dtype.newbyteorder("<")).tobytes()

    def interpreted() -> Any:
        return runtime.Interpreter.from_bytes(
            model,
            arena_size=question["arena"],
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )

    interpreter = interpreted()
    tensors = []
    for sample, fresh in zip(samples, question["fresh"], strict=True):
        if fresh and question["stateful"]:  # its reset leaves CALL_ONCE done
            interpreter = interpreted()
        elif fresh:
            interpreter.reset()
        for position, (layout, data) in enumerate(zip(question["inputs"], sample, strict=True)):
            dtype = np.dtype(layout["dtype"]).newbyteorder("<")
            array = np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))
            interpreter.set_input(array.reshape(layout["shape"]), position)
        interpreter.invoke()
        tensors += [
            little(interpreter.GetTensor(index, 0)["tensor_data"]) for index in question["tensors"]
        ]
    return b"".join(tensors)


def _forked(question: dict[str, Any], model: bytes, samples: list[list[bytes]]) -> bytes:
    """The JSON line and the tensors, made in a fork."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.alarm(_SECONDS)
        try:
            reply = b'""\n' + _run(question, model, samples)
        except BaseException as error:
            reply = json.dumps(f"{type(error).__name__}: {error}").encode() + b"\n"
        with os.fdopen(write, "wb") as pipe:
            pipe.write(reply)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        reply = pipe.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return json.dumps(f"signal {os.WTERMSIG(status)}").encode() + b"\n"
    return reply


def _main() -> int:
    reply = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # native code that prints must not reach the reply
    from tflite_micro import runtime  # noqa: F401 (imported once, before the forks)

    source = sys.stdin.buffer
    header = json.loads(source.readline())
    for question in header:
        model = source.read(question["model"])
        samples = [
            [source.read(layout["bytes"]) for layout in question["inputs"]]
            for _ in range(question["samples"])
        ]
        reply.write(_forked(question, model, samples))
    reply.flush()
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    raise SystemExit(_main())
