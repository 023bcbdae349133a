# SPDX-License-Identifier: Apache-2.0
"""``gen-fw tvm VERB``: what is done with TVM, which the extra `tvm` installs."""

from __future__ import annotations

import click

from gen_fw.cli.lazy import LazyGroup

VERBS = {
    "compile": ("gen_fw.cli.tvm_compile", "compile_", "Compile models to an archive of C."),
    "tune": ("gen_fw.cli.tvm_tune", "tune", "Search faster schedules of a model's kernels."),
}


@click.group(cls=LazyGroup, verbs=VERBS, no_args_is_help=True, subcommand_metavar="VERB [ARGS]...")
def tvm() -> None:
    """Make archives in TVM's Model Library Format, with kernels by TVM.

    `gen-fw MODEL --runtime tvm --board B -o DIR` does this on the way to a project.
    """
