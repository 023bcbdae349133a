# SPDX-License-Identifier: Apache-2.0
"""``gen-fw fit MODEL...``: which boards hold these models?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gen_fw.cli.options import margin, talk_options
from gen_fw.cli.talk import Talk
from gen_fw.errors import ExitCode, UsageError


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option("-b", "--board", "boards", multiple=True, metavar="NAME|FILE", help="Repeatable.")
@click.option("--all", "everything", is_flag=True, help="All boards; default without --board.")
@click.option("--runtime", help="Runtime; default: each board's.")
@click.option("--kernels", help="Kernel library under the runtime; default: each board's.")
@click.option("--optimise", type=click.Choice(["speed", "size"]), help="Default: speed.")
@click.option("--shared-arena", is_flag=True, default=None, help="One arena for all models.")
@click.option("--arena-margin", metavar="BYTES|PERCENT%", help="More than the arenas need.")
@click.option(
    "--offline-plan/--no-offline-plan",
    default=None,
    help="With a memory plan of gen-fw where that saves memory (tflm); default: yes.",
)
@talk_options
def fit(
    models: tuple[Path, ...], boards: tuple[str, ...], everything: bool, talk: Talk, **given: Any
) -> int:
    """Tell which boards hold all the models together, and the smallest of them.

    Exits 0 when the models are readable; with one --board 4 when they do not fit it, and 3 when
    its runtime cannot execute them.
    """
    from gen_fw.fitting import fit as run
    from gen_fw.report.fit import document, show
    from gen_fw.request import Options

    if boards and everything:
        raise UsageError("--board and --all exclude each other")
    given["arena_margin"] = margin(given["arena_margin"])
    options = Options(**{key: value for key, value in given.items() if value is not None})
    with talk.progress() as progress:
        result = run(models, boards, options, progress=progress)
    talk.result(document(result), lambda console: show(result, console))
    if len(boards) != 1 or result.boards[0].fits:
        return int(ExitCode.OK)
    refused = result.boards[0].verdict == "not supported"
    return int(ExitCode.MODEL if refused else ExitCode.DOES_NOT_FIT)
