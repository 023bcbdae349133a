# SPDX-License-Identifier: Apache-2.0
"""Regenerates examples/projects/, the generated projects that are checked in, one a family.

usage: python tools/regen_examples.py
"""

from __future__ import annotations

from pathlib import Path

from gen_fw import generate

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "examples" / "models"
PROJECTS = ROOT / "examples" / "projects"

#: folder -> (models, board, options); a model is a .tflite unless its name has another ending
EXAMPLES: dict[str, tuple[list[str], str, dict[str, object]]] = {
    "alif_cmake": (["digits_int8"], "alif-e7-hp", {"labels": ["digits_labels.txt"]}),
    "ambiq_make": (
        ["digits_int8"],
        "apollo4p-evb",
        {"labels": ["digits_labels.txt"], "ci": "github"},
    ),
    "esp_idf": (["chirps_int8"], "esp32s3", {"labels": ["chirps_labels.txt"], "ci": "github"}),
    "esp_idf_tvm": (
        ["chirps_int8.mlf.tar"],
        "esp32c3",
        {
            "labels": ["chirps_labels.txt"],
            "tflites": ["chirps_int8.tflite"],
            "names": ["chirps"],
        },
    ),
    "native_cmake": (["digits_int8"], "qemu-cortex-m55", {"labels": ["digits_labels.txt"]}),
    "xmos_xcommon": (
        ["digits_int8"],
        "xcore-ai-explorer",
        {"labels": ["digits_labels.txt"], "place": {"model": "flash"}, "ci": "github"},
    ),
}


def regenerate(folder: Path, name: str) -> None:
    """Generates example ``name`` into ``folder``."""
    models, board, options = EXAMPLES[name]
    files = {
        key: [MODELS / file for file in value]  # type: ignore[attr-defined]
        for key, value in options.items()
        if key in ("labels", "tflites")
    }
    generate(
        [MODELS / (model if "." in model else f"{model}.tflite") for model in models],
        board,
        folder,
        goldens=[MODELS / f"{model.partition('.')[0]}_golden.npz" for model in models],
        **{**options, **files},
    )


def main() -> None:
    for name in EXAMPLES:
        regenerate(PROJECTS / name, name)
        print(f"examples/projects/{name}")


if __name__ == "__main__":
    main()
