# SPDX-License-Identifier: Apache-2.0
"""TFLM's reference kernels: operator name or custom code -> script. One entry for every
registration of data/<release>.json."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.runtimes.tflm.arena.kernel import Script
from gen_fw.runtimes.tflm.arena.kernels.activation import ACTIVATION
from gen_fw.runtimes.tflm.arena.kernels.control import CONTROL
from gen_fw.runtimes.tflm.arena.kernels.convolution import CONVOLUTION
from gen_fw.runtimes.tflm.arena.kernels.custom import CUSTOM_OPERATORS
from gen_fw.runtimes.tflm.arena.kernels.elementwise import ELEMENTWISE
from gen_fw.runtimes.tflm.arena.kernels.layout import LAYOUT
from gen_fw.runtimes.tflm.arena.kernels.matrix import MATRIX
from gen_fw.runtimes.tflm.arena.kernels.reduction import REDUCTION
from gen_fw.runtimes.tflm.arena.kernels.signal import SIGNAL

REFERENCE: Mapping[str, Script] = {
    **ACTIVATION,
    **CONTROL,
    **CONVOLUTION,
    **CUSTOM_OPERATORS,
    **ELEMENTWISE,
    **LAYOUT,
    **MATRIX,
    **REDUCTION,
    **SIGNAL,
}
