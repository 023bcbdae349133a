#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how many bytes of flash each source file of TensorFlow Lite Micro takes.

usage: measure_tflm_code.py TREE --table FILE --revision COMMIT --cxx "COMPILER FLAGS" [-o FILE]

Compiles the runtime's files and the kernels that the operator table (make_tflm_tables.py) names,
one by one, and adds text and initialised data as the compiler's ``size`` tool counts them. Nothing
is written into TREE. The numbers are estimates: a linker drops what a program does not use.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

MICRO = "tensorflow/lite/micro"
#: what every program links, as globs below the tree
RUNTIME = (
    f"{MICRO}/*.cc",
    f"{MICRO}/arena_allocator/*.cc",
    f"{MICRO}/memory_planner/greedy_memory_planner.cc",
    f"{MICRO}/tflite_bridge/*.cc",
    f"{MICRO}/kernels/kernel_util.cc",
    f"{MICRO}/kernels/micro_tensor_utils.cc",
    "tensorflow/lite/core/c/common.cc",
    "tensorflow/lite/core/api/*.cc",
    "tensorflow/lite/kernels/kernel_util.cc",
    "tensorflow/lite/kernels/internal/quantization_util.cc",
    "tensorflow/lite/kernels/internal/common.cc",
    "tensorflow/lite/kernels/internal/tensor_ctypes.cc",
    "tensorflow/compiler/mlir/lite/core/api/error_reporter.cc",
    "tensorflow/compiler/mlir/lite/schema/schema_utils.cc",
)
#: test helpers and recorders, which no firmware links
SKIP = re.compile(r"test|fake_|mock_|recording_|hexdump|micro_profiler")
#: a kernel's second file: add.cc calls add_common.cc, softmax.cc calls softmax_common.cc
COMMON = "{stem}_common.cc"


def code_bytes(cxx: list[str], size: str, tree: Path, source: Path) -> int | None:
    """Text plus initialised data of one file, or None when it does not compile alone."""
    includes = ("", "third_party/flatbuffers/include", "third_party/gemmlowp", "third_party/ruy")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.o"
        command = [*cxx, *(f"-I{tree / path}" for path in includes), "-DTF_LITE_STATIC_MEMORY"]
        command += ["-c", str(source), "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"skipped {source.relative_to(tree)}: {done.stderr[:300]}", file=sys.stderr)
            return None
        report = subprocess.run([size, str(target)], capture_output=True, text=True, check=True)
    text, data, *_ = report.stdout.splitlines()[1].split()
    return int(text) + int(data)


def sources_of(tree: Path, kernel: str) -> list[Path]:
    """A kernel's file and its common part."""
    path = tree / kernel
    common = tree / MICRO / "kernels" / COMMON.format(stem=path.stem)
    return [path, common] if common.is_file() else [path]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--table", type=Path, required=True, help="operator table of the release")
    parser.add_argument("--revision", required=True)
    parser.add_argument("--cxx", required=True, help="compiler with flags")
    parser.add_argument("--describe", required=True, help="compiler and flags, for the table")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(argv)
    tree, cxx = options.tree, shlex.split(options.cxx)
    compiler = next(word for word in cxx if word.endswith(("g++", "gcc")))
    size = compiler.rpartition("g")[0] + "size"
    table = json.loads(options.table.read_text("utf-8"))
    measured: dict[Path, int | None] = {}

    def total(paths: list[Path]) -> int:
        for path in paths:
            if path not in measured:
                measured[path] = code_bytes(cxx, size, tree, path)
        return sum(measured[path] or 0 for path in paths)

    runtime = [path for glob in RUNTIME for path in sorted(tree.glob(glob))]
    kernels = sorted({row["source"] for row in table["registrations"]})
    document = {
        "licence": "Apache-2.0",
        "note": f"Bytes of text and initialised data, {options.describe}.",
        "revision": options.revision,
        "runtime": total([path for path in runtime if not SKIP.search(path.name)]),
        "kernels": {kernel: total(sources_of(tree, kernel)) for kernel in kernels},
    }
    text = json.dumps(document, indent=1) + "\n"
    if options.output:
        options.output.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
