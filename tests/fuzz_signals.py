# SPDX-License-Identifier: Apache-2.0
"""Random models of the signal library's operators, circular buffers and detections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from arena_net import Net, T, boolean, f32, i8
from gen_fw.model.types import Model

Rng = np.random.Generator


def _pick(rng: Rng, *values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _u32(*shape: int) -> T:
    return T(shape, "UINT32", None)


def _u64(*shape: int) -> T:
    return T(shape, "UINT64", None)


def _plain(*shape: int) -> T:
    return T(shape, "INT16", None)


def _words(values: Any) -> T:
    array = np.asarray(values, np.int16)
    return T(array.shape, "INT16", None, 0, array)


def window(rng: Rng) -> Net:
    net = Net()
    graph = net.graph()
    size, rows = int(rng.integers(1, 40)), int(rng.integers(1, 4))
    source = graph.input(
        _plain(rows * size) if rows > 1 and rng.random() < 0.5 else _plain(rows, size)
    )
    shape = graph.tensors[source]["shape"]
    weights = _words(rng.integers(-(1 << 15), 1 << 15, size))
    shift = {"shift": _pick(rng, 0, 8, 12, 15)}
    graph.outputs = graph.operator("SignalWindow", [source, weights], [_plain(*shape)], None, shift)
    return net


def spectrum(rng: Rng) -> Net:
    """Scaled, transformed, energies; or a transform and its inverse, in all types."""
    net = Net()
    graph = net.graph()
    length = _pick(rng, 4, 6, 8, 10, 12, 16, 20, 24, 30, 32, 60, 64, 90, 128, 250, 512)
    kind = _pick(rng, "INT16", "INT16", "INT32", "FLOAT32")
    code = {"INT16": 7, "INT32": 2, "FLOAT32": 0}[kind]
    given = int(rng.integers(1, length + 1)) if rng.random() < 0.5 else length
    options = {"T": code, "fft_length": length}
    rows = 1
    if kind == "INT16" and rng.random() < 0.5:
        source = graph.input(_plain(given))
        scaled, bits = graph.operator(
            "SignalFftAutoScale", [source], [_plain(given), T((), "INT32", None)]
        )
        (bins,) = graph.operator("SignalRfft", [scaled], [_plain(length + 2)], None, options)
        # TFLM leaves other bins as they were
        limits = {"end_index": length // 2 + 1, "start_index": 0}
        (energy,) = graph.operator("SignalEnergy", [bins], [_u32(length // 2 + 1)], None, limits)
        graph.outputs = [bits, bins, energy]
        return net
    rows = _pick(rng, 1, 1, 3)
    shape = (given,) if rows == 1 else (rows, given)
    wide = (*shape[:-1], length + 2)
    source = graph.input(T(shape, kind, None))
    (bins,) = graph.operator("SignalRfft", [source], [T(wide, kind, None)], None, options)
    back = graph.operator(
        "SignalIrfft", [bins], [T((*shape[:-1], length), kind, None)], None, options
    )
    graph.outputs = [bins, *back] if rng.random() < 0.5 else back
    return net


def filters(rng: Rng) -> Net:
    """A filter bank and what follows it."""
    net = Net()
    graph = net.graph()
    bins, channels = int(rng.integers(20, 80)), int(rng.integers(1, 12))
    widths = rng.integers(0, 5, channels + 1)
    bands = np.array([int(rng.integers(0, bins - 5)) for _ in widths])
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    weights = rng.integers(0, 4096, int(widths.sum()) + 1)
    source = graph.input(_u32(bins))
    constants = [_words(weights), _words(4096 - weights), _words(bands), _words(starts)]
    (sums,) = graph.operator(
        "SignalFilterBank",
        [source, *constants, _words(widths)],
        [_u64(channels)],
        None,
        {"num_channels": channels},
    )
    bits = T((), "INT32", None, 0, np.array(int(rng.integers(0, 8)), np.int32))
    (roots,) = graph.operator("SignalFilterBankSquareRoot", [sums, bits], [_u32(channels)])
    smoothing = int(rng.integers(100, 9000))
    other = int(rng.integers(100, 9000)) if rng.random() < 0.5 else smoothing
    rest, noise = graph.operator(
        "SignalFilterBankSpectralSubtraction",
        [roots],
        [_u32(channels), _u32(channels)],
        None,
        {
            "alternate_one_minus_smoothing": (1 << 14) - other,
            "alternate_smoothing": other,
            "clamping": bool(rng.random() < 0.5),
            "min_signal_remaining": int(rng.integers(100, 2000)),
            "num_channels": channels,
            "one_minus_smoothing": (1 << 14) - smoothing,
            "smoothing": smoothing,
            "smoothing_bits": int(rng.integers(0, 11)),
            "spectral_subtraction_bits": 14,
        },
    )
    gains = _words(rng.integers(-(1 << 15), 1 << 15, 125))
    (gained,) = graph.operator(
        "SignalPCAN",
        [rest, noise, gains],
        [_u32(channels)],
        None,
        {"snr_shift": int(rng.integers(0, 20))},
    )
    scale = {"input_correction_bits": int(rng.integers(0, 6)), "output_scale": 1 << 6}
    logs = graph.operator("SignalFilterBankLog", [gained], [_plain(channels)], None, scale)
    graph.outputs = [sums, roots, gained, *logs]
    return net


def frames(rng: Rng) -> Net:
    """One of the operators that keep samples."""
    return _pick(rng, _framer, _stacker, _delay, _overlap)(rng)


def _framer(rng: Rng) -> Net:
    net = Net()
    graph = net.graph()
    hop, count, rows = int(rng.integers(1, 6)), int(rng.integers(1, 4)), _pick(rng, 1, 1, 2)
    prefill = count > 1 or bool(rng.random() < 0.5)
    size = int(rng.integers(hop if prefill else 1, 3 * hop + 2))
    shape = (hop * count,) if rows == 1 else (rows, hop * count)
    source = graph.input(_plain(*shape))
    graph.outputs = graph.operator(
        "SignalFramer",
        [source],
        [_plain(*shape[:-1], count, size), boolean()],
        None,
        {"frame_size": size, "frame_step": hop, "prefill": prefill},
    )
    return net


def _stacker(rng: Rng) -> Net:
    net = Net()
    graph = net.graph()
    channels, left, right = (int(v) for v in rng.integers((1, 0, 0), (5, 4, 3)))
    source = graph.input(_plain(channels))
    graph.outputs = graph.operator(
        "SignalStacker",
        [source],
        [_plain(channels * (left + right + 1)), boolean()],
        None,
        {
            "num_channels": channels,
            "stacker_left_context": left,
            "stacker_right_context": right,
            "stacker_step": int(rng.integers(1, left + right + 2)),
        },
    )
    return net


def _delay(rng: Rng) -> Net:
    net = Net()
    graph = net.graph()
    shape = _pick(rng, (5,), (2, 3), (8,), (1,))
    source = graph.input(_plain(*shape))
    length = {"delay_length": int(rng.integers(1, 12))}
    graph.outputs = graph.operator("SignalDelay", [source], [_plain(*shape)], None, length)
    return net


def _overlap(rng: Rng) -> Net:
    net = Net()
    graph = net.graph()
    rows, count, size = _pick(rng, (), (2,)), int(rng.integers(1, 4)), int(rng.integers(1, 9))
    hop = int(rng.integers(1, size + 1))
    kind = _pick(rng, "INT16", "FLOAT32")
    source = graph.input(T((*rows, count, size), kind, None))
    graph.outputs = graph.operator(
        "SignalOverlapAdd",
        [source],
        [T((*rows, count * hop), kind, None)],
        None,
        {"T": 7 if kind == "INT16" else 0, "frame_step": hop},
    )
    return net


def circular(rng: Rng) -> Net:
    """The rest runs every time, since the reference's outputs are stale otherwise."""
    net = Net()
    graph = net.graph()
    slots, width, depth = (int(v) for v in rng.integers((1, 1, 1), (6, 3, 6)))
    source = graph.input(i8(1, 1, width, depth))
    whole = T((1, slots, width, depth), "INT8", 0.05, 3, None, variable=True)
    (kept,) = graph.operator("CIRCULAR_BUFFER", [source], [whole], None, {"cycles_max": 1})
    graph.outputs = graph.operator("RELU", [kept], [i8(1, slots, width, depth, scale=0.04)])
    return net


