# SPDX-License-Identifier: Apache-2.0
"""TFLite_Detection_PostProcess: boxes from their encodings, and non-maximum suppression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gen_fw.errors import ModelError
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import float32
from gen_fw.runtimes.aot.layer import Argument, ScratchArgument, Site, Step
from gen_fw.runtimes.aot.table import operator
from gen_fw.runtimes.tflm.flexbuffer import numbers

#: kNumDetectionsPerClass of micro/kernels/detection_postprocess.cc
_PER_CLASS = 100


@operator(
    "CUSTOM:TFLite_Detection_PostProcess",
    types="float32",
    limits="one image; empty boxes are kept where TFLM ends with an error",
)
def detection_post_process(site: Site) -> Sequence[Step]:
    """Both forms of micro/kernels/detection_postprocess.cc. Boxes are picked one by one, the best
    of those that are left first, so nothing needs to be sorted."""
    given = _options(site)
    boxes, scores, anchors = (site.of_type(site.input(i), DType.FLOAT32) for i in range(3))
    outputs = [site.of_type(site.output(i), DType.FLOAT32) for i in range(4)]
    count, classes = _sizes(site, boxes, scores, anchors, int(given.get("num_classes", 0)))
    limit = int(given.get("max_detections", 0))
    most = float32(given.get("nms_iou_threshold", 0.0))
    site.require(0.0 < most <= 1.0, "a threshold of shared area out of range")
    site.require(limit > 0, "no detections")
    scales = [float32(given.get(f"{name}_scale", 0.0)) for name in "yxhw"]
    site.require(min(abs(scale) for scale in scales) > 0, "a scale of 0")
    regular = bool(given.get("use_regular_nms", 0))
    each = int(given.get("detections_per_class", _PER_CLASS))
    kinds = min(int(given.get("max_classes_per_detection", 0)), classes)
    site.require(each > 0 if regular else kinds > 0, "no detections for a class")
    picked = min(count, each if regular else limit)
    # TFLM's fast form spreads several classes of a box over the outputs like this
    written = limit if regular else kinds * (picked * kinds - 1) + kinds
    site.require(min(o.elements for o in outputs[1:3]) >= written, "outputs that are too short")
    site.require(outputs[0].elements >= 4 * written and outputs[3].elements >= 1, "outputs")
    scratch: list[Argument] = [
        ScratchArgument("corners", "float", 16 * count),
        ScratchArgument("best", "float", 4 * count),
        ScratchArgument("active", "uint8_t", count),
        ScratchArgument("picked", "int32_t", 4 * picked),
    ]
    if regular:
        scratch += [
            ScratchArgument("codes", "int32_t", 4 * limit),
            ScratchArgument("values", "float", 4 * limit),
        ]
    return [
        Step(
            "detection",
            {
                "count": count,
                "step": boxes.shape[2],
                "scales": [f"(double){scale.hex()}f" for scale in scales],
                "columns": scores.shape[2],
                "classes": classes,
                "offset": scores.shape[2] - classes,
                "threshold": f"{float32(given.get('nms_score_threshold', 0.0)).hex()}f",
                "most": f"{most.hex()}f",
                "limit": limit,
                "picked": picked,
                "regular": regular,
                "kinds": kinds,
                "sizes": [output.bytes for output in outputs],
            },
            (
                site.reads("boxes", boxes),
                site.reads("scores", scores),
                site.reads("anchors", anchors),
                *(
                    site.writes(name, tensor)
                    for name, tensor in zip(
                        ("found", "labels", "certainties", "number"), outputs, strict=True
                    )
                ),
                *scratch,
            ),
            f"{count} boxes, {classes} classes",
        )
    ]


def _options(site: Site) -> Mapping[str, int | float]:
    try:
        return numbers(site.subgraph.index, site.operator)
    except ModelError as error:
        site.refuse(f"unreadable options: {error.why}")


def _sizes(
    site: Site, boxes: Tensor, scores: Tensor, anchors: Tensor, classes: int
) -> tuple[int, int]:
    """(boxes, classes without the background)."""
    site.require(len(boxes.shape) == len(scores.shape) == 3 == len(anchors.shape) + 1, "shapes")
    count = boxes.shape[1]
    shapes = (
        boxes.shape[0] == scores.shape[0] == 1
        and boxes.shape[2] >= 4
        and scores.shape[1] == count > 0
        and anchors.elements >= 4 * count
    )
    site.require(shapes, "shapes")
    site.require(classes > 0 and 0 <= scores.shape[2] - classes <= 1, f"{classes} classes")
    return count, classes
