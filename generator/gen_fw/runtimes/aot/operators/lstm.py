# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM: all steps in time in one call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import float32, quantize_multiplier, round_half_away
from gen_fw.runtimes.aot.filters import Array
from gen_fw.runtimes.aot.layer import DataArgument, Site, Step
from gen_fw.runtimes.aot.lookup import sigmoid_curve
from gen_fw.runtimes.aot.numbers import wide_scaling
from gen_fw.runtimes.aot.table import operator

#: positions of inputs (micro/kernels/lstm_shared.h); gates: input, forget, cell, output
_INPUT_WEIGHTS, _RECURRENT_WEIGHTS, _BIASES = range(1, 5), range(5, 9), range(12, 16)
_HIDDEN, _CELL = 18, 19
_ABSENT = (9, 10, 11, 16, 17, 20, 21, 22, 23)
#: scale of the gates before their functions, and behind them
_GATE, _UNIT = 2.0**-12, 2.0**-15
_LIMITS = "constant weights; no peephole, projection or layer normalisation, tanh"


@dataclass(frozen=True, slots=True)
class _Layer:
    """Shapes and the data of all gates."""

    words: dict[str, Any]
    #: [units, inputs, gates] and [units, units, gates]
    weights: Array
    recurrent: Array
    #: [units, gates]
    biases: Array
    hidden: Tensor
    cell: Tensor


@operator("UNIDIRECTIONAL_SEQUENCE_LSTM", types="float32", limits=_LIMITS, of=(DType.FLOAT32,))
def lstm_float(site: Site) -> Sequence[Step]:
    """LstmStep of micro/kernels/lstm_eval.h, unit by unit; sums in the order of the reference."""
    layer = _layer(site, DType.FLOAT32, DType.FLOAT32, DType.FLOAT32)
    clip = float32(site.options.cell_clip)
    words = layer.words | {"clip": f"{clip.hex()}f" if clip > 0 else ""}
    return [_step(site, "lstm_float", words, layer, _data(layer, "float", "float"))]


@operator(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    types="int8, int16 cell state",
    limits=_LIMITS,
    of=(DType.INT8,),
)
@operator(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    types="int16, int8 weights, int64 bias",
    limits=_LIMITS,
    of=(DType.INT16,),
)
def lstm_integer(site: Site) -> Sequence[Step]:
    """The same with the parameters of PrepareGateParametersInteger
    (micro/kernels/lstm_eval_common.cc)."""
    narrow = site.input(0).dtype is DType.INT8
    layer = _layer(site, DType.INT8, DType.INT16, DType.INT32 if narrow else DType.INT64)
    scale, zero = site.affine(site.input(0))
    hidden_scale, hidden_zero = site.affine(layer.hidden)
    cell_scale, _ = site.affine(layer.cell)
    site.require(min(scale, hidden_scale, cell_scale) > 0, "a scale of 0")
    reach = 128 if narrow else 1 << 15
    starts = _folded(site, layer.weights, layer.biases, zero, reach, narrow=narrow)
    offsets = _folded(
        site, layer.recurrent, np.zeros_like(layer.biases), hidden_zero, reach, narrow=narrow
    )
    wide = [
        bool((reach * np.abs(w.astype(np.int64)).sum(axis=1)).max() >= 1 << 31)
        for w in (layer.weights, layer.recurrent)
    ]
    power = _log2(cell_scale)
    clip = float32(site.options.cell_clip)
    words = layer.words | {
        "narrow": narrow,
        "low": -128 if narrow else -(1 << 15),
        "high": 127 if narrow else (1 << 15) - 1,
        "hidden_zero": hidden_zero,
        "gates": [
            {"input": _scaling(site, first, scale, narrow), "recurrent": second}
            for first, second in zip(
                _INPUT_WEIGHTS,
                [_scaling(site, at, hidden_scale, narrow) for at in _RECURRENT_WEIGHTS],
                strict=True,
            )
        ],
        "offset": bool(offsets.any()),
        "wide": any(wide),
        "forget_scaling": _multiplier(site, _UNIT * cell_scale / cell_scale),
        "input_scaling": _multiplier(site, _UNIT * _UNIT / cell_scale),
        "output_scaling": _multiplier(site, _UNIT * _UNIT / hidden_scale),
        "tanh": _tanh_input(site, power),
        "clip": int(min(max(clip / cell_scale, -32768.0), 32767.0)) if clip > 0 else None,
    }
    data = _data(layer, "int8_t", "int32_t" if narrow else "int64_t", starts)
    if words["offset"]:
        data.append(DataArgument("offsets", "int32_t" if narrow else "int64_t", offsets, "offsets"))
    data.append(DataArgument("curve", "uint16_t", sigmoid_curve(), "curve"))
    return [_step(site, "lstm", words, layer, data)]


