# SPDX-License-Identifier: Apache-2.0
"""Custom operators of TFLM that are not signal processing: detection, decompression, the Ethos-U
(kernels of tflite-micro 90b983c2; esp-tflite-micro 1.3.5 to 1.4.0 take the same)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script, quantized

#: DecodeState::Type, the first byte of an ancillary tensor -> what decode_state.cc makes
_DECODERS = {0: "DecodeStateLut", 1: "DecodeStateHuffman", 2: "DecodeStatePrune"}


def detection_postprocess(kernel: Kernel) -> None:
    """DetectionPostProcessPrepare: eleven scratch buffers."""
    kernel.temp("in0", "in1", "in2")
    boxes = kernel["in0"].shape[1]
    scores = kernel["in1"].shape
    detections = kernel.flexbuffer("max_detections")
    classes = kernel.flexbuffer("num_classes")
    kernel.scratch(boxes)
    kernel.scratch(4 * 4 * boxes)
    kernel.scratch(4 * scores[1] * scores[2])
    kernel.scratch(4 * boxes)
    kernel.scratch(4 * boxes)
    kernel.scratch(4 * detections * boxes)
    kernel.scratch(4 * detections * boxes)
    kernel.scratch(4 * boxes)
    kernel.scratch(4 * detections * boxes)
    kernel.scratch(4 * max(classes, detections) * boxes)
    kernel.scratch(4 * min(boxes, detections) * boxes)
    kernel.free("in0", "in1", "in2")


def decode(kernel: Kernel) -> None:
    """Prepare of decode.cc: one decoder for each pair of data and ancillary tensor."""
    outputs = len(kernel.operator.outputs)
    kernel.keep(outputs * kernel.pointer)
    for output in range(outputs):
        data, ancillary, target = f"in{2 * output}", f"in{2 * output + 1}", f"out{output}"
        kernel.temp(data, ancillary, target)
        name = None
        if kernel.constant(ancillary):
            name = _DECODERS.get(kernel.model.buffers[kernel[ancillary].buffer].data[0])
        if name is None:
            # Prepare fails on a decoder that TFLM does not have
            kernel.confidence = "estimate"
        else:
            kernel.keep_type("decode_state.cc", name)
            if name == "DecodeStatePrune":
                _prune(kernel, target)
        kernel.free(data, ancillary, target)


def _prune(kernel: Kernel, slot: str) -> None:
    """DecodeStatePrune::Setup keeps the zero points of channels as int8, unless all are 0."""
    tensor = kernel[slot]
    if quantized(tensor) and tensor.quantization is not None:
        zeros = tensor.quantization.zero_point
        if len(zeros) > 1 and any(zeros):
            kernel.keep(len(zeros))


def ethos_u(kernel: Kernel) -> None:
    """Prepare of ethos_u/ethosu.cc: base addresses as uint64_t, their sizes as size_t. What the
    NPU itself uses is an ordinary tensor of the model."""
    addresses = len(kernel.operator.inputs) + len(kernel.operator.outputs)
    kernel.scratch(8 * addresses)
    kernel.scratch(kernel.pointer * addresses)
    kernel.look("in0")


CUSTOM_OPERATORS: Mapping[str, Script] = {
    "TFLM_DECODE": Script(decode, source="decode.cc"),
    "TFLite_Detection_PostProcess": Script(
        detection_postprocess, source="detection_postprocess.cc"
    ),
    "ethos-u": Script(ethos_u, source="ethos_u/ethosu.cc"),
}
