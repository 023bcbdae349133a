# SPDX-License-Identifier: Apache-2.0
"""What is in a model, as plain data (schema gen-fw/inspect/1) and as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gen_fw.model.macs import operator_macs
from gen_fw.model.types import Model, Operator, Quantization, Subgraph, Tensor, display
from gen_fw.report.arena import show_arena
from gen_fw.report.documents import diagnostic_document

if TYPE_CHECKING:
    from rich.console import Console

_FEW_TENSORS = 40


def document(
    model: Model,
    file: str,
    supported: Mapping[str, Mapping[str, Any]],
    resolver: Callable[[Operator], str | None],
    arena: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The report. ``supported`` is keyed by runtime name; ``resolver`` gives the call that
    registers an operator (``AddConv2D``), or None when the runtime has none; ``arena`` is what the
    runtime says about its arena, None when it cannot execute the model."""
    operators = []
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            operators.append(_operator(model, subgraph, operator, resolver))
    main = model.subgraphs[0]
    return {
        "schema": "gen-fw/inspect/1",
        "file": file,
        "bytes": len(model.raw),
        "sha256": model.sha256,
        "schema_version": model.version,
        "description": display(model.description),
        "subgraphs": [
            {
                "index": subgraph.index,
                "name": display(subgraph.name),
                "operators": len(subgraph.operators),
                "tensors": len(subgraph.tensors),
                "inputs": list(subgraph.inputs),
                "outputs": list(subgraph.outputs),
            }
            for subgraph in model.subgraphs
        ],
        "operators": operators,
        "macs_total": sum(int(operator["macs"]) for operator in operators),
        "inputs": [_io(main.tensors[index]) for index in main.inputs],
        "outputs": [_io(main.tensors[index]) for index in main.outputs],
        "tensors": [
            _tensor(model, subgraph, tensor)
            for subgraph in model.subgraphs
            for tensor in subgraph.tensors
        ],
        "metadata": [
            {"name": display(entry.name), "bytes": len(model.buffers[entry.buffer].data)}
            for entry in model.metadata
        ],
        "signatures": [
            {
                "key": display(signature.key),
                "subgraph": signature.subgraph,
                "inputs": [[display(name), index] for name, index in signature.inputs],
                "outputs": [[display(name), index] for name, index in signature.outputs],
            }
            for signature in model.signatures
        ],
        "supported": {name: dict(verdict) for name, verdict in supported.items()},
        "arena": None if arena is None else dict(arena),
        "warnings": [diagnostic_document(diagnostic) for diagnostic in model.diagnostics],
    }


def _operator(
    model: Model,
    subgraph: Subgraph,
    operator: Operator,
    resolver: Callable[[Operator], str | None],
) -> dict[str, Any]:
    return {
        "subgraph": subgraph.index,
        "index": operator.index,
        "name": operator.label,
        "version": operator.version,
        "resolver": resolver(operator),
        "macs": operator_macs(model, subgraph, operator),
        "inputs": list(operator.inputs),
        "outputs": list(operator.outputs),
    }


def _quantization(quantization: Quantization | None) -> dict[str, Any] | None:
    if quantization is None:
        return None
    return {
        "scale": list(quantization.scale),
        "zero_point": list(quantization.zero_point),
        "axis": quantization.axis if quantization.per_channel else None,
    }


