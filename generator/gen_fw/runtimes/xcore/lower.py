# SPDX-License-Identifier: Apache-2.0
"""What xformer made of a model, and a memory mode -> Program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gen_fw.memory.buffers import align
from gen_fw.model.graph import is_stateful
from gen_fw.model.macs import operator_macs
from gen_fw.model.types import Model
from gen_fw.program import Constant, Item, Program, Region, Requires, Source
from gen_fw.runtimes.io import interface
from gen_fw.runtimes.xcore.kernels import kernel_items
from gen_fw.runtimes.xcore.modes import Kind, Mode

#: bytes of stack: "#pragma stackfunction 1000" (words) of init_with_paging and of init, or of
#: invoke; of each further thread 1024 words, thread_client.nstackwords of xmos-ai-tools 1.4.2
_STACK_BYTES, _THREAD_STACK_BYTES = 8000, 4096
#: the C++ functions of the model itself: those of g++ for Cortex-M4, -Os, and a quarter more
_FUNCTION_BYTES = 4096
#: an array in the other tile's RAM begins with a version and the offsets of one client: parameters
#: behind it (tile_ram_server.c of lib_tflite_micro)
TILE_HEADER = bytes((1, 2, 0xFE, 0xFD)) + b"".join(n.to_bytes(4, "little") for n in (0, 20, 0, 0))
#: begins the names of what xformer made
PREFIX = "xcore"


@dataclass(frozen=True, slots=True)
class Made:
    """The compiler's result as this room needs it. ``compiled`` and ``compiled_parameters`` are for
    the interpreter on this computer; bytes otherwise."""

    cpp: str
    header: str
    parameters: bytes
    arena_bytes: int
    table_bytes: int
    kernels: tuple[str, ...]
    dispatched: bool
    asynchronous: bool
    threads: int
    compiled: bytes
    compiled_parameters: bytes
    report: Mapping[str, Any]


def prefix(name: str) -> str:
    """Begins the names of the functions that xformer makes for a program."""
    return f"{name}_{PREFIX}_"


def lower(model: Model, name: str, made: Made, mode: Mode) -> Program:
    """The program that runs ``model`` on a tile of xcore.ai. Its arena is exactly as large as
    xcore-opt says, whatever the pointers' size."""
    inputs, outputs = interface(model)
    arena = align(made.arena_bytes)
    inside = mode.kind == "inside"
    tables = Item("model's tables", made.table_bytes, "estimate", "counted in xformer's C++")
    parameters = len(made.parameters)
    label = "weights and tables" if inside else "parameters"
    stack = _STACK_BYTES + _THREAD_STACK_BYTES * (made.threads - 1)
    code = [
        *kernel_items(made.kernels),
        Item(f"{name}: functions", _FUNCTION_BYTES, "estimate", "g++ for Cortex-M4"),
        *([] if inside else [Item(f"{name}: tables", made.table_bytes, "estimate", tables.source)]),
    ]
    files = {
        f"{name}_{PREFIX}.cpp": made.cpp,
        f"{name}_{PREFIX}.h": made.header,
    }
    total = sum(item.bytes for item in code)
    kind = mode.kind if made.parameters else "inside"
    weights = _weights(made.parameters, kind)
    return Program(
        name=name,
        runtime="xcore",
        kernels="xcore",
        inputs=inputs,
        outputs=outputs,
        regions=(
            Region(
                "arena",
                "tensor arena",
                arena,
                16,
                "static",
                "upper bound",
                (Item("tensors, scratch, kernels' data", arena, "upper bound", "xcore-opt"),),
            ),
            Region(
                "model",
                label,
                made.table_bytes if inside else parameters,
                16,
                "static",
                "estimate" if inside else "exact",
                (tables,) if inside else (),
            ),
            Region("code", "runtime and kernels", total, 16, "static", "estimate", tuple(code)),
        ),
        constants=(
            Constant("model", model.raw),
            Constant("parameters", memoryview(made.parameters)),
            Constant("weights", memoryview(weights)),
            Constant("compiled", memoryview(made.compiled)),
            Constant("compiled_parameters", memoryview(made.compiled_parameters)),
        ),
        sources=tuple(Source(path, text.encode()) for path, text in files.items()),
        requires=Requires(),
        adapter={
            "arena_bytes": {"target": arena, "host64": arena},
            "needed_bytes": made.arena_bytes,
            "resolver": [],
            "custom_ops": [],
            "resource_variables": 0,
            "subgraphs": len(model.subgraphs),
            "flags": ["weights"] if weights else [],
            "xcore": {
                "prefix": prefix(name),
                "tile": mode.tile,
                "arena": mode.arena,
                "model": mode.model,
                "kind": kind,
                "parameters": parameters,
                "array_bytes": len(weights),
                "dispatched": made.dispatched,
                "asynchronous": made.asynchronous,
                "threads": made.threads,
                "version": made.report["version"],
                "command": made.report["command"],
                "settings": dict(made.report["settings"]),
            },
        },
        report={
            "xcore": {**made.report, "mode": mode.title, "place": mode.words},
            "macs_total": sum(
                operator_macs(model, graph, operator)
                for graph in model.subgraphs
                for operator in graph.operators
            ),
        },
        stateful=is_stateful(model),
        stack_bytes=stack,
        diagnostics=model.diagnostics,
    )


def _weights(parameters: bytes, kind: Kind) -> bytes:
    """The content of the array that holds the parameters; empty when there is none. Servers send
    whole words."""
    if kind == "external":
        return parameters
    if kind == "tile":
        return TILE_HEADER + parameters + bytes(-len(parameters) % 4)
    return b""
