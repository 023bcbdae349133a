# SPDX-License-Identifier: Apache-2.0
"""CONV_2D and FULLY_CONNECTED as [pixels, taps] x [taps, channels]: a register tile of pixels by
channels; the taps of a tile that are not contiguous in the image are gathered first, which makes
the padding too, so that it is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import te, tirx

from gen_fw.compilers.tvm.kernels import requantize
from gen_fw.compilers.tvm.kernels.images import inside, place
from gen_fw.compilers.tvm.kernels.spec import Knob, Spec, Unscheduled
from gen_fw.runtimes.aot.arrays import DTYPES

#: sizes of tiles that are searched; tiles may reach so far beyond the last pixel or channel
PIXELS = (1, 2, 3, 4, 5, 6, 8)
CHANNELS = (1, 2, 3, 4, 5, 6, 8)
UNROLL = (1, 2, 3, 4, 5, 6, 8, 9)
#: of the loops that gather taps, innermost first: taps that are written out
GATHER = (1, 2, 3, 4, 6, 8, 9, 12, 16, 24)
#: of a single pixel, whose tile is a row
MORE_CHANNELS = (10, 12, 16)
_BEYOND = 15
#: taps that gathering writes out without tuning
_COPIED = 16


def product(spec: Spec) -> Unscheduled:
    """Without its schedule."""
    w = spec.words
    buffers = {p.name: te.placeholder((p.elements,), p.dtype, p.name) for p in spec.parameters}
    groups, taps, channels = w["groups"], w["taps"], w["channels"]
    pixels = w["batch"] * w["out_height"] * w["out_width"]
    total = DTYPES[requantize.sum_type(spec)]
    depth = w["depth"] // groups
    window = (w["kernel_height"], w["kernel_width"], depth)
    direct = window[:2] == (1, 1) and (w["stride_height"], w["stride_width"]) == (1, 1)
    direct = direct and not w["padded"]
    apart = bool(spec.knobs.get("apart", 0))

    def within(index: Any, extent: int, value: Callable[[Any], Any]) -> Any:
        """The value at an index, and any one behind the end: tiles may reach beyond it."""
        if apart:  # the condition goes where loops are split
            return te.if_then_else(index < extent, value(index), 0)
        return value(tirx.min(index, extent - 1))

    def tap(group: Any, pixel: Any, ky: Any, kx: Any, c: Any) -> Any:
        """An element of the image, or the zero point outside."""
        pixel = tirx.min(pixel, pixels - 1)
        column, line = tirx.floormod(pixel, w["out_width"]), tirx.floordiv(pixel, w["out_width"])
        image, row = tirx.floordiv(line, w["out_height"]), tirx.floormod(line, w["out_height"])
        y = row * w["stride_height"] + ky * w["dilation_height"] - w["pad_top"]
        x = column * w["stride_width"] + kx * w["dilation_width"] - w["pad_left"]
        at = place(w, image, y, x, group * depth + c)
        value = buffers["input"][at]
        if not w["padded"]:
            return value
        zero = tirx.const(w["input_zero"], spec.parameter("input").dtype)
        return te.if_then_else(inside(w, y, x), value, zero)

    def direct_tap(group: Any, pixel: Any, k: Any) -> Any:
        """The same where a pixel's taps are one pixel of the input."""

        def value(pixel: Any) -> Any:
            if w.get("in_layout", "nhwc") == "nchw":  # of one image
                return buffers["input"][(group * depth + k) * pixels + pixel].astype(total)
            return buffers["input"][pixel * w["depth"] + group * depth + k].astype(total)

        return within(pixel, pixels, value)

    if not direct:
        patches = te.compute(
            (groups, pixels + _BEYOND, taps),
            lambda g, p, k: tap(
                g,
                p,
                tirx.floordiv(k, window[1] * depth),
                tirx.floormod(tirx.floordiv(k, depth), window[1]),
                tirx.floormod(k, depth),
            ),
            name="patches",
        )
    axis = te.reduce_axis((0, taps), "k")
    weights = buffers["weights"]

    def term(g: Any, p: Any, o: Any) -> Any:
        data = direct_tap(g, p, axis) if direct else patches[g, p, axis].astype(total)
        row = (g * taps + axis) * channels
        return te.sum(
            data * within(o, channels, lambda o: weights[row + o].astype(total)), axis=axis
        )

    sums = te.compute((groups, pixels + _BEYOND, channels + _BEYOND), term, name="sums")

    def finished(g: Any, p: Any, o: Any) -> Any:
        return requantize.finished(spec, buffers, sums[g, p, o], g * channels + o)

    if w.get("out_layout", "nhwc") == "nchw":
        shape = (groups, channels, pixels)
        out = te.compute(shape, lambda g, o, p: finished(g, p, o), name="output")
        order = (0, 2, 1)
    else:
        shape = (pixels, groups, channels)
        out = te.compute(shape, lambda p, g, o: finished(g, p, o), name="output")
        order = (1, 0, 2)
    inputs = [b for name, b in buffers.items() if name != "output"]
    func = te.create_prim_func([*inputs, out])
    row = window[1] * window[2]
    defaults = _defaults(spec, pixels, channels, taps, depth, row)

    def schedule(sch: Any, knob: Knob) -> None:
        done = sch.get_sblock("output")
        loops = sch.get_loops(done)
        group, pixel, channel = (loops[i] for i in order)
        by_pixels = knob("pixels", [p for p in PIXELS if p <= pixels], defaults[0])
        sizes = CHANNELS if pixels > 1 else (*CHANNELS, *MORE_CHANNELS)
        by_channels = knob("channels", [c for c in sizes if c <= channels], defaults[1])
        by_taps = knob("unroll", [u for u in UNROLL if taps % u == 0], defaults[2])
        p0, p1 = sch.split(pixel, [None, by_pixels])
        o0, o1 = sch.split(channel, [None, by_channels])
        sch.reorder(group, p0, o0, p1, o1)
        sch.unroll(p1)
        sch.unroll(o1)
        if knob("apart", (0, 1), 0):
            # the last tiles, which may reach beyond the end, get code of their own
            for loop in (p0, o0):
                sch.annotate(loop, "pragma_loop_partition_hint", 1)
        acc = sch.get_sblock("sums")
        sch.compute_at(acc, o0, preserve_unit_loops=True)
        p, o, k = sch.get_loops(acc)[-3:]
        # a weight meets all pixels, or a pixel all weights
        sch.reorder(k, *((o, p) if knob("across", (0, 1), 0) else (p, o)))
        k0, k1 = sch.split(k, [None, by_taps])
        for loop in (p, o, k1):
            sch.unroll(loop)
        start = sch.decompose_reduction(acc, k0)
        for loop in sch.get_loops(start)[3:]:
            sch.unroll(loop)
        if not direct:
            gathered = sch.get_sblock("patches")
            sch.compute_at(gathered, p0, preserve_unit_loops=True)
            taps_loop = sch.get_loops(gathered)[-1]
            _, across, run = sch.split(taps_loop, list(window))
            copies = [size for size in GATHER if _gathers(size, depth, row)]
            written = knob("gather", copies, defaults[3])
            if written == row and row > depth:
                sch.unroll(across)
                sch.unroll(run)
            elif written > 1:
                _, inner = sch.split(run, [None, written])
                sch.unroll(inner)

    return Unscheduled(func, schedule, requantize.helper(spec))


