# SPDX-License-Identifier: Apache-2.0
"""What projects for Ambiq boards need of a neuralSPOT checkout, file by file: the same that their
gen/neuralspot.mk looks for before a compiler starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gen_fw.boards.board import Board

#: names the checkout
ROOT = "NEURALSPOT_ROOT"
SOURCE = "https://github.com/AmbiqAI/neuralSPOT"
#: how Ambiq's parts of the TFLM library's name follow from the core
_TFLM_CPU = {"cortex-m4": "cm4", "cortex-m55": "cm55"}
_VERSION = re.compile(r'^version\s*=\s*"(\d+(?:\.\d+)*)', re.MULTILINE)
_CLONE = f"git clone {SOURCE}"

#: (what, purpose, ok, found, wanted, install) of one thing that was looked for
Row = tuple[str, str, bool, str, str, str]


def rows(board: Board, environment: Mapping[str, str]) -> Iterator[Row]:
    """The checkout, its version, then AmbiqSuite's and TFLM's parts for this board.

    ``environment``: NEURALSPOT_ROOT, and AS_VERSION, TF_VERSION, OVERLAY, MLDEBUG, MLPROFILE as for
    make. Only the first row comes when there is no checkout.
    """
    folder = environment.get(ROOT, "")
    root = Path(folder)
    is_checkout = bool(folder) and (root / "make" / "neuralspot_config.mk").is_file()
    version = _version(root) if is_checkout else ""
    wanted = board.sdk.requires
    found = folder if is_checkout else "make/neuralspot_config.mk is missing" if folder else ""
    yield (
        f"neuralSPOT ({ROOT})",
        "Ambiq's SDK, which brings HAL and TFLM",
        is_checkout,
        found,
        "",
        "" if is_checkout else f"{_CLONE}; export {ROOT}=$PWD/neuralSPOT",
    )
    if not is_checkout:
        return
    enough = not version or _numbers(version) >= _numbers(wanted.removeprefix(">="))
    install = "" if enough else f"git -C {folder} pull"
    yield "neuralSPOT's version", "", enough, version or "unknown", wanted, install
    yield from _parts(board.family_data, board.cpu.isa, root, environment)


def _parts(
    data: Mapping[str, Any], isa: str, root: Path, environment: Mapping[str, str]
) -> Iterator[Row]:
    part = data["part"]
    suite_name = environment.get("AS_VERSION", "") or data["ambiqsuite"][0]
    tflm_name = environment.get("TF_VERSION", "") or data["tf_versions"][0]
    suite = Path("extern/AmbiqSuite") / suite_name
    tflm = Path("extern/tensorflow") / tflm_name
    overlay = [Path(folder) for folder in environment.get("OVERLAY", "").split()]
    kind = "release"
    if environment.get("MLPROFILE") == "1":
        kind = "release-with-logs"
    if environment.get("MLDEBUG") == "1":
        kind = "debug"
    library = f"libtensorflow-microlite-{_TFLM_CPU[isa]}-gcc-{kind}.a"
    known = ", ".join(data["ambiqsuite"])
    has = ", ".join(sorted(p.name for p in (root / "extern/AmbiqSuite").glob("R*") if p.is_dir()))
    ok = (root / suite / "lib" / part).is_dir()
    yield (
        f"AmbiqSuite {suite_name} for {part} (AS_VERSION)",
        "HAL and board support package",
        ok,
        str(suite) if ok else f"neuralSPOT has {has or 'none'}",
        known,
        "" if ok else f"set AS_VERSION to one of {known}",
    )
    headers = (
        (f"{suite}/CMSIS/AmbiqMicro/Include/{part}.h", "device header"),
        (f"{suite}/mcu/{part}/am_mcu_apollo.h", "header of the HAL"),
        (f"{suite}/boards/{data['platform']}/bsp/am_bsp.h", "header of the board support package"),
    )
    files = (
        (f"{suite}/lib/{part}/libam_hal.a", "library of the HAL"),
        (f"{suite}/lib/{part}/{data['evb']}/libam_bsp.a", "library of the board support package"),
        (f"neuralspot/ns-core/src/{part}/gcc/startup_gcc.c", "start-up code"),
        (f"{tflm}/tensorflow/lite/micro/micro_mutable_op_resolver.h", "TFLM's headers"),
        (f"{tflm}/lib/{library}", "TFLM's library (TF_VERSION), for runtime tflm"),
    )
    for path, purpose in headers:
        beside = [folder for folder in overlay if (folder / Path(path).name).is_file()]
        yield _file(root, path, purpose, str(beside[0]) if beside else "")
    for path, purpose in files:
        yield _file(root, path, purpose, "")


def _file(root: Path, path: str, purpose: str, beside: str) -> Row:
    ok = bool(beside) or (root / path).is_file()
    found = f"in {beside} (OVERLAY)" if beside else "there" if ok else "missing"
    install = f"{root / path} is missing: complete the checkout (git -C {root} status)"
    return Path(path).name, purpose, ok, found, "", "" if ok else install


def _version(root: Path) -> str:
    try:
        match = _VERSION.search((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""
    return match[1] if match else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
