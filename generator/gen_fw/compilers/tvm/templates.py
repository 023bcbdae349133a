# SPDX-License-Identifier: Apache-2.0
"""Steps of the generated-C runtime that TVM makes kernels for; ``kernels/table.py`` has them, and a
test compares the two."""

from __future__ import annotations

TEMPLATES = frozenset(
    {
        "arg",
        "copy_bytes",
        "elementwise",
        "indexed",
        "move",
        "pool_average",
        "pool_maximum",
        "reduce",
        "resize_bilinear",
        "softmax",
        "softmax_float",
        "softmax_wide",
        "transpose_conv",
        "tvm_depthwise",
        "tvm_product",
    }
)
#: names of steps of template ``reduce`` that are no sum, largest or smallest element
NO_REDUCTION = frozenset({"reduce_all"})
