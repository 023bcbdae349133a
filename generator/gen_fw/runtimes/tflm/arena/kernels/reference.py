# SPDX-License-Identifier: Apache-2.0
"""TFLM's reference kernels: operator name or custom code -> script. One entry for every
registration of data/<release>.json."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.runtimes.tflm.arena.kernel import Script
from gen_fw.runtimes.tflm.arena.kernels.convolution import CONVOLUTION

REFERENCE: Mapping[str, Script] = {
    **CONVOLUTION,
}
