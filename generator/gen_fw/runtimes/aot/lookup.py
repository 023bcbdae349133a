# SPDX-License-Identifier: Apache-2.0
"""Tables of 16-bit functions with interpolation between 513 points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_STEPS = 512
_LOW, _HIGH = np.float32(-32768), np.float32(32767)


def lookup_table(
    input_scale: Any, input_zero: int, output_scale: Any, function: Callable[[float], float]
) -> np.ndarray[Any, Any]:
    """int16 [513]: LUTPopulateInt16 of kernels/internal/common.h in single precision, output zero
    point 0. ``function`` is rounded to single precision."""
    single = np.float32
    first = single(input_scale) * single(-32768 - input_zero)
    last = single(input_scale) * single(32767 - input_zero)
    step = (last - first) / single(_STEPS)
    half = step / single(2)
    span = single(output_scale) * _HIGH - single(output_scale) * _LOW
    inverse = single(65536) / span

    def value(at: Any) -> Any:
        return single(function(float(at)))

    table = np.zeros(_STEPS + 1, np.int16)
    for i in range(_STEPS):
        at = first + single(i) * step
        here, following = value(at), value(first + single(i + 1) * step)
        sample = _rounded(here * inverse)
        between = _rounded((following * inverse + sample) / single(2))
        error = between - _rounded(value(at + half) * inverse)
        table[i] = int(min(max(sample - _rounded(error / single(2)), _LOW), _HIGH))
    table[_STEPS] = int(min(max(_rounded(value(last) * inverse), _LOW), _HIGH))
    return table


def _rounded(value: Any) -> Any:
    """C's round(): halves away from zero."""
    return np.float32(np.copysign(np.floor(np.abs(np.float64(value)) + 0.5), value))


def sigmoid_curve() -> np.ndarray[Any, Any]:
    """uint16 [256]: sigmoid_table_uint16 of kernels/internal/common.h, the logistic function of
    i / 24 with 16 fraction bits. Points lie off the curve by half of what the lines between them
    are off in their middle."""
    value = 1 / (1 + np.exp(-np.arange(256) / 24))
    bend = value * (1 - value) * (1 - 2 * value) / 24**2
    points: np.ndarray[Any, Any] = np.round(65536 * (value - bend / 16))
    points[-1] = 65535
    return points.astype(np.uint16)
