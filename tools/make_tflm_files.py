#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the files of TFLM's and CMSIS-NN's trees that a build takes, for build systems that know
no wildcards.

usage: make_tflm_files.py TFLM CMSIS_NN --release NAME [-o FILE]

The patterns are those of templates/shared/cmake/tflm.cmake.j2. The output is deterministic: the
same trees give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

#: the interpreter and what all kernels share
CORE = (
    "tensorflow/compiler/mlir/lite/core/api/*.cc",
    "tensorflow/compiler/mlir/lite/schema/*.cc",
    "tensorflow/lite/core/api/*.cc",
    "tensorflow/lite/core/c/common.cc",
    "tensorflow/lite/kernels/*.cc",
    "tensorflow/lite/kernels/internal/*.cc",
    "tensorflow/lite/kernels/internal/reference/*.cc",
    "tensorflow/lite/micro/*.cc",
    "tensorflow/lite/micro/arena_allocator/*.cc",
    "tensorflow/lite/micro/kernels/*_common.cc",
    "tensorflow/lite/micro/kernels/kernel_util.cc",
    "tensorflow/lite/micro/kernels/lstm_eval.cc",
    "tensorflow/lite/micro/kernels/micro_tensor_utils.cc",
    "tensorflow/lite/micro/memory_planner/*.cc",
    "tensorflow/lite/micro/tflite_bridge/*.cc",
)
SIGNAL = ("signal/src/**/*.cc", "signal/micro/kernels/*_common.cc")
KERNELS = "tensorflow/lite/micro/kernels"
#: TFLM calls the integer functions of CMSIS-NN only
CMSIS_NN = ("Source/*/*.c",)
NOT_FOR_FIRMWARE = re.compile(
    r"(_test|test_|fake_|mock_|hexdump|recording_|circular_buffer)[^/]*$|_f(16|32)[.]c$"
)


def found(tree: Path, patterns: tuple[str, ...]) -> list[str]:
    """Paths below ``tree`` of what a build takes, sorted."""
    paths = {
        path.relative_to(tree).as_posix() for pattern in patterns for path in tree.glob(pattern)
    }
    return sorted(path for path in paths if not NOT_FOR_FIRMWARE.search(path))


def files(tflm: Path, cmsis_nn: Path, release: str) -> dict[str, object]:
    """The lists. ``kernels``: names in each folder of kernels that replace the reference ones."""
    return {
        "release": release,
        "core": found(tflm, CORE),
        "signal": found(tflm, SIGNAL),
        "kernels": {
            folder: [Path(path).name for path in found(tflm, (f"{KERNELS}/{folder}/*.cc",))]
            for folder in ("cmsis_nn", "ethos_u")
        },
        "cmsis_nn": found(cmsis_nn, CMSIS_NN),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tflm", type=Path)
    parser.add_argument("cmsis_nn", type=Path)
    parser.add_argument("--release", required=True)
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    text = json.dumps(files(asked.tflm, asked.cmsis_nn, asked.release), indent=1) + "\n"
    if asked.output:
        asked.output.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
