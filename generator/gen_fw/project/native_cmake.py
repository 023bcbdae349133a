# SPDX-License-Identifier: Apache-2.0
"""What the templates of the ``native_cmake`` family need beyond programs and boards."""

from __future__ import annotations

from typing import Any

from gen_fw.boards.board import Board
from gen_fw.program import Firmware


def data(firmware: Firmware, board: Board) -> dict[str, Any]:
    """The board's own table and, from the programs:

    ``cxx``: a program needs a C++ compiler; ``tflm_sources``: kernel files of the TFLM tree that
    some program needs, sorted; ``cmsis_nn``: take CMSIS-NN's version of a kernel where there is
    one; ``signal``: operators of TFLM's signal library are among them; ``regions``: the memories
    as the linker sees them; ``flags``: conditions for family.toml.
    """
    facts = board.family_data
    tflm = [program for program in firmware.programs if program.runtime == "tflm"]
    sources = {str(path) for program in tflm for path in program.adapter["kernel_sources"]}
    return {
        **facts,
        "cxx": bool(tflm),
        "tflm_sources": sorted(sources),
        "signal": any(path.startswith("signal/") for path in sources),
        "cmsis_nn": any(program.kernels == "cmsis_nn" for program in tflm),
        "regions": [
            {
                "name": memory.name,
                "macro": memory.name.upper(),
                "kind": memory.kind,
                "origin": f"0x{facts['origins'][memory.name]:08x}",
                "bytes": memory.bytes,
            }
            for memory in board.memories
            if memory.name in facts["origins"]
        ],
        "vectors": f"0x{facts['origins']['vectors']:08x}" if "vectors" in facts["origins"] else "",
        "flags": [
            "emulated" if facts["machine"] else "host",
            *([f"toolchain-{facts['toolchain']}"] if facts["toolchain"] else []),
        ],
    }
