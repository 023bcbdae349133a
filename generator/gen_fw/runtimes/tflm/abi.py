# SPDX-License-Identifier: Apache-2.0
"""What decides the arena besides the model: the build, and the sizes that its ABI gives to TFLM's
structures (data/abi/*.json, measured with the target compilers by tools/probe_tflm_abi.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.boards.table import did_you_mean
from gen_fw.errors import UsageError
from gen_fw.runtimes.tflm.table import DEFAULT_RELEASE, load

_DATA = Path(__file__).resolve().parent / "data" / "abi"
#: TFLM's main branch, for `gen-fw inspect --cpu`, where no SDK names a release
UPSTREAM_RELEASE = "tflite-micro-90b983c2"
#: kernel set -> the sets that answer for what it does not replace, nearest first
KERNELS = {
    "reference": (),
    "cmsis_nn": ("reference",),
    "ethos_u": ("cmsis_nn", "reference"),
    "esp_nn": ("reference",),
}
OPTIMISE = ("speed", "size")
#: ABI of a board -> its table. The ILP32F calling convention changes no layout; every LP64 ABI has
#: 4-byte enums and naturally aligned members, so x86-64 stands for all of them.
TABLES = {
    "arm-eabi": "arm-eabi",
    "riscv-ilp32": "riscv-ilp32",
    "riscv-ilp32f": "riscv-ilp32",
    "xtensa": "xtensa",
    "lp64": "x86-64",
}
#: Cortex-M cores -> the code path of CMSIS-NN (arm_nn_math_types.h: ARM_MATH_MVEI, ARM_MATH_DSP)
CORTEX_M = {
    "cortex-m0": "plain",
    "cortex-m0plus": "plain",
    "cortex-m1": "plain",
    "cortex-m3": "plain",
    "cortex-m4": "dsp",
    "cortex-m7": "dsp",
    "cortex-m23": "plain",
    "cortex-m33": "dsp",
    "cortex-m35p": "dsp",
    "cortex-m52": "mve",
    "cortex-m55": "mve",
    "cortex-m85": "mve",
}
#: other instruction sets -> ABI and the code path of ESP-NN (of the chip that one expects)
_OTHER_ISA = {
    "host": ("lp64", "generic"),
    "x86-64": ("lp64", "generic"),
    "xtensa-lx6": ("xtensa", "generic"),
    "xtensa-lx7": ("xtensa", "esp32s3"),
    "rv32imc": ("riscv-ilp32", "generic"),
    "rv32imac": ("riscv-ilp32", "generic"),
    "rv32imafc": ("riscv-ilp32f", "esp32p4"),
}
ESP_NN = ("generic", "esp32s3", "esp32p4")


@dataclass(frozen=True, slots=True)
class Build:
    """How TFLM is built: everything besides the model that decides the arena."""

    #: label of an operator table: "tflite-micro-90b983c2", "esp-tflite-micro-1.4.0", ...
    release: str
    #: "arm-eabi" (GCC, short enums), "riscv-ilp32", "xtensa" or "x86-64" (any 64-bit host)
    abi: str
    #: "reference", "cmsis_nn", "esp_nn" or "ethos_u" (CMSIS-NN and the ethos-u operator)
    kernels: str
    #: of cmsis_nn and ethos_u "mve", "dsp" or "plain"; of esp_nn "esp32s3", "esp32p4" or "generic"
    variant: str = ""
    #: "speed" or "size": KERNELS_OPTIMIZED_FOR_SPEED or _SIZE
    optimise: str = "speed"


class Abi:
    """The sizes of one release under one ABI, for one set of kernels. Every size is in bytes.

    The look-ups raise KeyError for a name that the table does not have.
    """

    def __init__(self, build: Build, document: Mapping[str, Any]) -> None:
        self.build = build
        #: bytes of a pointer: 4 or 8
        self.pointer: int = document["pointer"]
        #: True when derived from another table, not measured with a compiler of this ABI
        self.computed: bool = document["computed"]
        #: compiler and options that gave the sizes, for people
        self.source: str = document["source"]
        self._structs: Mapping[str, list[int]] = document["structs"]
        self._params: Mapping[str, list[int]] = document["params"]
        self._constants: Mapping[str, int] = document["constants"]
        sets = (build.kernels, *KERNELS[build.kernels])
        names = [part for name in sets for part in (f"{name}:{build.optimise}", name)]
        self._kernels = [document["kernels"][name] for name in names if name in document["kernels"]]

    def struct(self, name: str) -> tuple[int, int]:
        """(bytes, alignment) of a structure of the framework, such as ``TfLiteEvalTensor``."""
        size, alignment = self._structs[name]
        return size, alignment

    def constant(self, name: str) -> int:
        """A number of the framework, such as ``GreedyMemoryPlanner::per_buffer_size``, in bytes."""
        return self._constants[name]

    def params(self, name: str) -> tuple[int, int]:
        """(bytes, alignment) of a structure of builtin_op_data.h, such as ``TfLiteConvParams``."""
        size, alignment = self._params[name]
        return size, alignment

    def op_data(self, register: str) -> int:
        """What the Init of a kernel passes to AllocatePersistentBuffer; 0 when it has no Init.

        ``register`` names the registration function, such as ``Register_CONV_2D``. KeyError too
        when Init allocates more than once, or by what the model says: then the sizes of the single
        types are to be had from ``type_size``.
        """
        for kernels in self._kernels:
            if register in kernels["op_data"]:
                return int(kernels["op_data"][register])
            if register in kernels["by_model"]:
                break  # what the replaced kernel keeps is no answer
        raise KeyError(self._place(register))

    def declared(self, register: str) -> tuple[str, str] | None:
        """(header, type) of a kernel's op data, such as ("conv.h", "OpDataConv"), where a header
        of the kernels declares it; None for a type that only the kernel's file knows."""
        for kernels in self._kernels:
            if register in kernels["op_data"]:
                header, _, name = kernels["declared"].get(register, "").partition(":")
                return (header, name) if name else None
        return None

    def type_size(self, file: str, name: str) -> int:
        """Bytes of a type that a kernel's file allocates, ("conv.cc", "OpData"), or that a header
        of the kernels declares, ("conv.h", "OpDataConv")."""
        key = f"{file}:{name}"
        for kernels in self._kernels:
            if key in kernels["types"]:
                return int(kernels["types"][key])
        raise KeyError(self._place(key))

    def _place(self, key: str) -> str:
        build = self.build
        return f"{key} in the table of {build.release}, {build.abi}, {build.kernels}"


