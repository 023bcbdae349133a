# SPDX-License-Identifier: Apache-2.0
"""A circular buffer that lets the rest of the model run at every second inference only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aot_harness import Case, run_cases
from aot_oracle import Question, preserved
from aot_programs import lowered
from aot_targets import SANITIZED
from arena_net import Net, T, i8
from gen_fw.model.reader import read_model

#: what the harness fills the arena with before samples 0, 1, 2, ...
_JUNK = (b"\xa5", b"\x3c")


def _model(cycles: int) -> bytes:
    net = Net()
    graph = net.graph()
    source = graph.input(i8(1, 1, 1, 5))
    whole = T((1, 3, 1, 5), "INT8", 0.05, 3, None, variable=True)
    (kept,) = graph.operator("CIRCULAR_BUFFER", [source], [whole], None, {"cycles_max": cycles})
    graph.outputs = graph.operator("RELU", [kept], [i8(1, 3, 1, 5, scale=0.04)])
    return net.file()


def test_the_rest_runs_at_every_second_inference(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    samples = tuple((rng.integers(-128, 128, 5).astype(np.int8).tobytes(),) for _ in range(6))
    fresh = (True, *[False] * 4, True)
    always = read_model(_model(1))
    (answer,) = preserved([Question(always, samples, fresh)])
    assert not isinstance(answer, str), answer
    model = read_model(_model(2))
    (output,) = model.subgraphs[0].outputs
    (source,) = model.subgraphs[0].inputs
    program = lowered(model, "ring", "host")
    (given,), (result,) = program.adapter["inputs"], program.adapter["outputs"]
    expected = []
    for at, tensors in enumerate(answer):
        arena = bytearray(_JUNK[at % 2] * program.adapter["arena_bytes"]["target"])
        arena[given["offset"] : given["offset"] + 5] = tensors[source]
        untouched = bytes(arena[result["offset"] : result["offset"] + len(tensors[output])])
        data = tensors[output] if at in (1, 3) else untouched
        expected.append({source: tensors[source], output: data})
    case = Case(program, model, samples, tuple(expected), fresh)
    outcome = run_cases([case], SANITIZED[0], tmp_path)
    assert not outcome.mismatches, outcome.mismatches
    assert [count > 0 for count in outcome.measured["ring"].traced] == [
        at in (1, 3) for at in range(6)
    ]
