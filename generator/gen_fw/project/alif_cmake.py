# SPDX-License-Identifier: Apache-2.0
"""What the templates of the ``alif_cmake`` family need beyond programs and boards."""

from __future__ import annotations

from typing import Any

from gen_fw.boards.alif_cmake import CACHES
from gen_fw.boards.board import Board, Memory
from gen_fw.program import Firmware
from gen_fw.project import alif_csolution, alif_mlek
from gen_fw.project.tflm_tree import tflm_tree

#: (variable, title, repository, revision): what a build fetches when no variable names a tree.
#: TFLM, CMSIS-NN and the headers are those that arenas were measured with; flatbuffers is exactly
#: the release that TFLM's schema_generated.h asks for; the NPU driver's repository is the mirror
#: that Zephyr keeps of Arm's
_PINS = (
    (
        "ALIF_DFP_ROOT",
        "Alif Ensemble DFP 2.0.2",
        "https://github.com/alifsemi/alif_ensemble-cmsis-dfp",
        "e6f35e88e7b8b401c33b2d599957261ee9f63311",
    ),
    (
        "CMSIS_6_ROOT",
        "CMSIS 6: headers of the core and of drivers",
        "https://github.com/ARM-software/CMSIS_6",
        "7f62ddc8ab8e9af22039912b8f9f46a9290f49ba",
    ),
)
_NPU_PINS = (
    (
        "ETHOS_U_DRIVER_ROOT",
        "Arm Ethos-U core driver",
        "https://github.com/zephyrproject-rtos/hal_ethos_u",
        "03567073fe2b9802c0bd73f9534da6f8a03924d1",
    ),
)
_TFLM_PINS = (
    (
        "TFLM_ROOT",
        "TensorFlow Lite for Microcontrollers",
        "https://github.com/tensorflow/tflite-micro",
        "90b983c2b3f1480642e040bbd2ddb37b998f3424",
    ),
    (
        "FLATBUFFERS_ROOT",
        "FlatBuffers 25.9.23",
        "https://github.com/google/flatbuffers",
        "187240970746d00bbd26b0f5873ed54d2477f9f3",
    ),
    (
        "GEMMLOWP_ROOT",
        "gemmlowp",
        "https://github.com/google/gemmlowp",
        "719139ce755a0f31cbf1c37f7f98adcc7fc9f425",
    ),
    (
        "RUY_ROOT",
        "ruy",
        "https://github.com/google/ruy",
        "d37128311b445e758136b8602d1bbd2a755e115d",
    ),
)
_SIGNAL_PINS = (
    (
        "KISSFFT_ROOT",
        "KISS FFT 130",
        "https://github.com/mborgerding/kissfft",
        "918336beac80868ad3011cb283063bb224e3e5da",
    ),
)
_CMSIS_NN_PINS = (
    (
        "CMSIS_NN_ROOT",
        "CMSIS-NN",
        "https://github.com/ARM-software/CMSIS-NN",
        "99f736a63036613032f9b70de36b493bcd7802d4",
    ),
)
#: files of the DFP that run before code and data are where they belong
_BOOT_SOURCES = (
    "Device/core/common/source/startup.c",
    "Device/core/common/source/system.c",
    "Device/core/common/source/mpu.c",
    "Device/core/common/source/pm.c",
    "Device/core/common/source/sau_tcm_ns_setup.c",
    "Device/core/common/source/tgu.c",
    "Device/system/source/sys_clocks.c",
)
#: and those that run later: vectors, delays, caches, the console's UART and pins
_SOURCES = (
    "Device/core/common/source/vectors.c",
    "Device/core/common/source/cache.c",
    "Device/system/source/sys_utils.c",
    "Alif_CMSIS/Source/Driver_USART.c",
    "drivers/source/pinconf.c",
    "drivers/source/uart.c",
    "libs/retarget_io/source/stdout_USART.c",
)
#: and that make OSPI flash readable, when the model lies there
_OSPI_SOURCES = (
    "ospi_xip/source/issi_flash/issi_flash.c",
    "ospi_xip/source/ospi/ospi_drv.c",
)
_OSPI_INCLUDES = (
    "ospi_xip/config",
    "ospi_xip/include",
    "ospi_xip/source/issi_flash",
    "ospi_xip/source/ospi",
)


