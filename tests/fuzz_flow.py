# SPDX-License-Identifier: Apache-2.0
"""Random models with subgraphs and resource variables: IF, WHILE, CALL_ONCE, nested."""

from __future__ import annotations

import numpy as np

from arena_net import Graph, Net, T, boolean, f32, scalar

_NONE = {"fused_activation_function": 0}


def flow(rng: np.random.Generator) -> Net:
    """Branches and loops on vectors, two deep."""
    net = Net()
    main = net.graph()
    size = int(rng.integers(1, 6))
    conditions = [main.input(boolean(1)) for _ in range(2)]
    values = [main.input(f32(size)) for _ in range(int(rng.integers(1, 4)))]
    for _ in range(int(rng.integers(1, 4))):
        values = _statement(net, main, rng, values, conditions, size, 2)
    main.outputs = values
    return net


def _statement(
    net: Net,
    graph: Graph,
    rng: np.random.Generator,
    values: list[int],
    conditions: list[int],
    size: int,
    depth: int,
) -> list[int]:
    kind = int(rng.integers(0, 4)) if depth else 0
    if kind == 2:
        return _branch(net, graph, rng, values, conditions, size, depth)
    if kind == 3:
        return _loop(net, graph, rng, values, conditions, size, depth)
    changed = list(values)
    at = int(rng.integers(len(values)))
    other = values[int(rng.integers(len(values)))]
    operand: int | T = other
    if rng.random() < 0.4:
        operand = f32(size, data=rng.uniform(-0.9, 0.9, size))
    name, options = [("ADD", "AddOptions"), ("MUL", "MulOptions"), ("MINIMUM", "")][
        int(rng.integers(3))
    ]
    given = (options, dict(_NONE)) if options else ("MaximumMinimumOptions", {})
    (changed[at],) = graph.operator(name, [values[at], operand], [f32(size)], given)
    return changed


def _block(
    net: Net,
    rng: np.random.Generator,
    count: int,
    conditions: int,
    size: int,
    depth: int,
    counter: bool = False,
) -> int:
    """A subgraph of values and conditions; returns its index. With ``counter`` the last value is
    an int32 that grows by one."""
    graph = net.graph()
    index = len(net.graphs) - 1
    given = [graph.input(f32(size)) for _ in range(count)]
    inner = [graph.input(boolean(1)) for _ in range(conditions)]
    values = list(given)
    for _ in range(int(rng.integers(0, 3))):
        values = _statement(net, graph, rng, values, inner, size, depth - 1)
    # bounded, whatever the loop does
    values = [
        value if value in given else graph.operator("TANH", [value], [f32(size)])[0]
        for value in values
    ]
    if rng.random() < 0.15:  # a constant, and a value that is handed through
        values[0] = graph.tensor(f32(size, data=rng.uniform(-1, 1, size)))
    if counter:
        number = graph.input(T((), "INT32", None))
        (more,) = graph.operator(
            "ADD", [number, scalar(1)], [T((), "INT32", None)], ("AddOptions", dict(_NONE))
        )
        graph.outputs = [*values, *inner, more]
    else:
        graph.outputs = values
    return index


def _branch(
    net: Net,
    graph: Graph,
    rng: np.random.Generator,
    values: list[int],
    conditions: list[int],
    size: int,
    depth: int,
) -> list[int]:
    blocks = [_block(net, rng, len(values), len(conditions), size, depth) for _ in range(2)]
    chosen = conditions[int(rng.integers(len(conditions)))]
    return graph.operator(
        "IF",
        [chosen, *values, *conditions],
        [f32(size) for _ in values],
        ("IfOptions", {"then_subgraph_index": blocks[0], "else_subgraph_index": blocks[1]}),
    )


def _loop(
    net: Net,
    graph: Graph,
    rng: np.random.Generator,
    values: list[int],
    conditions: list[int],
    size: int,
    depth: int,
) -> list[int]:
    test = net.graph()
    index = len(net.graphs) - 1
    for _ in values:
        test.input(f32(size))
    for _ in conditions:
        test.input(boolean(1))
    number = test.input(T((), "INT32", None))
    limit = scalar(int(rng.integers(0, 5)))
    test.outputs = test.operator("LESS", [number, limit], [T((), "BOOL", None)])
    body = _block(net, rng, len(values), len(conditions), size, depth, counter=True)
    start = graph.tensor(scalar(0))
    outputs = graph.operator(
        "WHILE",
        [*values, *conditions, start],
        [*(f32(size) for _ in values), *(boolean(1) for _ in conditions), T((), "INT32", None)],
        ("WhileOptions", {"cond_subgraph_index": index, "body_subgraph_index": body}),
    )
    return outputs[: len(values)]


def variables(rng: np.random.Generator) -> Net:
    """Filters with resource variables: read, changed, read again, in several orders."""
    net = Net()
    main = net.graph()
    count, size = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    names = [f"v{i}".encode() for i in range(count)]
    start = None
    if rng.random() < 0.7:
        start = main.operator("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))
        assert start == []
        first = net.graph()
        for name in names:
            handle = _handle(first, name)
            data = rng.uniform(-1, 1, size)
            first.operator("ASSIGN_VARIABLE", [handle, f32(size, data=data)], [])
    source = main.input(f32(size))
    values = [source]
    handles = [_handle(main, name) for name in names]
    for _ in range(int(rng.integers(2, 7))):
        handle = handles[int(rng.integers(count))]
        if rng.random() < 0.5:
            values += main.operator(
                "READ_VARIABLE", [handle], [f32(size)], ("ReadVariableOptions", {})
            )
        else:
            main.operator(
                "ASSIGN_VARIABLE", [handle, values[-1]], [], ("AssignVariableOptions", {})
            )
        pair = [values[int(rng.integers(len(values)))] for _ in range(2)]
        (total,) = main.operator("ADD", pair, [f32(size)], ("AddOptions", dict(_NONE)))
        values += main.operator("TANH", [total], [f32(size)])
    for handle in handles:  # every variable has a value
        main.operator("ASSIGN_VARIABLE", [handle, values[-1]], [], ("AssignVariableOptions", {}))
    outputs = values[1:]
    main.outputs = [value for value in outputs if rng.random() < 0.5] or outputs[-1:]
    return net


def _handle(graph: Graph, name: bytes) -> int:
    return graph.operator(
        "VAR_HANDLE", [], [T((1,), "RESOURCE", None)], ("VarHandleOptions", {"shared_name": name})
    )[0]
