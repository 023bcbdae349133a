# SPDX-License-Identifier: Apache-2.0
"""Multiply-accumulates per operator, counted from shapes.

The conventions are those of MLPerf Tiny reports and of neuralSPOT's "theoretical MAC per layer type
and shape": convolutions count padding, element-wise operators, pooling and softmax count 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from gen_fw.model.graph import reachable
from gen_fw.model.options import BatchMatMulOptions
from gen_fw.model.types import Model, Operator, Subgraph, Tensor

#: weight matrices of an LSTM by input position: 4 x input, 4 x recurrent, projection
_LSTM_WEIGHTS = (*range(1, 9), 16)
_REVERSE_WEIGHTS = (*range(18, 26), 33)


def operator_macs(model: Model, subgraph: Subgraph, operator: Operator) -> int:
    """Multiply-accumulates of one execution of ``operator`` of ``subgraph``.

    0 for operators without a rule, for custom operators (their work is unknown), and for those that
    call subgraphs (the callees' operators count themselves).
    """
    rule = _RULES.get(operator.name)
    if rule is None:
        return 0
    inputs = [subgraph.tensors[i] if i >= 0 else None for i in operator.inputs]
    outputs = [subgraph.tensors[i] for i in operator.outputs]
    return rule(operator, inputs, outputs) if inputs and outputs else 0


def total_macs(model: Model) -> int:
    """Sum over all operators that an invocation can reach; loop bodies and branches count once."""
    return sum(
        operator_macs(model, model.subgraphs[index], operator)
        for index in reachable(model)
        for operator in model.subgraphs[index].operators
    )


_Inputs = list[Tensor | None]
_Outputs = list[Tensor]


def _shape(inputs: _Inputs, position: int) -> tuple[int, ...]:
    """Shape of an input; (0,) when it is omitted, so that products with it vanish."""
    tensor = inputs[position] if position < len(inputs) else None
    return (0,) if tensor is None else tensor.shape


def _weights(inputs: _Inputs, positions: tuple[int, ...]) -> int:
    return sum(math.prod(_shape(inputs, position)) for position in positions)


def _conv(_: Operator, inputs: _Inputs, outputs: _Outputs) -> int:
    """Hout * Wout * Cout * kh * kw * Cin; the filter is [Cout, kh, kw, Cin / groups]."""
    return outputs[0].elements * math.prod(_shape(inputs, 1)[1:])


def _depthwise(_: Operator, inputs: _Inputs, outputs: _Outputs) -> int:
    """Hout * Wout * C * multiplier * kh * kw; the filter is [1, kh, kw, C * multiplier]."""
    return outputs[0].elements * math.prod(_shape(inputs, 1)[1:3])


def _fully_connected(_: Operator, inputs: _Inputs, outputs: _Outputs) -> int:
    """batch * out * in; the weights are [out, in]."""
    return outputs[0].elements * math.prod(_shape(inputs, 1)[-1:])


def _transpose_conv(_: Operator, inputs: _Inputs, __: _Outputs) -> int:
    """Hin * Win * Cin * Cout * kh * kw; the filter is [Cout, kh, kw, Cin]."""
    return math.prod(_shape(inputs, 2)) * math.prod(_shape(inputs, 1)[:3])


def _conv_3d(_: Operator, inputs: _Inputs, outputs: _Outputs) -> int:
    """Output elements * kd * kh * kw * Cin; the filter is [kd, kh, kw, Cin, Cout]."""
    return outputs[0].elements * math.prod(_shape(inputs, 1)[:4])


def _conv_3d_transpose(_: Operator, inputs: _Inputs, __: _Outputs) -> int:
    """Input elements * kd * kh * kw * Cout; the filter is [kd, kh, kw, Cout, Cin]."""
    return math.prod(_shape(inputs, 2)) * math.prod(_shape(inputs, 1)[:4])


def _batch_matmul(operator: Operator, inputs: _Inputs, outputs: _Outputs) -> int:
    """M * K * N per batch; K is the last dimension of the left side, or the one before (adj_x)."""
    options = operator.options
    adjoint = isinstance(options, BatchMatMulOptions) and options.adj_x
    left = _shape(inputs, 0)
    inner = left[-2:-1] if adjoint else left[-1:]
    return outputs[0].elements * math.prod(inner)


def _rows(inputs: _Inputs) -> int:
    """batch * time steps (or batch): all dimensions of input 0 but the last."""
    return math.prod(_shape(inputs, 0)[:-1])


def _sequence_lstm(_: Operator, inputs: _Inputs, __: _Outputs) -> int:
    """T * 4 * H * (I + H); gates without weights (CIFG) do not count, a projection does."""
    return _rows(inputs) * _weights(inputs, _LSTM_WEIGHTS)


def _lstm(operator: Operator, inputs: _Inputs, outputs: _Outputs) -> int:
    """One step; the basic kernel has all weights in one matrix [4 * H, I + H]."""
    if len(inputs) == 5:
        return _rows(inputs) * _weights(inputs, (2,))
    return _sequence_lstm(operator, inputs, outputs)


def _bidirectional_lstm(_: Operator, inputs: _Inputs, __: _Outputs) -> int:
    return _rows(inputs) * _weights(inputs, (*_LSTM_WEIGHTS, *_REVERSE_WEIGHTS))


def _rnn(_: Operator, inputs: _Inputs, __: _Outputs) -> int:
    """T * H * (I + H)."""
    return _rows(inputs) * _weights(inputs, (1, 2))


def _bidirectional_rnn(_: Operator, inputs: _Inputs, __: _Outputs) -> int:
    return _rows(inputs) * _weights(inputs, (1, 2, 5, 6))


def _svdf(_: Operator, inputs: _Inputs, __: _Outputs) -> int:
    """F * I + F * memory per batch."""
    return _rows(inputs) * _weights(inputs, (1, 2))


_RULES: dict[str, Callable[[Operator, _Inputs, _Outputs], int]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
    "CONV_3D": _conv_3d,
    "CONV_3D_TRANSPOSE": _conv_3d_transpose,
    "BATCH_MATMUL": _batch_matmul,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _sequence_lstm,
    "LSTM": _lstm,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _bidirectional_lstm,
    "RNN": _rnn,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _rnn,
    "BIDIRECTIONAL_SEQUENCE_RNN": _bidirectional_rnn,
    "SVDF": _svdf,
}
