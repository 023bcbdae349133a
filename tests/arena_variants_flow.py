# SPDX-License-Identifier: Apache-2.0
"""Variants with scratch, variables and resources in several subgraphs, and of operators whose
memory depends on more than types: signal processing, decompression, detection."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from arena_net import Graph, Net, T, boolean, f32, i8, i16, i32, ints, one
from gen_fw.model.lifetimes import OFFLINE_PLAN
from gen_fw.model.types import DType

R = "random"
Named = tuple[str, bytes]
_IMAGE = i8(1, 4, 4, 3)
_HANDLE = T((), "RESOURCE", None)


def flow_variants() -> Iterator[Named]:
    yield "if_with_scratch", if_with_scratch()
    yield "if_twice", if_twice()
    yield "while_with_scratch", while_with_scratch()
    yield "resources_set_once", resources_set_once()
    yield "resources_handed_on", resources_handed_on()
    yield "variables_in_branches", variables_in_branches().file()
    yield "variables_planned_offline", variables_planned_offline()
    yield from _signal()
    yield from _decode()
    yield from _others()


# --- several subgraphs --------------------------------------------------------------------------


def no_padding(graph: Graph, source: int, like: T) -> list[int]:
    """An operator with two scratch buffers that changes nothing."""
    margins = T((len(like.shape), 2), "INT32", None, 0, np.zeros((len(like.shape), 2)))
    return graph.operator(
        "MIRROR_PAD", [source, margins], [like], ("MirrorPadOptions", {"mode": 1})
    )


def _mean(graph: Graph, source: int) -> list[int]:
    options = ("ReducerOptions", {"keep_dims": 0})
    return graph.operator("MEAN", [source, ints(1, 2)], [i8(1, 3)], options)


def handle(graph: Graph, name: bytes, container: bytes = b"") -> int:
    options = ("VarHandleOptions", {"container": container, "shared_name": name})
    return graph.operator("VAR_HANDLE", [], [_HANDLE], options)[0]


def assign(graph: Graph, variable: int, value: int | T) -> None:
    graph.operator("ASSIGN_VARIABLE", [variable, value], [])


def _choose(graph: Graph, inputs: list[int], target: T, then: int, otherwise: int) -> list[int]:
    options = {"then_subgraph_index": then, "else_subgraph_index": otherwise}
    return graph.operator("IF", inputs, [target], ("IfOptions", options))


def _three() -> tuple[Net, Graph, tuple[Graph, Graph]]:
    net = Net()
    return net, net.graph(), (net.graph(), net.graph())


def if_with_scratch() -> bytes:
    """Scratch of the branches, which the caller's tensors must not touch."""
    net, main, branches = _three()
    condition, image = main.input(boolean(1)), main.input(_IMAGE)
    moved = main.operator("TRANSPOSE", [image, ints(0, 2, 1, 3)], [_IMAGE])
    main.outputs = _choose(main, [condition, *moved], i8(1, 3), 1, 2)
    for count, branch in enumerate(branches):
        value = branch.input(_IMAGE)
        for _ in range(count):
            (value,) = no_padding(branch, value, _IMAGE)
        branch.outputs = _mean(branch, value)
    return net.file()


def if_twice() -> bytes:
    """Both branches are entered twice."""
    net, main, branches = _three()
    condition, image = main.input(boolean(1)), main.input(_IMAGE)
    first = _choose(main, [condition, image], i8(1, 3), 1, 2)
    moved = main.operator("TRANSPOSE", [image, ints(0, 2, 1, 3)], [_IMAGE])
    main.outputs = first + _choose(main, [condition, *moved], i8(1, 3), 2, 1)
    for branch in branches:
        branch.outputs = _mean(branch, branch.input(_IMAGE))
    return net.file()


