# SPDX-License-Identifier: Apache-2.0
"""Random models: kernels by TVM compute what TensorFlow Lite Micro does, and leave alone what is
not theirs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import fuzz_functions
import fuzz_moving
import fuzz_places
from aot_agree import family_model
from fuzz_models import fuzz_model
from fuzz_types import FAMILIES as TYPES
from fuzz_types import typed_model
from gen_fw.compilers.tvm.kernels_child import main as child_main
from gen_fw.compilers.tvm.templates import TEMPLATES
from tvm_agree import agree

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tvm") is None, reason="needs the extra tvm"
)
OPERATORS = {**fuzz_moving.FAMILIES, **fuzz_places.FAMILIES, **fuzz_functions.FAMILIES}


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
    assert set(compiled) == set(OPERATORS)


def test_types(tmp_path: Path) -> None:
    models = [typed_model(family, seed) for family in TYPES for seed in range(4)]
    compiled = agree(models, tmp_path)
    stateful = {family for family in TYPES if "svdf" in family or "lstm" in family}
    assert set(compiled) == set(TYPES) - stateful


@pytest.mark.full
@pytest.mark.parametrize("batch", range(8))
def test_many(batch: int, tmp_path: Path) -> None:
    layout = "nchw" if batch % 2 else "nhwc"
    models = [fuzz_model(1000 + 205 * batch + i) for i in range(205)]
    agree(models, tmp_path / "layers", layout)
    # models that generated C is compared on too: for other ones of DIV, TFLM shifts by 32 bits,
    # and what that is depends on the processor
    start = 1000 + 100 * (batch % 4) + 4 * (batch // 4)
    models = [
        family_model(OPERATORS, family, seed)
        for family in OPERATORS
        for seed in range(start, start + 4)
    ]
    agree(models, tmp_path / "operators", layout)
    start = 1000 + 100 * batch
    models = [typed_model(family, seed) for family in TYPES for seed in range(start, start + 4)]
    agree(models, tmp_path / "types", layout)
