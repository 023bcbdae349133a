#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the structures of one TensorFlow Lite Micro release with a target's compiler.

usage: probe_tflm_abi.py TREE --release NAME --revision COMMIT --abi ABI --cxx "COMPILER FLAGS"
           [--cxx ...] [--include DIR ...] [--kernels cmsis_nn ...] [-o FILE]

Nothing runs on the target: sizes become sizes of arrays, which are read from the object files.
What kernels allocate is found in their own text (tflm_kernels.py). With several --cxx all of them
must agree, or the tool fails and names the differences. The output is deterministic.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from make_tflm_tables import parser_params
from tflm_kernels import Call, Compiler, KernelFile, kernel_file

KERNELS = "tensorflow/lite/micro/kernels"
SIGNAL = "signal/micro/kernels"
#: name in the table -> C++ type; in the scope of tflite::{anonymous} of micro_allocator.cc
STRUCTS = {
    "SingleArenaBufferAllocator": "SingleArenaBufferAllocator",
    "PersistentArenaBufferAllocator": "PersistentArenaBufferAllocator",
    "NonPersistentArenaBufferAllocator": "NonPersistentArenaBufferAllocator",
    "GreedyMemoryPlanner": "GreedyMemoryPlanner",
    "GreedyMemoryPlanner::BufferRequirements": "GreedyMemoryPlanner::BufferRequirements",
    "GreedyMemoryPlanner::ListEntry": "GreedyMemoryPlanner::ListEntry",
    "LinearMemoryPlanner": "LinearMemoryPlanner",
    "MicroAllocator": "MicroAllocator",
    "MicroBuiltinDataAllocator": "MicroBuiltinDataAllocator",
    "SubgraphAllocations": "SubgraphAllocations",
    "NodeAndRegistration": "NodeAndRegistration",
    "TFLMRegistration": "TFLMRegistration",
    "TfLiteNode": "TfLiteNode",
    "TfLiteEvalTensor": "TfLiteEvalTensor",
    "TfLiteTensor": "TfLiteTensor",
    "TfLiteAffineQuantization": "TfLiteAffineQuantization",
    "TfLiteIntArray": "TfLiteIntArray",
    "TfLiteFloatArray": "TfLiteFloatArray",
    "ScratchBufferHandle": "ScratchBufferHandle",
    "ScratchBufferRequest": "internal::ScratchBufferRequest",
    "AllocationInfo": "AllocationInfo",
    "MicroResourceVariables": "MicroResourceVariables",
    "MicroResourceVariable": "MicroResourceVariables::MicroResourceVariable",
    "RecordingSingleArenaBufferAllocator": "RecordingSingleArenaBufferAllocator",
    "RecordingMicroAllocator": "RecordingMicroAllocator",
    "MicroInterpreter": "MicroInterpreter",
    "MicroInterpreterGraph": "MicroInterpreterGraph",
    "MicroInterpreterContext": "MicroInterpreterContext",
    "TfLiteContext": "TfLiteContext",
    "TfLiteStatus": "TfLiteStatus",
    "size_t": "size_t",
    "int64_t": "int64_t",
    "double": "double",
    "void*": "void*",
}
#: name in the table -> C++ constant
CONSTANTS = {
    "kMaxScratchBuffersPerOp": "kMaxScratchBuffersPerOp",
    "MicroArenaBufferAlignment": "MicroArenaBufferAlignment()",
    "GreedyMemoryPlanner::per_buffer_size": "PerBufferSize::value",
}
PLANNER = "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
PROBE_INCLUDES = (
    "tensorflow/lite/micro/micro_allocator.cc",  # MicroBuiltinDataAllocator is its own
    "tensorflow/lite/c/builtin_op_data.h",
    "tensorflow/lite/micro/arena_allocator/recording_single_arena_buffer_allocator.h",
    "tensorflow/lite/micro/memory_planner/linear_memory_planner.h",
    "tensorflow/lite/micro/micro_allocation_info.h",
    "tensorflow/lite/micro/micro_interpreter.h",
    "tensorflow/lite/micro/micro_resource_variable.h",
    "tensorflow/lite/micro/recording_micro_allocator.h",
)
#: structs of kernel headers that are kept in the arena, by their names
DECLARED = re.compile(r"(?<!>\n)^struct (\w*(?:Data|Params)\w*) {", re.M)
#: operands that need no table: C++ says, or `structs` does
PLAIN = re.compile(r"(u?int\d+_t|float|double|bool|char|T|\w*Type|\w+\s?\*+)\Z")
#: tests and their helpers
SKIP = re.compile(r"_test\b|test_|_test_|flexbuffers_generated|kernel_runner")