def _defaults(
    spec: Spec, pixels: int, channels: int, taps: int, run: int, row: int
) -> tuple[int, int, int, int]:
    """Tile, unrolling and gathering without tuning: what served best on all layers of four models,
    on Cortex-M and on RISC-V (docs/tvm.md, "Tuning"); ``run`` taps of a row of ``row`` are
    contiguous."""
    many = spec.registers >= 24
    copied = max(size for size in (*GATHER, 1) if size <= _COPIED and _gathers(size, run, row))
    if requantize.sum_type(spec) != "int32_t":
        block = _least([c for c in (4, 5, 3, 2, 1) if c <= channels], channels, 2)
        tile = _least([p for p in (4, 3, 2, 1) if p <= min(4 if many else 2, pixels)], pixels, 1)
        return tile, block, 2 if taps % 2 == 0 else 1, copied
    if pixels == 1:
        block = max(c for c in (8, 6, 5, 4, 3, 2, 1) if channels % c == 0)
        most = (2 if many else 1) if block == 8 else 2 if block > 4 else 4 if many else 8
        return 1, block, _unrolled(taps, most), copied
    block = min(4 if many and channels >= 4 else 2, channels)
    # four pixels take as long as three and a third; a tile over the end takes as long as a full one
    tile = min((3, 4), key=lambda p: -(-pixels // p) * p * (1.02 if p == 4 else 1))
    tile = min(tile, pixels)
    return tile, block, _unrolled(taps, (1 if tile == 4 else 2) if many else 9), copied


def _least(sizes: list[int], extent: int, more: int) -> int:
    """The size with the fewest loads, where a tile takes ``more`` than its size."""
    return min(sizes, key=lambda size: (-(-extent // size) * (size + more), -size))


def _unrolled(taps: int, most: int) -> int:
    return max(u for u in UNROLL if u <= most and taps % u == 0)


def _gathers(size: int, run: int, row: int) -> bool:
    """Whether so many taps can be written out: part of those that are contiguous, or a row."""
    return run % size == 0 or size == row
