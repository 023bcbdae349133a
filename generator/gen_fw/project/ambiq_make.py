# SPDX-License-Identifier: Apache-2.0
"""What the templates of the ``ambiq_make`` family need beyond programs and boards."""

from __future__ import annotations

from typing import Any

from gen_fw.boards.board import Board, Memory
from gen_fw.boards.load import load_board
from gen_fw.errors import UsageError
from gen_fw.program import Firmware
from gen_fw.project import native_cmake
from gen_fw.project.tflm_tree import tflm_tree

_NEURALSPOT = "https://github.com/AmbiqAI/neuralSPOT"
#: core -> options of GCC, as neuralspot_toolchain.mk has them; its name in the TFLM library's name
_CORES = {
    "cortex-m4": ("-mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard", "cm4"),
    "cortex-m55": ("-mthumb -mcpu=cortex-m55 -mfloat-abi=hard", "cm55"),
}
#: core -> the emulated board with the same one
_EMULATED = {"cortex-m4": "qemu-cortex-m4", "cortex-m55": "qemu-cortex-m55"}
#: interrupts of the chips (startup_gcc.c of neuralSPOT's ns-core)
_INTERRUPTS = {"apollo3": 34, "apollo4": 84, "apollo5": 135}


def data(firmware: Firmware, board: Board, layout: str, model_format: str) -> dict[str, Any]:
    """The board's own table, what ``tflm_tree`` says of the programs, and:

    ``generation``: ``apollo3``, ``apollo4`` or ``apollo5`` (Cortex-M55), which the HAL's functions
    depend on; ``core_flags``, ``tflm_cpu``: options of GCC, part of the TFLM library's name;
    ``interrupts``: how many the chip has; ``header``: the device header's name; ``prebuilt``:
    TFLM is a library of neuralSPOT's; ``regions``: the memories as the linker sees them; ``arena``,
    ``model``, ``code``, ``persistent`` (empty: in the arena): the region of each, ``model`` with
    ``loaded`` (it is copied there at start); ``image``: the region of the image; ``sections``:
    memory -> prefix of the section for data that is not loaded; ``uses_sram``, ``uses_psram``:
    that memory must be on; ``emulator``: data of the emulated board, for the layout standalone;
    ``neuralspot``: its repository; ``flags``: conditions for family.toml.

    Raises UsageError for an option that the layout cannot follow.
    """
    if layout == "module" and model_format == "embed":
        raise UsageError(
            "--model-format embed: neuralSPOT's make assembles no .S files",
            hint="leave it out, or use --layout out-of-tree",
        )
    facts = board.family_data
    places = firmware.chosen.placement.memories
    regions = {memory.name: _region(memory, facts) for memory in board.memories}
    model = regions[places["model"]]
    chip = str(facts["part"])
    generation = "apollo5" if board.cpu.isa == "cortex-m55" else chip[:7]
    flags, tflm_cpu = _CORES[board.cpu.isa]
    tree = tflm_tree(firmware)
    ram = [memory.name for memory in board.memories if memory.kind == "ram"]
    return {
        **facts,
        **tree,
        "generation": generation,
        "core_flags": flags,
        "tflm_cpu": tflm_cpu,
        "interrupts": _INTERRUPTS[generation],
        "header": f"{chip}.h",
        "prebuilt": bool(board.sdk.prebuilt and tree["cxx"]),
        "toolchain": "arm-none-eabi",
        "regions": list(regions.values()),
        "image": next(region for region in regions.values() if region["kind"] == "rom"),
        "arena": regions[places["arena"]],
        "model": {**model, "loaded": model["kind"] == "ram"},
        "code": regions[places["code"]],
        "persistent": regions[places["persistent"]] if "persistent" in places else {},
        "sections": {name: ".bss" if name == facts["data"] else _section(name) for name in ram},
        "uses_sram": "sram" in places.values(),
        "uses_psram": "psram" in places.values(),
        "neuralspot": _NEURALSPOT,
        "emulator": _emulator(firmware, board) if layout == "standalone" else {},
        "flags": ["prebuilt"] if board.sdk.prebuilt and tree["cxx"] else [],
    }


def _section(memory: str) -> str:
    """Names that neuralSPOT's linker scripts know: ``.sram_bss``, and ``.tcm`` on Apollo3."""
    return ".tcm" if memory == "tcm" else f".{memory}_bss"


def _region(memory: Memory, facts: Any) -> dict[str, Any]:
    return {
        "name": memory.name,
        "macro": memory.name.upper(),
        "kind": memory.kind,
        "origin": f"0x{facts['origins'][memory.name]:08x}",
        "bytes": memory.bytes,
    }


def _emulator(firmware: Firmware, board: Board) -> dict[str, Any]:
    """The same core in QEMU, where `make qemu` runs the same program."""
    emulated = load_board(_EMULATED[board.cpu.isa])
    return {
        **native_cmake.data(firmware, emulated),
        "sections": [],  # one RAM for all, wherever the board's arenas lie
        "board": {"name": emulated.name, "title": emulated.title},
    }