def _io(tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    plain = quantization is not None and not quantization.per_channel
    return {
        "name": tensor.display_name,
        "dtype": tensor.dtype.name.lower(),
        "shape": list(tensor.shape),
        "scale": quantization.scale[0] if quantization and plain else None,
        "zero_point": quantization.zero_point[0] if quantization and plain else None,
    }


def _tensor(model: Model, subgraph: Subgraph, tensor: Tensor) -> dict[str, Any]:
    return {
        "subgraph": subgraph.index,
        "index": tensor.index,
        "name": tensor.display_name,
        "dtype": tensor.dtype.name.lower(),
        "shape": list(tensor.shape),
        "bytes": tensor.bytes,
        "kind": _kind(model, subgraph, tensor),
        "quantization": _quantization(tensor.quantization),
    }


def _kind(model: Model, subgraph: Subgraph, tensor: Tensor) -> str:
    if model.is_constant(tensor):
        return "constant"
    if tensor.is_variable:
        return "variable"
    if tensor.index in subgraph.inputs:
        return "input"
    return "output" if tensor.index in subgraph.outputs else "activation"


def _scale(entry: Mapping[str, Any]) -> str:
    return "-" if entry["scale"] is None else f"{entry['scale']:.9g}, {entry['zero_point']}"


def show(document: Mapping[str, Any], console: Console, *, all_tensors: bool = False) -> None:
    """Prints the report; tensors only when they are few or asked for."""
    from gen_fw.report.tables import count, shape, table

    console.print(
        f"{document['file']}: {count(document['bytes'])} bytes, "
        f"{len(document['subgraphs'])} subgraph(s), {len(document['operators'])} operators, "
        f"{count(document['macs_total'])} MACs",
        markup=False,
    )
    console.print(
        table(
            "inputs and outputs",
            ["", "name", "dtype", "shape", "scale, zero point"],
            [
                (
                    f"{kind} {index}",
                    entry["name"],
                    entry["dtype"],
                    shape(entry["shape"]),
                    _scale(entry),
                )
                for kind in ("input", "output")
                for index, entry in enumerate(document[kind + "s"])
            ],
        )
    )
    tensors = {(tensor["subgraph"], tensor["index"]): tensor for tensor in document["tensors"]}
    arena = document["arena"]
    asked_for = {(row["subgraph"], row["index"]): row for row in (arena or {}).get("operators", ())}

    def bytes_of(operator: Mapping[str, Any]) -> tuple[object, ...]:
        row = asked_for.get((operator["subgraph"], operator["index"]))
        return () if row is None else (row["persistent_bytes"], row["scratch_bytes"])

    console.print(
        table(
            "operators",
            [
                *(">subgraph", ">index", "operator", "resolver", ">MACs"),
                *((">keeps", ">scratch") if asked_for else ()),
                "output",
            ],
            [
                (
                    operator["subgraph"],
                    operator["index"],
                    operator["name"],
                    operator["resolver"] or "(none)",
                    operator["macs"],
                    *bytes_of(operator),
                    ", ".join(
                        f"{tensors[operator['subgraph'], index]['dtype']} "
                        f"{shape(tensors[operator['subgraph'], index]['shape'])}"
                        for index in operator["outputs"]
                        if index >= 0
                    ),
                )
                for operator in document["operators"]
            ],
        )
    )
    if all_tensors or len(tensors) <= _FEW_TENSORS:
        _show_tensors(document, console)
    else:
        console.print(f"{len(tensors)} tensors; --tensors shows them", markup=False)
    if arena is not None:
        show_arena(arena, console)
    for warning in document["warnings"]:
        where = f"{warning['where']}: " if warning["where"] else ""
        why = f" ({warning['why']})" if warning["why"] else ""
        console.print(f"warning: {where}{warning['what']}{why}", markup=False)
    for runtime, verdict in document["supported"].items():
        console.print(
            f"{runtime}: {'supported' if verdict['ok'] else 'not supported'}", markup=False
        )
        for reason in verdict["reasons"]:
            console.print(f"  {reason}", markup=False)


def _show_tensors(document: Mapping[str, Any], console: Console) -> None:
    from gen_fw.report.tables import shape, table

    rows = []
    for tensor in document["tensors"]:
        quantization = tensor["quantization"]
        if quantization is None:
            text = "-"
        elif quantization["axis"] is None:
            text = f"{quantization['scale'][0]:.6g}, {quantization['zero_point'][0]}"
        else:
            text = f"{len(quantization['scale'])} channels, axis {quantization['axis']}"
        rows.append(
            (
                f"{tensor['subgraph']}:{tensor['index']}",
                tensor["name"],
                tensor["dtype"],
                shape(tensor["shape"]),
                tensor["bytes"],
                tensor["kind"],
                text,
            )
        )
    columns = [">tensor", "name", "dtype", "shape", ">bytes", "kind", "scale, zero point"]
    console.print(table("tensors", columns, rows))
