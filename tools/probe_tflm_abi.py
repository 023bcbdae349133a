#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the structures of one TensorFlow Lite Micro release with a target's compiler.

usage: probe_tflm_abi.py TREE --release NAME --revision COMMIT --abi ABI --cxx "COMPILER FLAGS"
           [--cxx ...] [--include DIR ...] [--kernels cmsis_nn ...] [-o FILE]

Nothing runs on the target: sizes become sizes of arrays, which are read from the object files.
What kernels allocate is found in their own text: an array is put into every call of
AllocatePersistentBuffer, so that each sizeof is evaluated in its scope, templates included.
With several --cxx all of them must agree, or the tool fails and names the difference.
The output is deterministic.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from make_tflm_tables import parser_params

KERNELS = "tensorflow/lite/micro/kernels"
SIGNAL = "signal/micro/kernels"
#: what every firmware is built with
FLAGS = (
    *("-std=gnu++17", "-w", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics"),
    *("-DTF_LITE_STATIC_MEMORY", "-DESP_NN", "-DCMSIS_NN"),
)
#: headers that a kernel includes and that no layout depends on
STAND_INS = {
    "sdkconfig.h": "#define CONFIG_NN_OPTIMIZED 1\n",
    "esp_timer.h": "#include <stdint.h>\nextern \"C\" int64_t esp_timer_get_time(void);\n",
    "ethosu_driver.h": """#include <stddef.h>
#include <stdint.h>
struct ethosu_driver;
extern "C" ethosu_driver *ethosu_reserve_driver(void);
extern "C" void ethosu_release_driver(ethosu_driver *);
extern "C" int ethosu_invoke_v3(ethosu_driver *, const void *, const int, uint64_t *const,
                                const size_t *, const int, void *);
""",
}  # fmt: skip
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
COMMON = (
    "flatbuffers/flexbuffers.h",
    "tensorflow/lite/kernels/internal/quantization_util.h",
    "tensorflow/lite/kernels/kernel_util.h",
    "tensorflow/lite/micro/kernels/kernel_util.h",
    "tensorflow/lite/micro/micro_graph.h",
    "tensorflow/lite/micro/micro_utils.h",
)
CALL = "AllocatePersistentBuffer"
SYMBOL = re.compile(r"gfw(\d+)x(\d+)z")
LINE = re.compile(r'^# \d+ "([^"]*)"')
REGISTER = re.compile(r"\bTFLMRegistration\s*\*?\s+(?:tflite::)?(Register_\w+)\s*\(\s*\)\s*{")
#: structs of kernel headers that are kept in the arena, by their names
DECLARED = re.compile(r"(?<!>\n)^struct (\w*(?:Data|Params)\w*) {", re.M)
SIZEOF = re.compile(r"\bsizeof\s*\(")
#: an integral constant: literals, kNames, operators; each sizeof stands as 1
CONSTANT = re.compile(r"[\d\s*+()]|\bk[A-Z]\w*|static_cast<size_t>")


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


@dataclass(frozen=True)
class Call:
    """One call of AllocatePersistentBuffer in a kernel file."""

    function: str
    #: text of the size, without line breaks
    size: str
    #: bytes where ``size`` is constant, else None
    bytes: int | None


@dataclass(frozen=True)
class KernelFile:
    calls: tuple[Call, ...]
    #: text of each sizeof's operand -> bytes; several where template instances differ
    types: dict[str, frozenset[int]]
    #: registration -> name of its Init, "" for none
    inits: dict[str, str]
    #: every function that is defined -> functions whose result it returns
    functions: dict[str, tuple[str, ...]]
    #: functions that do nothing but return nullptr
    empty: frozenset[str]


class Compiler:
    """A compiler with its flags and the tree's include paths."""

    def __init__(self, command: str, tree: Path, include: list[Path], folder: Path) -> None:
        self.words = shlex.split(command)
        stand_ins = folder / "stand-ins"
        stand_ins.mkdir(exist_ok=True)
        for name, text in STAND_INS.items():
            (stand_ins / name).write_text(text, "utf-8")
        own = [tree / "third_party" / name for name in ("gemmlowp", "ruy", "kissfft")]
        own.append(tree / "third_party" / "flatbuffers" / "include")
        folders = [tree, *(path for path in own if path.is_dir()), *include, stand_ins]
        self.command = [*self.words, *FLAGS, *(f"-I{path}" for path in folders)]
        self.folder = folder
        # what nearly every kernel includes, read once; other compilers read it every time
        common = folder / "common.h"
        common.write_text("".join(f'#include "{path}"\n' for path in COMMON), "utf-8")
        header = [*self.command, "-x", "c++-header", str(common), "-o", f"{common}.gch"]
        self.command += ["-include", str(common)]
        self.gnu = "Free Software Foundation" in _run([self.words[0], "--version"])
        if self.gnu:
            _run(header)

    @property
    def description(self) -> str:
        """Name, version and flags, without paths."""
        version = _run([self.words[0], "--version"]).splitlines()[0]
        flags, skip = [], False
        for word in self.words[1:]:
            if skip or word in ("-isystem", "-I"):
                skip = not skip
            elif not word.startswith(("-I", "/")):
                flags.append(word)
        return " ".join([version, *flags])

    def preprocess(self, source: Path) -> str:
        text = source.read_text("utf-8")
        # only comments matter to a file that allocates nothing and has one shape
        plain = f"{CALL}(" not in text and "#if" not in text
        if plain:
            return _run([*self.words, "-fpreprocessed", "-E", str(source)])
        options = ["-fpch-preprocess"] if self.gnu else []
        return _run([*self.command, *options, "-E", str(source)])

    def symbols(self, text: str, suffix: str, *flags: str) -> dict[str, int]:
        """Symbols of a source text with gfw… in their names, and their sizes."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            source, target = Path(folder) / f"probe{suffix}", Path(folder) / "probe.o"
            source.write_text(text, "utf-8")
            # preprocessed text has the common headers already
            command = self.command if suffix == ".cc" else self.command[:-2]
            _run([*command, *flags, "-c", str(source), "-o", str(target)])
            with target.open("rb") as file:
                table = ELFFile(file).get_section_by_name(".symtab")
                return {
                    symbol.name: symbol["st_size"]
                    for symbol in table.iter_symbols()
                    if SYMBOL.search(symbol.name)
                }


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"error: {shlex.join(command)}\n{done.stderr[:4000]}")
    return done.stdout


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


def _closing(text: str, start: int, pair: str = "()") -> int:
    """Position after the bracket that closes the one before ``start``; quotes are skipped."""
    depth, position = 1, start
    while depth:
        character = text[position]
        if character in "\"'":
            position += 1
            while text[position] != character:
                position += 2 if text[position] == "\\" else 1
        elif character == pair[0]:
            depth += 1
        elif character == pair[1]:
            depth -= 1
        position += 1
    return position


def _last_argument(text: str, start: int, end: int) -> int:
    """Where the last of the arguments between two brackets begins."""
    depth, last = 0, start
    for position in range(start, end):
        character = text[position]
        depth += {"(": 1, "<": 1, "{": 1, ")": -1, ">": -1, "}": -1}.get(character, 0)
        if character == ">" and text[position - 1] == "-":
            depth += 1  # an arrow
        if character == "," and depth == 0:
            last = position + 1
    return last


def _own_text(text: str, source: Path) -> str:
    """Lines of the file itself, everything from headers blanked: offsets stay."""
    own, lines = False, []
    for line in text.split("\n"):
        mark = LINE.match(line)
        if mark:
            own = mark[1] == str(source)
        lines.append(line if own and not mark else " " * len(line))
    return "\n".join(lines)


def _functions(text: str) -> list[tuple[str, int, int]]:
    """(name, start and end of the body) of every function definition."""
    found = []
    position = 0
    opener = re.compile(r"[{\"']")
    while match := opener.search(text, position):
        position = match.end()
        if match[0] != "{":
            while text[position] != match[0]:
                position += 2 if text[position] == "\\" else 1
            position += 1
            continue
        before = text[: match.start()].rstrip()
        if re.search(r"\)\s*(const|override|noexcept|\s)*$", before[-60:]):
            depth, at = 1, before.rindex(")") - 1
            while depth:
                depth += {")": 1, "(": -1}.get(before[at], 0)
                at -= 1
            name = re.search(r"(\w+)\s*$", before[max(0, at - 200) : at + 1])
            end = _closing(text, match.end(), "{}")
            found.append((name[1] if name else "", match.end(), end))
            position = end
    return found


def _clean(text: str) -> str:
    return re.sub(r"\s*([<>(),*])\s*", r"\1", " ".join(text.split())).replace(",", ", ")


def kernel_file(compiler: Compiler, source: Path) -> KernelFile:
    """Reads and compiles one kernel file."""
    whole = compiler.preprocess(source)
    text = _own_text(whole, source)
    bodies = _functions(text)
    pieces, calls, types, done = [], [], {}, 0
    for number, match in enumerate(re.finditer(rf"\b{CALL}\s*\(", text)):
        end = _closing(text, match.end()) - 1
        start = _last_argument(text, match.end(), end)
        function = next((name for name, first, last in bodies if first <= start < last), "")
        if not function:
            continue  # a declaration
        size = text[start:end]
        probes, operands, rest, at = [], [], "", 0
        for part in SIZEOF.finditer(size):
            if part.start() < at:
                continue
            stop = _closing(size, part.end())
            operands.append(_clean(size[part.end() : stop - 1]))
            probes.append(size[part.start() : stop])
            rest += size[at : part.start()] + "1"
            at = stop
        constant = bool(operands) and not CONSTANT.sub("", rest + size[at:])
        arrays = [*probes, *([size] if constant else [])]
        made = "".join(
            f"static char gfw{number}x{place}z[{value}] __attribute__((used)); "
            for place, value in enumerate(arrays)
        )
        pieces += [whole[done:start], f"(__extension__({{ {made}{size}; }}))"]
        done = end
        calls.append((function, _clean(size), len(probes) if constant else None))
        types.update({(number, place): operand for place, operand in enumerate(operands)})
        types[(number, -1)] = str(len(calls) - 1)
    sizes: dict[tuple[int, int], set[int]] = {}
    if calls:
        probe = "".join([*pieces, whole[done:]])
        for symbol, size_of in compiler.symbols(probe, ".ii").items():
            mark = SYMBOL.search(symbol)
            assert mark, symbol
            sizes.setdefault((int(mark[1]), int(mark[2])), set()).add(size_of)
    numbers = {int(types[key]): key[0] for key in types if key[1] == -1}
    return KernelFile(
        tuple(
            Call(function, size, _single(sizes, numbers[index], place))
            for index, (function, size, place) in enumerate(calls)
        ),
        _types(types, sizes),
        _inits(text),
        {name: tuple(_returned(text[first:last])) for name, first, last in bodies},
        frozenset(
            name
            for name, first, last in bodies
            if re.fullmatch(r"\s*return\s+nullptr\s*;\s*}", text[first:last])
        ),
    )


def _single(sizes: dict[tuple[int, int], set[int]], number: int, place: int | None) -> int | None:
    found = set() if place is None else sizes.get((number, place), set())
    return next(iter(found)) if len(found) == 1 else None


def _types(
    types: dict[tuple[int, int], str], sizes: dict[tuple[int, int], set[int]]
) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for key, operand in types.items():
        if key[1] >= 0:
            found.setdefault(operand, set()).update(sizes.get(key, set()))
    return {operand: frozenset(values) for operand, values in found.items()}


def _returned(body: str) -> list[str]:
    call = r"\breturn\s+(\w+)\s*(?:<[^<>]*>)?\s*\(\s*context\s*,\s*buffer\s*,\s*length\s*\)"
    return list(dict.fromkeys(re.findall(call, body)))


def _inits(text: str) -> dict[str, str]:
    """Registration -> its Init. A stub that returns nullptr has none."""
    found = {}
    for match in REGISTER.finditer(text):
        body = text[match.end() : _closing(text, match.end(), "{}")]
        call = re.search(r"\bRegisterOp\s*\(\s*([\w:]+)", body)
        other = re.search(r"\breturn\s+(Register_\w+)\s*\(", body)
        if call:
            found[match[1]] = "" if call[1] == "nullptr" else call[1].rpartition(":")[2]
        elif other:
            found[match[1]] = other[1]
        elif re.search(r"\breturn\s+nullptr", body):
            found[match[1]] = ""
        else:
            raise SystemExit(f"error: cannot read {match[1]}")
    return found


#: operands that need no table: C++ says, or `structs` does
PLAIN = re.compile(r"(u?int\d+_t|float|double|bool|char|T|\w*Type|\w+\s?\*+)\Z")


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


#: tests and their helpers
SKIP = re.compile(r"_test\b|test_|_test_|flexbuffers_generated|kernel_runner")


def _sources(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.cc")) if not SKIP.search(path.name)]


def measure(compiler: Compiler, tree: Path, kernels: list[str], jobs: int) -> dict[str, Any]:
    """Everything of a table that the compiler decides."""
    params = sorted(set(parser_params(tree).values()))
    folders = {"reference": [tree / KERNELS, tree / SIGNAL]}
    folders |= {name: [tree / KERNELS / name] for name in kernels}
    names = {key: [p for path in paths for p in _sources(path)] for key, paths in folders.items()}
    document = structures(compiler, tree, params)
    types = declared_types(compiler, tree)
    with ThreadPoolExecutor(jobs) as pool:
        every = [path for paths in names.values() for path in paths]
        read = dict(
            zip(every, pool.map(functools.partial(kernel_file, compiler), every), strict=True)
        )
    base = {path: read[path] for path in names["reference"]}
    sets = {
        key: kernel_set({path: read[path] for path in paths}, base, types)
        for key, paths in names.items()
    }
    sets["reference"].types |= types
    document["kernels"] = {key: sizes.table() for key, sizes in sets.items()}
    return document


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
    document: dict[str, Any] = {}
    source = []
    for command in cxx:
        with tempfile.TemporaryDirectory() as folder:
            compiler = Compiler(command, tree, include, Path(folder))
            measured = measure(compiler, tree, kernels, jobs)
            source.append(compiler.description)
        found = differences(document, measured) if document else []
        if found:
            raise SystemExit("\n".join([f"error: {source[0]}", f"and   {source[-1]}", *found]))
        document = measured
    head = {"licence": "Apache-2.0", **names, "computed": False, "source": "; ".join(source)}
    return {**head, **document}


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
    text = re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", json.dumps(table, indent=1)) + "\n"
    if options.output:
        options.output.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
