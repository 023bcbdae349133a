# SPDX-License-Identifier: Apache-2.0
"""``gen-fw run [DIR]``: build and run a project for this computer or an emulated board."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gen_fw.cli.options import FileOption, talk_options
from gen_fw.cli.talk import Talk
from gen_fw.errors import ExitCode, UsageError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[DIR|ARCHIVE]")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    cls=FileOption,
    help="Inputs: .npz (in0, in1, ...), .npy or .png; NAME=FILE where there are several programs.",
)
@click.option(
    "--random", type=click.IntRange(0, 1024), default=0, metavar="N", help="N samples of noise."
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the noise.")
@click.option(
    "--compare", is_flag=True, help="Run TFLite Micro on the same inputs, and tell what differs."
)
@click.option("--tflite", cls=FileOption, help="Model that an ARCHIVE was compiled from.")
@click.option(
    "--save-golden",
    cls=FileOption,
    help="Store the first sample and its outputs as vectors for --golden.",
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
    random: int,
    seed: int,
    compare: bool,
    tflite: Path | None,
    save_golden: Path | None,
    output: Path | None,
    top: int,
    profile: bool,
    csv_file: Path | None,
    timeout: float,
    talk: Talk,
) -> int:
    """Build the project in DIR, run it, and check its self-test. Of an ARCHIVE of TVM, a project
    for this computer is made first, in a folder that is removed afterwards.

    Reports for one inference: instructions, stack, memory, and the outputs. Exits 1 when the
    self-test fails, 7 when a tool is missing (`gen-fw doctor` tells which). Changes nothing in the
    project but its folder build/.
    """
    from gen_fw.report.profile import save_profile
    from gen_fw.report.run import document, show
    from gen_fw.run.measure import Wishes
    from gen_fw.run.measure import run as measure

    def build_line(text: str) -> None:
        if talk.verbose:
            talk.note(text)

    with talk.progress() as progress, _project(folder, tflite, progress) as project:
        result = measure(
            project,
            inputs=_files(inputs),
            output=output,
            wishes=Wishes(random, seed, compare, save_golden, profile or csv_file is not None),
            seconds=timeout,
            environment=os.environ,
            progress=progress,
            line=talk.note,
            build_line=build_line,
        )
    if csv_file is not None:
        save_profile(csv_file, result)
    talk.result(document(result, top), lambda console: show(result, console, top))
    return int(ExitCode.FAILED if result.selftest == "fail" else ExitCode.OK)


@contextmanager
def _project(path: Path, tflite: Path | None, progress: Callable[[str], None]) -> Iterator[Path]:
    """``path`` itself, or a project for the host that is made of the archive there."""
    from gen_fw.archive.container import looks_like_archive

    if looks_like_archive(path):
        from tempfile import TemporaryDirectory

        from gen_fw.pipeline import generate
        from gen_fw.request import request

        with TemporaryDirectory(prefix="gen-fw-") as folder:
            models = [] if tflite is None else [tflite]
            generate(request([path], "host", tflites=models), folder, progress=progress)
            yield Path(folder)
        return
    if tflite is not None:
        raise UsageError("--tflite goes with an archive", hint="a project keeps its own model")
    yield path


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
