# SPDX-License-Identifier: Apache-2.0
"""The ``gen-fw`` command: a lazy group, so that only the named verb's module is imported."""

from __future__ import annotations

import gc
import os
import sys

import click

from gen_fw.cli.lazy import LazyGroup
from gen_fw.version import __version__

#: verb -> (module, attribute, one-line help); a new verb is one line here and one file
VERBS = {
    "generate": ("gen_fw.cli.generate", "generate", "Generate a firmware project (default verb)."),
    "boards": ("gen_fw.cli.boards", "boards", "List the boards, or show one."),
    "inspect": ("gen_fw.cli.inspect", "inspect", "Show operators, tensors, I/O and the arena."),
    "fit": ("gen_fw.cli.fit", "fit", "Tell which boards hold a model."),
    "run": ("gen_fw.cli.run", "run", "Build and run a host or qemu-... project."),
    "doctor": ("gen_fw.cli.doctor", "doctor", "List the tools that are there and missing."),
    "tvm": ("gen_fw.cli.tvm", "tvm", "Make archives of models with TVM."),
    "check": ("gen_fw.cli.check", "check", "Tell whether a project is still what gen-fw makes."),
}


def _refuse_misspelt_verb(word: str) -> None:
    """Raises UsageError for a word that is no file and nearly a verb."""
    from difflib import get_close_matches

    close = get_close_matches(word, VERBS, n=1, cutoff=0.75)
    if close and not os.path.lexists(word):
        raise click.UsageError(f"there is no verb or model {word!r}; did you mean {close[0]}?")


class MainGroup(LazyGroup):
    """Anything that is no verb belongs to ``generate``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in VERBS and args[0] not in ("--help", "-h", "--version"):
            _refuse_misspelt_verb(args[0])
            args = ["generate", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=MainGroup,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    subcommand_metavar="MODEL... | VERB [ARGS]...",
)
@click.version_option(__version__, prog_name="gen-fw")
def cli() -> None:
    """Turn a quantized .tflite model into a complete, native firmware project.

    \b
    gen-fw model.tflite --board esp32s3 -o proj/    generate a project
    gen-fw inspect model.tflite                     what is in a model
    gen-fw boards                                   what can be targeted
    gen-fw VERB --help                              all options of a verb
    """


def main() -> None:
    """Console entry point; never lets a Python traceback reach the user."""
    from gen_fw.cli.errors import run

    gc.set_threshold(50_000)  # a short run makes few cycles; looking for them costs a tenth of it
    sys.exit(run(cli))
