# SPDX-License-Identifier: Apache-2.0
"""Samples and frames: SignalWindow, SignalFramer, SignalStacker, SignalDelay, SignalOverlapAdd.

TFLM keeps samples in circular buffers of twice their capacity; here they are in order, and move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.layer import C_TYPES, Over, Site, StateArgument, Step
from gen_fw.runtimes.aot.signals import last, options, step, vectors
from gen_fw.runtimes.aot.state import Slot
from gen_fw.runtimes.aot.table import operator

_I16, _BOOL = DType.INT16, DType.BOOL


@operator("CUSTOM:SignalWindow", types="int16")
def window(site: Site) -> Sequence[Step]:
    """ApplyWindow of signal/src/window.cc."""
    source, weights, target = vectors(site, (_I16, _I16), (_I16,))
    shift = options(site, "shift")["shift"]
    size, rows = source.elements, source.elements // max(weights.elements, 1)
    shapes = (
        len(weights.shape) == 1
        and len(source.shape) == len(target.shape) >= 1
        and size == target.elements == rows * weights.elements > 0
    )
    site.require(shapes, "shapes")
    site.require(0 <= shift < 32, "a shift out of range")
    return [
        step(
            "signal_window",
            {"rows": rows, "size": weights.elements, "shift": shift},
            (
                site.reads("input", source),
                site.reads("weights", weights),
                site.writes("output", target),
            ),
            f"{rows} x {weights.elements} samples",
            Over("input"),
        )
    ]


@operator("CUSTOM:SignalFramer", types="int16")
def framer(site: Site) -> Sequence[Step]:
    """FramerEval of signal/micro/kernels/framer.cc; a frame that is not complete is 0 here."""
    source, target, valid = vectors(site, (_I16,), (_I16, _BOOL))
    given = options(site, "frame_size", "frame_step", "prefill")
    size, hop, prefill = given["frame_size"], given["frame_step"], bool(given["prefill"])
    length, rows = last(site, source)
    site.require(size > 0 and 0 < hop <= length and length % hop == 0, "frames")
    site.require(not prefill or size >= hop, "a step beyond the frame")
    frames = length // hop
    site.require(target.elements == rows * frames * size and valid.elements == 1, "shapes")
    kept = math.ceil(size / hop) * hop
    state = _state(site, "frames", 2 * rows * kept)
    return [
        step(
            "signal_framer",
            {
                "rows": rows,
                "frames": frames,
                "size": size,
                "hop": hop,
                "kept": kept,
                "begin": size - hop if prefill else 0,
            },
            (
                site.reads("input", source),
                site.writes("output", target),
                site.writes("valid", valid),
                StateArgument("samples", "int16_t", state),
                StateArgument("count", "int32_t", _state(site, "count", 4)),
            ),
            f"{rows * frames} frames of {size}, step {hop}",
        )
    ]


@operator("CUSTOM:SignalStacker", types="int16")
def stacker(site: Site) -> Sequence[Step]:
    """StackerEval of signal/micro/kernels/stacker.cc; outputs are 0 until enough is there."""
    source, target, valid = vectors(site, (_I16,), (_I16, _BOOL))
    given = options(
        site, "num_channels", "stacker_left_context", "stacker_right_context", "stacker_step"
    )
    channels, hop = given["num_channels"], given["stacker_step"]
    left, right = given["stacker_left_context"], given["stacker_right_context"]
    size = channels * (left + right + 1)
    site.require(channels > 0 <= min(left, right) and 1 <= hop <= left + right + 1, "contexts")
    flat = len(source.shape) == len(target.shape) == 1 and valid.elements == 1
    site.require(flat and source.elements == channels and target.elements == size, "shapes")
    return [
        step(
            "signal_stacker",
            {"channels": channels, "left": left, "size": size, "hop": channels * hop},
            (
                site.reads("input", source),
                site.writes("output", target),
                site.writes("valid", valid),
                StateArgument("samples", "int16_t", _state(site, "frames", 2 * size)),
                StateArgument("count", "int32_t", _state(site, "count", 4)),
            ),
            f"{left + right + 1} frames of {channels}",
        )
    ]


@operator("CUSTOM:SignalDelay", types="int16")
def delay(site: Site) -> Sequence[Step]:
    """DelayEval of signal/micro/kernels/delay.cc."""
    source, target = vectors(site, (_I16,), (_I16,))
    length = options(site, "delay_length")["delay_length"]
    frame, rows = last(site, source)
    site.require(target.elements == source.elements, "shapes")
    site.require(0 < length < 1 << 20, f"a delay of {length}")
    return [
        step(
            "signal_delay",
            {"rows": rows, "frame": frame, "delay": length},
            (
                site.reads("input", source),
                site.writes("output", target),
                StateArgument("samples", "int16_t", _state(site, "delay", 2 * rows * length)),
            ),
            f"{rows} x {frame} samples by {length}",
        )
    ]


@operator("CUSTOM:SignalOverlapAdd", types="int16, float32")
def overlap_add(site: Site) -> Sequence[Step]:
    """OverlapAdd of signal/src/overlap_add.cc."""
    source = site.of_type(site.input(0), _I16, DType.FLOAT32)
    source, target = vectors(site, (source.dtype,), (source.dtype,))
    given = options(site, "T", "frame_step")
    site.require(given["T"] == int(source.dtype), "a type that the options do not name")
    hop = given["frame_step"]
    site.require(len(source.shape) >= 2 and source.elements > 0, "shapes")
    frames, size = source.shape[-2:]
    rows = source.elements // (frames * size)
    site.require(0 < hop <= size and target.elements == rows * frames * hop, "steps")
    element = source.dtype.bits // 8
    state = _state(site, "overlap", element * rows * size)
    value = C_TYPES[source.dtype]
    return [
        step(
            "signal_overlap_add",
            {"rows": rows, "frames": frames, "size": size, "hop": hop, "value": value},
            (
                site.reads("input", source),
                site.writes("output", target),
                StateArgument("sums", value, state),
            ),
            f"{rows * frames} frames of {size}, step {hop}",
            # a frame is added to the sums before its samples are written
            Over("input"),
        )
    ]


def _state(site: Site, what: str, size: int) -> Slot:
    return Slot((what, site.subgraph.index, site.operator.index), size)