def data(firmware: Firmware, board: Board) -> dict[str, Any]:
    """The board's own table, what ``tflm_tree`` says of the programs, and:

    ``regions``: the memories as the linker sees them, ``mram`` without what the SE tools keep
    there; ``arena``, ``model``, ``code``: the region
    that each is placed in, ``model`` with ``loaded`` (it lies in RAM and
    is copied there at start) and ``external`` (it is programmed apart from MRAM);
    ``persistent``: the region of what interpreters keep, variables of a compiled model too, empty
    when that is in the arena; ``cache``: the strongest of these two, for what the NPU writes;
    ``mram``, ``dtcm``: regions; ``toolchain``: prefix of the compiler; ``copied``: sections that
    start-up code copies; ``npu``: what the driver must know, empty when no program has a part for
    the NPU; ``dfp_sources``, ``boot_sources``, ``boot_files`` (their names), ``dfp_includes``: of
    the DFP;
    ``pins``: repositories to fetch; ``csolution``, ``mlek``: what these layouts need; ``flags``:
    conditions for family.toml.
    """
    facts = board.family_data
    tree = tflm_tree(firmware)
    npu = _npu(firmware)
    regions = {memory.name: _region(memory, board) for memory in board.memories}
    places = firmware.chosen.placement.memories
    arena, model, code = (regions[places[role]] for role in ("arena", "model", "code"))
    caches = facts["caches"]
    written = {places["arena"], places.get("persistent", places["arena"])}
    loaded = model["kind"] == "ram"
    external = model["kind"] == "rom" and model["name"] != "mram"
    includes = [*_includes(facts), *(_OSPI_INCLUDES if external else ())]
    pins = _pins(tree, npu=bool(npu))
    csolution = alif_csolution.data(tree, pins, facts, external=external)
    return {
        **facts,
        **tree,
        "regions": list(regions.values()),
        "mram": regions["mram"],
        "dtcm": regions["dtcm"],
        "arena": arena,
        "model": {**model, "loaded": loaded, "external": external},
        "persistent": regions[places["persistent"]] if "persistent" in places else {},
        "cache": max((caches.get(name, "none") for name in written), key=CACHES.index),
        "code": code,
        "copied": [
            *([".code"] if code["name"] != "mram" else []),
            ".data",
            *([".model"] if loaded else []),
        ],
        "toolchain": "arm-none-eabi",
        "npu": npu,
        "boot_sources": list(_BOOT_SOURCES),
        "boot_files": [path.rpartition("/")[2].removesuffix(".c") for path in _BOOT_SOURCES],
        "dfp_sources": [*_SOURCES, *(_OSPI_SOURCES if external else ())],
        "dfp_includes": includes,
        "pins": pins,
        "csolution": csolution,
        "mlek": alif_mlek.data(firmware, board),
        "flags": [
            *(["model-external"] if external else []),
            *(["third-party"] if csolution["trees"] else []),
        ],
    }


def _npu(firmware: Firmware) -> dict[str, Any]:
    """The NPU that programs were compiled for: the board has one."""
    for program in firmware.programs:
        if "npu" in program.adapter:
            facts = program.adapter["npu"]
            keys = ("name", "architecture", "macs", "irq")
            return {**{key: facts[key] for key in keys}, "base": f"0x{facts['base']:08x}"}
    return {}


def _region(memory: Memory, board: Board) -> dict[str, Any]:
    origin = board.family_data["origins"][memory.name]
    kept = board.family_data["se"]["toc_bytes"] if memory.name == "mram" else 0
    return {
        "name": memory.name,
        "macro": memory.name.upper(),
        "kind": memory.kind,
        "origin": f"0x{origin:08x}",
        "end": f"0x{origin + memory.bytes - kept:08x}",
        "bytes": memory.bytes - kept,
    }


def _includes(facts: Any) -> list[str]:
    """Folders of the DFP with headers for this core and device."""
    soc, core = f"Device/soc/{facts['soc']}", f"Device/core/{facts['subsystem']}"
    kit = facts["kit"].rpartition("-")[2]
    return [
        f"{soc}/include/{facts['subsystem']}",
        f"{soc}/include",
        f"{soc}/config",
        f"{soc}/rte",
        f"{core}/config",
        "Device/core/common/include",
        "Device/core/common/config",
        "Device/system/include",
        "Alif_CMSIS/Include",
        "drivers/include",
        f"libs/retarget_io/config/{kit}",
        "libs/retarget_io/compiler/clang/Include",
    ]


def _pins(tree: dict[str, Any], *, npu: bool) -> list[dict[str, str]]:
    pins = [*_PINS]
    if npu:
        pins += _NPU_PINS
    if tree["cxx"]:
        pins += _TFLM_PINS
    if tree["signal"]:
        pins += _SIGNAL_PINS
    if tree["cmsis_nn"] or "cmsis_nn" in tree["kernel_libraries"]:
        pins += _CMSIS_NN_PINS
    keys = ("name", "title", "repository", "revision")
    return [dict(zip(keys, pin, strict=True)) for pin in pins]