def _layer(site: Site, weight: DType, cell: DType, bias: DType) -> _Layer:
    """What LstmTensors::ValidateTensorStatus and ValidateTensorSize check."""
    site.require(len(site.operator.inputs) == 24, "24 inputs are needed")
    source = site.input(0)
    target = site.of_type(site.output(), source.dtype)
    variant = any(site.optional(position) is not None for position in _ABSENT)
    site.require(not variant, "a peephole, projection or layer normalisation")
    hidden = site.of_type(site.input(_HIDDEN), source.dtype)
    state = site.of_type(site.input(_CELL), cell)
    site.require(hidden.is_variable and state.is_variable, "a state that is no variable")
    tanh = site.options.fused_activation_function is ActivationFunctionType.TANH
    site.require(tanh, "an activation of the cell gate that is not TANH")
    site.require(len(source.shape) == len(target.shape) == 3, "sequences need 3 dimensions")
    site.require(len(hidden.shape) >= 2, "a hidden state of one dimension")
    major = bool(site.options.time_major)
    steps, batch = source.shape[:2] if major else source.shape[1::-1]
    inputs, units = source.shape[2], hidden.shape[1]
    shapes = (
        target.shape == (*source.shape[:2], units)
        and hidden.elements == state.elements == batch * units
        and min(steps, batch, inputs, units) > 0
    )
    site.require(shapes, "shapes")

    def gates(positions: range, dtype: DType, shape: tuple[int, ...]) -> Array:
        tensors = [site.of_type(site.input(position), dtype) for position in positions]
        site.require(all(tensor.shape == shape for tensor in tensors), "shapes of gates")
        return np.stack([site.constant(tensor) for tensor in tensors], axis=-1)

    words = {
        "batch": batch,
        "steps": steps,
        "inputs": inputs,
        "units": units,
        "input_step": inputs * (batch if major else 1),
        "output_step": units * (batch if major else 1),
        "input_batch": inputs * (1 if major else steps),
        "output_batch": units * (1 if major else steps),
    }
    return _Layer(
        words,
        gates(_INPUT_WEIGHTS, weight, (units, inputs)),
        gates(_RECURRENT_WEIGHTS, weight, (units, units)),
        gates(_BIASES, bias, (units,)),
        hidden,
        state,
    )


def _folded(
    site: Site, weights: Array, biases: Array, zero: int, reach: int, *, narrow: bool
) -> Array:
    """The biases with the zero point folded in. Refuses sums that overflow."""
    near = int(biases.min()) > -(1 << 47) and int(biases.max()) < 1 << 47
    site.require(near and abs(zero) < 1 << 16, "a bias or zero point out of range")
    wide = weights.astype(np.int64)
    starts: Array = biases.astype(np.int64) - zero * wide.sum(axis=1)
    most = int((np.abs(starts) + reach * np.abs(wide).sum(axis=1)).max())
    site.require(most < 1 << (31 if narrow else 47), "an accumulator that overflows")
    return starts


def _scaling(site: Site, position: int, scale: float, narrow: bool) -> dict[str, int]:
    """From the sum of a gate's products to the gate; GetQuantizedConvolutionMultipler."""
    filter_scale, filter_zero = site.affine(site.input(position))
    site.require(filter_zero == 0, "weights with a zero point")
    multiplier, shift = quantize_multiplier(float32(scale * filter_scale) / _GATE)
    if narrow:
        site.require(shift <= 30, "a scale that is far too large")
        return {"multiplier": multiplier, "left": max(shift, 0), "right": max(-shift, 0)}
    multiplier, right = wide_scaling(site, multiplier, shift)
    return {"multiplier": multiplier, "left": 0, "right": right}


def _multiplier(site: Site, real: float) -> dict[str, int]:
    multiplier, shift = quantize_multiplier(real)
    site.require(shift <= 0, "a scale that is far too small")
    return {"multiplier": multiplier, "left": 0, "right": -shift}


def _log2(scale: float) -> int:
    """CheckedLog2, whose check nobody looks at here."""
    return round_half_away(float32(float32(math.log(scale)) * float32(1.0 / float32(math.log(2)))))


def _tanh_input(site: Site, power: int) -> dict[str, int]:
    """How a cell becomes the argument of tanh: (cell * multiplier + half) >> right."""
    shift = 15 + power - 3
    site.require(-30 <= shift <= 14, "a cell scale out of range")
    if shift < 0:
        return {"multiplier": 3, "right": -shift, "half": 1 << (-shift - 1)}
    return {"multiplier": 3 << shift, "right": 0, "half": 0}


def _data(
    layer: _Layer, weight_type: str, bias_type: str, starts: Array | None = None
) -> list[DataArgument]:
    return [
        DataArgument("weights", weight_type, layer.weights, "weights"),
        DataArgument("recurrent", weight_type, layer.recurrent, "recurrent"),
        DataArgument("biases", bias_type, layer.biases if starts is None else starts, "biases"),
    ]


def _step(
    site: Site, template: str, words: dict[str, Any], layer: _Layer, data: list[DataArgument]
) -> Step:
    return Step(
        template,
        words,
        (
            site.reads("input", site.input(0)),
            site.writes("output", site.output()),
            site.writes("hidden", layer.hidden),
            site.writes("cell", layer.cell),
            *data,
        ),
        f"{words['inputs']} to {words['units']} units, {words['steps']} steps",
    )
