# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D channel by channel: a channel's image is copied with its padding, and taps read
at fixed places of that plane; neighbouring outputs of a row share what they read."""

from __future__ import annotations

from typing import Any

from tvm import te, tirx

from gen_fw.compilers.tvm.kernels import requantize
from gen_fw.compilers.tvm.kernels.images import inside, place
from gen_fw.compilers.tvm.kernels.spec import Knob, Spec, Unscheduled
from gen_fw.runtimes.aot.arrays import DTYPES

#: neighbouring outputs that are searched; tiles may reach so far beyond the last one
COLUMNS = (1, 2, 3, 4, 5, 6, 8)
#: what an output takes in tiles of so many columns, with many registers and with few, beside the
#: best: measured on the layers of two models (docs/tvm.md, "Tuning")
_MANY = {1: 1.25, 2: 1.1, 3: 1.0, 4: 1.05, 5: 1.08, 6: 1.13}
_FEW = {1: 1.15, 2: 1.03, 3: 1.02, 4: 1.0, 5: 1.0, 6: 1.03}
#: rows of a tile that are searched
ROWS = (1, 2, 3)
_BEYOND = 7
#: kernels of at most so many taps are written out
_UNROLLED = 16


def depthwise(spec: Spec) -> Unscheduled:
    """Without its schedule."""
    w = spec.words
    buffers = {p.name: te.placeholder((p.elements,), p.dtype, p.name) for p in spec.parameters}
    batch, depth, multiplier = w["batch"], w["depth"], w["multiplier"]
    rows, columns = w["out_height"], w["out_width"]
    taps = (w["kernel_height"], w["kernel_width"])
    total = DTYPES[requantize.sum_type(spec)]
    height = (rows - 1) * w["stride_height"] + (taps[0] - 1) * w["dilation_height"] + 1
    reach = (columns + _BEYOND - 1) * w["stride_width"] + (taps[1] - 1) * w["dilation_width"] + 1

    def cell(b: Any, c: Any, y: Any, x: Any) -> Any:
        y, x = y - w["pad_top"], x - w["pad_left"]
        zero = tirx.const(w["input_zero"], spec.parameter("input").dtype)
        value = buffers["input"][place(w, b, y, x, c)]
        return te.if_then_else(inside(w, y, x), value, zero)

    plane = te.compute((batch, depth, height, reach), cell, name="plane")
    ky, kx = te.reduce_axis((0, taps[0]), "ky"), te.reduce_axis((0, taps[1]), "kx")

    def term(b: Any, c: Any, j: Any, y: Any, x: Any) -> Any:
        line = y * w["stride_height"] + ky * w["dilation_height"]
        column = x * w["stride_width"] + kx * w["dilation_width"]
        at = ((c * multiplier + j) * taps[0] + ky) * taps[1] + kx
        data = plane[b, c, line, column].astype(total)
        return te.sum(data * buffers["weights"][at].astype(total), axis=[ky, kx])

    sums = te.compute((batch, depth, multiplier, rows, columns + _BEYOND), term, name="sums")

    def finished(b: Any, c: Any, j: Any, y: Any, x: Any) -> Any:
        return requantize.finished(spec, buffers, sums[b, c, j, y, x], c * multiplier + j)

    if w.get("out_layout", "nhwc") == "nchw":
        shape = (batch, depth, multiplier, rows, columns)
        out = te.compute(shape, finished, name="output")
        order = (0, 1, 2, 3, 4)
    else:
        shape = (batch, rows, columns, depth, multiplier)
        out = te.compute(shape, lambda b, y, x, c, j: finished(b, c, j, y, x), name="output")
        order = (0, 3, 4, 1, 2)
    inputs = [b for name, b in buffers.items() if name != "output"]
    func = te.create_prim_func([*inputs, out])

    def schedule(sch: Any, knob: Knob) -> None:
        loops = sch.get_loops(sch.get_sblock("output"))
        b, c, j, y, x = (loops[i] for i in order)
        sizes = [size for size in COLUMNS if size <= columns]
        costs = _MANY if spec.registers >= 24 else _FEW
        default = min(
            (size for size in sizes if size in costs),
            key=lambda size: -(-columns // size) * size * costs[size],
        )
        by_columns = knob("columns", sizes, default)
        by_rows = knob("rows", [size for size in ROWS if rows % size == 0], 1)
        y0, y1 = sch.split(y, [None, by_rows])
        x0, x1 = sch.split(x, [None, by_columns])
        sch.reorder(b, c, j, y0, x0, y1, x1)
        sch.unroll(y1)
        sch.unroll(x1)
        acc = sch.get_sblock("sums")
        sch.compute_at(acc, x0, preserve_unit_loops=True)
        copied = sch.get_sblock("plane")
        sch.compute_at(copied, c, preserve_unit_loops=True)
        if knob("edges", (0, 1), 1):
            # the copy's loops are split where the image ends, and ask nothing inside
            for loop in sch.get_loops(copied)[-2:]:
                sch.annotate(loop, "pragma_loop_partition_hint", 1)
        line, tile, down, across = sch.get_loops(acc)[-4:]
        sch.reorder(down, across, line, tile)
        sch.unroll(line)
        sch.unroll(tile)
        if taps[0] * taps[1] <= _UNROLLED:
            sch.unroll(down)
        if taps[1] <= _UNROLLED:
            sch.unroll(across)
        start = sch.decompose_reduction(acc, down)
        for loop in sch.get_loops(start)[5:]:
            sch.unroll(loop)

    return Unscheduled(func, schedule, requantize.helper(spec))
