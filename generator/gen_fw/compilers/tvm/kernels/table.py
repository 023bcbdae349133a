# SPDX-License-Identifier: Apache-2.0
"""Which step becomes which kernel. ``templates.py`` has the same names, for the parent process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gen_fw.compilers.tvm.kernels import (
    elements,
    matrices,
    moving,
    normalize,
    norms,
    reductions,
    windows,
)
from gen_fw.compilers.tvm.kernels.depthwise import depthwise
from gen_fw.compilers.tvm.kernels.products import product
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled

KERNELS: Mapping[str, Callable[[Spec], Unscheduled]] = {
    "arg": reductions.arg,
    "copy_bytes": elements.copy_bytes,
    "cumsum": moving.cumsum,
    "elementwise": elements.elementwise,
    "gather": matrices.gather,
    "indexed": elements.indexed,
    "l2_normalization": norms.l2_normalization,
    "log_softmax": norms.log_softmax,
    "log_softmax_float": norms.log_softmax_float,
    "matmul": matrices.matmul,
    "move": elements.move,
    "pool_average": reductions.pool,
    "pool_maximum": reductions.pool,
    "pool_root": reductions.pool,
    "reduce": reductions.reduce,
    "resize_bilinear": windows.resize_bilinear,
    "slice_at": moving.slice_at,
    "softmax": normalize.softmax,
    "softmax_float": normalize.softmax_float,
    "softmax_wide": normalize.softmax_wide,
    "space_to_batch": moving.space_to_batch,
    "transpose_conv": windows.transpose_conv,
    "tvm_depthwise": depthwise,
    "tvm_product": product,
}
