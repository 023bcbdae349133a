# SPDX-License-Identifier: Apache-2.0
"""gen-fw turns a quantized ``.tflite`` model into a complete, native firmware project.

``generate(models, board, out, **options) -> Result`` is the public Python API; the command line is
one caller of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gen_fw.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from typing import Any

    from gen_fw.pipeline import Result

__all__ = ["__version__", "generate"]


def generate(
    models: Sequence[str | PathLike[str]],
    board: str,
    out: str | PathLike[str],
    **options: Any,
) -> Result:
    """Generates (or regenerates) a firmware project.

    ``models`` are ``.tflite`` files, ``board`` a board's name or a TOML file, ``out`` the
    project's folder; ``options`` are the fields of ``gen_fw.request.Options``, and ``names``,
    ``goldens``, ``samples``, ``labels``, ``tflites``, ``tuning_records`` (one element a model),
    ``dry_run`` and ``force``.
    Raises subclasses of ``gen_fw.errors.GenFwError``.
    """
    from gen_fw.pipeline import generate as run
    from gen_fw.request import request

    dry_run = bool(options.pop("dry_run", False))
    force = bool(options.pop("force", False))
    return run(request(models, board, **options), out, dry_run=dry_run, force=force)
