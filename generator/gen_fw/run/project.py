# SPDX-License-Identifier: Apache-2.0
"""What ``gen/run.json`` of a generated project tells about its programs and its machine."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen_fw.errors import UsageError
from gen_fw.program import Io

FILE = "gen/run.json"
SCHEMA = "gen-fw/native/1"
_MAX_BYTES = 4 << 20
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]*")
#: nothing else is ever started, whatever the file says
_EMULATORS = ("", "qemu-system-arm", "qemu-system-riscv32")


@dataclass(frozen=True, slots=True)
class NativeOperator:
    """One operator of a program of generated C."""

    index: int
    name: str
    macs: int
    #: sets of kernels, such as "mve"; empty when it has no code
    kernels: str


@dataclass(frozen=True, slots=True)
class NativeProgram:
    """One program: its interface and the names of its classes."""

    name: str
    runtime: str
    #: it has reference vectors, so that its self-test passes or fails
    golden: bool
    inputs: tuple[Io, ...]
    outputs: tuple[Io, ...]
    labels: tuple[str, ...]
    #: of the main subgraph; empty for other runtimes than aot
    operators: tuple[NativeOperator, ...] = ()


@dataclass(frozen=True, slots=True)
class NativeProject:
    """A project that this computer can build and run. ``emulator`` is empty on the host."""

    folder: Path
    board: str
    name: str
    emulator: str
    machine: str
    icount_shift: int
    toolchain: str
    cxx: bool
    #: CMake preset that builds it for this computer
    preset: str
    #: release of xmos-ai-tools whose library it links; empty: none
    aitools: str
    programs: tuple[NativeProgram, ...]


def load(folder: Path) -> NativeProject:
    """Reads the project in ``folder``.

    Raises UsageError when it is none, is for a board that cannot be run here, or is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        if (folder / "gen-fw.lock").is_file():
            raise UsageError(
                "this project's board cannot be run here",
                where=str(folder),
                why=f"there is no {FILE}",
                hint="generate for host or qemu-...; a real board is flashed as README.md says",
            )
        raise UsageError(
            "this folder is no gen-fw project",
            where=str(folder),
            hint="gen-fw MODEL --board host -o DIR makes one",
        )
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError("file is too large", where=str(path))
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise UsageError(f"expected schema {SCHEMA}", where=str(path), hint="run gen-fw again")
        return _project(folder.resolve(), data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            "the project's description cannot be read",
            where=str(path),
            why=f"{type(error).__name__}: {error}",
            hint="`gen-fw check` tells what was changed",
        ) from None


def _project(folder: Path, data: dict[str, Any]) -> NativeProject:
    if data["emulator"] not in _EMULATORS:
        raise ValueError(f"emulator {data['emulator']!r}")
    return NativeProject(
        folder=folder,
        board=_word(data["board"]),
        name=_word(data["project"]),
        emulator=data["emulator"],
        machine=_word(data["machine"]) if data["emulator"] else "",
        icount_shift=int(data["icount_shift"]),
        toolchain=_word(data["toolchain"]) if data["toolchain"] else "",
        cxx=bool(data["cxx"]),
        preset=_word(data.get("preset") or ("native" if data.get("aitools") else "release")),
        aitools=_release(data.get("aitools", "")),
        programs=tuple(_program(entry) for entry in data["programs"]),
    )


def _program(data: dict[str, Any]) -> NativeProgram:
    return NativeProgram(
        name=_word(data["name"]),
        runtime=_word(data["runtime"]),
        golden=bool(data["golden"]),
        inputs=tuple(_io(i, entry) for i, entry in enumerate(data["inputs"])),
        outputs=tuple(_io(i, entry) for i, entry in enumerate(data["outputs"])),
        labels=tuple(str(label) for label in data["labels"]),
        operators=tuple(
            NativeOperator(
                int(row["index"]), str(row["name"]), int(row["macs"]), str(row["kernels"])
            )
            for row in data.get("operators", ())
        ),
    )


def _word(text: Any) -> str:
    """A checked name, as it becomes part of paths and command lines."""
    if not isinstance(text, str) or not _WORD.fullmatch(text):
        raise ValueError(f"{text!r} is no name")
    return text


def _release(text: Any) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9A-Za-z.+-]{0,40}", text):
        raise ValueError(f"{text!r} is no release")
    return text


def _io(position: int, data: dict[str, Any]) -> Io:
    import numpy as np

    shape = tuple(int(size) for size in data["shape"])
    # bfloat16 is handled as a bit pattern: numpy has no such type
    dtype = "uint16" if data["dtype"] == "bfloat16" else str(data["dtype"])
    elements = 1
    for size in shape:
        if not 0 < size < 1 << 31:
            raise ValueError(f"shape {shape}")
        elements *= size
    scale, zero_point = data["scale"], data["zero_point"]
    return Io(
        position=position,
        name="",
        dtype=dtype,
        c_type="",
        suffix="",
        shape=shape,
        elements=elements,
        bytes=elements * np.dtype(dtype).itemsize,
        scale=None if scale is None else float(scale),
        zero_point=None if zero_point is None else int(zero_point),
    )
