# SPDX-License-Identifier: Apache-2.0
"""How sums of float and int16x8 layers begin, and how they become outputs.

int16x8: 16-bit activations, 8-bit weights. With a bias of 64 bits (or none), TFLM sums in 64 bits
and scales by a 16-bit multiplier with one rounding (MultiplyByQuantizedMultiplier of an int64_t in
kernels/internal/common.cc); with a bias of 32 bits it sums and scales as for int8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gen_fw.model.enums import ActivationFunctionType
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import activation_range, quantize_multiplier
from gen_fw.runtimes.aot.expressions import real_range
from gen_fw.runtimes.aot.filters import Array
from gen_fw.runtimes.aot.layer import Site

#: smallest and largest int16
LIMITS_16 = (-(1 << 15), (1 << 15) - 1)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Element types and parameters of a layer; ``words`` are for kernels/kinds.j2."""

    words: Mapping[str, Any]
    #: (parameter, C type, [channels, ...]) of what the kernel reads for each output channel
    tables: tuple[tuple[str, str, Array], ...]
    #: bytes of an activation
    element: int
    c_type: str
    weight_type: str
    #: the sums have 64 bits
    sum64: bool = False


def float_range(activation: ActivationFunctionType) -> dict[str, str]:
    """C literals of the smallest and the largest output; CalculateActivationRange."""
    low, high = real_range(activation)
    return {"low": low, "high": high}


def float_numbers(site: Site, weights: Array, bias: Tensor | None, activation: Any) -> Numbers:
    """Sums in the order of the reference kernels, then the bias, then the limits."""
    tables: tuple[tuple[str, str, Array], ...] = ()
    site.require(bool(np.isfinite(weights).all()), "weights that are infinite or no numbers")
    if bias is not None:
        values = site.constant(site.of_type(bias, DType.FLOAT32)).reshape(-1)
        site.require(values.size == len(weights), f"{values.size} biases")
        tables = (("biases", "float", values),)
    words = {"kind": "float", "biased": bool(tables), **float_range(activation)}
    return Numbers(words, tables, 4, "float", "float")


def wide_scaling(site: Site, multiplier: int, shift: int) -> tuple[int, int]:
    """(multiplier of 16 bits, right shift) for a 64-bit sum. Refuses what TFLM asserts."""
    site.require(-31 <= shift < 8, "an output scale that is far too small for 64-bit sums")
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    return reduced, 15 - shift


def int16_numbers(
    site: Site,
    weights: Array,
    scales: list[tuple[int, int]],
    bias: Tensor | None,
    target: Tensor,
    activation: Any,
    *,
    narrow: bool,
    input_zero: int = 0,
    output_zero: int = 0,
    bias_types: Sequence[DType] = (DType.INT64,),
) -> Numbers:
    """``weights`` is int8 [channels, taps], ``scales`` are (multiplier, shift) of the channels.
    ``narrow``: TFLM sums in 32 bits. Zero points only where the kernel looks at them."""
    count = len(weights)
    low, high = activation_range(activation, *site.affine(target), LIMITS_16)
    site.require(low <= high, "an activation whose range is empty")
    offsets = np.zeros(count, np.int64)
    if bias is not None:
        site.of_type(bias, *((DType.INT32,) if narrow else bias_types))
        offsets = site.constant(bias).reshape(-1).astype(np.int64)
        site.require(offsets.size == count, f"{offsets.size} biases for {count} channels")
    near = int(offsets.min()) > -(1 << 47) and int(offsets.max()) < 1 << 47
    site.require(near and abs(input_zero) < 1 << 16, "a bias or zero point out of range")
    wide = weights.astype(np.int64)
    folded = offsets - input_zero * wide.sum(axis=1)
    reach = (1 << 15) * np.abs(wide).sum(axis=1)
    words: dict[str, Any] = {"low": low, "high": high, "zero_point": output_zero}
    if narrow:
        # 32-bit sums that overflow wrap: the lower half of a 64-bit sum
        sum64 = bool((np.abs(folded) + reach).max() >= 1 << 31)
        site.require(max(shift for _, shift in scales) <= 30, "an output scale far too small")
        rows = [
            (int(start), multiplier, max(shift, 0), max(-shift, 0))
            for start, (multiplier, shift) in zip(folded.astype(np.int32), scales, strict=True)
        ]
        words |= {"kind": "int16", "sum64": sum64, "biased": False}
        table = np.array(rows, np.int32)
        return Numbers(words, (("channels", "channel", table),), 2, "int16_t", "int8_t", sum64)
    site.require(int((np.abs(folded) + reach).max()) < 1 << 47, "a sum that overflows 48 bits")
    sum64 = bool(reach.max() >= 1 << 31)
    pairs = np.array([wide_scaling(site, *pair) for pair in scales], np.int32)
    tables: list[tuple[str, str, Array]] = [("scales", "int32_t", pairs)]
    if folded.any():
        tables.append(("biases", "int64_t", folded))
    words |= {"kind": "wide", "sum64": sum64, "biased": len(tables) > 1}
    return Numbers(words, tuple(tables), 2, "int16_t", "int8_t", sum64)


def channel_scales(
    site: Site, source: Tensor, filters: Tensor, target: Tensor, count: int
) -> list[tuple[int, int]]:
    """(multiplier, shift) of each channel; PopulateConvolutionQuantizationParams."""
    input_scale, _ = site.affine(source)
    output_scale, _ = site.affine(target)
    scales = site.quantization(filters).scale
    site.require(len(scales) in (1, count), f"{len(scales)} filter scales, {count} channels")
    site.require(output_scale > 0, "a scale of 0")
    return [
        quantize_multiplier(input_scale * scales[channel if len(scales) > 1 else 0] / output_scale)
        for channel in range(count)
    ]
