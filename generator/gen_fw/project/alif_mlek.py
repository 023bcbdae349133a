# SPDX-License-Identifier: Apache-2.0
"""What the layout ``mlek`` of Alif projects needs: names and numbers of Alif's ML Embedded
Evaluation Kit (revision b1b93fc, its release 24.11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.errors import DoesNotFitError, UsageError
from gen_fw.program import Firmware, Program
from gen_fw.project.alif_csolution import only_cmake

#: ETHOS_U_NPU_CONFIG_ID of the kit: a letter for the architecture, then MACs
_CONFIG_IDS = {"u55": "H", "u85": "Z"}
#: arenas are for the TFLM that gen-fw knows; the kit brings its own, whose structures may be larger
_SPARE_BYTES = 1024
#: of MRAM, for code, constants and start-up
_CODE_BYTES = 131072


def data(firmware: Firmware, board: Board) -> dict[str, Any]:
    """From the board and the programs:

    ``board``, ``subsystem``: TARGET_BOARD, TARGET_SUBSYSTEM; ``linker_script`` for the use case and
    ``runner_script`` for the kit's inference runner, empty when the kit has none for this
    placement; ``image``: its address in MRAM; ``npu_id``, ``config_id``, ``memory_mode``: of the
    board's NPU, in use or not (the kit does not build without), the first two empty when it has
    none; ``activation_bytes`` {program: bytes for the inference
    runner}; ``use_case``: its name.
    """
    facts, npu = board.family_data, board.accelerator
    script = _script(firmware, facts)
    name = script["name"]
    # the runner registers all operators, which do not fit into ITCM
    runner = name if not name or name.endswith("TCM") else f"{name}-infrun"
    return {
        "board": facts["mlek_board"],
        "subsystem": facts["subsystem"].upper().replace("_", "-"),
        "linker_script": name,
        "runner_script": runner,
        "image": f"0x{script['image']:08x}",
        "npu_id": npu.architecture.upper() if npu else "",
        "config_id": f"{_CONFIG_IDS.get(npu.architecture, 'H')}{npu.macs}" if npu else "",
        "memory_mode": _memory_mode(firmware),
        "activation_bytes": {
            program.name: _activation_bytes(program) for program in firmware.programs
        },
        "use_case": f"{firmware.programs[0].name}_app",
    }


def check(firmware: Firmware, facts: Mapping[str, Any]) -> None:
    """Raises UsageError for a placement, DoesNotFitError for models, that none of the kit's linker
    scripts can follow."""
    only_cmake(firmware, "mlek")
    places = firmware.chosen.placement.memories
    arena, model = places["arena"], places["model"]
    script = _script(firmware, facts)
    if not script["name"] or places.get("persistent", "dtcm") != "dtcm":
        raise UsageError(
            f"the kit has no linker script for the arena in {arena}, the model in {model}"
            + (f" and persistent in {places['persistent']}" if "persistent" in places else ""),
            where="--layout mlek",
            why="in its projects the kit's linker scripts say what lies where",
            hint="; ".join(
                f"arena={one['arena']} goes with model={' or '.join(one['models'])}"
                for one in facts["mlek_scripts"]
            ),
        )
    models = sum(len(c.data) for p in firmware.programs for c in p.constants if c.label == "model")
    if model == "mram" and models > script["mram_bytes"] - _CODE_BYTES:
        raise DoesNotFitError(
            f"the models have {models} bytes",
            where="--layout mlek",
            why=f"the kit's linker script {script['name']} has {script['mram_bytes']} bytes of "
            f"MRAM for them and {_CODE_BYTES} bytes of code",
            hint="--layout cmake, or another place of the arena, which goes with another script",
        )


def _script(firmware: Firmware, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    places = firmware.chosen.placement.memories
    for script in facts["mlek_scripts"]:
        if script["arena"] == places["arena"] and places["model"] in script["models"]:
            found: Mapping[str, Any] = script
            return found
    return {"name": "", "image": 0, "mram_bytes": 0}


def _memory_mode(firmware: Firmware) -> str:
    """As Vela was asked; the kit's default for a model that was given compiled."""
    for program in firmware.programs:
        settings = program.report.get("npu", {}).get("settings")
        if settings:
            return str(settings["memory_mode"])
    return "Shared_Sram"


def _activation_bytes(program: Program) -> int:
    """Both arenas in one, in whole KiB, with at least ``_SPARE_BYTES`` to spare."""
    bytes_ = sum(r.bytes for r in program.regions if r.role in ("arena", "persistent"))
    return (bytes_ + 2 * _SPARE_BYTES - 1) // 1024 * 1024
