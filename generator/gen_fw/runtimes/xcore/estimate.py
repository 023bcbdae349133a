# SPDX-License-Identifier: Apache-2.0
"""A Program for xcore.ai as large as it will be, about, without running xformer."""

from __future__ import annotations

from gen_fw.memory.buffers import Buffer
from gen_fw.memory.greedy import plan
from gen_fw.model.lifetimes import lifetimes
from gen_fw.model.types import Model
from gen_fw.program import Program, as_estimate
from gen_fw.runtimes.xcore.lower import Made, lower
from gen_fw.runtimes.xcore.modes import Mode

#: what xformer makes of common operators
_KERNELS = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), "XC_conv2d_v2"),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MEAN"), "XC_mean"),
    **dict.fromkeys(("LOGISTIC", "TANH", "RELU", "RELU6", "HARD_SWISH"), "XC_lookup"),
    **{"ADD": "XC_add", "MUL": "XC_mul", "MAX_POOL_2D": "XC_maxpool2d", "PAD": "XC_pad"},
    **{"CONCATENATION": "XC_concat", "SOFTMAX": "XC_softmax", "SLICE": "XC_slice"},
    "RESHAPE": "XC_no_op",
}
#: bytes a tensor and an operator take in the tables and in the arena; of a few real models
_TENSOR, _OPERATOR, _KEPT = 60, 200, 96
#: xcore-load-externally-if-larger
_SMALL = 96
_THREADS = 5


def estimated(model: Model, name: str, mode: Mode) -> Program:
    """Everything is an estimate: padding tensors that xformer adds are not known. Raises what
    ``lifetimes`` raises."""
    buffers = [
        Buffer(one.bytes, one.first_use, one.last_use, one.label) for one in lifetimes(model)
    ]
    operators = [operator for graph in model.subgraphs for operator in graph.operators]
    constants = [
        tensor.bytes
        for graph in model.subgraphs
        for tensor in graph.tensors
        if model.is_constant(tensor)
    ]
    outside = sum(size for size in constants if size > _SMALL) if mode.kind != "inside" else 0
    largest = max(constants, default=0) if outside else 0
    tensors = sum(len(graph.tensors) for graph in model.subgraphs)
    made = Made(
        cpp="",
        header="",
        parameters=bytes(outside),
        # what is read from outside passes through the arena
        arena_bytes=plan(buffers).bytes + _KEPT * len(operators) + largest,
        table_bytes=sum(constants) - outside + _TENSOR * tensors + _OPERATOR * len(operators),
        kernels=tuple(dict.fromkeys(_KERNELS.get(o.name, o.name) for o in operators)),
        dispatched=False,
        asynchronous=False,
        threads=_THREADS,
        compiled=b"",
        compiled_parameters=b"",
        report={"version": "", "command": "", "settings": {}},
    )
    return as_estimate(lower(model, name, made, mode))
