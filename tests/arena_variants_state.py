# SPDX-License-Identifier: Apache-2.0
"""Variants with state, control flow, several inputs and outputs, and whole small networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from arena_net import Graph, Net, T, activation, boolean, f32, i8, i16, i32, ints, one, scalar

R = "random"
Named = tuple[str, bytes]


def state_variants() -> Iterator[Named]:
    yield from _recurrent()
    yield from _control()
    yield from _resources()
    yield from _networks()


def _recurrent() -> Iterator[Named]:
    for kind in ("INT8", "FLOAT32"):
        for rank in (1, 2):
            yield f"svdf_{kind.lower()}_rank{rank}", _svdf(kind, rank)
    for kind in ("INT8", "INT16", "FLOAT32"):
        for time_major in (False, True):
            yield f"lstm_{kind.lower()}_{time_major:d}", _lstm(kind, time_major)
    ring = one("CIRCULAR_BUFFER", [i8(1, 1, 1, 5)], [i8(1, 4, 1, 5)], custom={"cycles_max": 1})
    yield "circular_buffer_int8", ring


def _svdf(kind: str, rank: int) -> bytes:
    units, features, memory = 4, 9, 5
    filters = units * rank
    net = Net()
    graph = net.graph()
    graph.outputs = graph.operator(
        "SVDF",
        (
            [
                graph.input(f32(2, features)),
                f32(filters, features, data=R),
                f32(filters, memory, data=R),
                f32(units, data=R),
                f32(2, filters * memory, variable=True),
            ]
            if kind == "FLOAT32"
            else [
                graph.input(i8(2, features)),
                i8(filters, features, zero=0, scale=0.01, data=R),
                i16(filters, memory, scale=1 / 32768, data=R),
                i32(units, scale=0.0015 / 32768, data=R),
                T((2, filters * memory), "INT16", 0.0015, 0, None, True),
            ]
        ),
        [activation(kind, 2, units)],
        ("SVDFOptions", {"rank": rank, "fused_activation_function": 1}),
    )
    return net.file()


def _lstm(kind: str, time_major: bool) -> bytes:
    """UNIDIRECTIONAL_SEQUENCE_LSTM without peephole, projection and layer normalization."""
    batch, steps, width, cells = 2, 3, 5, 4
    net = Net()
    graph = net.graph()
    lead = (steps, batch) if time_major else (batch, steps)

    def weights(columns: int) -> T:
        if kind == "FLOAT32":
            return f32(cells, columns, data=R)
        return T((cells, columns), "INT8", 0.01, 0, R)

    def bias() -> T:
        if kind == "FLOAT32":
            return f32(cells, data=R)
        return T((cells,), "INT32" if kind == "INT8" else "INT64", 0.0005, 0, R)

    if kind == "FLOAT32":
        hidden, cell = f32(batch, cells, variable=True), f32(batch, cells, variable=True)
    else:
        hidden = T((batch, cells), kind, 1 / 128 if kind == "INT8" else 1 / 32768, 0, None, True)
        cell = T((batch, cells), "INT16", 2.0**-11, 0, None, True)
    output = T((*lead, cells), kind, hidden.scale, 0)
    inputs: list[int | T] = [
        graph.input(activation(kind, *lead, width)),
        *(weights(width) for _ in range(4)),
        *(weights(cells) for _ in range(4)),
        *(-1, -1, -1),
        *(bias() for _ in range(4)),
        *(-1, -1),
        hidden,
        cell,
        *(-1, -1, -1, -1),
    ]
    options = {"fused_activation_function": 4, "time_major": int(time_major), "cell_clip": 0.0}
    intermediates: Sequence[T] = ()
    if kind != "FLOAT32":
        intermediates = [T((0,), "INT16", 1 / 4096, 0)] * 4 + [T((0,), kind, hidden.scale, 0)]
    graph.outputs = graph.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        [output],
        ("UnidirectionalSequenceLSTMOptions", options),
        intermediates=intermediates,
    )
    return net.file()


def _branch(net: Net, name: str, kind: str) -> None:
    graph = net.graph()
    given = graph.input(activation(kind, 1, 6))
    middle = graph.operator(name, [given, given], [activation(kind, 1, 6)])
    graph.outputs = graph.operator("RELU", middle, [activation(kind, 1, 6)])


def _control() -> Iterator[Named]:
    for kind in ("INT8", "FLOAT32"):
        net = Net()
        graph = net.graph()
        condition, value = graph.input(boolean(1)), graph.input(activation(kind, 1, 6))
        first = graph.operator("RELU", [value], [activation(kind, 1, 6)])
        chosen = graph.operator(
            "IF",
            [condition, *first],
            [activation(kind, 1, 6)],
            ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}),
        )
        graph.outputs = graph.operator("ADD", [*chosen, value], [activation(kind, 1, 6)])
        _branch(net, "ADD", kind)
        _branch(net, "MUL", kind)
        yield f"if_{kind.lower()}", net.file()

        net = Net()
        graph = net.graph()
        value = graph.input(activation(kind, 1, 6))
        count = graph.operator("RESHAPE", [graph.input(i32(1)), ints(1)], [i32(1)])
        loop = graph.operator(
            "WHILE",
            [*count, value],
            [i32(1), activation(kind, 1, 6)],
            ("WhileOptions", {"cond_subgraph_index": 1, "body_subgraph_index": 2}),
        )
        graph.outputs = loop
        test = net.graph()
        index = test.input(i32(1))
        test.input(activation(kind, 1, 6))
        test.outputs = test.operator("LESS", [index, ints(3)], [boolean(1)])
        body = net.graph()
        index, value = body.input(i32(1)), body.input(activation(kind, 1, 6))
        following = body.operator("ADD", [index, ints(1)], [i32(1)])
        body.outputs = following + body.operator("ADD", [value, value], [activation(kind, 1, 6)])
        yield f"while_{kind.lower()}", net.file()


def _resources() -> Iterator[Named]:
    def handle(graph: Graph, name: str) -> int:
        options = ("VarHandleOptions", {"container": b"", "shared_name": name.encode()})
        return graph.operator("VAR_HANDLE", [], [T((), "RESOURCE", None)], options)[0]

    for kind in ("INT8", "FLOAT32"):
        net = Net()
        graph = net.graph()
        value = graph.input(activation(kind, 1, 10))
        graph.operator("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))
        total = activation(kind, 1, 10)
        state = graph.operator("READ_VARIABLE", [handle(graph, "sum")], [total])
        added = graph.operator("ADD", [*state, value], [total])
        graph.operator("ASSIGN_VARIABLE", [handle(graph, "sum"), *added], [])
        other = graph.operator("READ_VARIABLE", [handle(graph, "other")], [activation(kind, 1, 3)])
        graph.outputs = [*added, *other]
        start = net.graph()
        for name, size in (("sum", 10), ("other", 3)):
            zeros = T((1, size), kind, activation(kind, 1).scale, 3, R)
            start.operator("ASSIGN_VARIABLE", [handle(start, name), zeros], [])
        start.outputs = []
        yield f"resources_{kind.lower()}", net.file()


def _networks() -> Iterator[Named]:
    net = Net()
    graph = net.graph()
    first, second, third = (graph.input(t) for t in (f32(2, 3), f32(), i8(1, 7)))
    product = graph.operator("MUL", [first, second], [f32(2, 3)])
    best = graph.operator(
        "ARG_MAX", [*product, scalar(1)], [i32(2)], ("ArgMaxOptions", {"output_type": 2})
    )
    real = graph.operator("DEQUANTIZE", [third], [f32(1, 7)])
    graph.outputs = [*product, *best, *real, first, third]
    yield "many_inputs_outputs", net.file()

    net = Net()
    graph = net.graph()
    source = graph.input(i8(1, 12, 12, 3))
    graph.tensor(i8(1, 99))  # never read nor written
    weights = T((8, 3, 3, 3), "INT8", [0.01] * 8, 0, R)
    bias = T((8,), "INT32", [0.0005] * 8, 0, R)
    options = {"padding": 0, "stride_w": 1, "stride_h": 1}
    value = graph.operator(
        "CONV_2D", [source, weights, bias], [i8(1, 12, 12, 8)], ("Conv2DOptions", options)
    )
    skip = value
    for _ in range(3):
        kernel = T((1, 3, 3, 8), "INT8", [0.01] * 8, 0, R, axis=3)
        value = graph.operator(
            "DEPTHWISE_CONV_2D",
            [*value, kernel, bias],
            [i8(1, 12, 12, 8)],
            ("DepthwiseConv2DOptions", options | {"depth_multiplier": 1}),
        )
        value = graph.operator("ADD", [*value, *skip], [i8(1, 12, 12, 8)])
    pooled = graph.operator(
        "MEAN", [*value, ints(1, 2)], [i8(1, 8)], ("ReducerOptions", {"keep_dims": 0})
    )
    graph.outputs = graph.operator(
        "SOFTMAX", pooled, [i8(1, 8, scale=1 / 256, zero=-128)], ("SoftmaxOptions", {"beta": 1.0})
    )
    yield "residual_int8", net.file()

    # an offline plan that pins some tensors and leaves the rest to the planner
    tensors = len(graph.tensors)
    offsets = [-1] * tensors
    offsets[source], offsets[skip[0]] = 0, 2048
    plan = np.array([1, 1, tensors, *offsets], np.int32).tobytes()
    net.metadata.append({"name": b"OfflineMemoryAllocation", "buffer": net.buffer(plan)})
    yield "residual_int8_offline", net.file()

    # every operator once more, so that padding between small structures shows
    net = Net()
    graph = net.graph()
    value = [graph.input(i8(1, 13))]
    for index in range(20):
        name = ("RELU", "ADD", "LEAKY_RELU", "MUL", "LOGISTIC", "QUANTIZE", "SOFTMAX")[index % 7]
        operands = value * 2 if name in ("ADD", "MUL") else value
        fixed = name in ("LOGISTIC", "SOFTMAX")
        target = (
            i8(1, 13, scale=1 / 256, zero=-128) if fixed else i8(1, 13, scale=0.05 + index / 99)
        )
        table = {
            "LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.2}),
            "SOFTMAX": ("SoftmaxOptions", {"beta": 1.0}),
        }
        value = graph.operator(name, operands, [target], table.get(name))
    graph.outputs = value
    yield "chain_int8", net.file()
