# SPDX-License-Identifier: Apache-2.0
"""Which step becomes which kernel. ``templates.py`` has the same names, for the parent process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gen_fw.compilers.tvm.kernels import elements, normalize, reductions, windows
from gen_fw.compilers.tvm.kernels.depthwise import depthwise
from gen_fw.compilers.tvm.kernels.products import product
from gen_fw.compilers.tvm.kernels.spec import Spec, Unscheduled

KERNELS: Mapping[str, Callable[[Spec], Unscheduled]] = {
    "arg": reductions.arg,
    "copy_bytes": elements.copy_bytes,
    "elementwise": elements.elementwise,
    "indexed": elements.indexed,
    "move": elements.move,
    "pool_average": reductions.pool,
    "pool_maximum": reductions.pool,
    "reduce": reductions.reduce,
    "resize_bilinear": windows.resize_bilinear,
    "softmax": normalize.softmax,
    "softmax_float": normalize.softmax_float,
    "softmax_wide": normalize.softmax_wide,
    "transpose_conv": windows.transpose_conv,
    "tvm_depthwise": depthwise,
    "tvm_product": product,
}