@cache
def _document(release: str, abi: str) -> Mapping[str, Any]:
    path = _DATA / f"{release}.{abi}.json"
    if not path.is_file():
        known = sorted(path.name.removesuffix(".json") for path in _DATA.glob("*.json"))
        raise UsageError(
            f"no table of structure sizes for {release} under the ABI {abi}",
            why=f"the tables at hand are {', '.join(known)}",
            hint="tools/probe_tflm_abi.py makes one with the target's compiler",
        )
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if "same_as" in document:  # a release with the same sources, or an ABI with the same layout
        other: Mapping[str, str] = document["same_as"]
        document = {**_document(other["release"], other["abi"]), **document}
    return document


@cache
def load_abi(build: Build) -> Abi:
    """The table of a build. Raises UsageError when there is none, or none for its kernels."""
    document = _document(build.release, build.abi)
    if build.kernels not in document["kernels"]:
        raise UsageError(
            f'{build.release} has no kernels "{build.kernels}" for the ABI {build.abi}',
            hint=f"its kernels: {', '.join(sorted(document['kernels']))}",
        )
    return Abi(build, document)


def build_of(board: Board, kernels: str = "", optimise: str = "speed") -> Build:
    """The build of a board's firmware; ``kernels`` empty means the board's own.

    Raises UsageError for kernels that the board does not have.
    """
    chosen, _, variant = kernels_of(board, kernels).partition(":")
    return Build(
        release=load(board.sdk.tflm).release,
        abi=TABLES[board.cpu.abi],
        kernels=chosen,
        variant=variant or _cmsis_nn_variant(board, chosen),
        optimise=_checked(optimise),
    )


