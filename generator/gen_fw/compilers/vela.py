# SPDX-License-Identifier: Apache-2.0
"""Arm's Vela: a model whose operators an Ethos-U NPU can execute becomes one with ethos-u
operators. Vela runs as a child process with limits on time, memory and output; its bytes depend on
its version, the model and the settings only."""

from __future__ import annotations

import configparser
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gen_fw.boards.accelerator import ETHOS_U
from gen_fw.boards.board import Accelerator, SystemConfig
from gen_fw.boards.table import did_you_mean
from gen_fw.compilers.process import run_limited
from gen_fw.compilers.vela_summary import summary
from gen_fw.errors import ModelError, ToolMissingError, UsageError
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model

Progress = Callable[[str], None]
Optimise = Literal["Performance", "Size"]
OPTIMISE: Mapping[str, Optimise] = {"speed": "Performance", "size": "Size"}
#: keys of --compiler-option, spelt as Vela's own options
OPTIONS = ("accelerator-config", "arena-cache-size", "memory-mode", "system-config")
INI = Path(__file__).resolve().parent / "data" / "alif.ini"
#: seconds and bytes
TIME_LIMIT = 180.0
MEMORY_LIMIT = 4 << 30
_EXCEPTION = re.compile(r"^[A-Za-z_.]+(?:Error|Exception): ")
_DIGITS = re.compile(r"[0-9]{1,9}")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+[0-9A-Za-z.+-]*")


@dataclass(frozen=True, slots=True)
class VelaSettings:
    """What is asked of Vela. ``arena_cache_size`` in bytes; None: what the memory mode says."""

    accelerator: str
    system_config: str
    memory_mode: str
    optimise: Optimise = "Performance"
    arena_cache_size: int | None = None

    def arguments(self) -> list[str]:
        """Vela's options, but for the model, the configuration file and the output folder."""
        cache = self.arena_cache_size
        return [
            *("--accelerator-config", self.accelerator),
            *("--system-config", self.system_config),
            *("--memory-mode", self.memory_mode),
            *("--optimise", self.optimise),
            *(("--arena-cache-size", str(cache)) if cache is not None else ()),
        ]


@dataclass(frozen=True, slots=True)
class Compiled:
    """``model`` runs on the target; ``report`` is plain data (``vela_summary.summary``)."""

    model: Model
    settings: VelaSettings
    report: Mapping[str, Any]

    @property
    def all_on_cpu(self) -> bool:
        return not self.report["operators"]["npu"]


def settings_for(
    accelerator: Accelerator,
    entry: SystemConfig,
    options: Mapping[str, str],
    optimise: Literal["speed", "size"] = "speed",
) -> VelaSettings:
    """The board's settings for a pair of memories, changed by ``--compiler-option``.

    Raises UsageError for an option that Vela does not have, and for a value that is unknown.
    """
    for key in options:
        if key not in OPTIONS:
            raise UsageError(
                f"--compiler-option: vela has no option {key!r:.80}",
                hint=did_you_mean(key, OPTIONS),
            )
    cache = options.get("arena-cache-size")
    if cache is not None and not _DIGITS.fullmatch(cache):
        raise UsageError(
            f"--compiler-option arena-cache-size: {cache!r:.80} is no number of bytes",
            hint="example: --compiler-option arena-cache-size=65536",
        )
    name = _known("accelerator-config", options, accelerator.name, ETHOS_U)
    systems, modes = sections("System_Config"), sections("Memory_Mode")
    system = _known("system-config", options, entry.system_config, systems)
    mode = _known("memory-mode", options, entry.memory_mode, modes)
    return VelaSettings(name, system, mode, OPTIMISE[optimise], int(cache) if cache else None)


def sections(kind: Literal["System_Config", "Memory_Mode"]) -> tuple[str, ...]:
    """Names in our configuration file, in its order."""
    parser = configparser.ConfigParser()
    parser.read_string(INI.read_text(encoding="utf-8"))
    prefix = f"{kind}."
    return tuple(s.removeprefix(prefix) for s in parser.sections() if s.startswith(prefix))


