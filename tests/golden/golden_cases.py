# SPDX-License-Identifier: Apache-2.0
"""The projects that are kept as golden directories: small models, every kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gen_fw.pipeline import plan
from gen_fw.project.context import ProjectOptions
from gen_fw.project.plan import ProjectPlan, chunks
from gen_fw.request import request
from host_firmware import firmware_of, plan_of

FOLDER = Path(__file__).resolve().parent
MODELS = FOLDER.parent / "data" / "models"
#: unchanged copies of files that have their own tests
LEFT_OUT = ("LICENSES/", ".npz", ".tflite", "gen-fw.lock")
CASES = (
    "alif_cmake_npu",
    "ambiq_make_single",
    "esp_idf_single",
    "esp_idf_pair",
    "native_cmake_single",
)


def files(case: str) -> dict[str, bytes]:
    """Path -> content of every file of the case that is kept."""
    if case == "alif_cmake_npu":
        return _kept(_npu())
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
    return _kept(plan_of(firmware, board=board, options=options))


def _npu() -> ProjectPlan:
    """A model that Vela compiled before, so that the project does not depend on an installed Vela;
    operators on the NPU and on the CPU; the interpreter's data and variables apart from the arena,
    in write-back memory."""
    asked = request(
        [FOLDER.parent / "data" / "compiled" / "svdf_int8_vela.tflite"],
        "alif-e7-hp",
        names=["svdf"],
        goldens=[MODELS / "svdf_int8_golden.npz"],
        place={"arena": "dtcm", "model": "ospi", "persistent": "sram1"},
        ci="github",
    )
    return plan(asked, FOLDER / "no project").project


def _kept(project: ProjectPlan) -> dict[str, bytes]:
    return {
        file.path: b"".join(chunks(file.content))
        for file in project.files
        if not file.path.startswith(LEFT_OUT) and not file.path.endswith(LEFT_OUT)
    }


def kept(case: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file in the golden directory."""
    root = FOLDER / case
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield path.relative_to(root).as_posix(), path.read_bytes()