@dataclass
class Sizes:
    """What one kernel set allocates. Bytes."""

    op_data: dict[str, int] = field(default_factory=dict)
    #: "file.cc:Type" -> bytes, for each sizeof in an allocation and each struct of a header
    types: dict[str, int] = field(default_factory=dict)
    #: registration -> expressions, where Init allocates by the model or more than once
    by_model: dict[str, list[str]] = field(default_factory=dict)
    #: registration -> "header.h:Type" of its op data, where a header declares it
    declared: dict[str, str] = field(default_factory=dict)

    def table(self) -> dict[str, Any]:
        return {
            "op_data": dict(sorted(self.op_data.items())),
            "types": dict(sorted(self.types.items())),
            "by_model": dict(sorted(self.by_model.items())),
            "declared": dict(sorted(self.declared.items())),
        }


def structures(compiler: Compiler, tree: Path, params: list[str]) -> dict[str, Any]:
    """The tables "structs", "params" and "constants"."""
    kinds = [*STRUCTS.values(), *params]
    # the method is no constant expression, what it returns is
    method = re.search(
        r"size_t per_buffer_size\(\) {\s*const int per_buffer_size =([^;]*);",
        (tree / PLANNER).read_text("utf-8"),
    )
    if not method:
        raise SystemExit(f"error: {PLANNER}: cannot read per_buffer_size()")
    lines = [f'#include "{path}"' for path in PROBE_INCLUDES]
    lines += ["namespace tflite { namespace micro {} using namespace micro;"]
    lines += ["struct PerBufferSize : GreedyMemoryPlanner {", "static constexpr int value ="]
    lines += [method[1], ";};", 'extern "C" {']
    for number, kind in enumerate(kinds):
        lines.append(f"char gfw{number}x0z[sizeof({kind})], gfw{number}x1z[alignof({kind})];")
    for number, value in enumerate(CONSTANTS.values(), len(kinds)):
        lines.append(f"char gfw{number}x0z[{value}], gfw{number}x1z[1];")
    found = compiler.symbols("\n".join([*lines, "}", "}", ""]), ".cc", "-fno-access-control")
    names = [*STRUCTS, *params, *CONSTANTS]
    rows = {
        name: [found[f"gfw{number}x{part}z"] for part in (0, 1)]
        for number, name in enumerate(names)
    }
    return {
        "pointer": rows["void*"][0],
        "constants": {name: rows[name][0] for name in sorted(CONSTANTS)},
        "structs": {name: rows[name] for name in sorted(STRUCTS)},
        "params": {name: rows[name] for name in params},
    }


def declared_types(compiler: Compiler, tree: Path) -> dict[str, int]:
    """ "header.h:Struct" -> bytes, of every struct in the headers beside the reference kernels."""
    headers = [
        path
        for folder in (KERNELS, SIGNAL)
        for path in sorted((tree / folder).glob("*.h"))
        if not SKIP.search(path.name)
    ]
    names = [
        f"{path.name}:{name}"
        for path in headers
        for name in DECLARED.findall(path.read_text("utf-8"))
    ]
    lines = [f'#include "{path.relative_to(tree)}"' for path in headers]
    lines += ["namespace tflite { namespace micro {} namespace tflm_signal {}"]
    lines += ["using namespace micro; using namespace tflm_signal;", 'extern "C" {']
    for number, name in enumerate(names):
        lines.append(f"char gfw{number}x0z[sizeof({name.partition(':')[2]})];")
    found = compiler.symbols("\n".join([*lines, "}", "}", ""]), ".cc")
    return {name: found[f"gfw{number}x0z"] for number, name in enumerate(names)}


def kernel_set(
    files: dict[Path, KernelFile], shared: dict[Path, KernelFile], types: dict[str, int]
) -> Sizes:
    """Sizes of the kernels in ``files``; ``shared`` has the files that they may call, ``types``
    the structs of the headers."""
    sizes = Sizes()
    headers = {name.partition(":")[2]: name for name in types}
    for path, file in files.items():
        for register, init in file.inits.items():
            while init.startswith("Register_"):
                init = file.inits[init]
            calls = _allocations(init, file, shared) if init else []
            if not calls:
                sizes.op_data[register] = 0
            elif len(calls) == 1 and calls[0].bytes is not None:
                sizes.op_data[register] = calls[0].bytes
                operand = re.fullmatch(r"sizeof\((\w+)\)", calls[0].size)
                if operand and types.get(headers.get(operand[1], "")) == calls[0].bytes:
                    sizes.declared[register] = headers[operand[1]]
            else:
                sizes.by_model[register] = [call.size for call in calls]
        for operand_text, values in file.types.items():
            known = PLAIN.match(operand_text) or operand_text in STRUCTS
            if len(values) == 1 and not known:
                sizes.types[f"{path.name}:{operand_text}"] = next(iter(values))
    return sizes


