# SPDX-License-Identifier: Apache-2.0
"""Models for tests of xcore.ai: small ones, and one whose parameters are larger than a tile."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples" / "models"
SMALL = EXAMPLES / "sine_int8.tflite"
DIGITS = EXAMPLES / "digits_int8.tflite"


def need_wheel() -> None:
    """Skips where XMOS's AI tools are not installed."""
    from gen_fw.compilers.xmos_wheel import find_wheel
    from gen_fw.errors import ToolMissingError

    try:
        wheel = find_wheel()
    except ToolMissingError as error:
        pytest.skip(f"extra xmos: {error.what}")
    if wheel.host_library() is None:
        pytest.skip("xmos-ai-tools has no library for this computer")


def dense_chain(path: Path, *, layers: int = 4, size: int = 384) -> Path:
    """``layers`` int8 FULLY_CONNECTED of ``size`` by ``size`` weights, one after the other."""
    sys.path.insert(0, str(ROOT / "tests" / "data"))
    from author import Model, schema

    rng = np.random.default_rng(7)
    model = Model("a chain of dense layers")
    graph = model.graph("main")
    given = last = graph.tensor("x", (1, size), np.int8, 0.05, 0)
    for layer in range(layers):
        weights = rng.integers(-127, 128, (size, size)).astype(np.int8)
        bias = rng.integers(-100, 100, (size,)).astype(np.int32)
        w = graph.constant(f"w{layer}", weights, 0.01)
        b = graph.constant(f"b{layer}", bias, 0.01 * 0.05)
        result = graph.tensor(f"y{layer}", (1, size), np.int8, 0.05, 0)
        options = schema.FullyConnectedOptionsT()
        graph.operator("FULLY_CONNECTED", [last, w, b], [result], options)
        last = result
    graph.close([given], [last])
    path.write_bytes(model.pack())
    return path
