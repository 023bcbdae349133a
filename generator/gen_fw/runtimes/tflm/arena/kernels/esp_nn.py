# SPDX-License-Identifier: Apache-2.0
"""Scripts of the esp-nn kernels that differ from the reference kernels."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.runtimes.tflm.arena.kernel import Script

ESP_NN: Mapping[str, Script] = {}
