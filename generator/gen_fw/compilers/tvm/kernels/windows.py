# SPDX-License-Identifier: Apache-2.0
"""``transpose_conv`` and ``resize_bilinear``."""

from __future__ import annotations

from gen_fw.compilers.tvm.kernels import requantize
from gen_fw.compilers.tvm.kernels.script import Script, call, cast, static
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled
from gen_fw.runtimes.aot.arrays import DTYPES


def transpose_conv(spec: Spec) -> Unscheduled:
    """Every output sums the inputs that reach it; blocks of output channels, the last of which may
    overlap the one before it."""
    w = spec.words
    block, depth, count = w["block"], w["depth"], w["out_depth"]
    total_type = DTYPES[requantize.sum_type(spec)]
    output = spec.parameter("output").dtype
    script = Script(spec)
    script.line(f'sums = T.alloc_buffer(({block},), "{total_type}")')
    shape = (w["batch"], w["out_height"], w["out_width"], w["blocks"])
    zero = f" - {w['input_zero']}" if w["input_zero"] else ""
    with script.loops(shape) as (image, y, x, part):
        with script.loop(block, unroll=True) as b:
            script.line(f"sums[{b}] = {'T.float32(0)' if total_type == 'float32' else 0}")
        with script.loops([w["kernel_height"], w["kernel_width"]]) as (i, j):
            # inputs in their order, which matters for sums of floats
            ky, kx = f"({w['kernel_height'] - 1} - {i})", f"({w['kernel_width'] - 1} - {j})"
            down = f"({y} + {w['pad_top']} - {ky})"
            across = f"({x} + {w['pad_left']} - {kx})"
            line = f"T.floordiv({down}, {w['stride_height']})"
            column = f"T.floordiv({across}, {w['stride_width']})"
            condition = (
                f"T.floormod({down}, {w['stride_height']}) == 0 and "
                f"T.floormod({across}, {w['stride_width']}) == 0 and {down} >= 0 and "
                f"{across} >= 0 and {line} < {w['height']} and {column} < {w['width']}"
            )
            with script.when(condition), script.loop(depth) as c:
                at = f"(({image} * {w['height']} + {line}) * {w['width']} + {column}) * {depth}"
                element = f"{cast(total_type, f'input[{at} + {c}]')}{zero}"
                with script.loop(block, unroll=True) as b:
                    tap = f"({ky} * {w['kernel_width']} + {kx}) * {depth} + {c}"
                    place = f"({part} * {w['taps']} + {tap}) * {block} + {b}"
                    weight = cast(total_type, f"weights[{place}]")
                    script.line(f"sums[{b}] = sums[{b}] + ({element}) * {weight}")
        with script.loop(block, unroll=True) as b:
            row = f"({part} * {block} + {b})"
            more = requantize.arguments(spec, lambda name, at: f"{name}[{at}]", _Row(row))
            pixel = f"(({image} * {w['out_height']} + {y}) * {w['out_width']} + {x})"
            channel = f"T.min({part} * {block}, {count - block}) + {b}"
            result = call(output, requantize.CALL, f"sums[{b}]", *more)
            script.line(f"output[{pixel} * {count} + {channel}] = {result}")
    return Unscheduled(script.func(), helpers=requantize.helper(spec))


class _Row(str):
    """Text of an index that can be multiplied and added to, as TVM's expressions."""

    def __mul__(self, other: object) -> _Row:
        return _Row(f"{self} * {other}")

    def __add__(self, other: object) -> _Row:
        return _Row(f"({self} + {other})")


def resize_bilinear(spec: Spec) -> Unscheduled:
    """Between the rows and columns that tables name."""
    w = spec.words
    real = w["real"]
    total = "float" if real else w["sum"]
    element = w["c_type"]
    one = "1.0f" if real else "1024"
    corners = ("above_left", "below_left", "above_right", "below_right")
    arguments = [f"{element} {name}" for name in corners] + [f"{total} down", f"{total} there"]
    lines = [
        f"const {total} up = {one} - down;",
        f"const {total} here = {one} - there;",
    ]
    if real:
        lines += [
            "return above_left * up * here + below_left * down * here +",
            "       above_right * up * there + below_right * down * there + 0.0f;",
        ]
    else:
        lines += [
            f"const {total} sum = above_left * (up * here) + below_left * (down * here) +",
            f"{' ' * len(f'const {total} sum = ')}above_right * (up * there) + "
            "below_right * (down * there);",
            "return (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));",
        ]
    script = Script(spec)
    dtype = DTYPES[total]
    shape = (w["batch"], w["out_height"], w["out_width"], w["depth"])
    with script.loops(shape) as (image, row, column, c):

        def corner(down: int, across: int) -> str:
            place = f"{image} * {w['image']} + rows[2 * {row} + {down}]"
            return f"input[{place} + columns[2 * {column} + {across}] + {c}]"

        values = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)]
        values += [cast(dtype, f"row_weights[{row}]"), cast(dtype, f"column_weights[{column}]")]
        place = f"(({image} * {w['out_height']} + {row}) * {w['out_width']} + {column})"
        result = call(spec.parameter("output").dtype, "$between$", *values)
        script.line(f"output[{place} * {w['depth']} + {c}] = {result}")
    head = f"{element} $between$({', '.join(arguments)})"
    return Unscheduled(script.func(), helpers=static("between", head, lines))
