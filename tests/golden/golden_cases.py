# SPDX-License-Identifier: Apache-2.0
"""The projects that are kept as golden directories: small models, every kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gen_fw.project.context import ProjectOptions
from gen_fw.project.plan import chunks
from host_firmware import firmware_of, plan_of

FOLDER = Path(__file__).resolve().parent
MODELS = FOLDER.parent / "data" / "models"
#: unchanged copies of files that have their own tests
LEFT_OUT = ("LICENSES/", ".npz", ".tflite")
CASES = ("ambiq_make_single", "esp_idf_single", "esp_idf_pair", "native_cmake_single")


def files(case: str) -> dict[str, bytes]:
    """Path -> content of every file of the case that is kept."""
    if case == "esp_idf_single":
        models = {"direction": "labels_inside"}
        board, options, shared = "esp32s3", ProjectOptions(), False
    elif case == "ambiq_make_single":
        models = {"direction": "labels_inside"}
        board, options, shared = "apollo3p-evb", ProjectOptions(ci="github"), False
    elif case == "native_cmake_single":
        models = {"direction": "labels_inside"}
        board, options, shared = "qemu-cortex-m55", ProjectOptions(ci="gitlab"), False
    else:
        models = {"blend": "multi_io", "ring": "ring_buffer_int8"}
        board, shared = "esp32-c3-devkitm", True
        options = ProjectOptions(model_format="embed", ci="github", optimise="size")
    firmware = firmware_of(
        {name: MODELS / f"{stem}.tflite" for name, stem in models.items()},
        {name: MODELS / f"{stem}_golden.npz" for name, stem in models.items()},
        board=board,
        shared_arena=shared,
    )
    return {
        file.path: b"".join(chunks(file.content))
        for file in plan_of(firmware, board=board, options=options).files
        if not file.path.startswith(LEFT_OUT) and not file.path.endswith(LEFT_OUT)
    }


def kept(case: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file in the golden directory."""
    root = FOLDER / case
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield path.relative_to(root).as_posix(), path.read_bytes()
