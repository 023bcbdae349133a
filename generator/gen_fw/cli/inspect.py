# SPDX-License-Identifier: Apache-2.0
"""``gen-fw inspect MODEL``: explain a model before anything is generated."""

from __future__ import annotations

from pathlib import Path

import click

from gen_fw.cli.options import FileOption, talk_options
from gen_fw.cli.talk import Talk
from gen_fw.errors import UsageError


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("-b", "--board", default="", metavar="NAME|FILE", help="Judge as for this board.")
@click.option(
    "--cpu",
    default="",
    metavar="ISA",
    help="Arena of TFLite Micro's main branch on this CPU, without a board: cortex-m55, rv32imc, "
    "... Default, without --board: this computer.",
)
@click.option("--kernels", default="", help="Kernel library; default: the board's or the CPU's.")
@click.option("--runtime", default="", help="Runtime whose arena is shown: tflm (default) or aot.")
@click.option(
    "--offline-plan/--no-offline-plan",
    default=True,
    help="With a memory plan of gen-fw where that is smaller (default), or with TFLM's own.",
)
@click.option("--svg", cls=FileOption, help="Store a picture of the arena over time.")
@click.option("--tensors", is_flag=True, help="Show every tensor.")
@talk_options
def inspect(
    model: Path,
    board: str,
    cpu: str,
    kernels: str,
    runtime: str,
    offline_plan: bool,
    svg: Path | None,
    tensors: bool,
    talk: Talk,
) -> None:
    """Show operators, tensors, quantization, I/O, MACs, the arena, and whether the runtimes can
    execute the model. Of an archive of TVM: version, modules, I/O, pools, operator functions,
    sizes, and what is missing for --board.

    Exits 0 for every readable model, also one that no runtime can execute.
    """
    from gen_fw.archive.container import looks_like_archive

    if looks_like_archive(model):
        if cpu or kernels or runtime or svg is not None:
            raise UsageError(
                "--cpu, --kernels, --runtime and --svg are about a model's arena",
                where=str(model),
                hint="of an archive of TVM, --board judges and the arena is always shown",
            )
        return _archive(model, board, talk)
    from gen_fw.files import write_whole
    from gen_fw.inspection import Asked
    from gen_fw.inspection import inspect as run
    from gen_fw.report.arena import PICTURE_MARK, picture
    from gen_fw.report.inspect import show

    asked = Asked(board, cpu, kernels, runtime, offline_plan)
    with talk.progress() as progress:
        result = run(model, asked, progress=progress)
    if svg is not None:
        if result.plan is None:
            talk.note(f"warning: {svg} is not written, since the arena is not known")
        else:
            data = picture(result.plan, model.stem).encode()
            write_whole(svg, data, mark=PICTURE_MARK, what="picture")
    if not (board or cpu or talk.as_json):
        talk.note("the arena is that of this computer; --board or --cpu name a target")
    document = dict(result.document)
    talk.result(document, lambda console: show(document, console, all_tensors=tensors))


def _archive(path: Path, board: str, talk: Talk) -> None:
    from gen_fw.archive_inspection import inspect_archive
    from gen_fw.report.archive import show

    with talk.progress() as progress:
        document = dict(inspect_archive(path, board, progress=progress))
    talk.result(document, lambda console: show(document, console))