def while_with_scratch() -> bytes:
    net, main, (test, body) = _three()
    state = [i32(1), i8(2, 3)]
    options = ("WhileOptions", {"cond_subgraph_index": 1, "body_subgraph_index": 2})
    main.outputs = main.operator("WHILE", [main.input(tensor) for tensor in state], state, options)
    index, _ = (test.input(tensor) for tensor in state)
    test.outputs = test.operator("LESS", [index, ints(5)], [boolean(1)])
    index, value = (body.input(tensor) for tensor in state)
    following = body.operator("ADD", [index, ints(1)], [i32(1)])
    body.outputs = following + no_padding(body, value, i8(2, 3))
    return net.file()


def resources_set_once() -> bytes:
    """A variable gets its buffer where it is first assigned: "v" (10 bytes) and "w" (6) in the main
    subgraph, "x" (28) in the one that CALL_ONCE runs."""
    net = Net()
    main, once = net.graph(), net.graph()
    value = main.input(i8(2, 5))
    main.operator("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))
    first, second = handle(main, b"v"), handle(main, b"w")
    old = main.operator("READ_VARIABLE", [first], [i8(2, 5)])
    main.outputs = main.operator("ADD", [value, *old], [i8(2, 5)])
    assign(main, first, main.outputs[0])
    assign(main, second, i16(3, data=R))
    assign(once, handle(once, b"v"), i8(2, 5, data=R))
    assign(once, handle(once, b"x"), f32(7, data=R))
    return net.file()


def resources_handed_on() -> bytes:
    """The handle is an input of the branches, which give the variable no buffer of their own."""
    net, main, branches = _three()
    condition, value, variable = main.input(boolean(1)), main.input(i8(6)), handle(main, b"v", b"b")
    assign(main, variable, value)
    main.outputs = _choose(main, [condition, variable, value], i8(6), 1, 2)
    for branch in branches:
        variable, value = branch.input(_HANDLE), branch.input(i8(6))
        assign(branch, variable, value)
        branch.outputs = branch.operator("READ_VARIABLE", [variable], [i8(6)])
    return net.file()


def variables_in_branches() -> Net:
    """Tensors: condition, input, result; in each branch input, weights, bias, state, result."""
    net, main, branches = _three()
    inputs = [main.input(boolean(1)), main.input(f32(1, 5))]
    main.outputs = _choose(main, inputs, f32(1, 2), 1, 2)
    for branch in branches:
        constants = [f32(4, 5, data=R), f32(4, 3, data=R), f32(2, data=R)]
        filtered = [branch.input(f32(1, 5)), *constants, f32(1, 12, variable=True)]
        branch.outputs = branch.operator(
            "SVDF", filtered, [f32(1, 2)], ("SVDFOptions", {"rank": 2})
        )
    return net


def variables_planned_offline() -> bytes:
    """TFLM looks offsets of variables up by their index in their own subgraph: number 4 of all is
    a tensor of the first branch that has none, so the states are in the tail, and planned too."""
    net = variables_in_branches()
    offsets = [0, 16, -1, *(-1, -1, -1, -1, 64, -1), *(48, -1, -1, -1, 192, -1)]
    plan = np.array([1, 3, len(offsets), *offsets], np.int32).tobytes()
    net.metadata.append({"name": OFFLINE_PLAN, "buffer": net.buffer(plan)})
    return net.file()


# --- single operators ---------------------------------------------------------------------------


def pcm(*shape: int) -> T:
    """Samples."""
    return T(shape, "INT16", None)


def _signal() -> Iterator[Named]:
    for name, shape, length in (("rows", (2, 3, 16), 300), ("long", (8,), 70_000)):
        options = {"delay_length": length}
        yield f"delay_{name}", one("SignalDelay", [pcm(*shape)], [pcm(*shape)], custom=options)
    for size, step, shape in ((400, 160, (160,)), (30, 10, (3, 40)), (7, 5, (2, 2, 5))):
        frames = pcm(*shape[:-1], shape[-1] // step, size)
        options = {"frame_size": size, "frame_step": step, "prefill": False}
        file = one("SignalFramer", [pcm(*shape)], [frames, T((), "BOOL", None)], custom=options)
        yield f"framer_{size}", file
    for dtype, length in product((DType.FLOAT32, DType.INT16, DType.INT32), (6, 480, 512)):
        time, bins = T((length,), dtype.name, None), T((length + 2,), dtype.name, None)
        options = {"T": int(dtype), "fft_length": length}
        name = f"{dtype.name.lower()}_{length}"
        yield f"rfft_{name}", one("SignalRfft", [time], [bins], custom=options)
        yield f"irfft_{name}", one("SignalIrfft", [bins], [time], custom=options)
    for dtype in (DType.FLOAT32, DType.INT16):
        frames, samples = T((3, 2, 30), dtype.name, None), T((3, 20), dtype.name, None)
        options = {"T": int(dtype), "frame_step": 10}
        file = one("SignalOverlapAdd", [frames], [samples], custom=options)
        yield f"overlap_add_rows_{dtype.name.lower()}", file


def _decode() -> Iterator[Named]:
    """Two tensors decompressed by one operator: table, Huffman, pruned."""
    three = (0.1, 0.2, 0.3)
    for name, kind, size, target in (
        ("table", 0, 4, i8(3, 4)),
        ("table_channels", 0, 12, i8(3, 4, scale=three, zero=0)),
        ("huffman", 1, 64, i8(3, 4)),
        ("pruned", 2, 16, i8(3, 4)),
        ("pruned_no_zeros", 2, 16, i8(3, 4, scale=three, zero=0)),
        ("pruned_channels", 2, 16, i8(3, 4, scale=three, zero=5)),
    ):
        header = bytes([kind, 1, 0, 0, 1, 2, 4]).ljust(16, b"\0")
        # as Huffman codes, each is complete with one bit
        table = header + b"\x01\x88" * (size // 2)
        net = Net()
        graph = net.graph()
        graph.input(i8(1))
        pair = [T((64,), "UINT8", None, 0, bytes(64)), T((len(table),), "UINT8", None, 0, table)]
        graph.outputs = graph.operator("TFLM_DECODE", pair * 2, [target, target], custom=b"")
        yield f"decode_{name}", net.file()


def _others() -> Iterator[Named]:
    yield (
        "embedding_hybrid",
        one("EMBEDDING_LOOKUP", [i32(3), i8(7, 5, zero=0, data=R)], [f32(3, 5)]),
    )
    positions = T((2, 2), "INT32", None, 0, [[0, 2], [1, 1]])
    options = ("GatherOptions", {"axis": -2, "batch_dims": 1})
    yield "gather_batch", one("GATHER", [f32(2, 3, 5), positions], [f32(2, 2, 5)], options)
    channels = [i8(4, 3, scale=[0.1] * 4), i8(4, 3, scale=[0.1] * 3, axis=1)]
    yield "reshape_channels", one("RESHAPE", [channels[0], ints(4, 3)], [channels[1]])
    crops = T((1, 2), "INT32", None, 0, [[0, 0]])
    file = one("BATCH_TO_SPACE_ND", [i8(2, 3, 5), ints(2), crops], [i8(1, 6, 5)])
    yield "batch_to_space_rank_3", file
    for boxes, classes, most in ((13, 4, 3), (2, 3, 5)):
        limits = {"max_detections": most, "max_classes_per_detection": 1, "num_classes": classes}
        scales = dict.fromkeys(("y_scale", "x_scale", "h_scale", "w_scale"), 1.0)
        inputs = [
            f32(1, boxes, 4),
            f32(1, boxes, classes + 1),
            f32(boxes, 4, data=np.ones((boxes, 4))),
        ]
        yield (
            f"detection_of_{boxes}",
            one(
                "TFLite_Detection_PostProcess",
                inputs,
                [f32(1, most, 4), f32(1, most), f32(1, most), f32(1)],
                custom=limits | scales | {"nms_score_threshold": 0.5, "nms_iou_threshold": 0.5},
            ),
        )