def _allocations(init: str, file: KernelFile, shared: dict[Path, KernelFile]) -> list[Call]:
    owner = file
    if init not in file.functions:
        owners = [other for other in shared.values() if init in other.functions]
        if len(owners) != 1:
            raise SystemExit(f"error: {len(owners)} files define {init}")
        owner = owners[0]
    calls = [call for call in owner.calls if call.function == init]
    for inner in owner.functions[init]:
        calls += _allocations(inner, owner, shared)
    if not calls and not owner.empty >= {init}:
        raise SystemExit(f"error: cannot read {init}")
    return calls


def _sources(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.cc")) if not SKIP.search(path.name)]


def _read(compiler: Compiler, paths: list[Path], jobs: int) -> dict[Path, KernelFile]:
    with ThreadPoolExecutor(jobs) as pool:
        found = pool.map(functools.partial(kernel_file, compiler), paths)
        return dict(zip(paths, found, strict=True))


def measure(
    tree: Path, command: str, *, include: list[Path], kernels: list[str], jobs: int
) -> dict[str, Any]:
    """Everything of a table that the compiler decides, and "source"."""
    with tempfile.TemporaryDirectory() as folder:
        speed, size = (
            Compiler(command, tree, include, Path(folder), optimise)
            for optimise in ("speed", "size")
        )
        document = {"source": speed.description}
        document |= structures(speed, tree, sorted(set(parser_params(tree).values())))
        types = declared_types(speed, tree)
        base = _read(speed, [*_sources(tree / KERNELS), *_sources(tree / SIGNAL)], jobs)
        reference = kernel_set(base, base, types)
        reference.types |= types
        sets = {"reference": reference.table()}
        for name in kernels:
            paths = _sources(tree / KERNELS / name)
            for compiler in (speed, size):
                found = kernel_set(_read(compiler, paths, jobs), base, types).table()
                if compiler is speed:
                    sets[name] = found
                elif found != sets[name]:
                    sets[f"{name}:size"] = _only_other(found, sets[name])
    document["kernels"] = sets
    return document


def _only_other(found: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """The entries of ``found`` that ``usual`` does not have."""
    return {
        section: {key: value for key, value in rows.items() if usual[section].get(key) != value}
        for section, rows in found.items()
    }


def differences(first: Any, second: Any, path: str = "") -> list[str]:
    """Where two documents differ, for people."""
    if isinstance(first, dict) and isinstance(second, dict):
        return [
            line
            for key in sorted(first.keys() | second.keys())
            for line in differences(first.get(key), second.get(key), f"{path}.{key}")
        ]
    return [] if first == second else [f"{path[1:]}: {first} and {second}"]


def make_table(
    tree: Path,
    cxx: list[str],
    *,
    include: list[Path],
    kernels: list[str],
    jobs: int = 2,
    **names: str,
) -> dict[str, Any]:
    """The whole document. SystemExit when two of the compilers disagree."""
    documents = [
        measure(tree, command, include=include, kernels=kernels, jobs=jobs) for command in cxx
    ]
    sources = [document.pop("source") for document in documents]
    for source, document in zip(sources[1:], documents[1:], strict=True):
        found = differences(documents[0], document)
        if found:
            raise SystemExit("\n".join([f"error: {sources[0]}", f"and   {source}", *found]))
    head = {"licence": "Apache-2.0", **names, "computed": False, "source": "; ".join(sources)}
    return {**head, **documents[0]}


def text_of(table: dict[str, Any]) -> str:
    """The file's text: one line for each size."""
    return re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", json.dumps(table, indent=1)) + "\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--release", required=True, help="label, such as tflite-micro-90b983c2")
    parser.add_argument("--revision", required=True, help="commit that the tree is at")
    parser.add_argument("--abi", required=True, help="arm-eabi, riscv-ilp32, x86-64, ...")
    parser.add_argument("--cxx", required=True, action="append", help="C++ compiler with flags")
    parser.add_argument("--include", type=Path, action="append", default=[], help="more headers")
    parser.add_argument("--kernels", action="append", default=[], help="folder of kernels")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: stdout)")
    options = parser.parse_args(argv)
    table = make_table(
        options.tree.resolve(),
        options.cxx,
        include=[path.resolve() for path in options.include],
        kernels=options.kernels,
        jobs=options.jobs,
        release=options.release,
        revision=options.revision,
        abi=options.abi,
    )
    text = text_of(table)
    if options.output:
        options.output.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
