# SPDX-License-Identifier: Apache-2.0
"""What each operator's kernel takes from the arena: data kept for ever, and scratch per run.

Sources: the Init and Prepare functions of tensorflow/lite/micro/kernels (reference and esp_nn) and
signal/micro/kernels at esp-tflite-micro 99f49e1498b0; data/sizes.json for structures. Kept bytes
are upper bounds; scratch of the reference and esp_nn kernels is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

from gen_fw.model.lifetimes import runtime_bytes
from gen_fw.model.types import DType, Model, Operator, Subgraph, Tensor
from gen_fw.runtimes.tflm import cmsis_nn, esp_nn
from gen_fw.runtimes.tflm.flexbuffer import integers
from gen_fw.runtimes.tflm.signatures import slots
from gen_fw.runtimes.tflm.table import OperatorTable, facts

_QUANTIZED = (DType.INT8, DType.INT16)
#: bytes that a kernel of the user's own may keep; nothing in the model tells
CUSTOM_OP_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Demand:
    """One operator's bytes. ``kept`` and ``scratch`` have one element per request."""

    subgraph: int
    operator: int
    label: str
    #: structure that the options parser allocates
    parameters: int
    kept: tuple[int, ...]
    scratch: tuple[int, ...]
    #: the kernel is the user's own, so the bytes are an estimate
    estimated: bool = False


@dataclass(slots=True)
class _Node:
    """An operator while its demand is added up."""

    model: Model
    subgraph: Subgraph
    operator: Operator
    wide: int
    kernels: str
    present: Mapping[str, Tensor]
    kept: list[int] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)

    @property
    def pointer(self) -> int:
        return 8 if self.wide else 4

    def keep(self, *sizes: int) -> None:
        self.kept.extend(size for size in sizes if size > 0)

    def request(self, *sizes: int) -> None:
        self.scratch.extend(sizes)

    def option(self, name: str, default: int = 0) -> int:
        return int(getattr(self.operator.options, name, default))

    def flexbuffer(self, name: str) -> int:
        return max(0, integers(self.subgraph.index, self.operator).get(name, 0))


def _dims(tensor: Tensor) -> int:
    """A TfLiteIntArray of the tensor's shape."""
    return 4 + 4 * len(tensor.shape)


