# SPDX-License-Identifier: Apache-2.0
"""What TVM made of a model; the result of ``gen-fw tvm compile`` (gen-fw/tvm-compile/1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gen_fw.report.documents import diagnostic_document

if TYPE_CHECKING:
    from rich.console import Console

    from gen_fw.compilers.tvm.compiled import Port
    from gen_fw.tvm_programs import Made

#: stands at the beginning of an archive that gen-fw wrote
MARK = b"./codegen/host/include/tvmgen_"


def document(made: Made, file: str) -> dict[str, Any]:
    """The result as plain data; ``tvm`` of each module is what ``generate`` has in its report."""
    return {
        "schema": "gen-fw/tvm-compile/1",
        "file": file,
        "bytes": len(made.content),
        "sha256": hashlib.sha256(made.content).hexdigest(),
        "modules": [
            {
                "name": compiled.name,
                "model": model,
                "inputs": [_port(port) for port in compiled.inputs],
                "outputs": [_port(port) for port in compiled.outputs],
                "workspace_bytes": compiled.workspace_bytes,
                "constant_bytes": compiled.constant_bytes,
                "kernels": [
                    {"name": name, "workspace_bytes": count} for name, count in compiled.functions
                ],
                "tvm": how,
            }
            for model, compiled, how in made.modules
        ],
        "warnings": [diagnostic_document(diagnostic) for diagnostic in made.diagnostics],
    }


def _port(port: Port) -> dict[str, Any]:
    """An input or output; ``offset`` is where it lies in the pool."""
    return {
        "name": port.name,
        "dtype": port.dtype,
        "shape": list(port.shape),
        "bytes": port.bytes,
        "offset": port.offset,
    }


def show(made: Made, out: str, console: Console) -> None:
    """Prints what is in the archive, and what to do with it."""
    from gen_fw.report.tables import count, shape, table

    console.print(f"wrote {out}: {count(len(made.content))} bytes", markup=False)
    rows = [
        (
            compiled.name,
            ", ".join(f"{port.dtype} {shape(port.shape)}" for port in compiled.inputs),
            ", ".join(f"{port.dtype} {shape(port.shape)}" for port in compiled.outputs),
            len(compiled.functions),
            compiled.workspace_bytes,
            compiled.constant_bytes,
        )
        for _, compiled, _ in made.modules
    ]
    columns = ["module", "inputs", "outputs", ">kernels", ">workspace", ">constants"]
    console.print(table("modules", columns, rows))
    for _, compiled, how in made.modules:
        show_tvm(compiled.name, how, console)
    console.print(
        f"next: gen-fw inspect {out} --board B; gen-fw {out} --tflite MODEL --board B -o DIR",
        markup=False,
    )


def show_tvm(name: str, tvm: Mapping[str, Any], console: Console) -> None:
    """Prints one line: the version, the layout, and whether schedules were tuned."""
    made = f"{tvm['kernels']} kernels by TVM {tvm['version']}, {tvm['tensor_layout']}"
    tuned = "not tuned"
    if tvm["tuning_records"]:
        tuned = f"{tvm['tuned_kernels']} of {tvm['tunable_kernels']} tunable ones tuned"
    console.print(f"{name}: {made}, {tuned}", markup=False)
