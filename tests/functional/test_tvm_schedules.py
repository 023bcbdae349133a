# SPDX-License-Identifier: Apache-2.0
"""Whatever schedule tuning may choose, kernels by TVM compute what TensorFlow Lite Micro does."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from test_tvm_kernels import agree

from fuzz_models import fuzz_model
from gen_fw.compilers.tvm import compile as room
from gen_fw.compilers.tvm.steps import Kernel

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tvm") is None, reason="needs the extra tvm"
)
PRODUCTS = ("pixels", "channels", "unroll", "gather", "apart", "across")
KNOBS = (*PRODUCTS, "columns", "rows", "edges")


@pytest.mark.parametrize(
    ("layout", "seed"),
    [
        ("nhwc", 1),
        *(pytest.param("nhwc", seed, marks=pytest.mark.full) for seed in range(2, 5)),
        *(pytest.param("nchw", seed, marks=pytest.mark.full) for seed in range(5, 8)),
    ],
)
def test_drawn_schedules(
    layout: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    real = room.compile_kernels
    turned: Counter[str] = Counter()

    def drawing(specifications: Sequence[Mapping[str, Any]]) -> list[Kernel]:
        """A value for every knob that a kernel has."""
        wanted = []
        for one, kernel in zip(specifications, real(specifications), strict=True):
            knobs = {name: rng.choice(values) for name, (values, _) in kernel.space.items()}
            turned.update(name for name in knobs if knobs[name] != kernel.space[name][1])
            wanted.append({**one, "knobs": knobs})
        return real(wanted)

    monkeypatch.setattr(room, "compile_kernels", drawing)
    models = [fuzz_model(100 * seed + number) for number in range(32 if seed == 1 else 96)]
    compiled = agree(models, tmp_path, layout)
    assert sum(compiled.values()) >= 0.9 * len(models)
    # few of the drawn layers are high enough for tiles of rows
    missing = {name for name in KNOBS if not turned[name]} - {"rows"}
    assert not missing and sum(turned.values()) > 40, turned
