# SPDX-License-Identifier: Apache-2.0
"""Where XMOS's AI tools (the Python wheel ``xmos-ai-tools``) are: in this Python's environment, or
in the one whose ``xcore-opt`` is on the path. Nothing of them is imported here.

Their licence (XMOS Public Licence) allows use, not redistribution: projects refer to the installed
wheel and hold nothing of it.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from gen_fw.errors import ToolMissingError

DISTRIBUTION = "xmos-ai-tools"
INSTALL = "pip install 'gen-fw[xmos]' (xmos-ai-tools needs numpy < 2)"
#: what gen-fw was tested with; another release is used, with a warning
TESTED = ("1.4.2",)
_TOOL = "xcore-opt"


@dataclass(frozen=True, slots=True)
class Wheel:
    """``tool``: the compiler; ``python``: an interpreter that can import the wheel; ``runtime``:
    the folder with ``include`` and ``lib``."""

    version: str
    tool: Path
    python: Path
    runtime: Path

    @property
    def tested(self) -> bool:
        return self.version in TESTED

    def host_library(self) -> Path | None:
        """The archive for this computer; None when this wheel has none."""
        path = self.runtime / "lib" / "libhost_xtflitemicro.a"
        return path if path.is_file() else None


def find_wheel() -> Wheel:
    """The wheel. Raises ToolMissingError with the line that installs it."""
    found = _beside_us() or _on_path()
    if found is None:
        raise ToolMissingError(
            "XMOS's AI tools are not installed",
            why=f"{_TOOL} of the Python package {DISTRIBUTION} compiles models for xcore.ai",
            hint=f"{INSTALL}; or --runtime aot, plain C that needs none of them",
        )
    return found


def _beside_us() -> Wheel | None:
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
        files = distribution.files or []
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    tools = [Path(str(file.locate())) for file in files if file.stem == _TOOL]
    runtime = Path(str(distribution.locate_file("xmos_ai_tools"))) / "runtime"
    return _checked(distribution.version, tools, Path(sys.executable), runtime)


def _on_path() -> Wheel | None:
    tool = shutil.which(_TOOL)
    if tool is None:
        return None
    place = Path(tool).resolve()
    root = place.parent.parent
    for info in sorted(root.glob("lib*/python*/site-packages/xmos_ai_tools-*.dist-info")):
        version = info.name.removesuffix(".dist-info").partition("-")[2]
        python = next((p for n in ("python3", "python") if (p := place.parent / n).exists()), None)
        if python is not None:
            return _checked(version, [place], python, info.parent / "xmos_ai_tools" / "runtime")
    return None


def _checked(version: str, tools: list[Path], python: Path, runtime: Path) -> Wheel | None:
    for tool in tools:
        if tool.is_file() and runtime.is_dir():
            return Wheel(version, tool.resolve(), python, runtime.resolve())
    return None
