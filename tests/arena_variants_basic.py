# SPDX-License-Identifier: Apache-2.0
"""Variants of activation functions, reductions, and operators that only change a shape."""

from __future__ import annotations

from collections.abc import Iterator

from arena_net import T, activation, boolean, f32, i8, i16, i32, ints, one, scalar

R = "random"
Named = tuple[str, bytes]


def basic_variants() -> Iterator[Named]:
    yield from activations()
    yield from shapes()
    yield from reductions()


def activations() -> Iterator[Named]:
    logistic = {"INT8": i8(3, 7, scale=1 / 256, zero=-128), "INT16": i16(3, 7, scale=1 / 32768)}
    tanh = {"INT8": i8(3, 7, scale=1 / 128, zero=0), "INT16": i16(3, 7, scale=1 / 32768)}
    for kind in ("INT8", "INT16", "FLOAT32"):
        label, source = kind.lower(), activation(kind, 3, 7)
        yield f"logistic_{label}", one("LOGISTIC", [source], [logistic.get(kind, f32(3, 7))])
        yield f"tanh_{label}", one("TANH", [source], [tanh.get(kind, f32(3, 7))])
        yield f"relu_{label}", one("RELU", [source], [source])
        yield f"relu6_{label}", one("RELU6", [source], [source])
        yield (
            f"softmax_{label}",
            one(
                "SOFTMAX",
                [source],
                [logistic.get(kind, f32(3, 7))],
                ("SoftmaxOptions", {"beta": 1.0}),
            ),
        )
        leaky = ("LeakyReluOptions", {"alpha": 0.25})
        yield f"leaky_relu_{label}", one("LEAKY_RELU", [source], [source], leaky)
        if kind != "INT16":
            alpha = T((1, 7), kind, source.scale, source.zero, R)
            yield f"prelu_{label}", one("PRELU", [source, alpha], [source])
            yield f"elu_{label}", one("ELU", [source], [source])
            yield f"hard_swish_{label}", one("HARD_SWISH", [source], [source])
            log = i8(3, 7, scale=16 / 256, zero=127) if kind == "INT8" else f32(3, 7)
            yield f"log_softmax_{label}", one("LOG_SOFTMAX", [source], [log])
            norm = ("L2NormOptions", {"fused_activation_function": 0})
            unit = i8(1, 3, 7, scale=1 / 128, zero=0) if kind == "INT8" else f32(1, 3, 7)
            plain = i8(1, 3, 7, zero=0) if kind == "INT8" else f32(1, 3, 7)
            yield f"l2_normalization_{label}", one("L2_NORMALIZATION", [plain], [unit], norm)
    yield (
        "softmax_int8_int16",
        one(
            "SOFTMAX",
            [i8(3, 7)],
            [T((3, 7), "INT16", 1 / 65536, -32768)],
            ("SoftmaxOptions", {"beta": 1.0}),
        ),
    )
    for first, second in (
        (f32(3, 7), i8(3, 7)),
        (f32(3, 7), i16(3, 7)),
        (i8(3, 7), i8(3, 7, scale=0.1)),
        (i8(3, 7), i16(3, 7)),
        (i16(3, 7), i8(3, 7)),
        (i16(3, 7), i32(3, 7, scale=0.01)),
        (i8(3, 7), i32(3, 7, scale=0.01)),
        (i32(3, 7, scale=0.01), i8(3, 7)),
    ):
        name = f"quantize_{first.dtype}_{second.dtype}".lower()
        yield name, one("QUANTIZE", [first], [second])
    for source in (i8(3, 7), i16(3, 7), T((3, 7), "UINT8", 0.1, 120)):
        yield f"dequantize_{source.dtype.lower()}", one("DEQUANTIZE", [source], [f32(3, 7)])


def shapes() -> Iterator[Named]:
    for kind in ("INT8", "INT16", "FLOAT32"):
        label, source = kind.lower(), activation(kind, 2, 6)

        def like(*shape: int, kind: str = kind) -> T:
            return activation(kind, *shape)

        yield f"reshape_{label}", one("RESHAPE", [source, ints(3, 4)], [like(3, 4)])
        yield f"reshape_rest_{label}", one("RESHAPE", [source, ints(-1, 4)], [like(3, 4)])
        yield (
            f"reshape_options_{label}",
            one("RESHAPE", [source], [like(12)], ("ReshapeOptions", {"new_shape": [12]})),
        )
        yield f"expand_dims_{label}", one("EXPAND_DIMS", [source, ints(1)], [like(2, 1, 6)])
        yield (
            f"squeeze_{label}",
            one(
                "SQUEEZE",
                [like(1, 2, 1, 6)],
                [source],
                ("SqueezeOptions", {"squeeze_dims": [0, 2]}),
            ),
        )
    yield "shape_float32", one("SHAPE", [f32(2, 6)], [i32(2)], ("ShapeOptions", {"out_type": 2}))
    for kind in ("INT8", "FLOAT32"):
        value = T((), kind, 0.05 if kind == "INT8" else None, 3, R)
        yield f"fill_{kind.lower()}", one("FILL", [ints(2, 5), value], [activation(kind, 2, 5)])
    yield "broadcast_to", one("BROADCAST_TO", [f32(1, 5), ints(3, 5)], [f32(3, 5)])
    yield "broadcast_args", one("BROADCAST_ARGS", [i32(2), i32(2)], [i32(2)])


def reductions() -> Iterator[Named]:
    for kind in ("INT8", "INT16", "FLOAT32"):
        for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):
            if name.startswith("REDUCE") and kind == "INT16":
                continue
            for axes, shape in (((1, 2), (2, 6)), ((3,), (2, 5, 4)), ((0, 1, 2, 3), ())):
                yield (
                    f"{name.lower()}_{kind.lower()}_{''.join(map(str, axes))}",
                    one(
                        name,
                        [activation(kind, 2, 5, 4, 6), ints(*axes)],
                        [activation(kind, *shape)],
                        ("ReducerOptions", {"keep_dims": 0}),
                    ),
                )
    source = activation("INT8", 1, 5, 4, 6)
    yield (
        "mean_keep_same_scale",
        one("MEAN", [source, ints(1, 2)], [i8(1, 1, 1, 6)], ("ReducerOptions", {"keep_dims": 1})),
    )
    yield (
        "reduce_all",
        one(
            "REDUCE_ALL",
            [boolean(2, 5), ints(1)],
            [boolean(2)],
            ("ReducerOptions", {"keep_dims": 0}),
        ),
    )
    for name in ("ARG_MAX", "ARG_MIN"):
        for kind in ("INT8", "FLOAT32"):
            options = (f"{'ArgMax' if name == 'ARG_MAX' else 'ArgMin'}Options", {"output_type": 2})
            yield (
                f"{name.lower()}_{kind.lower()}",
                one(name, [activation(kind, 2, 5), ints(1)], [i32(2)], options),
            )
    for kind in ("INT8", "FLOAT32"):
        options = ("CumsumOptions", {"exclusive": 0, "reverse": 1})
        source = activation(kind, 2, 5)
        yield f"cumsum_{kind.lower()}", one("CUMSUM", [source, scalar(1)], [source], options)
