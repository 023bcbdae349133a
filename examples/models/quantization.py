# SPDX-License-Identifier: Apache-2.0
"""Affine quantization as TFLite defines it: real = scale * (stored - zero_point)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


def quantize(values: Floats, scale: float, zero_point: int, dtype: Any) -> Array:
    """``values`` as stored in ``dtype``, rounded to even and saturated; floats pass through."""
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    steps = np.round(values / scale) + zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max), dtype=dtype)


def dequantize(stored: Array, scale: float, zero_point: int) -> Floats:
    """The real values of ``stored``; floats pass through."""
    if np.issubdtype(stored.dtype, np.floating):
        return stored.astype(np.float32)
    return np.asarray((stored.astype(np.float32) - zero_point) * scale, dtype=np.float32)
