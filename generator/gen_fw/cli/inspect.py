# SPDX-License-Identifier: Apache-2.0
"""``gen-fw inspect MODEL``: explain a model before anything is generated."""

from __future__ import annotations

from pathlib import Path

import click

from gen_fw.cli.options import talk_options
from gen_fw.cli.talk import Talk


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("-b", "--board", default="", help="Judge by this board's TFLM release.")
@click.option("--tensors", is_flag=True, help="Show every tensor.")
@talk_options
def inspect(model: Path, board: str, tensors: bool, talk: Talk) -> None:
    """Show operators, tensors, quantization, I/O, MACs, and whether the runtimes support it.

    Exits 0 for every readable model, also one that no runtime can execute.
    """
    from gen_fw.pipeline import inspect as run
    from gen_fw.report.inspect import show

    with talk.progress() as progress:
        document = run(model, board, progress=progress)
    talk.result(document, lambda console: show(document, console, all_tensors=tensors))
