# SPDX-License-Identifier: Apache-2.0
"""``gen-fw check [DIR]``: is the project still what gen-fw makes?"""

from __future__ import annotations

from pathlib import Path

import click

from gen_fw.cli.options import talk_options
from gen_fw.cli.talk import Talk
from gen_fw.errors import ExitCode


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[DIR]")
@talk_options
def check(folder: Path, talk: Talk) -> int:
    """Exit 5 when a generated file differs from gen-fw.lock or from a regeneration.

    Needs only the project's folder. Files that you may edit are listed and do not count.
    """
    from gen_fw.pipeline import check as run
    from gen_fw.report.check import document, show

    with talk.progress() as progress:
        result = run(folder, progress=progress)
    talk.result(document(result), lambda console: show(result, console))
    return int(ExitCode.OK if result.ok else ExitCode.DRIFT)
