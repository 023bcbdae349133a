# SPDX-License-Identifier: Apache-2.0
"""What kernels demand beyond element types and counts: each rule yields (why, hint).

Read from the Prepare functions of tensorflow/lite/micro/kernels at esp-tflite-micro 99f49e1498b0
and tflite-micro 90b983c2; the file is named at each rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gen_fw.model.lifetimes import entered_subgraphs, runtime_bytes
from gen_fw.model.types import DType, Model, Operator, Subgraph, Tensor
from gen_fw.runtimes.tflm.signatures import type_name

Finding = tuple[str, str]

_FIXED_HINT = "convert the model again with fixed input shapes"
_GEOMETRY = (
    "stride_w",
    "stride_h",
    "dilation_w_factor",
    "dilation_h_factor",
    "filter_width",
    "filter_height",
)
_LSTM_HINT = "use a plain LSTM: no peephole, no projection, no layer normalisation"


@dataclass(frozen=True, slots=True)
class Site:
    """One operator with all that a rule may look at."""

    model: Model
    subgraph: Subgraph
    operator: Operator
    present: Mapping[str, Tensor]
    kernels: str


def _per_channel(site: Site, weights: str, axis: int) -> Iterator[Finding]:
    """conv_common.cc, depthwise_conv_common.cc, transpose_conv.cc."""
    data, filter_ = site.present.get("out0"), site.present.get(weights)
    if data is None or filter_ is None or data.dtype not in (DType.INT8, DType.INT16):
        return
    quantization = filter_.quantization
    if quantization is None or not quantization.scale:
        yield "its weights have no quantization parameters", "convert the model again for int8"
    elif len(filter_.shape) > axis and len(quantization.scale) not in (1, filter_.shape[axis]):
        yield (
            f"its weights have {len(quantization.scale)} scales for {filter_.shape[axis]} channels",
            "convert the model again",
        )


def _geometry(site: Site) -> Iterator[Finding]:
    """A zero stride, dilation or window divides by zero in the kernels."""
    options, weights = site.operator.options, site.present.get("in1")
    wrong = [name for name in _GEOMETRY if int(getattr(options, name, 1)) < 1]
    if weights is not None and weights.elements == 0:
        wrong.append("weights")
    if wrong:
        yield f"zero or negative {', '.join(wrong)}", "convert the model again"


def _convolution(site: Site) -> Iterator[Finding]:
    yield from _geometry(site)
    yield from _per_channel(site, "in1", 0)


def _depthwise(site: Site) -> Iterator[Finding]:
    yield from _geometry(site)
    yield from _per_channel(site, "in1", 3)


def _transpose_convolution(site: Site) -> Iterator[Finding]:
    yield from _geometry(site)
    yield from _per_channel(site, "in1", 0)


def _fully_connected(site: Site) -> Iterator[Finding]:
    """fully_connected_common.cc."""
    weights = site.present.get("in1")
    if weights is None or weights.quantization is None:
        return
    if weights.quantization.per_channel and weights.dtype is DType.INT4:
        yield (
            "it has int4 weights with one scale per channel; TFLM takes int4 per tensor only",
            "quantize the weights to int8, or to int4 with one scale per tensor",
        )


def _reshape(site: Site) -> Iterator[Finding]:
    """reshape_common.cc: the size must be known before the first run."""
    source, target = site.present.get("in0"), site.present.get("out0")
    if source is not None and target is not None and source.elements != target.elements:
        yield (
            f"its output shape is known only at run time: {source.elements} elements go in, "
            f"the file says {target.elements} come out",
            _FIXED_HINT,
        )


def _lstm(site: Site) -> Iterator[Finding]:
    """lstm_eval.cc ValidateTensorStatus, lstm_eval_common.cc ValidateTensorSize."""
    operator, present = site.operator, site.present
    if len(operator.inputs) != 24:
        return
    for start, end, what in ((9, 12, "peephole"), (16, 18, "projection"), (20, 24, "layer norm")):
        if any(f"in{index}" in present for index in range(start, end)):
            yield f"it has {what} weights, which TFLM's kernel does not implement", _LSTM_HINT
    for slot, what in (("in18", "hidden"), ("in19", "cell")):
        if slot in present and not present[slot].is_variable:
            yield f"its {what} state is no variable tensor", _LSTM_HINT
    for group in (range(1, 9), range(12, 16)):
        types = {type_name(present[f"in{i}"].dtype) for i in group if f"in{i}" in present}
        if len(types) > 1:
            yield f"its gates mix {' and '.join(sorted(types))}", _LSTM_HINT
    yield from _lstm_shapes(present)


def _lstm_shapes(present: Mapping[str, Tensor]) -> Iterator[Finding]:
    needed = ("in0", "in18", "out0")
    if any(slot not in present for slot in needed):
        return
    source, hidden, target = (present[slot] for slot in needed)
    if len(source.shape) != 3 or len(hidden.shape) != 2:
        yield "its input must have 3 and its hidden state 2 dimensions", _LSTM_HINT
        return
    expected = (source.shape[0], source.shape[1], hidden.shape[1])
    if target.shape != expected:
        shown = list(target.shape) if target.shape else "no shape (a scalar)"
        yield (
            f"its output has {shown} in the file, the kernel needs {list(expected)}",
            _FIXED_HINT,
        )


def _softmax(site: Site) -> Iterator[Finding]:
    """esp_nn/softmax.cc: Prepare takes the scratch size from dimension 1, whatever the rank, and
    Eval writes one int32 per element of the last dimension."""
    source, target = site.present.get("in0"), site.present.get("out0")
    if site.kernels != "esp_nn" or source is None or target is None:
        return
    if (source.dtype, target.dtype) != (DType.INT8, DType.INT8):
        return
    shape = source.shape
    if len(shape) == 1 or (len(shape) > 2 and shape[1] < shape[-1]):
        yield (
            f"the esp_nn softmax would write past its scratch buffer for shape {list(shape)}: it "
            "sizes the buffer by dimension 1 and fills the last dimension",
            "reshape the softmax input to [rows, classes]",
        )


def _subgraph_interface(site: Site) -> Iterator[Finding]:
    """if.cc, while.cc, call_once.cc."""
    operator = site.operator
    inputs = len(operator.inputs) - (1 if operator.name == "IF" else 0)
    outputs = len(operator.outputs)
    for position, index in enumerate(entered_subgraphs(operator)):
        entered = site.model.subgraphs[index]
        condition = operator.name == "WHILE" and position == 0
        if operator.name == "CALL_ONCE":
            inputs, outputs = 0, 0
        wanted = 1 if condition else outputs
        if len(entered.inputs) != inputs or len(entered.outputs) != wanted:
            yield (
                f"subgraph {index} has {len(entered.inputs)} inputs and {len(entered.outputs)} "
                f"outputs, this operator wants {inputs} and {wanted}",
                "convert the model again",
            )
    if operator.name == "WHILE" and inputs != outputs:
        yield f"it has {inputs} inputs and {outputs} outputs", "convert the model again"


def _activation_none(site: Site) -> Iterator[Finding]:
    """concatenation.cc, l2norm.cc: a fused activation is not implemented."""
    if int(getattr(site.operator.options, "fused_activation_function", 0)) != 0:
        yield "it has a fused activation", "make the activation an operator of its own"


def _detection_postprocess(site: Site) -> Iterator[Finding]:
    """detection_postprocess.cc reads its anchors in Prepare."""
    anchors = site.present.get("in2")
    if anchors is not None and not site.model.is_constant(anchors):
        yield "its anchors are computed at run time, the kernel needs them constant", _FIXED_HINT
    boxes = site.present.get("out0")
    if boxes is not None and boxes.elements < 4:
        yield (
            "its outputs have no shape in the file, so the kernel would write past them",
            _FIXED_HINT,
        )


def _shuffled_weights(site: Site) -> Iterator[Finding]:
    if int(getattr(site.operator.options, "weights_format", 0)) != 0:
        yield "its weights are stored shuffled (4x16 int8)", "convert the model again"


#: operator name or custom code -> rules
def _fully_connected_cmsis_nn(site: Site) -> Iterator[Finding]:
    """cmsis_nn/fully_connected.cc."""
    data, weights = site.present.get("in0"), site.present.get("in1")
    if site.kernels not in ("cmsis_nn", "ethos_u") or data is None or weights is None:
        return
    per_channel = weights.quantization is not None and weights.quantization.per_channel
    if per_channel and (data.dtype is DType.INT16 or weights.dtype is DType.INT4):
        yield (
            "CMSIS-NN takes one scale for all weights with int16 activations or int4 weights",
            "--kernels reference, or convert the model again with per-tensor weights",
        )


RULES: Mapping[str, tuple[Callable[[Site], Iterator[Finding]], ...]] = {
    "CONV_2D": (_convolution,),
    "DEPTHWISE_CONV_2D": (_depthwise,),
    "TRANSPOSE_CONV": (_transpose_convolution,),
    "FULLY_CONNECTED": (_fully_connected, _shuffled_weights, _fully_connected_cmsis_nn),
    "AVERAGE_POOL_2D": (_geometry,),
    "MAX_POOL_2D": (_geometry,),
    "L2_POOL_2D": (_geometry,),
    "RESHAPE": (_reshape,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (_lstm,),
    "SOFTMAX": (_softmax,),
    "IF": (_subgraph_interface,),
    "WHILE": (_subgraph_interface,),
    "CALL_ONCE": (_subgraph_interface,),
    "CONCATENATION": (_activation_none,),
    "L2_NORMALIZATION": (_activation_none,),
    "TFLite_Detection_PostProcess": (_detection_postprocess,),
}


def intermediates(site: Site) -> Iterator[Finding]:
    """micro_allocation_info.cc ValidateSubgraph."""
    for index in site.operator.intermediates:
        if index >= 0 and runtime_bytes(site.subgraph.tensors[index]) != 0:
            yield (
                f"its intermediate tensor {index} has a size; TFLM takes empty ones only",
                "convert the model again with a current converter",
            )