def vela(
    model: Model,
    name: str,
    settings: VelaSettings,
    progress: Progress = lambda _stage: None,
    *,
    time_limit: float = TIME_LIMIT,
    memory_limit: int = MEMORY_LIMIT,
) -> Compiled:
    """Compiles ``model``; ``name`` stands in texts only. Limits are seconds and bytes.

    Raises ToolMissingError when Vela is not installed, ModelError with Vela's own words when it
    fails, takes too long, or makes something that is no model.
    """
    command, version = _tool()
    cache = settings.arena_cache_size
    progress(
        f"vela {version}: {name} for {settings.accelerator}, {settings.system_config}, "
        f"{settings.optimise}" + (f", arena cache {cache}" if cache is not None else "")
    )
    with tempfile.TemporaryDirectory(prefix="gen-fw-vela-") as scratch:
        folder = Path(scratch)
        (folder / "model.tflite").write_bytes(model.raw)
        shutil.copyfile(INI, folder / INI.name)
        talk = _run(
            [
                *command,
                "model.tflite",
                *("--config", INI.name, "--output-dir", "out"),
                *("--show-cpu-operations", "--verbose-performance"),
                *settings.arguments(),
            ],
            folder,
            name,
            time_limit,
            memory_limit,
        )
        made = folder / "out" / "model_vela.tflite"
        tables = sorted((folder / "out").glob("model_summary_*.csv"))
        if not made.is_file() or not tables:
            raise ModelError("Vela ended without a result", where=name, why=_last(talk))
        compiled = read_model(made.read_bytes(), name=f"Vela's output for {name}")
        csv = tables[0].read_text(encoding="utf-8", errors="replace")
    same_interface(model, compiled, name)
    report = {
        "compiler": "vela",
        "version": version,
        "accelerator": settings.accelerator,
        "settings": {
            "system_config": settings.system_config,
            "memory_mode": settings.memory_mode,
            "optimise": settings.optimise,
            "arena_cache_size": settings.arena_cache_size,
        },
        "command": " ".join(
            ["vela", "model.tflite", "--config", "vela.ini", *settings.arguments()]
        ),
        **summary(csv, talk, model, compiled),
    }
    return Compiled(compiled, settings, report)


def same_interface(
    given: Model, compiled: Model, name: str, *, tool: str = "Vela", hint: str = "--compiler none"
) -> None:
    """Raises ModelError unless both have the same inputs and outputs, in order."""

    def tensors(model: Model) -> list[tuple[object, int]]:
        main = model.subgraphs[0]
        found = [main.tensors[index] for index in (*main.inputs, *main.outputs)]
        return [(tensor.dtype, tensor.bytes) for tensor in found]

    if tensors(given) != tensors(compiled):
        raise ModelError(
            f"{tool} changed the inputs or outputs of the model", where=name, hint=hint
        )


def _known(
    option: str,
    options: Mapping[str, str],
    default: str,
    names: Mapping[str, object] | Sequence[str],
) -> str:
    """The value of an option, else the board's."""
    value = options.get(option, default)
    if value not in names:
        of = f"--compiler-option {option}" if option in options else f"{option} of the board"
        raise UsageError(f"{of}: Vela has no {value!r:.80}", hint=did_you_mean(value, names))
    return value


def _tool() -> tuple[list[str], str]:
    """The command that starts Vela, as absolute paths, and its version."""
    try:
        found = importlib.util.find_spec("ethosu.vela")
        version = importlib.metadata.version("ethos-u-vela")
    except (ImportError, ValueError, importlib.metadata.PackageNotFoundError):
        found = None
    if found is not None:
        return [sys.executable, "-I", "-m", "ethosu.vela"], version
    path = shutil.which("vela")
    if path is None:
        raise ToolMissingError(
            "Vela is not installed",
            why="it compiles the model for the board's NPU",
            hint="pip install 'gen-fw[vela]', or --compiler none to do without the NPU",
        )
    with tempfile.TemporaryDirectory(prefix="gen-fw-vela-") as scratch:
        text = _run([path, "--version"], Path(scratch), "vela --version", 60, MEMORY_LIMIT)
    word = _VERSION.search(text)
    return [path], word.group() if word else "unknown"


def _run(command: list[str], folder: Path, name: str, seconds: float, memory: int) -> str:
    """What the command prints. Raises ModelError when it fails."""
    try:
        done = run_limited(command, folder, seconds, memory)
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"Vela did not finish within {seconds:g} s",
            where=name,
            hint="--compiler none does without the NPU",
        ) from None
    if done.code != 0:
        raise ModelError(
            "Vela cannot compile this model",
            where=name,
            why=done.crash or _last(done.text) or f"it ended with code {done.code}",
            hint="--compiler none does without the NPU",
        )
    return done.text


def _last(talk: str) -> str:
    """What Vela says at its end: the text of a Python exception, else its last line."""
    lines = [line.strip() for line in talk.splitlines() if line.strip()]
    thrown = [index for index, line in enumerate(lines) if _EXCEPTION.match(line)]
    text = " ".join(lines[thrown[-1] if thrown else -1 :])
    return _EXCEPTION.sub("", "".join(c for c in text if c.isprintable()))[:300]
