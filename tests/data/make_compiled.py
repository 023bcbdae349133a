# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/compiled/svdf_int8_vela.tflite: svdf_int8 as Vela 5.2.0 compiles it for an
Ethos-U55-256. One operator is the NPU's, one is left to the CPU. Needs the extra vela.

usage: python tests/data/make_compiled.py
"""

from __future__ import annotations

from pathlib import Path

from gen_fw.compilers.vela import VelaSettings, vela
from gen_fw.model.reader import read_model

DATA = Path(__file__).resolve().parent
GIVEN = DATA / "models" / "svdf_int8.tflite"
COMPILED = DATA / "compiled" / "svdf_int8_vela.tflite"


def compiled() -> bytes:
    """The model's bytes, from the installed Vela."""
    settings = VelaSettings("ethos-u55-256", "RTSS_HP_SRAM_MRAM", "Shared_Sram")
    return bytes(vela(read_model(GIVEN), GIVEN.stem, settings).model.raw)


if __name__ == "__main__":
    COMPILED.write_bytes(compiled())
