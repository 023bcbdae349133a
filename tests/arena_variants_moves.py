# SPDX-License-Identifier: Apache-2.0
"""Variants of operators that move values, and of the signal library's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena_net import T, activation, boolean, f32, i32, ints, one, scalar

R = "random"
Named = tuple[str, bytes]


def moves() -> Iterator[Named]:
    """Operators that copy, in the types that they take."""
    for kind in ("INT8", "INT16", "FLOAT32"):
        label = kind.lower()

        def a(*shape: int, kind: str = kind) -> T:
            return activation(kind, *shape)

        parts = [a(1, 2, 3), a(1, 4, 3), a(1, 1, 3)]
        joined = ("ConcatenationOptions", {"axis": 1})
        yield f"concatenation_{label}", one("CONCATENATION", parts, [a(1, 7, 3)], joined)
        margins = ints(0, 0, 1, 2, 2, 1, 0, 0)
        margins = T((4, 2), "INT32", None, 0, margins.data)
        yield f"pad_{label}", one("PAD", [a(1, 3, 4, 2), margins], [a(1, 6, 7, 2)])
        yield (
            f"transpose_{label}",
            one("TRANSPOSE", [a(2, 3, 4, 5), ints(0, 3, 1, 2)], [a(2, 5, 3, 4)]),
        )
        cut = [a(2, 6, 4), ints(0, 1, 0), ints(2, 6, 4), ints(1, 2, 1)]
        masks = {"begin_mask": 1, "end_mask": 4}
        yield (
            f"strided_slice_{label}",
            one("STRIDED_SLICE", cut, [a(2, 3, 4)], ("StridedSliceOptions", masks)),
        )
        cut = [a(2, 6, 4), ints(0, 1, 0), ints(2, 3, 4)]
        yield f"slice_{label}", one("SLICE", cut, [a(2, 3, 4)])
        yield (
            f"split_{label}",
            one(
                "SPLIT",
                [scalar(1), a(2, 6, 4)],
                [a(2, 3, 4)] * 2,
                ("SplitOptions", {"num_splits": 2}),
            ),
        )
        sizes = [a(2, 6, 4), ints(1, 5), scalar(1)]
        yield (
            f"split_v_{label}",
            one("SPLIT_V", sizes, [a(2, 1, 4), a(2, 5, 4)], ("SplitVOptions", {"num_splits": 2})),
        )
    for kind in ("INT8", "FLOAT32"):
        label = kind.lower()

        def b(*shape: int, kind: str = kind) -> T:
            return activation(kind, *shape)

        pack = ("PackOptions", {"values_count": 3, "axis": 1})
        yield f"pack_{label}", one("PACK", [b(2, 4)] * 3, [b(2, 3, 4)], pack)
        unpack = ("UnpackOptions", {"num": 3, "axis": 1})
        yield f"unpack_{label}", one("UNPACK", [b(2, 3, 4)], [b(2, 4)] * 3, unpack)
        fill = T((1,), kind, b(1).scale, 3, R)
        margins = T((3, 2), "INT32", None, 0, np.array([0, 0, 1, 2, 2, 1]))
        yield f"padv2_{label}", one("PADV2", [b(1, 3, 4), margins, fill], [b(1, 6, 7)])
        mirror = ("MirrorPadOptions", {"mode": 0})
        margins = T((3, 2), "INT32", None, 0, np.array([0, 0, 1, 1, 1, 1]))
        yield f"mirror_pad_{label}", one("MIRROR_PAD", [b(1, 3, 4), margins], [b(1, 5, 6)], mirror)
        yield (
            f"gather_{label}",
            one("GATHER", [b(2, 5, 3), i32(4)], [b(2, 4, 3)], ("GatherOptions", {"axis": 1})),
        )
        where = T((2, 2), "INT32", None, 0, np.array([0, 1, 1, 0]))
        yield f"gather_nd_{label}", one("GATHER_ND", [b(2, 5, 3), where], [b(2, 3)])
        yield f"reverse_v2_{label}", one("REVERSE_V2", [b(2, 5, 3), ints(1)], [b(2, 5, 3)])
        block = ("SpaceToDepthOptions", {"block_size": 2})
        yield (
            f"space_to_depth_{label}",
            one("SPACE_TO_DEPTH", [b(1, 4, 6, 3)], [b(1, 2, 3, 12)], block),
        )
        block = ("DepthToSpaceOptions", {"block_size": 2})
        yield (
            f"depth_to_space_{label}",
            one("DEPTH_TO_SPACE", [b(1, 2, 3, 12)], [b(1, 4, 6, 3)], block),
        )
        zeros = T((2, 2), "INT32", None, 0, np.zeros(4, np.int32))
        yield (
            f"space_to_batch_nd_{label}",
            one("SPACE_TO_BATCH_ND", [b(1, 4, 6, 3), ints(2, 2), zeros], [b(4, 2, 3, 3)]),
        )
        yield (
            f"batch_to_space_nd_{label}",
            one("BATCH_TO_SPACE_ND", [b(4, 2, 3, 3), ints(2, 2), zeros], [b(1, 4, 6, 3)]),
        )
        size = [b(1, 3, 4, 2), ints(6, 8)]
        yield (
            f"resize_bilinear_{label}",
            one(
                "RESIZE_BILINEAR",
                size,
                [b(1, 6, 8, 2)],
                ("ResizeBilinearOptions", {"align_corners": 0}),
            ),
        )
        yield (
            f"resize_nearest_neighbor_{label}",
            one(
                "RESIZE_NEAREST_NEIGHBOR",
                size,
                [b(1, 6, 8, 2)],
                ("ResizeNearestNeighborOptions", {"align_corners": 0}),
            ),
        )
        update = [b(2, 6, 4), b(1, 2, 4), ints(0, 1, 0)]
        yield f"dynamic_update_slice_{label}", one("DYNAMIC_UPDATE_SLICE", update, [b(2, 6, 4)])
    yield from _boxes()
    yield from _signal()


def _boxes() -> Iterator[Named]:
    anchors, classes = 6, 3
    options = {
        "max_detections": 3,
        "max_classes_per_detection": 1,
        "detections_per_class": 1,
        "use_regular_nms": False,
        "nms_score_threshold": 0.0,
        "nms_iou_threshold": 0.5,
        "num_classes": classes,
        "y_scale": 10.0,
        "x_scale": 10.0,
        "h_scale": 5.0,
        "w_scale": 5.0,
    }
    # positive, as sizes must be
    boxes = f32(anchors, 4, data=np.linspace(0.2, 0.9, 4 * anchors))
    ends = [f32(1, 3, 4), f32(1, 3), f32(1, 3), f32(1)]
    for regular in (False, True):
        yield (
            f"detection_postprocess_float32_{regular:d}",
            one(
                "TFLite_Detection_PostProcess",
                [
                    f32(1, anchors, 4),
                    f32(1, anchors, classes + 1),
                    boxes,
                ],
                ends,
                custom=options | {"use_regular_nms": regular},
            ),
        )


def _signal() -> Iterator[Named]:
    """The operators of signal/micro/kernels; options as their flexbuffers list them."""

    def s16(*shape: int, data: object = None) -> T:
        return T(shape, "INT16", None, 0, data)

    def u32(*shape: int) -> T:
        return T(shape, "UINT32", None)

    def flag() -> T:
        return T((), "BOOL", None)

    yield "signal_delay", one("SignalDelay", [s16(2, 8)], [s16(2, 8)], custom={"delay_length": 3})
    yield (
        "signal_energy",
        one("SignalEnergy", [s16(18)], [u32(9)], custom={"end_index": 8, "start_index": 1}),
    )
    yield "signal_fft_auto_scale", one("SignalFftAutoScale", [s16(16)], [s16(16), i32()])
    starts = [s16(3, data=np.array(v)) for v in ([0, 2, 4], [0, 4, 8], [2, 2, 2])]
    weights = [s16(16, data=R), s16(16, data=R)]
    yield (
        "signal_filter_bank",
        one(
            "SignalFilterBank",
            [u32(9), *weights, *starts],
            [T((2,), "UINT64", None)],
            custom={"num_channels": 2},
        ),
    )
    yield (
        "signal_filter_bank_log",
        one(
            "SignalFilterBankLog",
            [u32(5)],
            [s16(5)],
            custom={"input_correction_bits": 3, "output_scale": 64},
        ),
    )
    yield (
        "signal_filter_bank_square_root",
        one("SignalFilterBankSquareRoot", [T((5,), "UINT64", None), i32()], [u32(5)]),
    )
    subtraction = {
        "alternate_one_minus_smoothing": 15729,
        "alternate_smoothing": 655,
        "clamping": False,
        "min_signal_remaining": 819,
        "num_channels": 5,
        "one_minus_smoothing": 15729,
        "smoothing": 655,
        "smoothing_bits": 10,
        "spectral_subtraction_bits": 14,
    }
    yield (
        "signal_filter_bank_spectral_subtraction",
        one("SignalFilterBankSpectralSubtraction", [u32(5)], [u32(5), u32(5)], custom=subtraction),
    )
    frames = {"frame_size": 6, "frame_step": 2, "prefill": True}
    yield "signal_framer", one("SignalFramer", [s16(1, 8)], [s16(1, 4, 6), flag()], custom=frames)
    yield (
        "signal_pcan",
        one("SignalPCAN", [u32(5), u32(5), s16(125, data=R)], [u32(5)], custom={"snr_shift": 6}),
    )
    stack = {
        "num_channels": 4,
        "stacker_left_context": 1,
        "stacker_right_context": 1,
        "stacker_step": 1,
    }
    yield "signal_stacker", one("SignalStacker", [s16(4)], [s16(12), flag()], custom=stack)
    yield (
        "signal_window",
        one("SignalWindow", [s16(1, 8), s16(8, data=R)], [s16(1, 8)], custom={"shift": 12}),
    )
    for dtype in ("INT16", "INT32", "FLOAT32"):
        code = {"INT16": 7, "INT32": 2, "FLOAT32": 0}[dtype]

        def t(*shape: int, dtype: str = dtype) -> T:
            return T(shape, dtype, None)

        options = {"T": code, "fft_length": 16}
        yield (
            f"signal_rfft_{dtype.lower()}",
            one("SignalRfft", [t(1, 16)], [t(1, 18)], custom=options),
        )
        yield (
            f"signal_irfft_{dtype.lower()}",
            one("SignalIrfft", [t(1, 18)], [t(1, 16)], custom=options),
        )
    for dtype in ("INT16", "FLOAT32"):
        code = {"INT16": 7, "FLOAT32": 0}[dtype]
        yield (
            f"signal_overlap_add_{dtype.lower()}",
            one(
                "SignalOverlapAdd",
                [T((1, 3, 6), dtype, None)],
                [T((1, 6), dtype, None)],
                custom={"T": code, "frame_step": 2},
            ),
        )
    yield "select_moves", one("SELECT_V2", [boolean(4), f32(4), f32(4)], [f32(4)])
