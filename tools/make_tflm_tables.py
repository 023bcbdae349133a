#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the operator table of one TensorFlow Lite Micro release from its source tree.

usage: make_tflm_tables.py TREE --release NAME --revision COMMIT [--kernels DIR] [-o FILE]

TREE has ``tensorflow/lite/micro/micro_mutable_op_resolver.h``. ``--kernels esp_nn`` names the
folder of optimised kernels that replace reference kernels of the same file name. The output is
deterministic: the same tree gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

RESOLVER = "tensorflow/lite/micro/micro_mutable_op_resolver.h"
CONVERSIONS = "tensorflow/lite/core/api/flatbuffer_conversions.cc"
KERNEL_FOLDERS = ("tensorflow/lite/micro/kernels", "signal/micro/kernels")
#: GetString_ETHOSU() of the ethos_u kernel; the stub returns an empty string and no registration
ETHOS_U = "ethos-u"

METHOD = re.compile(r"\n  TfLiteStatus (Add\w+)\((.*?)\)\s*{(.*?)\n  }(?=\n)", re.S)
BUILTIN = re.compile(r"AddBuiltin\(\s*BuiltinOperator_(\w+),\s*(.*?),\s*(Parse\w+)\)", re.S)
CUSTOM = re.compile(r"AddCustom\(\s*(\"[^\"]+\"|tflite::GetString_ETHOSU\(\)),", re.S)
FACTORY = re.compile(r"Register_\w+\(\)")
DEFINITION = re.compile(r"^TFLMRegistration\*? (?:tflite::)?(Register_\w+)\(\)", re.M)
PARSER = re.compile(r"\nTfLiteStatus (Parse\w+)\(const Operator\*[^)]*\) {(.*?)\n}(?=\n)", re.S)
PARAMS = re.compile(r"(?:Allocate|unique_ptr)<(TfLite\w+)")


def kernel_files(tree: Path, kernels: str | None) -> dict[str, str]:
    """Registration function -> path of the file that defines it, optimised kernels first."""
    base = tree / KERNEL_FOLDERS[0]
    folders = [tree / folder for folder in KERNEL_FOLDERS]
    if kernels:
        folders.insert(0, base / kernels)
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.cc")):
            for name in DEFINITION.findall(path.read_text("utf-8")):
                found.setdefault(name, path.relative_to(tree).as_posix())
    return found


def parser_params(tree: Path) -> dict[str, str]:
    """Parser function -> the builtin_op_data.h structure that it allocates, if any."""
    text = (tree / CONVERSIONS).read_text("utf-8")
    params: dict[str, str] = {}
    for name, body in PARSER.findall(text):
        match = PARAMS.search(body)
        if match:
            params[name] = match[1]
    return params


def registration(
    call: str, arguments: str, body: str, kernels: dict[str, str], params: dict[str, str]
) -> dict[str, str | None] | None:
    """One table row, or None for the two generic methods (AddCustom, AddBuiltin)."""
    factory = FACTORY.search(arguments) or FACTORY.search(body)
    if factory is None:
        return None
    function = factory[0].removesuffix("()")
    row: dict[str, str | None] = {"call": call, "register": function}
    builtin = BUILTIN.search(body)
    custom = CUSTOM.search(body)
    if builtin:
        row |= {"operator": builtin[1], "custom": None, "params": params.get(builtin[3])}
    elif custom:
        text = custom[1]
        row |= {"operator": "CUSTOM", "custom": text.strip('"') if text[0] == '"' else ETHOS_U}
        row["params"] = None
    else:
        raise SystemExit(f"error: {RESOLVER}: cannot read {call}")
    row["source"] = kernels.get(function)
    if row["source"] is None:
        raise SystemExit(f"error: no kernel file defines {function}")
    return row


def make_table(tree: Path, release: str, revision: str, kernels: str | None) -> dict[str, object]:
    text = (tree / RESOLVER).read_text("utf-8")
    files, params = kernel_files(tree, kernels), parser_params(tree)
    rows = [registration(*method, files, params) for method in METHOD.findall(text)]
    table = sorted((row for row in rows if row), key=lambda row: str(row["call"]))
    namespace = "tflite::micro" if "namespace tflite::micro" in text else "tflite"
    return {
        "release": release,
        "revision": revision,
        "kernels": kernels or "reference",
        "namespace": namespace,
        "registrations": table,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--release", required=True, help="label, such as esp-tflite-micro-1.4.0")
    parser.add_argument("--revision", required=True, help="commit that the tree is at")
    parser.add_argument("--kernels", help="folder of optimised kernels below micro/kernels")
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: stdout)")
    options = parser.parse_args(argv)
    if not (options.tree / RESOLVER).is_file():
        parser.error(f"{options.tree} has no {RESOLVER}")
    table = make_table(options.tree, options.release, options.revision, options.kernels)
    text = json.dumps(table, indent=1) + "\n"
    if options.output:
        options.output.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
