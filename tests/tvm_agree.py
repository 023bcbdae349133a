# SPDX-License-Identifier: Apache-2.0
"""Models compiled by TVM compute what TensorFlow Lite Micro does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aot_oracle import Question, preserved
from fuzz_models import FuzzModel
from gen_fw.model.types import DType
from tvm_harness import compile_together, execute

SANITIZE = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=undefined")


def agree(models: Sequence[FuzzModel], work: Path, layout: str = "nhwc") -> Counter[str]:
    """Asserts that no byte of an output differs (float32: 1e-5); how many models of each family
    TVM compiled."""
    by_name = {fuzz.name: fuzz for fuzz in models}
    compiled = compile_together({name: fuzz.model for name, fuzz in by_name.items()}, layout=layout)
    questions = [Question(fuzz.model, fuzz.samples) for fuzz in models]
    answers = dict(zip(by_name, preserved(questions), strict=True))
    usable = {
        name: module
        for name, module in compiled.items()
        if not isinstance(module, Exception) and not isinstance(answers[name], str)
    }
    done = execute(usable, {name: by_name[name].samples for name in usable}, work, SANITIZE)
    wrong = []
    for name in usable:
        graph = by_name[name].model.subgraphs[0]
        for number, outputs in enumerate(done[name]):
            for tensor, data in zip(graph.outputs, outputs, strict=True):
                expected = answers[name][number].get(tensor)
                if expected is not None and not _equal(data, expected, graph.tensors[tensor].dtype):
                    wrong.append((name, number, tensor))
    assert not wrong, wrong[:10]
    return Counter(by_name[name].family for name in usable)


def _equal(data: bytes, expected: bytes, dtype: DType) -> bool:
    if dtype is not DType.FLOAT32:
        return data == expected
    a, b = (np.frombuffer(x, np.float32) for x in (data, expected))
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))
