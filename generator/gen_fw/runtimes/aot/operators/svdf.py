# SPDX-License-Identifier: Apache-2.0
"""SVDF: a layer of low rank whose memory moves on by one column with every inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.enums import ActivationFunctionType as Activation
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import float32, quantize_multiplier
from gen_fw.runtimes.aot.filters import Array
from gen_fw.runtimes.aot.layer import C_TYPES, DataArgument, Site, Step
from gen_fw.runtimes.aot.table import operator

#: C of ActivationValFloat (micro/kernels/activation_utils.h) of ``sum``
_ACTIVATIONS = {
    Activation.NONE: "sum",
    Activation.RELU: "sum > 0.0f ? sum : 0.0f",
    Activation.RELU_N1_TO_1: "clamp_float(sum, -1.0f, 1.0f)",
    Activation.RELU6: "clamp_float(sum, 0.0f, 6.0f)",
    Activation.TANH: "tanhf(sum)",
    Activation.SIGN_BIT: "signbit(sum) ? 1.0f : 0.0f",
}


@operator("SVDF", types="float32", limits="constant weights and bias", of=(DType.FLOAT32,))
def svdf_float(site: Site) -> Sequence[Step]:
    """EvalFloatSvdfReference of micro/kernels/svdf_common.cc."""
    kinds = (DType.FLOAT32,) * 4
    words, features, times, bias = _parts(site, kinds)
    activation = site.options.fused_activation_function
    site.require(activation in _ACTIVATIONS, f"activation {activation.name}")
    words["activation"] = _ACTIVATIONS[activation]
    return [_step(site, "svdf_float", words, _data("float", features, times, bias))]


@operator(
    "SVDF",
    types="int8, int8 or int16 state",
    limits="constant weights and bias; no activation, as in TFLM",
    of=(DType.INT8,),
)
def svdf_integer(site: Site) -> Sequence[Step]:
    """EvalIntegerSvdfReference of micro/kernels/svdf_common.cc; scales are single precision."""
    memory = site.of_type(site.input(4), DType.INT8, DType.INT16)
    kinds = (DType.INT8, DType.INT8, memory.dtype, DType.INT32)
    words, features, times, bias = _parts(site, kinds)
    (scale, zero), (feature_scale, _) = site.affine(site.input(0)), site.affine(site.input(1))
    (state_scale, state_zero), (time_scale, _) = site.affine(memory), site.affine(site.input(2))
    out_scale, out_zero = site.affine(site.output())
    site.require(min(state_scale, out_scale) > 0, "a scale of 0")
    product = float32(state_scale * time_scale)
    near = abs(site.affine(site.input(3))[0] - product) < 1e-5
    site.require(near, "a bias whose scale is not that of the state and the weights in time")
    first = quantize_multiplier(float32(float32(scale * feature_scale) / state_scale))
    second = quantize_multiplier(float32(product / out_scale))
    low, high = (-128, 127) if memory.dtype is DType.INT8 else (-(1 << 15), (1 << 15) - 1)
    reach = max(abs(low - state_zero), abs(high - state_zero))
    units = np.abs(times.astype(np.int64)).reshape(words["units"], -1).sum(axis=1)
    offsets = -zero * features.astype(np.int64).sum(axis=1)
    dots = np.abs(offsets) + 128 * np.abs(features.astype(np.int64)).sum(axis=1)
    site.require(int(dots.max()) < 1 << 31, "an accumulator that overflows 32 bits")
    words |= {
        "state_type": C_TYPES[memory.dtype],
        "low": low,
        "high": high,
        "state_zero": state_zero,
        "output_zero": out_zero,
        "first": _shifts(site, first),
        "second": _shifts(site, second),
        "offset": bool(offsets.any()),
        # sums of 32 bits that overflow wrap: the lower half of 64 bits
        "wide": bool((np.abs(bias.astype(np.int64)) + units * reach).max() >= 1 << 31),
    }
    data = _data(C_TYPES[memory.dtype], features, times, bias)
    if words["offset"]:
        data.append(DataArgument("offsets", "int32_t", offsets, "offsets"))
    return [_step(site, "svdf", words, data)]


def _shifts(site: Site, scaling: tuple[int, int]) -> dict[str, int]:
    multiplier, shift = scaling
    site.require(shift <= 30, "a scale that is far too small")
    return {"multiplier": multiplier, "left": max(shift, 0), "right": max(-shift, 0)}


def _parts(site: Site, kinds: Sequence[DType]) -> tuple[dict[str, Any], Array, Array, Array]:
    """Words, weights of features [filters, inputs], in time [filters, memory], bias [units]; what
    PrepareSvdf checks. ``kinds``: input, features, time and state, bias."""
    site.require(len(site.operator.inputs) == 5, "5 inputs are needed")
    source, target = site.of_type(site.input(0), kinds[0]), site.of_type(site.output(), kinds[0])
    features = site.of_type(site.input(1), kinds[1])
    times, state = site.of_type(site.input(2), kinds[2]), site.of_type(site.input(4), kinds[2])
    site.require(state.is_variable, "a state that is no variable")
    site.require(site.optional(3) is not None, "no bias, which TFLM's kernel reads anyway")
    bias = site.of_type(site.input(3), kinds[3])
    flat = all(len(tensor.shape) == 2 for tensor in (source, features, times, state, target))
    site.require(flat, "tensors need 2 dimensions")
    (batch, inputs), (filters, memory), rank = source.shape, times.shape, site.options.rank
    site.require(rank > 0 and filters % rank == 0, "filters are no multiple of the rank")
    shapes = (
        features.shape == (filters, inputs)
        and state.shape == (batch, memory * filters)
        and target.shape == (batch, filters // rank)
        and bias.shape[:1] == (filters // rank,)
    )
    site.require(shapes and min(batch, inputs, filters, memory) > 0, "shapes")
    words = {
        "batch": batch,
        "inputs": inputs,
        "memory": memory,
        "rank": rank,
        "units": filters // rank,
    }
    return words, site.constant(features), site.constant(times), site.constant(bias).reshape(-1)


def _data(c_type: str, features: Array, times: Array, bias: Array) -> list[DataArgument]:
    weight_type = "float" if c_type == "float" else "int8_t"
    bias_type = "float" if c_type == "float" else "int32_t"
    return [
        DataArgument("features", weight_type, features, "features"),
        DataArgument("times", c_type, times, "times"),
        DataArgument("biases", bias_type, bias, "biases"),
    ]


def _step(site: Site, template: str, words: dict[str, Any], data: list[DataArgument]) -> Step:
    state: Tensor = site.input(4)
    return Step(
        template,
        words,
        (
            site.reads("input", site.input(0)),
            site.writes("output", site.output()),
            site.writes("state", state),
            *data,
        ),
        f"{words['inputs']} to {words['units']} units, rank {words['rank']}, "
        f"memory {words['memory']}",
    )
