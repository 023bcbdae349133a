# SPDX-License-Identifier: Apache-2.0
"""Which tools are there, which are missing, for one board or for all."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.installed import INSTALL, VERSION, VERSIONS, installed
from gen_fw.run import neuralspot, tools
from gen_fw.run.tools import Found, Tool


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for. ``install`` tells how to get it, empty when it is there."""

    what: str
    purpose: str
    required: bool
    ok: bool
    #: version, folder, or why it does not serve
    found: str
    wanted: str
    install: str
    #: boards that want it, by name; empty: all
    boards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked for. ``board`` is empty when it was for all boards."""

    board: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """All that is required is there."""
        return all(check.ok for check in self.checks if check.required)

    @property
    def missing(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.ok)


@dataclass(frozen=True, slots=True)
class _Package:
    module: str
    purpose: str
    install: str
    #: a board with an NPU needs it, unless --compiler none
    npu: bool = False


_PACKAGES = (
    _Package("elftools", "sizes in gen-fw run", "pip install pyelftools"),
    _Package("PIL", "gen-fw run --input picture.png", "pip install 'gen-fw[image]'"),
    _Package("tflite_micro", "reference vectors", "pip install 'gen-fw[reference]'"),
    _Package("xmos_ai_tools", "xformer: runtime xcore", "pip install 'gen-fw[xmos]'"),
    _Package("ethosu", "Vela, for boards with an Ethos-U", "pip install 'gen-fw[vela]'", npu=True),
)
#: SDK name -> variable that names its folder, a file in it, where to get it
_SDKS = {
    "esp-idf": (
        "IDF_PATH",
        "tools/idf.py",
        "https://docs.espressif.com/projects/esp-idf, then . export.sh",
    ),
    "xmos-xtc": (
        "XMOS_TOOL_PATH",
        "bin/xcc",
        "https://www.xmos.com/software-tools, then SetEnv",
    ),
    "alif-dfp": (
        "ALIF_DFP_ROOT",
        "AlifSemiconductor.Ensemble.pdsc",
        "git clone https://github.com/alifsemi/alif_ensemble-cmsis-dfp",
    ),
    "neuralspot": (
        neuralspot.ROOT,
        "make/neuralspot_config.mk",
        f"git clone {neuralspot.SOURCE}",
    ),
}
#: what projects for Ambiq boards are built and flashed with; the emulator is for one layout
_AMBIQ_TOOLS = (tools.GNU_MAKE, tools.ARM_CC, tools.ARM_LIBC, tools.ARM_CXX, tools.JLINK)
#: a build fetches what no variable names
_FETCHED = ("alif-dfp",)
_TFLM = ("TFLM_ROOT", "tensorflow/lite/micro/micro_interpreter.h")


def diagnose(
    boards: Sequence[Board],
    environment: Mapping[str, str],
    *,
    progress: Callable[[str], None],
) -> Diagnosis:
    """Looks for what these boards need. ``environment`` tells where SDKs are."""
    wanted: dict[Tool, list[str]] = {}
    sdks: dict[str, list[str]] = {}
    for board in boards:
        for tool in _tools(board):
            wanted.setdefault(tool, []).append(board.name)
        if board.family != "native_cmake":
            sdks.setdefault(board.sdk.name, []).append(board.name)
    checks = []
    for tool, names in wanted.items():
        progress(f"looking for {tool.command}")
        # C++ is for runtime tflm only, which is not the default everywhere
        default = {board.default_runtime for board in boards if board.name in names}
        optional = tool in (tools.HOST_CXX, tools.ARM_CXX) and "tflm" not in default
        checks.append(_tool(tools.find(tool), names, required=tool.required and not optional))
    if len(boards) == 1 and boards[0].family == "ambiq_make":
        checks += _neuralspot(boards[0], environment)
    else:
        checks += [_sdk(name, names, environment) for name, names in sdks.items()]
    if wanted:
        checks.append(_tflm([name for names in wanted.values() for name in names], environment))
    alone = boards[0] if len(boards) == 1 else None
    npu = alone is not None and alone.accelerator is not None
    checks += [_package(package, required=npu and package.npu) for package in _PACKAGES]
    checks.append(_tvm())
    return Diagnosis(alone.name if alone else "", tuple(checks))


def _tools(board: Board) -> tuple[Tool, ...]:
    """Programs beside those of the board's SDK."""
    if board.family == "native_cmake":
        return tools.needed(str(board.family_data["toolchain"]), cxx=True)
    if board.family == "alif_cmake":
        arm = tools.needed("arm-none-eabi", cxx=True)
        return (*(tool for tool in arm if tool != tools.ARM_QEMU), tools.GIT)
    if board.family == "ambiq_make":
        return _AMBIQ_TOOLS
    return ()


