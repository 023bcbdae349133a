# SPDX-License-Identifier: Apache-2.0
"""XMOS's xformer (``xcore-opt``): a model becomes C++ for the kernels of xcore.ai. It runs as a
child process, called by its full path, with limits on time, memory and output."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen_fw.compilers.process import Finished, run_limited
from gen_fw.compilers.vela import same_interface
from gen_fw.compilers.xformer_options import XformerSettings
from gen_fw.compilers.xformer_summary import is_xformed, refusals, summary, warnings_of
from gen_fw.compilers.xformer_text import Cleaned, cleaned
from gen_fw.compilers.xmos_wheel import Wheel
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model

Progress = Callable[[str], None]
#: seconds and bytes
TIME_LIMIT = 300.0
MEMORY_LIMIT = 8 << 30
_ARENA = re.compile(r"^Tensor arena size : (\d+)\s*$", re.MULTILINE)
_ERROR = re.compile(r"^.*?error: (.*)$", re.MULTILINE)
_KERNEL = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_ASSERTION = re.compile(r"Assertion `(.*)' failed|^(.*)\nUNREACHABLE executed", re.MULTILINE)
_SIZES = re.compile(r"#define (WEIGHTS|PAGING)_SIZE \((\d+)U\)")
_BYTES = re.compile(r"=\s*\{([-0-9,\s]*)\}", re.DOTALL)
_NOISE = ("PLEASE submit", "Stack dump", "<unknown>:0: error: Could not set up compiler")


@dataclass(frozen=True, slots=True)
class Xformed:
    """``text``: the C++ without what tells day and place. ``tflite``: the transformed model, for
    the interpreter on this computer. ``parameters``: what lies outside the model, empty when all is
    inside. ``report``: plain data."""

    model: Model
    text: Cleaned
    tflite: bytes
    parameters: bytes
    arena_bytes: int
    settings: XformerSettings
    report: Mapping[str, Any]


def check_model(model: Model, name: str) -> None:
    """Raises ModelError, with every reason, for a model that xformer cannot take."""
    if is_xformed(model):
        raise ModelError(
            f"{name} was compiled by xformer already",
            where=name,
            why="xcore-opt makes C++ from an original model only, and a compiled one cannot be "
            "turned back",
            hint="generate from the original model, before xcore-opt",
        )
    found = refusals(model)
    if found:
        raise ModelError(
            f"xformer cannot compile {name}",
            where=found[0].partition(": ")[0],
            why="; ".join(found),
            hint="--runtime aot makes plain C without xformer, where it has them; or replace these "
            "operators in the model, and convert it again",
        )


def xform(
    model: Model,
    name: str,
    settings: XformerSettings,
    wheel: Wheel,
    progress: Progress = lambda _stage: None,
    *,
    prefix: str,
    arena: str = "",
    several: bool = False,
    time_limit: float = TIME_LIMIT,
    memory_limit: int = MEMORY_LIMIT,
) -> Xformed:
    """Compiles ``model``. ``prefix`` begins the names of its functions; ``arena`` is that of the
    project's array (empty: ``<prefix>arena``); ``several``: it is linked with other models. Limits
    are seconds and bytes.

    Raises ModelError with xcore-opt's own words when it fails, takes too long, or leaves no C++.
    """
    check_model(model, name)
    told = " ".join(settings.arguments())
    progress(f"xcore-opt {wheel.version}: {name} {told}")
    with tempfile.TemporaryDirectory(prefix="gen-fw-xformer-") as scratch:
        folder = Path(scratch)
        (folder / "model.tflite").write_bytes(model.raw)
        command = [str(wheel.tool), "model.tflite", "-o", "out.tflite"]
        command += [f"--xcore-naming-prefix={prefix}", *settings.arguments()]
        try:
            done = run_limited(command, folder, time_limit, memory_limit)
        except subprocess.TimeoutExpired:
            raise ModelError(
                f"xcore-opt did not finish within {time_limit:g} s", where=name
            ) from None
        made = [folder / f"out.tflite{suffix}" for suffix in ("", ".cpp", ".h")]
        told_arena = _ARENA.search(done.text)
        # it leaves a .tflite behind also where it fails
        if done.code != 0 or told_arena is None or not all(path.is_file() for path in made):
            raise _failed(done, model, name)
        tflite, cpp, header = (path.read_bytes() for path in made)
        arena_bytes = int(told_arena[1])
        parameters = _parameters(folder, settings)
    compiled = read_model(tflite, name=f"xformer's output for {name}")
    same_interface(model, compiled, name, tool="xformer", hint="the xcore runtime cannot be used")
    text = cleaned(
        cpp.decode("utf-8", "replace"),
        header.decode("utf-8", "replace"),
        prefix,
        arena or f"{prefix}arena",
        several,
    )
    report = {
        "compiler": "xformer",
        "version": wheel.version,
        "command": " ".join(["xcore-opt model.tflite -o model_xcore.tflite", told]),
        "settings": {"weights": settings.weights, **dict(sorted(settings.options.items()))},
        "threads": settings.threads,
        **summary(model, compiled, warnings_of(done.text)),
        "model_bytes": {
            "before": len(model.raw),
            "after": len(tflite),
            "parameters": len(parameters),
        },
        "arena_bytes": arena_bytes,
        "overflows": text.overflows,
    }
    return Xformed(compiled, text, tflite, parameters, arena_bytes, settings, report)


def _parameters(folder: Path, settings: XformerSettings) -> bytes:
    """What was written outside the model; empty when nothing was large enough."""
    if settings.weights == "inside":
        return b""
    path = folder / ("params.c" if settings.weights == "external" else "params")
    if not path.is_file():
        return b""
    content = path.read_bytes()
    if settings.weights == "server":
        return content
    numbers = _BYTES.search(content.decode("ascii", "replace"))
    if numbers is None:
        return b""
    return bytes(int(word) & 0xFF for word in numbers[1].split(",") if word.strip())


def _failed(done: Finished, model: Model, name: str) -> ModelError:
    kernel = _KERNEL.search(done.text)
    if kernel is not None:
        places = [
            f"subgraphs[{graph.index}].operators[{operator.index}]"
            for graph in model.subgraphs
            for operator in graph.operators
            if operator.name == kernel[1]
        ]
        return ModelError(
            f"xcore.ai has no kernel for {kernel[1]}",
            where=", ".join(places[:5]) or name,
            why="xcore-opt found none in XMOS's library",
            hint="--runtime aot, plain C without xformer, or another operator in the model",
        )
    return ModelError(
        "xformer cannot compile this model",
        where=name,
        why=_reason(done, model),
        hint="an int8 model of common operators is what it takes best; "
        "docs/xmos.md lists what it refuses; --runtime aot is plain C without xformer",
    )


def _reason(done: Finished, model: Model) -> str:
    """What went wrong, in one line."""
    assertion = _ASSERTION.search(done.text)
    if done.crash or assertion:
        crash = (done.crash or "it crashed").replace("it", "xcore-opt", 1)
        words = next((part for part in (assertion.groups() if assertion else ()) if part), "")
        if words:
            return f"{crash}: {_line(words)}"
        kinds = sorted({o.label for graph in model.subgraphs for o in graph.operators})
        return f"{crash}; the operators are {', '.join(kinds)}"[:400]
    errors = [_line(text) for text in _ERROR.findall(done.text)]
    errors = [text for text in errors if text and "Could not set up compiler" not in text]
    if errors:
        return errors[0]
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(_NOISE) and not _ARENA.match(line)]
    return _line(" ".join(lines[:2])) or f"it ended with code {done.code}"


def _line(text: str) -> str:
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:300]
