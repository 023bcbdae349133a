# SPDX-License-Identifier: Apache-2.0
"""Small deterministic models for the arena: every operator that TFLM has, in the types that its
kernels take, in shapes and quantizations where the arena differs. ``variants()`` names them all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena_net import T, activation, boolean, f32, i8, i32, ints, one
from arena_variants_basic import basic_variants
from arena_variants_flow import flow_variants
from arena_variants_moves import moves
from arena_variants_state import state_variants
from gen_fw.model.enums import ActivationFunctionType, Padding
from tflite_writer import Fields

R = "random"
Named = tuple[str, bytes]
SAME, VALID = int(Padding.SAME), int(Padding.VALID)
RELU = int(ActivationFunctionType.RELU)


def variants() -> dict[str, bytes]:
    """Name -> file."""
    makers = (
        convolutions,
        dense,
        elementwise,
        basic_variants,
        moves,
        state_variants,
        flow_variants,
    )
    return dict(sorted(row for maker in makers for row in maker()))


def _bias(kind: str, channels: int, scale: object) -> T:
    """The bias of a kernel whose activations are ``kind``; int64 for int16."""
    if kind == "FLOAT32":
        return f32(channels, data=R)
    return T((channels,), "INT32" if kind == "INT8" else "INT64", scale, 0, R)


def _weights(kind: str, shape: tuple[int, ...], axis: int, per_channel: bool = True) -> T:
    if kind == "FLOAT32":
        return f32(*shape, data=R)
    scale = [0.01 + 0.001 * n for n in range(shape[axis])] if per_channel else 0.01
    return T(shape, "INT4" if kind == "INT4" else "INT8", scale, 0, R, axis=axis)


def _filtered(
    name: str,
    kind: str,
    image: tuple[int, int, int, int],
    filters: tuple[int, ...],
    output: tuple[int, ...],
    options: Fields,
    *,
    bias: bool = True,
    int4: bool = False,
    per_channel: bool = True,
) -> bytes:
    """CONV_2D or DEPTHWISE_CONV_2D."""
    axis = 0 if name == "CONV_2D" else 3
    weights = _weights("INT4" if int4 else kind, filters, axis, per_channel)
    source = activation(kind, *image)
    scale = None
    if kind != "FLOAT32":
        scale = [source.scale * s for s in np.atleast_1d(weights.scale)]  # type: ignore[operator]
    options = {"padding": SAME, "stride_w": 1, "stride_h": 1} | options
    table = "Conv2DOptions" if name == "CONV_2D" else "DepthwiseConv2DOptions"
    third = _bias(kind, filters[axis], scale) if bias else None
    return one(name, [source, weights, third], [activation(kind, *output)], (table, options))


def convolutions() -> Iterator[Named]:
    for kind in ("INT8", "INT16", "FLOAT32"):
        label = kind.lower()
        yield (
            f"conv_3x3_{label}",
            _filtered("CONV_2D", kind, (1, 9, 7, 5), (6, 3, 3, 5), (1, 9, 7, 6), {}),
        )
        yield (
            f"conv_1x1_{label}",
            _filtered("CONV_2D", kind, (1, 6, 5, 16), (11, 1, 1, 16), (1, 6, 5, 11), {}),
        )
        yield (
            f"conv_1x4_{label}",
            _filtered("CONV_2D", kind, (1, 1, 20, 8), (12, 1, 4, 8), (1, 1, 20, 12), {}),
        )
        yield (
            f"conv_stride_valid_{label}",
            _filtered(
                "CONV_2D",
                kind,
                (2, 11, 13, 3),
                (9, 4, 5, 3),
                (2, 4, 5, 9),
                {"padding": VALID, "stride_w": 2, "stride_h": 2, "fused_activation_function": RELU},
            ),
        )
        yield (
            f"conv_dilated_{label}",
            _filtered(
                "CONV_2D",
                kind,
                (1, 9, 9, 4),
                (5, 3, 3, 4),
                (1, 9, 9, 5),
                {"dilation_w_factor": 2, "dilation_h_factor": 2},
            ),
        )
        for channels, multiplier, size in ((8, 1, 3), (1, 6, 3), (5, 3, 4), (16, 1, 5)):
            total = channels * multiplier
            yield (
                f"depthwise_{channels}x{multiplier}_{size}_{label}",
                _filtered(
                    "DEPTHWISE_CONV_2D",
                    kind,
                    (1, 8, 9, channels),
                    (1, size, size, total),
                    (1, 8, 9, total),
                    {"depth_multiplier": multiplier},
                ),
            )
        yield f"transpose_conv_{label}", _transpose_conv(kind, 3, 5)
        yield f"transpose_conv_wide_{label}", _transpose_conv(kind, 20, 24)
    yield (
        "conv_no_bias",
        _filtered("CONV_2D", "INT8", (1, 5, 5, 4), (3, 3, 3, 4), (1, 5, 5, 3), {}, bias=False),
    )
    yield (
        "conv_per_tensor",
        _filtered(
            "CONV_2D", "INT8", (1, 5, 5, 4), (3, 3, 3, 4), (1, 5, 5, 3), {}, per_channel=False
        ),
    )
    yield (
        "conv_int4",
        _filtered("CONV_2D", "INT8", (1, 5, 5, 4), (3, 3, 3, 4), (1, 5, 5, 3), {}, int4=True),
    )
    yield (
        "depthwise_int4",
        _filtered(
            "DEPTHWISE_CONV_2D",
            "INT8",
            (1, 5, 5, 4),
            (1, 3, 3, 4),
            (1, 5, 5, 4),
            {"depth_multiplier": 1},
            int4=True,
        ),
    )
    for kind in ("INT8", "INT16", "FLOAT32"):
        for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
            if name == "L2_POOL_2D" and kind != "FLOAT32":
                continue
            options = {"padding": VALID, "stride_w": 2, "stride_h": 2}
            options |= {"filter_width": 2, "filter_height": 3}
            yield (
                f"{name.lower()}_{kind.lower()}",
                one(
                    name,
                    [activation(kind, 1, 9, 8, 6)],
                    [activation(kind, 1, 4, 4, 6)],
                    ("Pool2DOptions", options),
                ),
            )


def _transpose_conv(kind: str, depth: int, channels: int) -> bytes:
    weights = _weights(kind, (channels, 3, 3, depth), 0)
    source = activation(kind, 1, 5, 4, depth)
    scale = None
    if kind != "FLOAT32":
        scale = [source.scale * s for s in np.atleast_1d(weights.scale)]  # type: ignore[operator]
    return one(
        "TRANSPOSE_CONV",
        [ints(1, 10, 8, channels), weights, source, _bias(kind, channels, scale)],
        [activation(kind, 1, 10, 8, channels)],
        ("TransposeConvOptions", {"padding": SAME, "stride_w": 2, "stride_h": 2}),
    )


def dense() -> Iterator[Named]:
    def layer(
        kind: str,
        rows: tuple[int, ...],
        depth: int,
        channels: int,
        *,
        bias: bool = True,
        per_channel: bool = False,
        int4: bool = False,
        constant: bool = True,
        keep: bool = False,
        activations: str = "",
    ) -> bytes:
        weights = _weights("INT4" if int4 else kind, (channels, depth), 0, per_channel)
        if not constant:
            weights = T(weights.shape, weights.dtype, weights.scale)
        source = activation(kind, *rows, depth)
        scale = None
        if kind != "FLOAT32":
            scale = [source.scale * s for s in np.atleast_1d(weights.scale)]  # type: ignore[operator]
        third = _bias(activations or kind, channels, scale) if bias else None
        return one(
            "FULLY_CONNECTED",
            [source, weights, third],
            [activation(kind, *rows, channels)],
            ("FullyConnectedOptions", {"keep_num_dims": int(keep)}),
        )

    for kind in ("INT8", "INT16", "FLOAT32"):
        label = kind.lower()
        yield f"dense_{label}", layer(kind, (1,), 17, 10)
        yield f"dense_batch_{label}", layer(kind, (3,), 16, 9)
        yield f"dense_no_bias_{label}", layer(kind, (1,), 7, 5, bias=False)
        yield f"dense_rank3_{label}", layer(kind, (1, 4), 8, 6, keep=True)
        yield f"dense_rank4_{label}", layer(kind, (1, 2, 3), 12, 5, keep=True)
        yield f"dense_weights_from_outside_{label}", layer(kind, (1,), 8, 4, constant=False)
    yield "dense_per_channel_int8", layer("INT8", (1,), 17, 10, per_channel=True)
    yield "dense_rank3_per_channel_int8", layer("INT8", (1, 4), 8, 6, per_channel=True, keep=True)
    yield "dense_int4", layer("INT8", (1,), 18, 10, int4=True)
    for kind in ("INT8", "INT16", "FLOAT32"):
        for adj_x, adj_y, constant in (
            (False, False, False),
            (True, False, False),
            (False, True, False),
            (True, True, False),
            (False, False, True),
            (False, True, True),
        ):
            left = (2, 5, 3) if adj_x else (2, 3, 5)
            right = (2, 4, 5) if adj_y else (2, 5, 4)
            other = activation(kind, *right)
            if constant:
                other = T(right, kind, other.scale, other.zero, R)
            yield (
                f"batch_matmul_{kind.lower()}_{adj_x:d}{adj_y:d}{constant:d}",
                one(
                    "BATCH_MATMUL",
                    [activation(kind, *left), other],
                    [activation(kind, 2, 3, 4)],
                    ("BatchMatMulOptions", {"adj_x": int(adj_x), "adj_y": int(adj_y)}),
                ),
            )
    yield (
        "embedding_lookup_float32",
        one("EMBEDDING_LOOKUP", [i32(3), f32(6, 4, data=R)], [f32(3, 4)]),
    )
    yield (
        "embedding_lookup_int8",
        one("EMBEDDING_LOOKUP", [i32(3), i8(6, 4, zero=0, data=R)], [f32(3, 4)]),
    )


_BINARY = {
    "ADD": ("INT8", "INT16", "FLOAT32", "INT32"),
    "SUB": ("INT8", "INT16", "FLOAT32"),
    "MUL": ("INT8", "INT16", "FLOAT32", "INT32"),
    "DIV": ("INT8", "FLOAT32"),
    "MAXIMUM": ("INT8", "INT16", "FLOAT32", "INT32"),
    "MINIMUM": ("INT8", "INT16", "FLOAT32", "INT32"),
    "SQUARED_DIFFERENCE": ("INT8", "INT16", "FLOAT32", "INT32"),
    "FLOOR_DIV": ("FLOAT32",),
    "FLOOR_MOD": ("FLOAT32",),
}
_UNARY = {
    "ABS": ("INT8", "INT16", "FLOAT32"),
    "CEIL": ("FLOAT32",),
    "COS": ("FLOAT32",),
    "EXP": ("FLOAT32",),
    "FLOOR": ("FLOAT32",),
    "LOG": ("FLOAT32",),
    "NEG": ("FLOAT32",),
    "ROUND": ("FLOAT32",),
    "RSQRT": ("INT8", "INT16", "FLOAT32"),
    "SIN": ("FLOAT32",),
    "SQRT": ("FLOAT32",),
    "SQUARE": ("FLOAT32",),
    "ZEROS_LIKE": ("INT8", "FLOAT32"),
}


def _positive(kind: str, *shape: int) -> T:
    """A constant; the kernels of int8 refuse what has no result."""
    like = activation(kind, *shape)
    return T(shape, kind, like.scale, like.zero, np.full(shape, 50))


def elementwise() -> Iterator[Named]:
    for name, kinds in _BINARY.items():
        for kind in kinds:
            options: tuple[str, Fields] | None = None
            if name in ("ADD", "SUB"):
                options = (f"{name.capitalize()}Options", {"pot_scale_int16": 0})
            for label, other in (("same", (1, 3, 5, 7)), ("broadcast", (1, 1, 1, 7))):
                inputs = [activation(kind, 1, 3, 5, 7), activation(kind, *other)]
                if name == "DIV":
                    inputs[1] = _positive(kind, *other)
                yield (
                    f"{name.lower()}_{kind.lower()}_{label}",
                    one(name, inputs, [activation(kind, 1, 3, 5, 7)], options),
                )
    for name, kinds in _UNARY.items():
        for kind in kinds:
            source = activation(kind, 1, 3, 5)
            if name == "RSQRT":
                source = _positive(kind, 1, 3, 5)
            yield f"{name.lower()}_{kind.lower()}", one(name, [source], [activation(kind, 1, 3, 5)])
    for name in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"):
        for kind in ("INT8", "FLOAT32", "INT32"):
            inputs = [activation(kind, 2, 5), activation(kind, 1, 5)]
            yield f"{name.lower()}_{kind.lower()}", one(name, inputs, [boolean(2, 5)])
    for name in ("LOGICAL_AND", "LOGICAL_OR"):
        yield name.lower(), one(name, [boolean(2, 5), boolean(2, 5)], [boolean(2, 5)])
    yield "logical_not", one("LOGICAL_NOT", [boolean(2, 5)], [boolean(2, 5)])
    for kind in ("INT8", "FLOAT32"):
        inputs = [activation(kind, 2, 5) for _ in range(3)]
        yield f"add_n_{kind.lower()}", one("ADD_N", inputs, [activation(kind, 2, 5)])
    for kind in ("INT8", "INT16", "FLOAT32"):
        choice = [boolean(2, 5), activation(kind, 2, 5), activation(kind, 2, 5)]
        yield f"select_v2_{kind.lower()}", one("SELECT_V2", choice, [activation(kind, 2, 5)])
    yield (
        "select_v2_broadcast",
        one("SELECT_V2", [boolean(1, 5), f32(2, 5), f32(2, 1)], [f32(2, 5)]),
    )
    for source, target in (("INT8", "FLOAT32"), ("FLOAT32", "INT8"), ("INT16", "INT32")):
        yield (
            f"cast_{source.lower()}_{target.lower()}",
            one("CAST", [T((2, 5), source, None)], [T((2, 5), target, None)]),
        )
