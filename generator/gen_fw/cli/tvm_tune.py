# SPDX-License-Identifier: Apache-2.0
"""``gen-fw tvm tune MODEL --board qemu-...``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from gen_fw.cli.options import FileOption, talk_options
from gen_fw.cli.talk import Talk

_TIME = re.compile(r"(\d{1,6})([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def _duration(ctx: click.Context, parameter: click.Parameter, text: str) -> float:
    """``90s``, ``20m``, ``1h`` in seconds; without a letter seconds."""
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise click.BadParameter(f"{text!r:.80} is no time; examples: 90s, 20m, 1h")
    return float(int(match[1]) * _SECONDS[match[2]])


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-b",
    "--board",
    default="",
    metavar="NAME|FILE",
    help="An emulated board, qemu-...: instructions are counted there.",
)
@click.option(
    "-o",
    "--out",
    cls=FileOption,
    help="The records; what the file has of other kernels and boards is kept. Default: the "
    "model's name with .tuning.json, here.",
)
@click.option(
    "--budget",
    callback=_duration,
    metavar="TIME",
    default="20m",
    show_default=True,
    help="Time for all: 90s, 20m, 1h.",
)
@click.option(
    "--trials",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Schedules to measure at most; default: as many as the time allows.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, help="Of what is drawn.")
@click.option(
    "--database",
    cls=FileOption,
    help="All trials, with which a second run goes on; default: beside the records, .trials.jsonl.",
)
@click.option(
    "--tensor-layout",
    type=click.Choice(["nhwc", "nchw"]),
    default="nhwc",
    help="Layout of activations inside kernels; default: nhwc.",
)
@click.option(
    "--allow-float", is_flag=True, help="Let operators compute in float on a board without FPU."
)
@talk_options
def tune(
    model: Path,
    board: str,
    out: Path | None,
    budget: float,
    trials: int | None,
    seed: int,
    database: Path | None,
    tensor_layout: str,
    allow_float: bool,
    talk: Talk,
) -> None:
    """Search schedules for the kernels that TVM makes of MODEL: tiles and unrolling with which an
    emulated board executes fewer instructions.

    Every schedule that is tried computes the same as the one without tuning. Ctrl-C ends the search
    and keeps what it found; called again, it goes on. The records serve every board:
    `gen-fw MODEL --runtime tvm --board B --tuning-records FILE -o DIR`.
    """
    from gen_fw.errors import UsageError
    from gen_fw.files import write_whole
    from gen_fw.report.tune import document, show
    from gen_fw.tuning.tune import Wanted
    from gen_fw.tuning.tune import tune as search

    if not board:
        raise UsageError("no board given", hint="--board qemu-cortex-m55; `gen-fw boards` has more")
    file = out or Path(f"{model.stem}.tuning.json")
    wanted = Wanted(
        model,
        board,
        file,
        database or file.with_suffix(".trials.jsonl"),
        budget,
        trials,
        seed,
        tensor_layout,
        allow_float,
    )
    with talk.progress() as progress:
        result = search(wanted, progress)
    talk.warnings(result.notes)
    kept = bool(result.records) or file.exists()
    if kept:
        write_whole(file, result.content, mark=b'"records"', what="tuning records")
    talk.result(
        document(result, str(file), kept), lambda console: show(result, str(file), kept, console)
    )
