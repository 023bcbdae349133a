# SPDX-License-Identifier: Apache-2.0
"""Scripts of the CMSIS-NN kernels that differ from the reference kernels."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.runtimes.tflm.arena.kernel import Script

CMSIS_NN: Mapping[str, Script] = {}
