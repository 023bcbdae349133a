# SPDX-License-Identifier: Apache-2.0
"""``gen-fw boards [FILTER]`` and ``gen-fw boards show NAME``."""

from __future__ import annotations

import click

from gen_fw.cli.options import talk_options
from gen_fw.cli.talk import Talk
from gen_fw.errors import UsageError


@click.command()
@click.argument("words", nargs=-1, metavar="[FILTER] | show NAME")
@talk_options
def boards(words: tuple[str, ...], talk: Talk) -> None:
    """List the boards, those whose name or title contains FILTER, or show one."""
    from gen_fw.boards.load import all_boards, load_board
    from gen_fw.report import boards as report

    if words[:1] == ("show",):
        if len(words) != 2:
            raise UsageError("boards show needs one board", hint="gen-fw boards show esp32s3")
        board = load_board(words[1])
        talk.result(report.show_document(board), lambda console: report.show(board, console))
        return
    needle = " ".join(words).lower()
    found = [
        board
        for board in all_boards()
        if needle in f"{board.name} {board.title} {board.vendor} {board.family}".lower()
    ]
    if not found:
        raise UsageError(f"no board matches {needle!r}", hint="`gen-fw boards` lists them all")
    talk.result(report.list_document(found), lambda console: report.show_list(found, console))
