# SPDX-License-Identifier: Apache-2.0
"""What a build with CMake takes of TFLM's tree: data of templates/shared/cmake/tflm.cmake.j2."""

from __future__ import annotations

from typing import Any

from gen_fw.program import Firmware

#: the kernel that calls the NPU's driver, and nothing of CMSIS-NN
_ETHOS_U = "tensorflow/lite/micro/kernels/ethosu.cc"


def tflm_tree(firmware: Firmware) -> dict[str, Any]:
    """From the programs:

    ``cxx``: one needs a C++ compiler; ``tflm_sources``: kernel files of the TFLM tree that one
    needs, sorted; ``kernel_folders``: folders beside them whose version of a kernel is taken where
    there is one; ``cmsis_nn``, ``ethos_u``: these libraries are called; ``signal``: operators of
    TFLM's signal library are among them.
    """
    tflm = [program for program in firmware.programs if program.runtime == "tflm"]
    needed = [(str(path), p.kernels) for p in tflm for path in p.adapter["kernel_sources"]]
    optimised = ("cmsis_nn", "ethos_u")
    cmsis_nn = any(kernels in optimised and path != _ETHOS_U for path, kernels in needed)
    ethos_u = any(path == _ETHOS_U for path, _ in needed)
    return {
        "cxx": bool(tflm),
        "tflm_sources": sorted({path for path, _ in needed}),
        "kernel_folders": ["cmsis_nn"] * cmsis_nn + ["ethos_u"] * ethos_u,
        "cmsis_nn": cmsis_nn,
        "ethos_u": ethos_u,
        "signal": any(path.startswith("signal/") for path, _ in needed),
    }
