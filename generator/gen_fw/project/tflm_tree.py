# SPDX-License-Identifier: Apache-2.0
"""What a build takes of TFLM's tree and of kernel libraries: data of tflm.cmake.j2 and
kernels.cmake.j2 of templates/shared/cmake."""

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
    TFLM's signal library are among them; ``kernel_libraries``: those that generated C and
    archives of TVM call directly, sorted.
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
        "kernel_libraries": sorted(
            {name for p in firmware.programs if p.runtime == "aot" for name in p.requires.kernels}
            | {p.kernels for p in firmware.programs if p.runtime == "tvm"} & {"cmsis_nn"}
        ),
        "signal": any(path.startswith("signal/") for path, _ in needed),
    }
