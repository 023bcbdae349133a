# SPDX-License-Identifier: Apache-2.0
"""What a build with CMake takes of TFLM's tree: data of templates/shared/cmake/tflm.cmake.j2."""

from __future__ import annotations

from typing import Any

from gen_fw.program import Firmware


def tflm_tree(firmware: Firmware) -> dict[str, Any]:
    """From the programs:

    ``cxx``: one needs a C++ compiler; ``tflm_sources``: kernel files of the TFLM tree that one
    needs, sorted; ``cmsis_nn``: take CMSIS-NN's version of a kernel where there is one;
    ``ethos_u``: and the Ethos-U operator's; ``signal``: operators of TFLM's signal library are
    among them.
    """
    tflm = [program for program in firmware.programs if program.runtime == "tflm"]
    sources = {str(path) for program in tflm for path in program.adapter["kernel_sources"]}
    kernels = {program.kernels for program in tflm}
    return {
        "cxx": bool(tflm),
        "tflm_sources": sorted(sources),
        "signal": any(path.startswith("signal/") for path in sources),
        "cmsis_nn": bool(kernels & {"cmsis_nn", "ethos_u"}),
        "ethos_u": "ethos_u" in kernels,
    }
