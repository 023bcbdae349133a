# SPDX-License-Identifier: Apache-2.0
"""Random models: kernels by TVM compute what TensorFlow Lite Micro does, and leave alone what is
not theirs."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import fuzz_functions
import fuzz_moving
import fuzz_places
from aot_agree import family_model
from aot_oracle import Question, preserved
from fuzz_models import FuzzModel, fuzz_model
from fuzz_types import FAMILIES as TYPES
from fuzz_types import typed_model
from gen_fw.compilers.tvm.kernels_child import main as child_main
from gen_fw.compilers.tvm.templates import TEMPLATES
from gen_fw.model.types import DType
from tvm_harness import compile_together, execute

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tvm") is None, reason="needs the extra tvm"
)
OPERATORS = {**fuzz_moving.FAMILIES, **fuzz_places.FAMILIES, **fuzz_functions.FAMILIES}
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


def test_the_tables_agree() -> None:
    from gen_fw.compilers.tvm.kernels.table import KERNELS

    assert set(KERNELS) == TEMPLATES
    assert callable(child_main)


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_layers(layout: str, tmp_path: Path) -> None:
    models = [fuzz_model(seed) for seed in range(123)]
    compiled = agree(models, tmp_path, layout)
    assert sum(compiled.values()) >= 0.9 * len(models), compiled


def test_operators(tmp_path: Path) -> None:
    models = [family_model(OPERATORS, family, seed) for family in OPERATORS for seed in range(2)]
    compiled = agree(models, tmp_path)
    assert len(compiled) >= 0.5 * len(OPERATORS), set(OPERATORS) - set(compiled)


def test_types(tmp_path: Path) -> None:
    models = [typed_model(family, seed) for family in TYPES for seed in range(4)]
    compiled = agree(models, tmp_path)
    assert len(compiled) >= 0.5 * len(TYPES), set(TYPES) - set(compiled)


@pytest.mark.full
@pytest.mark.parametrize("batch", range(8))
def test_many(batch: int, tmp_path: Path) -> None:
    layout = "nchw" if batch % 2 else "nhwc"
    models = [fuzz_model(1000 + 205 * batch + i) for i in range(205)]
    agree(models, tmp_path / "layers", layout)
    seeds = range(100 + 4 * batch, 104 + 4 * batch)
    models = [family_model(OPERATORS, family, seed) for family in OPERATORS for seed in seeds]
    agree(models, tmp_path / "operators", layout)
    models = [typed_model(family, seed) for family in TYPES for seed in seeds]
    agree(models, tmp_path / "types", layout)
