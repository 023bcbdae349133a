# SPDX-License-Identifier: Apache-2.0
"""What is in an archive of TVM, as plain data (schema gen-fw/inspect-archive/1) and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gen_fw.archive.types import Archive, Module
from gen_fw.memory.document import item_document
from gen_fw.program import Io, Program

if TYPE_CHECKING:
    from rich.console import Console

#: version of the format -> releases of TVM that write it (docs/tvm.md)
RELEASES = {
    1: "development, March to May 2021",
    2: "development, May and June 2021",
    3: "development, June 2021",
    4: "development, July 2021",
    5: "0.8, and development until May 2022",
    6: "development, May and June 2022",
    7: "0.9 to 0.18, and gen-fw",
}
#: kernels that the table shows
_FEW = 20


def document(
    archive: Archive, file: str, board: str, modules: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The report. Each of ``modules`` has ``module``, ``program`` (None when it cannot be built
    for ``board``), ``missing`` (why and hint) and ``libraries``."""
    return {
        "schema": "gen-fw/inspect-archive/1",
        "file": file,
        "bytes": len(archive.raw),
        "sha256": archive.sha256,
        "version": archive.version,
        "releases": RELEASES[archive.version],
        "board": board,
        "modules": [_module(**entry) for entry in modules],
    }


def _module(
    module: Module,
    program: Program | None,
    missing: Sequence[Mapping[str, str]],
    libraries: Sequence[str],
) -> dict[str, Any]:
    return {
        "name": module.name,
        "tvm": module.tvm_version,
        "style": module.style,
        "executors": list(module.executors),
        "targets": list(module.targets),
        "interface": program.report["archive"]["interface"] if program else None,
        "inputs": [_io(io) for io in program.inputs] if program else _told(module, "inputs"),
        "outputs": [_io(io) for io in program.outputs] if program else _told(module, "outputs"),
        "pools": _pools(module),
        "devices": list(module.header.devices) if module.header else [],
        "workspace_bytes": module.workspace_bytes,
        "constants_bytes": module.constants_bytes,
        "operator_functions": [
            {"name": operator.name, "workspace_bytes": operator.workspace_bytes}
            for operator in module.operators
        ],
        "sources": [
            {
                "file": source.file,
                "bytes": len(source.content),
                "functions": len(source.functions),
                "constant_bytes": source.constant_bytes,
            }
            for source in module.sources
        ],
        "objects": list(module.objects),
        "libraries": list(libraries),
        "arena": [item_document(item) for item in program.region("arena").items]
        if program
        else None,
        "arena_bytes": program.region("arena").bytes if program else None,
        "model_bytes": program.region("model").bytes if program else None,
        "code_bytes": program.region("code").bytes if program else None,
        "stack_bytes": program.stack_bytes if program else None,
        "missing": [dict(entry) for entry in missing],
    }


def _io(io: Io) -> dict[str, Any]:
    return {"name": io.name, "dtype": io.dtype, "shape": list(io.shape), "bytes": io.bytes}


def _told(module: Module, kind: str) -> list[dict[str, Any]]:
    """What the metadata or the Relay text says where nothing was resolved."""
    typed = (getattr(module.relay, kind) if module.relay else None) or ()
    shapes = {fact.name: fact.shape for fact in typed}
    # weights are parameters of Relay's main function too
    typed = tuple(fact for fact in typed if not fact.name.startswith("v_param_"))
    facts = getattr(module, kind) or typed
    return [
        {
            "name": fact.name,
            "dtype": fact.dtype or None,
            "shape": _shape(fact.shape or shapes.get(fact.name)),
            "bytes": fact.bytes,
        }
        for fact in facts
    ]


def _shape(shape: tuple[int, ...] | None) -> list[int] | None:
    return None if shape is None else list(shape)


def _pools(module: Module) -> list[dict[str, Any]]:
    """Pools by who provides their memory."""
    own = [
        {"name": pool.name, "kind": "workspace", "provided_by": "archive", "bytes": pool.bytes}
        for source in module.sources
        for pool in source.pools
    ]
    callers = [
        {
            "name": pool.member,
            "kind": "constants" if pool.constant else "workspace",
            "provided_by": "caller",
            "bytes": pool.bytes,
        }
        for pool in (module.header.pools if module.header else ())
    ]
    return [*own, *callers]


def show(document: Mapping[str, Any], console: Console) -> None:
    """Prints the report, a module after the other."""
    from gen_fw.report.tables import count

    console.print(
        f"{document['file']}: {count(document['bytes'])} bytes, Model Library Format version "
        f"{document['version']} (TVM {document['releases']}), {len(document['modules'])} module(s)",
        markup=False,
    )
    for module in document["modules"]:
        _show_module(module, document["board"], console)


def _show_module(module: Mapping[str, Any], board: str, console: Console) -> None:
    from gen_fw.report.arena import show_items
    from gen_fw.report.tables import count, shape, table

    tvm = f", TVM {module['tvm']}" if module["tvm"] else ""
    interface = {"c": "C interface", "packed": "packed interface", "direct": "no interface"}
    words = [
        f"{', '.join(module['executors']) or 'no'} executor",
        *([interface[module["interface"]]] if module["interface"] else []),
        f"target {'; '.join(module['targets']) or 'unknown'}",
        *(f"calls {library}" for library in module["libraries"]),
        *(f"device {device}" for device in module["devices"]),
    ]
    console.print(f"module {module['name']}{tvm}: {', '.join(words)}", markup=False)
    rows = [
        (
            f"{kind} {index}",
            io["name"],
            io["dtype"] or "?",
            "?" if io["shape"] is None else shape(io["shape"]),
            "?" if io["bytes"] is None else io["bytes"],
        )
        for kind in ("input", "output")
        for index, io in enumerate(module[kind + "s"])
    ]
    console.print(table("inputs and outputs", ["", "name", "dtype", "shape", ">bytes"], rows))
    if module["pools"]:
        columns = ["pool", "kind", "memory from", ">bytes"]
        keys = ("name", "kind", "provided_by", "bytes")
        console.print(table("pools", columns, [tuple(p[k] for k in keys) for p in module["pools"]]))
    if module["operator_functions"]:
        kernels = [(k["name"], k["workspace_bytes"]) for k in module["operator_functions"]]
        title = "operator functions" + (f", {_FEW} of {len(kernels)}" * (len(kernels) > _FEW))
        console.print(table(title, ["function", ">workspace"], kernels[:_FEW]))
    keys = ("file", "bytes", "functions", "constant_bytes")
    files = [tuple(source[k] for k in keys) for source in module["sources"]]
    console.print(table("sources", ["file", ">bytes", ">functions", ">constants"], files))
    if module["arena"] is not None:
        total = ("in all", module["arena_bytes"], module["arena"][0]["confidence"])
        show_items("arena", module["arena"], total, console)
        console.print(
            f"weights and tables {count(module['model_bytes'])} bytes; about "
            f"{count(module['code_bytes'])} bytes of code, {count(module['stack_bytes'])} of stack",
            markup=False,
        )
        console.print(f"{board}: supported", markup=False)
        return
    console.print(f"{board}: not supported", markup=False)
    for entry in module["missing"]:
        console.print(f"  {entry['why']}", markup=False)
        console.print(f"  hint: {entry['hint']}", markup=False)
