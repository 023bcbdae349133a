# SPDX-License-Identifier: Apache-2.0
"""The result of a generation as a table and as JSON (schema gen-fw/generate/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gen_fw.memory.document import candidate_document, item_document
from gen_fw.program import Golden, Program, RegionRole
from gen_fw.report.arena import show_items
from gen_fw.report.documents import diagnostic_document, io_document
from gen_fw.report.kernels import show_kernels
from gen_fw.report.memory import show_candidate
from gen_fw.report.npu import show_npu
from gen_fw.report.tvm import show_tvm
from gen_fw.report.xcore import show_xcore

if TYPE_CHECKING:
    from rich.console import Console

    from gen_fw.pipeline import Result


def _arena(program: Program, role: RegionRole = "arena") -> dict[str, Any]:
    region = program.region(role)
    return {
        "bytes": region.bytes,
        "alignment": region.alignment,
        "confidence": region.confidence,
        "items": [item_document(item) for item in region.items],
    }


def _is_split(program: Program) -> bool:
    """True when what the interpreter keeps has an arena of its own."""
    return any(region.role == "persistent" for region in program.regions)


def _program_document(program: Program, golden: Golden | None) -> dict[str, Any]:
    return {
        "name": program.name,
        "runtime": program.runtime,
        "kernels": program.kernels,
        "stateful": program.stateful,
        "stack_bytes": program.stack_bytes,
        "inputs": [io_document(tensor) for tensor in program.inputs],
        "outputs": [io_document(tensor) for tensor in program.outputs],
        "arena": _arena(program),
        "persistent": _arena(program, "persistent") if _is_split(program) else None,
        "self_test": golden.origin if golden else None,
        "report": {
            **program.report,
            **({"difference": dict(golden.difference)} if golden and golden.difference else {}),
        },
    }


def document(result: Result) -> dict[str, Any]:
    """The whole result as plain data."""
    planned = result.planned
    return {
        "schema": "gen-fw/generate/1",
        "board": planned.board.name,
        "family": planned.board.family,
        "dry_run": result.dry_run,
        "programs": [
            _program_document(program, golden)
            for program, golden in zip(
                planned.firmware.programs, planned.firmware.golden, strict=True
            )
        ],
        "memory": candidate_document(planned.firmware.chosen),
        "tried": [candidate_document(candidate) for candidate in planned.firmware.tried],
        "files": [
            {
                "path": change.path,
                "owner": change.owner,
                "action": change.action,
                "note": change.note,
                "saved": change.saved,
            }
            for change in result.changes.files
        ],
        "overridden_templates": list(planned.overridden),
        "warnings": [diagnostic_document(diagnostic) for diagnostic in planned.diagnostics],
    }


def show(result: Result, console: Console, *, brief: bool = False) -> None:
    """Prints what a person wants to know after a generation; one line when ``brief``."""
    from gen_fw.report.tables import count, shape, table

    planned = result.planned
    board = planned.board
    verb = "would generate" if result.dry_run else "generated"
    console.print(f"{verb} {result.out} for {board.name} ({board.title})", markup=False)
    if brief:
        return
    rows = []
    for program, golden in zip(planned.firmware.programs, planned.firmware.golden, strict=True):
        region = program.region("arena")
        rows.append(
            (
                program.name,
                f"{program.runtime} / {program.kernels}",
                ", ".join(f"{t.dtype} {shape(t.shape)}" for t in program.inputs),
                ", ".join(f"{t.dtype} {shape(t.shape)}" for t in program.outputs),
                int(program.report.get("macs_total", 0)),
                f"{count(region.bytes)} ({region.confidence})",
                golden.origin if golden else "none",
            )
        )
    columns = ["program", "runtime", "inputs", "outputs", ">MACs", ">arena bytes", "self-test"]
    console.print(table("programs", columns, rows))
    for program in planned.firmware.programs:
        roles: tuple[RegionRole, ...] = ("arena", "persistent")
        for role in roles[: 1 + _is_split(program)]:
            arena = _arena(program, role)
            total = ("in all", arena["bytes"], arena["confidence"])
            what = "arena" if role == "arena" else "persistent arena"
            show_items(f"{what} of {program.name}", arena["items"], total, console)
        if program.report.get("kernels"):
            show_kernels(program.name, program.report["kernels"], console)
        if "npu" in program.report:
            show_npu(program.name, program.report["npu"], console)
        if "tvm" in program.report:
            show_tvm(program.name, program.report["tvm"], console)
        if "xcore" in program.report:
            show_xcore(program.name, program.report["xcore"], console)
    for program, golden in zip(planned.firmware.programs, planned.firmware.golden, strict=True):
        if golden and golden.difference:
            apart = golden.difference
            console.print(
                f"{program.name}: {count(apart['different'])} of {count(apart['elements'])} output "
                f"values differ from {apart['reference']}'s, by {apart['largest']} at most",
                markup=False,
            )
    show_candidate(candidate_document(planned.firmware.chosen), console)
    counts: dict[str, int] = {}
    for change in result.changes.files:
        counts[change.action] = counts.get(change.action, 0) + 1
    summary = ", ".join(f"{number} {action}" for action, number in sorted(counts.items()))
    console.print(f"files: {summary}", markup=False)
    for change in result.changes.files:
        if result.dry_run or change.action in ("keep", "conflict", "delete"):
            note = f", {change.note}" if change.note else ""
            text = f"  {change.action:9} {change.path}  ({change.owner}{note})"
            console.print(text, markup=False)
        if change.saved:
            console.print(f"  saved     {change.saved}", markup=False)
    if not result.dry_run:
        console.print(f"next: see {result.out / 'README.md'}", markup=False)