def _tool(found: Found, boards: Sequence[str], *, required: bool) -> Check:
    tool = found.tool
    what = f"{tool.command} with {tool.library}" if tool.library else tool.command
    return Check(
        what=what,
        purpose=tool.purpose,
        required=required,
        ok=found.ok,
        found=" ".join(part for part in (found.version, found.fault) if part),
        wanted=f">= {'.'.join(map(str, tool.at_least))}" if tool.at_least else "",
        install=_how(found),
        boards=tuple(dict.fromkeys(boards)),
    )


def _how(found: Found) -> str:
    if found.ok:
        return ""
    if not found.tool.packages:
        return f"{found.tool.command}: https://www.segger.com/downloads/jlink"
    return tools.install_line([found])


def _sdk(name: str, boards: Sequence[str], environment: Mapping[str, str]) -> Check:
    variable, file, source = _SDKS.get(name, (name.upper().replace("-", "_"), "", ""))
    folder = environment.get(variable, "")
    ok = bool(folder) and (Path(folder) / file).exists()
    return Check(
        what=f"{name} ({variable})",
        purpose="the vendor's SDK, "
        + ("else the build fetches it" if name in _FETCHED else "which builds the project"),
        required=name not in _FETCHED,
        ok=ok,
        found=folder if ok else "no SDK there" if folder else "",
        wanted="",
        install="" if ok else source,
        boards=tuple(boards),
    )


def _neuralspot(board: Board, environment: Mapping[str, str]) -> list[Check]:
    return [
        Check(what, purpose, True, ok, found, wanted, install, (board.name,))
        for what, purpose, ok, found, wanted, install in neuralspot.rows(board, environment)
    ]


def _tflm(boards: Sequence[str], environment: Mapping[str, str]) -> Check:
    variable, file = _TFLM
    folder = environment.get(variable, "")
    ok = bool(folder) and (Path(folder) / file).is_file()
    return Check(
        what=f"tflite-micro ({variable})",
        purpose="runtime tflm",
        required=False,
        ok=ok,
        found=folder if ok else "no tree of tflite-micro there" if folder else "",
        wanted="",
        install="" if ok else "git clone https://github.com/tensorflow/tflite-micro",
        boards=tuple(dict.fromkeys(boards)),
    )


def _package(package: _Package, *, required: bool) -> Check:
    ok = importlib.util.find_spec(package.module) is not None
    return Check(
        what=f"Python package {package.module}",
        purpose=package.purpose,
        required=required,
        ok=ok,
        found="installed" if ok else "",
        wanted="",
        install="" if ok else package.install,
    )


def _tvm() -> Check:
    """The one package whose version must be the one that gen-fw was made for."""
    found = {name: installed(name) for name in VERSIONS}
    ok = found == VERSIONS
    others = [f"{name} {version}" for name, version in found.items() if version]
    partner = next(f"{name} {version}" for name, version in VERSIONS.items() if version != VERSION)
    return Check(
        what="Python package apache-tvm",
        purpose="--runtime tvm of models, gen-fw tvm",
        required=False,
        ok=ok,
        found=VERSION if ok else ", ".join(others),
        wanted=f"{VERSION} with {partner}",
        install="" if ok else INSTALL,
    )
