# SPDX-License-Identifier: Apache-2.0
"""What the layout ``csolution`` of Alif projects needs: a CMSIS solution names every file, since
it knows no wildcards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gen_fw.errors import UsageError
from gen_fw.program import Firmware

#: files of the pinned trees, made by tools/make_tflm_files.py
_FILES = Path(__file__).resolve().parent / "data" / "tflm_files.json"
_KERNELS = "tensorflow/lite/micro/kernels"
#: variable that names a tree elsewhere -> its folder in third_party/, and a file that it has
_FOLDERS = {
    "ETHOS_U_DRIVER_ROOT": ("ethos-u-core-driver", "src/ethosu_driver.c"),
    "TFLM_ROOT": ("tflite-micro", "tensorflow/lite/micro/micro_interpreter.h"),
    "FLATBUFFERS_ROOT": ("flatbuffers", "include/flatbuffers/flatbuffers.h"),
    "GEMMLOWP_ROOT": ("gemmlowp", "fixedpoint/fixedpoint.h"),
    "RUY_ROOT": ("ruy", "ruy/profiler/instrumentation.h"),
    "KISSFFT_ROOT": ("kissfft", "kiss_fft.h"),
    "CMSIS_NN_ROOT": ("cmsis-nn", "Include/arm_nnfunctions.h"),
}
#: what the DFP's pack calls its parts; those that run before the memories are set up
_COMPONENTS = (
    ("ARM::CMSIS:CORE", False),
    ("ARM::CMSIS-Compiler:CORE", False),
    ("ARM::CMSIS-Compiler:STDOUT:Custom", False),
    ("AlifSemiconductor::Device:Startup", True),
    ("AlifSemiconductor::Device:SOC Peripherals:PINCONF", False),
    ("AlifSemiconductor::CMSIS Driver:USART", False),
    ("AlifSemiconductor::Services:Retarget IO:STDOUT", False),
)
_OSPI_COMPONENTS = (("AlifSemiconductor::BSP:OSPI FLASH XIP:core", False),)
_PACK = "AlifSemiconductor::Ensemble"


def data(
    tree: Mapping[str, Any],
    pins: Sequence[Mapping[str, str]],
    facts: Mapping[str, Any],
    *,
    external: bool,
) -> dict[str, Any]:
    """From ``tflm_tree``'s data, the pins of ``alif_cmake`` and the board's own table:

    ``components`` [{``name``, ``early``: it runs before the memories are set up}]; ``add_path``:
    folders of the DFP's pack that its components leave out for this device; ``trees``
    [{``variable``, ``folder``, ``file``, ``title``, ``repository``, ``revision``}] to be fetched
    into ``third_party/``; ``tflm``, ``cmsis_nn``: sources of these trees.

    Raises KeyError for a pin that has no folder.
    """
    listed = files()
    components = [*_COMPONENTS, *(_OSPI_COMPONENTS if external else ())]
    fetched = [pin for pin in pins if pin["name"] not in ("ALIF_DFP_ROOT", "CMSIS_6_ROOT")]
    return {
        "components": [{"name": name, "early": early} for name, early in components],
        "add_path": [f"$Pack({_PACK})$/{folder}" for folder in _left_out(facts)],
        "trees": [
            {
                "variable": pin["name"],
                "folder": _FOLDERS[pin["name"]][0],
                "file": _FOLDERS[pin["name"]][1],
                **{key: pin[key] for key in ("title", "repository", "revision")},
            }
            for pin in fetched
        ],
        "tflm": _tflm(tree, listed) if tree["cxx"] else [],
        "cmsis_nn": list(listed["cmsis_nn"]) if tree["cmsis_nn"] else [],
    }


def check(firmware: Firmware, _facts: Mapping[str, Any]) -> None:
    """Raises UsageError for an archive of TVM that this layout cannot build."""
    only_cmake(firmware, "csolution")


def only_cmake(firmware: Firmware, layout: str) -> None:
    """Raises UsageError for archives whose kernels call CMSIS-NN: other layouts take CMSIS-NN with
    TFLM, or from their kit, and those programs have neither."""
    for program in firmware.programs:
        if program.runtime == "tvm" and program.kernels == "cmsis_nn":
            raise UsageError(
                f"the archive of {program.name} calls CMSIS-NN",
                where=f"--layout {layout}",
                why="this layout has CMSIS-NN for TFLite Micro only",
                hint="--layout cmake",
            )


def _left_out(facts: Mapping[str, Any]) -> list[str]:
    """The pack's conditions know a device by its silicon's name, and so nothing of the smaller
    devices of the same silicon."""
    if facts["device"].startswith(facts["soc"]):
        return []
    soc = f"Device/soc/{facts['soc']}"
    kit = facts["kit"].rpartition("-")[2]
    return [
        f"{soc}/include/{facts['subsystem']}",
        f"{soc}/include",
        f"{soc}/config",
        f"libs/retarget_io/config/{kit}",
    ]


def _tflm(tree: Mapping[str, Any], listed: Mapping[str, Any]) -> list[str]:
    """TFLM's sources as templates/shared/cmake/tflm.cmake.j2 finds them."""
    core = [*listed["core"], *(listed["signal"] if tree["signal"] else ())]
    kernels = []
    for path in tree["tflm_sources"]:
        name = path.rpartition("/")[2]
        better = [one for one in tree["kernel_folders"] if name in listed["kernels"][one]]
        kernels.append(f"{_KERNELS}/{better[-1]}/{name}" if better else path)
    return sorted({*core, *kernels})


@cache
def files() -> Mapping[str, Any]:
    """The lists of data/tflm_files.json."""
    lists: dict[str, Any] = json.loads(_FILES.read_text("utf-8"))
    return lists