def detection(rng: Rng) -> Net:
    net = Net()
    graph = net.graph()
    count, classes, limit = (int(v) for v in rng.integers((1, 1, 1), (30, 6, 12)))
    background = int(rng.integers(0, 2))
    regular = bool(rng.random() < 0.5)
    boxes = graph.input(f32(1, count, 4))
    scores = graph.input(f32(1, count, classes + background))
    corners = np.concatenate([rng.uniform(0, 4, (count, 2)), rng.uniform(0.5, 3, (count, 2))], 1)
    graph.outputs = graph.operator(
        "TFLite_Detection_PostProcess",
        [boxes, scores, f32(count, 4, data=corners)],
        [f32(1, limit, 4), f32(1, limit), f32(1, limit), f32(1)],
        None,
        {
            "max_detections": limit,
            "max_classes_per_detection": 1,
            "detections_per_class": int(rng.integers(1, 8)),
            "use_regular_nms": regular,
            "nms_score_threshold": float(_pick(rng, 0.0, 0.3, -5.0)),
            "nms_iou_threshold": float(_pick(rng, 0.2, 0.5, 0.9)),
            "num_classes": classes,
            "y_scale": 10.0,
            "x_scale": 10.0,
            "h_scale": 50.0,
            "w_scale": 50.0,
        },
    )
    return net


def settled(model: Model, tensors: dict[int, bytes]) -> dict[int, bytes]:
    """What TFLM computed, with zeros where it leaves an output as it was: frames that are not
    complete, detections behind the last one."""
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    result = dict(tensors)
    if last.label in ("CUSTOM:SignalFramer", "CUSTOM:SignalStacker"):
        if tensors[last.outputs[1]] == b"\0":
            result[last.outputs[0]] = bytes(len(tensors[last.outputs[0]]))
    elif last.label == "CUSTOM:TFLite_Detection_PostProcess":
        found = int(np.frombuffer(tensors[last.outputs[3]], "<f4")[0])
        for output, size in zip(last.outputs, (16, 4, 4), strict=False):
            data = tensors[output]
            result[output] = data[: found * size].ljust(len(data), b"\0")
    return result


FAMILIES: dict[str, Callable[[Rng], Net]] = {
    "window": window,
    "spectrum": spectrum,
    "filters": filters,
    "frames": frames,
    "circular": circular,
    "detection": detection,
}
