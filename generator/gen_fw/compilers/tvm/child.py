# SPDX-License-Identifier: Apache-2.0
"""TVM as a child process that makes kernels."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gen_fw.compilers.process import run_limited
from gen_fw.compilers.tvm.installed import check_installed
from gen_fw.compilers.tvm.steps import Kernel
from gen_fw.errors import ModelError

#: seconds and bytes
TIME_LIMIT = 600.0
MEMORY_LIMIT = 8 << 30
_PACKAGES = Path(__file__).resolve().parents[3]
_START = "import sys; sys.path.insert(0, {packages!r}); from gen_fw.compilers.tvm import {module}; "
_START += "from pathlib import Path; sys.exit({module}.main(*map(Path, sys.argv[1:])))"


def compile_kernels(specifications: Sequence[Mapping[str, Any]]) -> list[Kernel]:
    """The kernels of plain specifications (``kernels.spec``), in their order.

    Raises ToolMissingError without TVM, ModelError when it fails.
    """
    check_installed()
    if not specifications:
        return []
    with tempfile.TemporaryDirectory(prefix="gen-fw-tvm-") as folder:
        request, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
        request.write_text(json.dumps(list(specifications)), "utf-8")
        start = _START.format(packages=str(_PACKAGES), module="kernels_child")
        command = [sys.executable, "-I", "-c", start, str(request), str(answer)]
        try:
            done = run_limited(command, Path(folder), TIME_LIMIT, MEMORY_LIMIT)
        except subprocess.TimeoutExpired:
            raise _failed(f"it did not end within {TIME_LIMIT:.0f} s") from None
        if done.code != 0 or not answer.is_file():
            last = done.text.strip().splitlines()[-1:] or [f"exit code {done.code}"]
            raise _failed(done.crash or last[0][:400])
        rows = json.loads(answer.read_text("utf-8"))
    return [_kernel(row) for row in rows]


def try_kernels(specifications: Sequence[Mapping[str, Any]]) -> list[Kernel]:
    """The same for schedules of which TVM may refuse some: these have a ``fault``. Raises
    ToolMissingError."""
    trials = [{**specification, "trial": True} for specification in specifications]
    try:
        return compile_kernels(trials)
    except ModelError as error:
        # it crashed, or took too long: over which?
        if len(trials) == 1:
            return [Kernel("", (), fault=error.why)]
        half = len(trials) // 2
        return try_kernels(trials[:half]) + try_kernels(trials[half:])


def _kernel(row: Mapping[str, Any]) -> Kernel:
    if "fault" in row:
        return Kernel("", (), fault=row["fault"])
    space = {name: (tuple(values), default) for name, (values, default) in row["space"].items()}
    return Kernel(
        f"{row['helpers']}@ {{\n{row['body']}}}\n",
        tuple((name, c_type, size) for name, c_type, size in row["workspaces"]),
        space,
    )


def _failed(why: str) -> ModelError:
    return ModelError(
        "TVM cannot compile this model",
        why=why,
        hint="--runtime aot makes C of it without TVM; please report this",
    )
