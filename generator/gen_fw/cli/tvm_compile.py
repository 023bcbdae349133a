# SPDX-License-Identifier: Apache-2.0
"""``gen-fw tvm compile MODEL... -o ARCHIVE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gen_fw.cli.options import FileOption, talk_options, tvm_options
from gen_fw.cli.talk import Talk


@click.command(name="compile")
@click.argument("models", nargs=-1, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option("-o", "--out", required=True, cls=FileOption, help="The archive, a tar.")
@click.option(
    "-b", "--board", default="", metavar="NAME|FILE", help="Kernels for this board's processor."
)
@click.option(
    "--name", "names", multiple=True, metavar="NAME", help="Of the module, one a model, in order."
)
@tvm_options
@talk_options
def compile_(
    models: tuple[Path, ...],
    out: Path,
    board: str,
    names: tuple[str, ...],
    tuning_records: tuple[Path, ...],
    talk: Talk,
    **given: Any,
) -> None:
    """Compile models to an archive in TVM's Model Library Format (version 7): plain C with the C
    interface, a module for each model, bit-equal with TFLite Micro's reference kernels.

    `gen-fw ARCHIVE --tflite MODEL --board B -o DIR` makes a project of it, as of an archive of
    tvmc's; other tools that take such archives can use it too.
    """
    from gen_fw.files import write_whole
    from gen_fw.report.tvm import MARK, document, show
    from gen_fw.request import request
    from gen_fw.tvm_programs import make_archive

    options = {key: value for key, value in given.items() if value is not None}
    with talk.progress() as progress:
        made = make_archive(
            request(models, board, names=names, tuning_records=tuning_records, **options), progress
        )
    write_whole(out, made.content, mark=MARK, what="archive")
    talk.warnings(made.diagnostics)
    talk.result(document(made, out.name), lambda console: show(made, str(out), console))
