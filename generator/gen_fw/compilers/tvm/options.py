# SPDX-License-Identifier: Apache-2.0
"""What a user may choose for TVM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TensorLayout = Literal["nhwc", "nchw"]


@dataclass(frozen=True, slots=True)
class TvmOptions:
    """``records``: contents of a file of tuning records, or empty. ``allow_float``: operators may
    compute in float32 on a processor without FPU."""

    tensor_layout: TensorLayout = "nhwc"
    records: bytes = b""
    allow_float: bool = False
