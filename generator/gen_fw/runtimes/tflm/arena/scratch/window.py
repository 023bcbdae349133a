# SPDX-License-Identifier: Apache-2.0
"""The geometry of a convolution, as the vendors' size functions take it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Sizes in elements; padding is what TFLite puts on the left and on top."""

    in_w: int
    in_h: int
    in_c: int
    out_w: int
    out_h: int
    out_c: int
    filter_w: int
    filter_h: int
    stride_w: int
    stride_h: int
    pad_w: int
    pad_h: int
    dilation_w: int = 1
    dilation_h: int = 1
    batches: int = 1
    #: input channels of one group; left out, all of them
    group_c: int = 0

    def __post_init__(self) -> None:
        if not self.group_c:
            object.__setattr__(self, "group_c", self.in_c)

    @property
    def column(self) -> int:
        """Elements of one im2col column; CMSIS-NN counts all input channels, grouped or not."""
        return self.filter_w * self.filter_h * self.in_c


def align_up(value: int, step: int) -> int:
    """``value`` rounded up to a multiple of ``step``."""
    return -(-value // step) * step