def _window(node: _Node) -> esp_nn.Window:
    source, filters, target = (node.present[slot] for slot in ("in0", "in1", "out0"))
    _, in_h, in_w, in_c = source.shape
    _, out_h, out_w, out_c = target.shape
    _, filter_h, filter_w, _ = filters.shape
    stride_w, stride_h = node.option("stride_w", 1), node.option("stride_h", 1)
    same = node.option("padding") == 0

    def before(size: int, window: int, stride: int, dilation: int) -> int:
        reach = (window - 1) * dilation + 1
        count = -(-size // stride) if same else (size + stride - reach) // stride
        return max(0, (count - 1) * stride + reach - size) // 2

    return esp_nn.Window(
        in_w,
        in_h,
        in_c,
        out_w,
        out_h,
        out_c,
        filter_w,
        filter_h,
        stride_w,
        stride_h,
        before(in_w, filter_w, stride_w, node.option("dilation_w_factor", 1)),
        before(in_h, filter_h, stride_h, node.option("dilation_h_factor", 1)),
    )


def _chip(node: _Node) -> esp_nn.Chip | None:
    """The esp-nn variant, when the operator runs through it."""
    name, _, chip = node.kernels.partition(":")
    if name != "esp_nn" or node.present["in0"].dtype is not DType.INT8:
        return None
    return "esp32s3" if chip == "esp32s3" else "esp32p4" if chip == "esp32p4" else "generic"


def _unpacked_weights(node: _Node) -> None:
    weights = node.present["in1"]
    if weights.dtype is DType.INT4:
        node.request(weights.elements)


def _conv(node: _Node) -> None:
    channels = node.present["in1"].shape[0]
    node.keep(4 * channels, 4 * channels)
    _unpacked_weights(node)
    if (chip := _chip(node)) and (size := esp_nn.conv_scratch(chip, _window(node))) > 0:
        node.request(size)


def _depthwise(node: _Node) -> None:
    channels = node.present["in1"].shape[3]
    node.keep(4 * channels, 4 * channels)
    _unpacked_weights(node)
    if chip := _chip(node):
        multiplier = node.option("depth_multiplier", 1)
        size = esp_nn.depthwise_scratch(chip, _window(node), multiplier)
        if size > 0:
            node.request(size)


def _fully_connected(node: _Node) -> None:
    weights = node.present["in1"]
    quantization = weights.quantization
    if quantization is not None and quantization.per_channel:
        node.keep(4 * len(quantization.scale), 4 * len(quantization.scale))
    _unpacked_weights(node)


def _transpose_conv(node: _Node) -> None:
    source, target = node.present["in2"], node.present["out0"]
    channels = node.present["in1"].shape[0]
    node.keep(4 * channels, 4 * channels)
    bias = node.present.get("in3")
    if source.dtype is DType.INT8:
        node.request(4 * target.elements)
    elif source.dtype is DType.INT16:
        node.request(8 * target.elements)
        if bias is not None and bias.dtype is DType.INT16:
            node.request(8 * bias.elements)


def _softmax(node: _Node) -> None:
    source, target = node.present["in0"], node.present["out0"]
    if source.dtype is DType.INT16:
        node.keep(2 * 513, 2 * 513)
    chip = _chip(node)
    if chip and target.dtype is DType.INT8 and len(source.shape) > 1:
        size = esp_nn.softmax_scratch(chip, source.shape[1])
        if size > 0:
            node.request(size)


def _reduce(node: _Node) -> None:
    source, target = node.present["in0"], node.present["out0"]
    if node.operator.name in ("MEAN", "SUM") and source.dtype in _QUANTIZED:
        node.request(4 * target.elements)
    node.request(4 * len(source.shape), 4 * node.present["in1"].elements)


def _svdf(node: _Node) -> None:
    source, target = node.present["in0"], node.present["out0"]
    batches, filters = source.shape[0], node.present["in1"].shape[0]
    node.request(4 * batches * filters)
    if source.dtype is DType.INT8:
        node.request(4 * batches * target.shape[1])


def _lstm(node: _Node) -> None:
    source, hidden, cell = (node.present[slot] for slot in ("in0", "in18", "in19"))
    batches = source.shape[1 if node.option("time_major") else 0]
    size = batches * hidden.shape[1] * cell.dtype.bits // 8
    node.request(size, size, size, size)


def _batch_matmul(node: _Node) -> None:
    left, right = node.present["in0"], node.present["in1"]
    if left.dtype in _QUANTIZED:
        node.keep(40)
    transposed = [left] if node.option("adj_x") else []
    if not node.option("adj_y"):
        transposed.append(right)
    for tensor in transposed:
        node.keep(3 * node.pointer, _dims(tensor), runtime_bytes(tensor))
    node.keep(_dims(node.present["out0"]))


def _writable_shape(node: _Node) -> None:
    """CreateWritableTensorDimsWithCopy."""
    node.keep(_dims(node.present["out0"]))


def _add_n(node: _Node) -> None:
    node.request(node.pointer * len(node.operator.inputs))


def _mirror_pad(node: _Node) -> None:
    size = 4 * len(node.present["in0"].shape)
    node.request(size, size)


def _detection(node: _Node) -> None:
    boxes = node.present["in0"].shape[1]
    detections = node.flexbuffer("max_detections")
    classes = node.flexbuffer("num_classes")
    node.request(boxes, 16 * boxes, 4 * prod(node.present["in1"].shape[1:3]))
    node.request(4 * boxes, 4 * boxes, 4 * detections * boxes, 4 * detections * boxes, 4 * boxes)
    node.request(4 * detections * boxes)
    node.request(4 * max(classes, detections) * boxes, 4 * min(boxes, detections) * boxes)


def _decode(node: _Node) -> None:
    outputs = [tensor for slot, tensor in node.present.items() if slot.startswith("out")]
    node.keep(node.pointer * len(outputs))
    for tensor in outputs:
        node.keep(160, 4 * max(tensor.shape, default=1))


def _fft_state(length: int, element: int) -> int:
    """kiss_fftr_alloc, with room for its alignment: state, twiddles, work area."""
    return 400 + 2 * element * length + element * length // 2


def _rfft(node: _Node) -> None:
    target = node.present["out0"]
    length = max(0, target.shape[-1] - 2) if target.shape else 0
    node.keep(_fft_state(length, target.dtype.bits // 8))
    node.request(length * target.dtype.bits // 8)


def _irfft(node: _Node) -> None:
    target = node.present["out0"]
    length = target.shape[-1] if target.shape else 0
    node.keep(_fft_state(length, target.dtype.bits // 8))


def _ring(capacity: int) -> int:
    """CircularBufferGetNeededMemory (signal/src/circular_buffer.cc)."""
    return 48 + 4 * capacity


def _rings(node: _Node, capacity: int) -> None:
    """One ring buffer per outer row, and two tables of pointers to them."""
    shape = node.present["in0"].shape
    rows = prod(shape[:-1])
    node.keep(node.pointer * rows, node.pointer * rows)
    node.keep(rows * (_ring(capacity) + 16))


def _delay(node: _Node) -> None:
    shape = node.present["in0"].shape
    _rings(node, (shape[-1] if shape else 1) + node.flexbuffer("delay_length"))


def _framer(node: _Node) -> None:
    target = node.present["out0"].shape
    step = node.present["in0"].shape[-1:] or (1,)
    _rings(node, (target[-1] if target else 1) + step[0])


def _overlap_add(node: _Node) -> None:
    source = node.present["in0"]
    rows = prod(source.shape[:-2])
    frame = source.shape[-1] if source.shape else 1
    node.keep(node.pointer * rows, rows * (frame * source.dtype.bits // 8 + 16))


def _stacker(node: _Node) -> None:
    node.keep(_ring(node.present["out0"].elements))


def _filter_bank(node: _Node) -> None:
    node.keep(8 * (node.present["out0"].elements + 1))


def _spectral_subtraction(node: _Node) -> None:
    node.keep(4 * node.present["out0"].elements)


_RULES: Mapping[str, Callable[[_Node], None]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
    "SOFTMAX": _softmax,
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL"), _reduce),
    "SVDF": _svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "BATCH_MATMUL": _batch_matmul,
    **dict.fromkeys(
        (
            "GATHER",
            "GATHER_ND",
            "DEPTH_TO_SPACE",
            "SPACE_TO_DEPTH",
            "L2_POOL_2D",
            "EMBEDDING_LOOKUP",
        ),
        _writable_shape,
    ),
    "ADD_N": _add_n,
    "MIRROR_PAD": _mirror_pad,
    "TFLite_Detection_PostProcess": _detection,
    "TFLM_DECODE": _decode,
    "SignalRfft": _rfft,
    "SignalIrfft": _irfft,
    "SignalDelay": _delay,
    "SignalFramer": _framer,
    "SignalOverlapAdd": _overlap_add,
    "SignalStacker": _stacker,
    "SignalFilterBank": _filter_bank,
    "SignalFilterBankSpectralSubtraction": _spectral_subtraction,
}


def demands(model: Model, table: OperatorTable, kernels: str, wide: int) -> tuple[Demand, ...]:
    """The demand of every operator of every subgraph, in the order in which TFLM prepares them.

    ``kernels`` is ``reference``, ``cmsis_nn`` or ``esp_nn:<chip>``; ``wide`` is 0 for a 32-bit
    ABI, 1 for a 64-bit host. The model must have passed ``support.check``.
    """
    return tuple(
        _demand(_Node(model, subgraph, operator, wide, kernels, slots(subgraph, operator)), table)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    )


def _cmsis_nn(node: _Node) -> None:
    """What CMSIS-NN takes more; upper bounds."""
    node.keep(cmsis_nn.OPERATOR_BYTES)
    source = node.present.get("in0")
    if source is None or source.dtype not in _QUANTIZED:
        return
    element, name = source.dtype.bits // 8, node.operator.name
    weights = node.present.get("in1")
    if name == "AVERAGE_POOL_2D":
        node.request(cmsis_nn.average_pool(source.shape[-1]))
    elif weights is None:
        return
    elif name in ("CONV_2D", "TRANSPOSE_CONV"):
        node.request(cmsis_nn.conv(prod(weights.shape[1:]), element))
    elif name == "DEPTHWISE_CONV_2D":
        window, outputs = prod(weights.shape[:3]), weights.shape[3]
        node.request(cmsis_nn.depthwise(window, source.shape[-1], outputs, element))
    elif name == "FULLY_CONNECTED":
        node.keep(cmsis_nn.fully_connected(weights.shape[0]))
        if len(node.present["out0"].shape) > 2:
            node.request(cmsis_nn.fully_connected_1x1(weights.shape[0]))
    elif name in ("BATCH_MATMUL", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        outputs = node.present["out0"].shape[-1] if name == "BATCH_MATMUL" else weights.shape[0]
        # generous: what is kept and what is scratch differs between releases
        node.keep(3 * cmsis_nn.fully_connected(outputs))
        node.request(3 * cmsis_nn.fully_connected(outputs))


def _demand(node: _Node, table: OperatorTable) -> Demand:
    operator, sizes = node.operator, facts("sizes")
    registration = table.find(operator)
    place = (node.subgraph.index, operator.index, operator.label)
    if registration is None:
        return Demand(*place, 0, (CUSTOM_OP_BYTES,), (), estimated=True)
    if registration.custom is None:
        own = sizes["op_data"][registration.operator][node.wide]
    else:
        own = sizes["custom"][registration.custom][node.wide]
    node.keep(own)
    rule = _RULES.get(registration.custom or registration.operator)
    if rule is not None:
        rule(node)
    if node.kernels == "cmsis_nn" and operator.name in cmsis_nn.OPERATORS:
        _cmsis_nn(node)
    parameters = sizes["params"][registration.params][node.wide] if registration.params else 0
    return Demand(*place, parameters, tuple(node.kept), tuple(node.scratch))
