# SPDX-License-Identifier: Apache-2.0
"""``gen-fw doctor``: which tools are there, which are missing, and how to get them."""

from __future__ import annotations

import os

import click

from gen_fw.cli.options import talk_options
from gen_fw.cli.talk import Talk
from gen_fw.errors import ExitCode


@click.command()
@click.option("-b", "--board", default="", metavar="NAME|FILE", help="What this board needs.")
@talk_options
def doctor(board: str, talk: Talk) -> int:
    """List compilers, emulators, SDKs and packages: found, version, how to install.

    With --board: exits 7 when something that the board's projects need is missing.
    """
    from gen_fw.boards.load import all_boards, load_board
    from gen_fw.report.doctor import document, show
    from gen_fw.run.doctor import diagnose

    boards = (load_board(board),) if board else all_boards()
    with talk.progress() as progress:
        diagnosis = diagnose(boards, os.environ, progress=progress)
    talk.result(document(diagnosis), lambda console: show(diagnosis, console))
    return int(ExitCode.OK if diagnosis.ok or not board else ExitCode.TOOL_MISSING)
