# SPDX-License-Identifier: Apache-2.0
"""Steps of the generated-C runtime that TVM makes kernels for; ``kernels/table.py`` has them, and a
test compares the two."""

from __future__ import annotations

TEMPLATES = frozenset(
    {
        "arg",
        "copy_bytes",
        "cumsum",
        "elementwise",
        "gather",
        "indexed",
        "l2_normalization",
        "log_softmax",
        "log_softmax_float",
        "matmul",
        "move",
        "pool_average",
        "pool_maximum",
        "pool_root",
        "reduce",
        "resize_bilinear",
        "slice_at",
        "softmax",
        "softmax_float",
        "softmax_wide",
        "space_to_batch",
        "transpose_conv",
        "tvm_depthwise",
        "tvm_product",
    }
)
