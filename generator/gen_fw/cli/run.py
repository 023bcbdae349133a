# SPDX-License-Identifier: Apache-2.0
"""``gen-fw run [DIR]``: build and run a project for this computer or an emulated board."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gen_fw.cli.options import FileOption, talk_options
from gen_fw.cli.talk import Talk
from gen_fw.errors import ExitCode, UsageError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[DIR]")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    cls=FileOption,
    help="Inputs: .npz (in0, in1, ...), .npy or .png; NAME=FILE where there are several programs.",
)
@click.option("--output", cls=FileOption, help="Store the outputs: .npz (out0, out1, ...).")
@click.option("--top", type=click.IntRange(0, 1000), default=0, help="Show the N best classes.")
@click.option(
    "--profile", is_flag=True, help="Count what each operator takes (runtime aot; one more build)."
)
@click.option("--csv", "csv_file", cls=FileOption, help="Store the profile: .csv.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1, max=86400),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="Limit of a run, not of the build.",
)
@talk_options
def run(
    folder: Path,
    inputs: tuple[Path, ...],
    output: Path | None,
    top: int,
    profile: bool,
    csv_file: Path | None,
    timeout: float,
    talk: Talk,
) -> int:
    """Build the project in DIR, run it, and check its self-test.

    Reports for one inference: instructions, stack, memory, and the outputs. Exits 1 when the
    self-test fails, 7 when a tool is missing (`gen-fw doctor` tells which). Changes nothing in the
    project but its folder build/.
    """
    from gen_fw.report.profile import save_profile
    from gen_fw.report.run import document, show
    from gen_fw.run.measure import run as measure

    def build_line(text: str) -> None:
        if talk.verbose:
            talk.note(text)

    with talk.progress() as progress:
        result = measure(
            folder,
            inputs=_files(inputs),
            output=output,
            seconds=timeout,
            environment=os.environ,
            progress=progress,
            line=talk.note,
            build_line=build_line,
            profile=profile or csv_file is not None,
        )
    if csv_file is not None:
        save_profile(csv_file, result)
    talk.result(document(result, top), lambda console: show(result, console, top))
    return int(ExitCode.FAILED if result.selftest == "fail" else ExitCode.OK)


def _files(inputs: tuple[Path, ...]) -> dict[str, Path]:
    """``FILE`` for the first program, ``NAME=FILE`` for another."""
    found: dict[str, Path] = {}
    for value in inputs:
        name, equals, file = str(value).partition("=")
        key = name if equals and name.isidentifier() else ""
        if key in found:
            raise UsageError("--input is given twice for one program", where=str(value))
        found[key] = Path(file) if key else value
    return found
