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
ARCHIVE = EXAMPLES / "chirps_int8.mlf.tar"
OURS = ROOT / "tests" / "data" / "models"
#: in the folder of real models, with golden outputs of TFLite Micro beside them
REAL = {
    "kws": "mlperf_kws_ref_model",
    "vww": "mlperf_vww_96_int8",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "person_detect": "tflm_person_detect",
    "ad01": "mlperf_ad01_int8",
}
OWN = {
    "digits": EXAMPLES / "digits_int8.tflite",
    "chirps": EXAMPLES / "chirps_int8.tflite",
    "sine_float32": EXAMPLES / "sine_float32.tflite",
    "branches": OURS / "branches_int8.tflite",
    "labels_inside": OURS / "labels_inside.tflite",
    "multi_io": OURS / "multi_io.tflite",
}


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


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """XMOS's interpreter may take its time on a busy machine."""
    from gen_fw.runtimes.xcore import oracle

    monkeypatch.setitem(oracle.run.__kwdefaults__, "time_limit", 300.0)


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


def lstm_cell(path: Path, *, size: int = 32, inputs: int = 64) -> Path:
    """One step of an int8 LSTM as converters unroll it, since xformer takes no fused one: input,
    hidden and cell state go in; hidden and cell state come out."""
    sys.path.insert(0, str(ROOT / "tests" / "data"))
    from author import Model, schema

    rng = np.random.default_rng(11)
    model = Model("a step of an LSTM")
    graph = model.graph("main")
    x = graph.tensor("x", (1, inputs), np.int8, 1 / 128, 0)
    h = graph.tensor("h", (1, size), np.int8, 1 / 128, 0)
    c = graph.tensor("c", (1, size), np.int8, 1 / 32, 0)
    parts = []
    for name, given, width in (("x", x, inputs), ("h", h, size)):
        weights = rng.integers(-127, 128, (4 * size, width)).astype(np.int8)
        bias = rng.integers(-500, 500, (4 * size,)).astype(np.int32)
        w = graph.constant(f"w_{name}", weights, 1 / 256)
        b = graph.constant(f"b_{name}", bias, 1 / (256 * 128))
        parts.append(graph.tensor(f"dense_{name}", (1, 4 * size), np.int8, 1 / 16, 0))
        options = schema.FullyConnectedOptionsT()
        graph.operator("FULLY_CONNECTED", [given, w, b], [parts[-1]], options)
    gates = graph.tensor("gates", (1, 4 * size), np.int8, 1 / 16, 0)
    graph.operator("ADD", parts, [gates], schema.AddOptionsT())
    axis = graph.constant("axis", np.array(1, dtype=np.int32))
    split = [graph.tensor(f"gate{i}", (1, size), np.int8, 1 / 16, 0) for i in range(4)]
    graph.operator("SPLIT", [axis, gates], split, schema.SplitOptionsT(numSplits=4))

    def activated(kind: str, given: int, name: str) -> int:
        scale, zero = (1 / 256, -128) if kind == "LOGISTIC" else (1 / 128, 0)
        result = graph.tensor(name, (1, size), np.int8, scale, zero)
        graph.operator(kind, [given], [result])
        return result

    def product(a: int, b: int, name: str, scale: float) -> int:
        result = graph.tensor(name, (1, size), np.int8, scale, 0)
        graph.operator("MUL", [a, b], [result], schema.MulOptionsT())
        return result

    enter, forget, out = (activated("LOGISTIC", split[i], f"sigmoid{i}") for i in (0, 1, 3))
    new = activated("TANH", split[2], "tanh2")
    state = graph.tensor("c_next", (1, size), np.int8, 1 / 32, 0)
    kept = [product(forget, c, "kept", 1 / 32), product(enter, new, "added", 1 / 64)]
    graph.operator("ADD", kept, [state], schema.AddOptionsT())
    hidden = product(out, activated("TANH", state, "tanh_c"), "h_next", 1 / 128)
    graph.close([x, h, c], [hidden, state])
    path.write_bytes(model.pack())
    return path
