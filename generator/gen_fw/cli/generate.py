# SPDX-License-Identifier: Apache-2.0
"""``gen-fw MODEL... --board B -o DIR``: the default verb."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gen_fw.cli.options import (
    FileOption,
    counts,
    described_by,
    margin,
    pairs,
    places,
    talk_options,
    tvm_options,
)
from gen_fw.cli.talk import Talk

if TYPE_CHECKING:
    from gen_fw.pipeline import Result

BYTES_HELP = "a number of bytes, with an optional suffix k or M (1024s)"


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option("-b", "--board", default="", metavar="NAME|FILE", help="Board, or a TOML file.")
@click.option("--xn", cls=FileOption, help="XMOS network description of your board, as --board.")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Project folder; created with its parents.",
)
@click.option(
    "--name", "names", multiple=True, metavar="NAME", help="Name in code, one a model, in order."
)
@click.option("--runtime", help="Runtime; default: the board's.")
@click.option("--kernels", help="Kernel library under the runtime; default: the board's.")
@click.option("--compiler", help="Vendor compiler, or `none`; default: the board's.")
@click.option(
    "--compiler-option",
    "compiler_options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the compiler's own, e.g. system-config=RTSS_HP_SRAM_MRAM.",
)
@click.option("--layout", help="Project layout, where the family has several.")
@click.option(
    "--place",
    multiple=True,
    metavar="ROLE=MEM...",
    help="Put arena, model, code or persistent into that memory, e.g. arena=psram.",
)
@click.option(
    "--reserve",
    multiple=True,
    metavar="MEM=BYTES",
    help="Leave that much of a memory free; " + BYTES_HELP + ".",
)
@click.option(
    "--max-arena",
    metavar="BYTES",
    help="Largest acceptable arena, or `auto`: any, and what makes the model fit.",
)
@click.option("--arena-size", metavar="BYTES", help="Fixed arena size; " + BYTES_HELP + ".")
@click.option(
    "--arena-margin",
    metavar="BYTES|PERCENT%",
    help="More than the arena needs, as bytes or as a share such as 10%; default: none.",
)
@click.option("--allow-small-arena", is_flag=True, default=None, help="Accept less than needed.")
@click.option(
    "--offline-plan/--no-offline-plan",
    default=None,
    help="Write a memory plan into the model where that saves memory (tflm); default: yes.",
)
@click.option("--optimise", type=click.Choice(["speed", "size"]), help="Default: speed.")
@click.option(
    "--model-format",
    type=click.Choice(["array", "embed"]),
    help="Model as a C array (default) or embedded by the build system (fast for megabytes).",
)
@click.option("--shared-arena", is_flag=True, default=None, help="One arena for all models.")
@click.option("--golden", "goldens", multiple=True, cls=FileOption, help="Test vectors, .npz.")
@click.option("--sample", "samples", multiple=True, cls=FileOption, help="Test input, .npy/.npz.")
@click.option(
    "--tflite",
    "tflites",
    multiple=True,
    cls=FileOption,
    help="Model that an archive of TVM was compiled from: quantization, self-test.",
)
@click.option(
    "--module", "modules", multiple=True, metavar="NAME", help="Module of an archive with several."
)
@click.option(
    "--io",
    multiple=True,
    metavar="NAME=DTYPE:SHAPE",
    help="What an archive does not tell of a tensor, e.g. output=float32:1x10.",
)
@click.option(
    "--tolerance",
    type=click.IntRange(0, 255),
    metavar="STEPS",
    help="Difference that the self-test allows; default: none, 64 for archives with --tflite.",
)
@tvm_options
@click.option("--labels", multiple=True, cls=FileOption, help="Class labels, one a line.")
@click.option(
    "--custom-op",
    "custom_ops",
    multiple=True,
    metavar="CODE=FUNCTION",
    help="Function of yours that returns the registration of a custom operator.",
)
@click.option(
    "--template-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder whose files override single templates or blocks.",
)
@click.option("--ci", type=click.Choice(["none", "github", "gitlab"]), help="Add a CI file.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite edited files of ours (a copy is saved).")
@talk_options
def generate(models: tuple[Path, ...], board: str, out: Path, talk: Talk, **given: Any) -> None:
    """Generate a firmware project, or regenerate one.

    In a project that gen-fw made, everything that is not given comes from its gen-fw.toml, so
    `gen-fw -o DIR` regenerates it as it is.
    """
    from gen_fw.pipeline import generate as run
    from gen_fw.request import request, spelt

    dry_run, force, xn = given.pop("dry_run"), given.pop("force"), given.pop("xn")
    if xn is not None:
        board = described_by(xn, board)
    keys = ("names", "goldens", "samples", "labels", "tflites", "tuning_records", "modules")
    lists = {key: given.pop(key) for key in keys}
    given["place"], models = places(given["place"], models)
    given["reserve"] = counts("--reserve", pairs("--reserve", given["reserve"]))
    given["io"] = pairs("--io", given["io"])
    given["custom_ops"] = pairs("--custom-op", given["custom_ops"])
    given["compiler_options"] = pairs("--compiler-option", given["compiler_options"])
    for key in ("arena_size", "max_arena"):
        if given[key] not in (None, "auto"):
            given[key] = counts(spelt(key), {key: given[key]})[key]
    given["arena_margin"] = margin(given["arena_margin"])
    options = {key: value for key, value in given.items() if value not in (None, {})}
    with talk.progress() as progress:
        result = run(
            request(models, board, **lists, **options),
            out,
            dry_run=dry_run,
            force=force,
            progress=progress,
        )
    from gen_fw.report.generate import document, show

    for name in result.planned.overridden:
        talk.note(f"overridden: {name}")
    talk.warnings(result.planned.diagnostics)
    _tell_kept(result, talk)
    talk.result(document(result), lambda console: show(result, console, brief=talk.quiet))


def _tell_kept(result: Result, talk: Talk) -> None:
    """The changes that were wanted and are not made; those of yours files only when verbose."""
    changes = result.changes
    if changes.diffs:
        talk.note("kept as you edited them; what gen-fw would have changed:")
        for diff in changes.diffs:
            talk.note(diff.rstrip())
    if not changes.restarts:
        return
    if talk.verbose:
        talk.note("yours, and never changed; a new project would differ from where yours began:")
        for change in changes.restarts:
            talk.note(change.diff.rstrip())
    else:
        names = ", ".join(change.path for change in changes.restarts)
        talk.note(f"yours, and not changed: {names} would start differently now; -v shows how")
