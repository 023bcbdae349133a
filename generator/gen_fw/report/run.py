# SPDX-License-Identifier: Apache-2.0
"""The result of ``gen-fw run`` (schema gen-fw/run/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gen_fw.report.profile import profile_document, show_profile
from gen_fw.run.compare import Comparison
from gen_fw.run.measure import ProgramRun, ProjectRun
from gen_fw.run.tensors import Output, best

if TYPE_CHECKING:
    from rich.console import Console

#: outputs of more elements are left out of the document; --output stores them
_MAX_VALUES = 4096
#: samples whose predictions the table shows
_MAX_SHOWN = 20


def document(result: ProjectRun, top: int = 0) -> dict[str, Any]:
    """The result as plain data: the first program's keys stand at the top level too.

    ``top``: how many of the largest elements of each output are named. ``static_ram_bytes`` is
    static RAM of the program beside its arena.
    """
    programs = [_program(result, entry, top) for entry in result.programs]
    return {
        "schema": "gen-fw/run/1",
        "board": result.project.board,
        **{key: value for key, value in programs[0].items() if key != "name"},
        "selftest": result.selftest,
        "image_ram_bytes": result.image_ram_bytes,
        "programs": programs,
    }


def _program(result: ProjectRun, entry: ProgramRun, top: int) -> dict[str, Any]:
    return {
        "name": entry.program.name,
        "runtime": entry.program.runtime,
        "selftest": entry.selftest,
        "difference": entry.difference,
        "instructions": entry.instructions,
        "instructions_by": "" if entry.instructions is None else result.counter,
        "nanoseconds": entry.nanoseconds,
        "arena_bytes": entry.arena_bytes,
        "arena_used_bytes": entry.arena_used,
        "static_ram_bytes": entry.sizes.ram,
        "stack_bytes": entry.stack_bytes,
        "code_bytes": entry.sizes.code,
        "constant_bytes": entry.sizes.constants,
        "image_bytes": result.image_bytes,
        "samples": entry.samples,
        "profile": profile_document(result, entry),
        "outputs": [_output(output, top, entry.program.labels) for output in entry.outputs],
        "comparison": [
            {
                "name": f"out{row.output}",
                "samples": row.samples,
                "elements": row.elements,
                "differing": row.differing,
                "worst": _finite(row.worst),
                "same_best": row.same_best,
            }
            for row in entry.comparison
        ],
    }


def _output(output: Output, top: int, labels: tuple[str, ...]) -> dict[str, Any]:
    io, array = output.io, output.array
    known = io.dtype not in ("float16", "float32", "float64")
    return {
        "name": f"out{io.position}",
        "dtype": io.dtype,
        "shape": list(io.shape),
        "scale": io.scale,
        "zero_point": io.zero_point,
        "values": (
            [value if known else _finite(value) for value in array.reshape(-1).tolist()]
            if array.size <= _MAX_VALUES
            else None
        ),
        "top": [best(sample, io, top, labels) for sample in array] if top else [],
    }


def _finite(value: float) -> float | str:
    """JSON has no infinity and no NaN."""
    return value if value - value == 0 else str(value)


def show(result: ProjectRun, console: Console, top: int = 0) -> None:
    """Prints predictions, then the sizes, then the verdict."""
    from gen_fw.report.tables import table

    for entry in result.programs:
        _predictions(entry, console, top)
        for row in entry.comparison:
            console.print(_compared(entry.program.name, row), markup=False)
    rows = [
        (
            entry.program.name,
            entry.selftest,
            _work(entry),
            entry.arena_bytes,
            entry.sizes.ram,
            entry.stack_bytes,
            entry.sizes.code,
            entry.sizes.constants,
        )
        for entry in result.programs
    ]
    title = f"one inference on {result.project.board}"
    if any(entry.instructions is not None for entry in result.programs):
        title += f", instructions by {result.counter}"
    columns = ["program", "self-test", ">instructions", ">arena", ">other RAM", ">stack", ">code"]
    console.print(table(title, [*columns, ">constants"], rows))
    console.print(
        f"image {result.image.relative_to(result.project.folder)}: {result.image_bytes} bytes of "
        f"code and data, {result.image_ram_bytes} bytes of static RAM",
        markup=False,
    )
    for entry in result.programs:
        show_profile(result, entry, console)
        if entry.selftest == "fail":
            console.print(f"{entry.program.name} differs: {entry.difference}", markup=False)


def _compared(name: str, row: Comparison) -> str:
    """One output beside TFLite Micro, in words."""
    text = f"{name} out{row.output} beside TFLite Micro, {row.samples} sample(s): "
    if not row.differing:
        return text + f"all {row.elements} elements equal"
    return text + (
        f"{row.differing} of {row.elements} elements differ, by at most {row.worst:g}; the best "
        f"class is the same in {row.same_best}"
    )


def _work(entry: ProgramRun) -> int | str:
    if entry.instructions is not None:
        return entry.instructions
    return f"{(entry.nanoseconds or 0) / 1000:.1f} us (clock)"


def _predictions(entry: ProgramRun, console: Console, top: int) -> None:
    for output in entry.outputs if top else ():
        for number, sample in enumerate(output.array[:_MAX_SHOWN]):
            found = ", ".join(
                f"{row['index'] if row['label'] is None else row['label']} {row['score']:.4f}"
                for row in best(sample, output.io, top, entry.program.labels)
            )
            which = f" sample {number}" if entry.samples > 1 else ""
            name = f"{entry.program.name} out{output.io.position}{which}"
            console.print(f"{name}: {found}", markup=False)
        if entry.samples > _MAX_SHOWN:
            console.print(f"... {entry.samples - _MAX_SHOWN} more samples", markup=False)
