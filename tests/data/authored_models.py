# SPDX-License-Identifier: Apache-2.0
"""Models written operator by operator: what a converter does not give, or not reliably.

Each function returns one ``.tflite``; ``AUTHORED`` names them all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from author import Model, schema
from label_metadata import label_archive, label_metadata

RELU = schema.ActivationFunctionType.RELU


def multi_io() -> bytes:
    """Two inputs, one of them a scalar; three outputs, one of them int32."""
    model = Model("two inputs, three outputs, one scalar")
    graph = model.graph("main")
    x = graph.tensor("x", (2, 3), np.float32)
    factor = graph.tensor("factor", (), np.float32)
    axis = graph.constant("axis", np.array([1], dtype=np.int32))
    product = graph.tensor("product", (2, 3), np.float32)
    total = graph.tensor("total", (2, 3), np.float32)
    best = graph.tensor("best", (2,), np.int32)
    graph.operator("MUL", [x, factor], [product], schema.MulOptionsT())
    graph.operator("ADD", [x, factor], [total], schema.AddOptionsT())
    options = schema.ArgMaxOptionsT(outputType=schema.TensorType.INT32)
    graph.operator("ARG_MAX", [product, axis], [best], options)
    graph.close([x, factor], [product, total, best])
    return model.pack()


def if_square_double() -> bytes:
    """``x * x`` when the condition holds, else ``x + x``: three subgraphs."""
    model = Model("IF with two branches")
    graph = model.graph("main")
    condition = graph.tensor("condition", (1,), np.bool_)
    x = graph.tensor("x", (1, 4), np.float32)
    y = graph.tensor("y", (1, 4), np.float32)
    options = schema.IfOptionsT(thenSubgraphIndex=1, elseSubgraphIndex=2)
    graph.operator("IF", [condition, x], [y], options)
    graph.close([condition, x], [y])
    for name, code, branch_options in (
        ("square", "MUL", schema.MulOptionsT()),
        ("double", "ADD", schema.AddOptionsT()),
    ):
        branch = model.graph(name)
        given = branch.tensor("given", (1, 4), np.float32)
        result = branch.tensor("result", (1, 4), np.float32)
        branch.operator(code, [given, given], [result], branch_options)
        branch.close([given], [result])
    return model.pack()


def while_double() -> bytes:
    """Doubles x three times: a counter starts at a constant and a second subgraph tests it."""
    model = Model("WHILE with a counter")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 4), np.float32)
    count = graph.constant("count", np.array([0], dtype=np.int32))
    last = graph.tensor("last", (1,), np.int32)
    y = graph.tensor("y", (1, 4), np.float32)
    options = schema.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=2)
    graph.operator("WHILE", [count, x], [last, y], options)
    graph.close([x], [last, y])

    test = model.graph("less_than_three")
    index = test.tensor("index", (1,), np.int32)
    carried = test.tensor("carried", (1, 4), np.float32)
    limit = test.constant("limit", np.array([3], dtype=np.int32))
    again = test.tensor("again", (1,), np.bool_)
    test.operator("LESS", [index, limit], [again], schema.LessOptionsT())
    test.close([index, carried], [again])

    body = model.graph("double")
    index = body.tensor("index", (1,), np.int32)
    value = body.tensor("value", (1, 4), np.float32)
    one = body.constant("one", np.array([1], dtype=np.int32))
    following = body.tensor("following", (1,), np.int32)
    doubled = body.tensor("doubled", (1, 4), np.float32)
    body.operator("ADD", [index, one], [following], schema.AddOptionsT())
    body.operator("ADD", [value, value], [doubled], schema.AddOptionsT())
    body.close([index, value], [following, doubled])
    return model.pack()


def svdf_int8() -> bytes:
    """Rank-1 SVDF, 8 units, 6 steps of memory, then a dense layer: a variable tensor as state."""
    features, units, memory, classes = 10, 8, 6, 4
    x_scale, feature_scale, time_scale, state_scale = 0.05, 0.01, 1 / 32768, 0.0015
    hidden_scale, weight_scale = 0.1, 0.01
    rng = np.random.default_rng(8)
    model = Model("int8 SVDF")
    graph = model.graph("main")
    x = graph.tensor("x", (1, features), np.int8, x_scale)
    weights_feature = graph.constant(
        "weights_feature", rng.integers(-127, 128, (units, features), np.int8), feature_scale
    )
    weights_time = graph.constant(
        "weights_time", rng.integers(-20000, 20001, (units, memory), np.int16), time_scale
    )
    bias = graph.constant(
        "bias", rng.integers(-(2**24), 2**24, units, np.int32), state_scale * time_scale
    )
    state = graph.tensor("state", (1, units * memory), np.int16, state_scale, variable=True)
    hidden = graph.tensor("hidden", (1, units), np.int8, hidden_scale, -128)
    graph.operator(
        "SVDF",
        [x, weights_feature, weights_time, bias, state],
        [hidden],
        schema.SVDFOptionsT(rank=1, fusedActivationFunction=RELU),
        version=3,
    )
    weights = graph.constant(
        "weights", rng.integers(-127, 128, (classes, units), np.int8), weight_scale
    )
    zeros = np.zeros(classes, dtype=np.int32)
    offset = graph.constant("offset", zeros, hidden_scale * weight_scale)
    y = graph.tensor("y", (1, classes), np.int8, 0.1, 0)
    options = schema.FullyConnectedOptionsT()
    graph.operator("FULLY_CONNECTED", [hidden, weights, offset], [y], options, version=4)
    graph.close([x], [y])
    return model.pack()


def hybrid_dense() -> bytes:
    """Float activations with int8 weights (dynamic range): TFLM refuses it."""
    rng = np.random.default_rng(9)
    model = Model("dynamic-range quantized dense layer")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 16), np.float32)
    weights = graph.constant("weights", rng.integers(-127, 128, (4, 16), np.int8), 0.01)
    bias = graph.constant("bias", rng.standard_normal(4).astype(np.float32))
    y = graph.tensor("y", (1, 4), np.float32)
    options = schema.FullyConnectedOptionsT(asymmetricQuantizeInputs=True)
    graph.operator("FULLY_CONNECTED", [x, weights, bias], [y], options, version=9)
    graph.close([x], [y])
    return model.pack()


def uint8_dense() -> bytes:
    """The 2018 scheme, uint8 activations and weights: TFLM refuses it."""
    rng = np.random.default_rng(10)
    model = Model("uint8 dense layer")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 16), np.uint8, 0.05, 128)
    weights = graph.constant("weights", rng.integers(0, 256, (4, 16), np.uint8), 0.01, 128)
    bias = graph.constant("bias", rng.integers(-500, 501, 4, np.int32), 0.05 * 0.01)
    y = graph.tensor("y", (1, 4), np.uint8, 0.1, 128)
    graph.operator("FULLY_CONNECTED", [x, weights, bias], [y], schema.FullyConnectedOptionsT())
    graph.close([x], [y])
    return model.pack()


def custom_operator() -> bytes:
    """A custom operator that nobody knows, with options, between two that everyone knows."""
    model = Model("unknown custom operator")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 8), np.float32)
    activated = graph.tensor("activated", (1, 8), np.float32)
    blended = graph.tensor("blended", (1, 8), np.float32)
    y = graph.tensor("y", (1, 8), np.float32)
    graph.operator("RELU", [x], [activated])
    graph.operator(
        "CUSTOM", [activated], [blended], custom="ExampleBlend", custom_options=b"\x01\x02\x03\x04"
    )
    graph.operator("LOGISTIC", [blended], [y])
    graph.close([x], [y])
    return model.pack()


def labels_inside() -> bytes:
    """A classifier that carries its labels as TFLite Metadata: a zip after the FlatBuffer."""
    labels = ("left", "right", "don't know")
    rng = np.random.default_rng(11)
    model = Model("labels inside")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 16), np.int8, 0.05)
    values = rng.integers(-127, 128, (len(labels), 16), np.int8)
    weights = graph.constant("weights", values, 0.01)
    bias = graph.constant("bias", np.zeros(len(labels), np.int32), 0.05 * 0.01)
    scores = graph.tensor("scores", (1, len(labels)), np.int8, 0.1)
    y = graph.tensor("y", (1, len(labels)), np.int8, 1 / 256, -128)
    options = schema.FullyConnectedOptionsT()
    graph.operator("FULLY_CONNECTED", [x, weights, bias], [scores], options, version=4)
    graph.operator("SOFTMAX", [scores], [y], schema.SoftmaxOptionsT(beta=1.0), version=2)
    graph.close([x], [y])
    model.metadata("TFLITE_METADATA", label_metadata("output_labels.txt"))
    return model.pack() + label_archive("output_labels.txt", labels)


AUTHORED: dict[str, Callable[[], bytes]] = {
    function.__name__: function
    for function in (
        multi_io,
        if_square_double,
        while_double,
        svdf_int8,
        hybrid_dense,
        uint8_dense,
        custom_operator,
        labels_inside,
    )
}
