# SPDX-License-Identifier: Apache-2.0
"""Tables of 16-bit functions with interpolation between 513 points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_STEPS = 512
#: points of TFLite's sigmoid_table_uint16 (kernels/internal/common.h) that are one above the
#: rounded function
_RAISED = (
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40),
    *(41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255),
)
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
    """uint16 [256]: TFLite's table of the logistic function of i / 24, 16 fraction bits."""
    curve: np.ndarray[Any, Any] = np.round(65536 / (1 + np.exp(-np.arange(256) / 24)))
    curve[list(_RAISED)] += 1
    return curve.astype(np.uint16)
