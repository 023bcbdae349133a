# SPDX-License-Identifier: Apache-2.0
"""The result of ``gen-fw tvm tune`` (gen-fw/tvm-tune/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gen_fw.report.documents import diagnostic_document

if TYPE_CHECKING:
    from rich.console import Console

    from gen_fw.tuning.tune import Result, Tuned, Whole

_WHY = {
    "done": "no kernel promised more",
    "budget": "the budget is spent",
    "trials": "the trials are spent",
    "interrupted": "it was interrupted",
}


def document(result: Result, file: str, written: bool) -> dict[str, Any]:
    """The result as plain data. Instructions of ``kernels`` are of one call."""
    return {
        "schema": "gen-fw/tvm-tune/1",
        "name": result.name,
        "board": result.board.name,
        "isa": result.board.cpu.isa,
        "compiler": result.compiler,
        "file": file if written else "",
        "stopped": result.stopped,
        "seconds": round(result.seconds, 1),
        "trials": result.measured,
        "known_trials": result.known,
        "untuned": _whole(result.untuned),
        "tuned": _whole(result.tuned),
        "records": len(result.records),
        "kernels": [_kernel(result, kernel) for kernel in result.kernels],
        "warnings": [diagnostic_document(note) for note in result.notes],
    }


def _whole(whole: Whole) -> dict[str, int]:
    return {
        "instructions": whole.instructions,
        "arena_bytes": whole.arena_bytes,
        "code_bytes": whole.code_bytes,
        "constant_bytes": whole.constant_bytes,
    }


def _kernel(result: Result, kernel: Tuned) -> dict[str, Any]:
    return {
        "kernel": kernel.key,
        "template": kernel.template,
        "what": kernel.what,
        "calls": kernel.calls,
        "schedules": kernel.schedules,
        "trials": kernel.trials,
        "faults": list(kernel.faults),
        "default": dict(kernel.default),
        "knobs": dict(kernel.knobs),
        "default_instructions": kernel.default_instructions,
        "instructions": kernel.instructions,
        "default_code_bytes": kernel.default_code_bytes,
        "code_bytes": kernel.code_bytes,
        "recorded": any(record.kernel == kernel.key for record in result.records),
    }


def show(result: Result, out: str, written: bool, console: Console) -> None:
    """Prints each kernel before and after, the whole model, and what to do with the records."""
    from gen_fw.report.tables import count, table

    rows = []
    for kernel in sorted(result.kernels, key=lambda one: -one.default_instructions * one.calls):
        recorded = any(record.kernel == kernel.key for record in result.records)
        rows.append(
            (
                kernel.what,
                kernel.calls,
                kernel.trials,
                kernel.default_instructions,
                kernel.instructions if recorded else kernel.default_instructions,
                _gain(kernel.default_instructions, kernel.instructions) if recorded else "",
                _knobs(kernel) if recorded else "default",
            )
        )
    columns = ["kernel", ">calls", ">trials", ">untuned", ">tuned", ">saved", "schedule"]
    title = f"instructions of a call on {result.board.name}, {result.compiler}"
    console.print(table(title, columns, rows))
    before, after = result.untuned, result.tuned
    console.print(
        f"{result.name}: {count(before.instructions)} instructions untuned, "
        f"{count(after.instructions)} tuned ({_gain(before.instructions, after.instructions)} "
        f"fewer); arena {count(before.arena_bytes)} and {count(after.arena_bytes)} bytes, code "
        f"{count(before.code_bytes)} and {count(after.code_bytes)} bytes",
        markup=False,
    )
    known = f", {result.known} known before" if result.known else ""
    console.print(
        f"{result.measured} trials{known}; {_WHY[result.stopped]} after {result.seconds:.0f} s",
        markup=False,
    )
    if written:
        console.print(f"wrote {out}: {len(result.records)} records of this model", markup=False)
        console.print(
            f"next: gen-fw MODEL --runtime tvm --board B --tuning-records {out} -o DIR",
            markup=False,
        )
    else:
        console.print("nothing gained: no records are written", markup=False)


def _gain(before: int, after: int) -> str:
    return f"{100 * (1 - after / max(before, 1)):.1f} %"


def _knobs(kernel: Tuned) -> str:
    return ", ".join(f"{name} {value}" for name, value in kernel.knobs.items())
