# SPDX-License-Identifier: Apache-2.0
"""Writes the small models of ``tests/data/models``, one for each path through TFLM.

    python tests/data/make_models.py [--group authored|converted] [--out DIR]

``authored`` needs the extra ``reference``, ``converted`` the extra ``train``. Both repeat to the
byte. Then ``python tools/make_goldens.py DIR/*.tflite`` writes what TFLM answers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

MODELS = Path(__file__).resolve().parent / "models"
GROUPS = ("authored", "converted")


def makers(group: str) -> dict[str, Callable[[], bytes]]:
    """Model name to the function that makes it; imports only what the group needs."""
    if group == "authored":
        from authored_models import AUTHORED

        return AUTHORED
    from converted_models import CONVERTED

    return CONVERTED


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the models of tests/data/models.")
    parser.add_argument("--group", choices=GROUPS, help="only this group; default: both")
    parser.add_argument("--out", type=Path, default=MODELS)
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for group in (arguments.group,) if arguments.group else GROUPS:
        for name, make in makers(group).items():
            blob = make()
            (out / f"{name}.tflite").write_bytes(blob)
            print(f"{name}: {len(blob)} bytes")


if __name__ == "__main__":
    main()