def host_build(build: Build) -> Build:
    """The same firmware built for a 64-bit host: portable code of the same kernels."""
    portable = {"esp_nn": "generic", "cmsis_nn": "plain", "ethos_u": "plain"}
    return replace(build, abi="x86-64", variant=portable.get(build.kernels, ""))


def kernels_of(board: Board, wanted: str = "") -> str:
    """The kernel set of a board as the arena accounting names it: ``reference``,
    ``esp_nn:esp32s3``, … Raises UsageError for kernels that the board does not have."""
    own = board.kernels if board.kernels in KERNELS else "reference"
    known = ["reference", own, *(["cmsis_nn"] if board.cpu.abi == "arm-eabi" else [])]
    if board.accelerator is not None:
        known.append("ethos_u")
    kernels = own if wanted in ("", "auto") else wanted
    if kernels not in known:
        raise UsageError(
            f'board {board.name} has no kernels "{kernels}" for tflm',
            hint=f"kernels of this board: {', '.join(dict.fromkeys(known))}",
        )
    if kernels == "esp_nn":
        return f"esp_nn:{board.family_data.get('esp_nn', 'generic')}"
    return kernels


def _cmsis_nn_variant(board: Board, kernels: str) -> str:
    if kernels not in ("cmsis_nn", "ethos_u"):
        return ""
    return next((name for name in ("mve", "dsp") if name in board.cpu.features), "plain")


def build_for_isa(isa: str, kernels: str = "", release: str = "", optimise: str = "speed") -> Build:
    """The build for an instruction set without a board, as ``gen-fw inspect --cpu`` names it:
    ``cpu.isa`` of a board file, or any Cortex-M core.

    ``kernels`` is empty (cmsis_nn on Cortex-M, else reference), the name of a set, or of a set and
    a code path (``esp_nn:generic``). ``release`` empty: TFLM 90b983c2; for ESP-NN, which that
    does not have, esp-tflite-micro. Raises UsageError for a word that is not known.
    """
    if isa in CORTEX_M:
        abi, paths = "arm-eabi", {"cmsis_nn": CORTEX_M[isa], "ethos_u": CORTEX_M[isa]}
    elif isa in _OTHER_ISA:
        abi, paths = _OTHER_ISA[isa][0], {"esp_nn": _OTHER_ISA[isa][1]}
        if abi == "lp64":
            paths |= {"cmsis_nn": "plain", "ethos_u": "plain"}
    else:
        known = [*CORTEX_M, *_OTHER_ISA]
        raise UsageError(f'unknown CPU "{isa}"', hint=did_you_mean(isa, known))
    chosen, _, variant = (kernels or ("cmsis_nn" if isa in CORTEX_M else "reference")).partition(
        ":"
    )
    allowed = ["reference", *paths]
    if chosen not in allowed:
        raise UsageError(f'{isa} has no kernels "{chosen}"', hint=did_you_mean(chosen, allowed))
    if variant and not (chosen == "esp_nn" and variant in ESP_NN):
        raise UsageError(
            f'kernels {chosen} have no variant "{variant}" on {isa}',
            hint=f"of esp_nn: {', '.join(ESP_NN)}; others follow from the CPU",
        )
    default = DEFAULT_RELEASE if chosen == "esp_nn" else UPSTREAM_RELEASE
    return Build(
        release=load(release or default).release,
        abi=TABLES[abi],
        kernels=chosen,
        variant=variant or paths.get(chosen, ""),
        optimise=_checked(optimise),
    )


def _checked(optimise: str) -> str:
    if optimise not in OPTIMISE:
        raise UsageError(
            f'cannot optimise kernels for "{optimise}"', hint=did_you_mean(optimise, OPTIMISE)
        )
    return optimise
