# SPDX-License-Identifier: Apache-2.0
"""What a user asks for, before anything is read. ``gen-fw.toml`` stores it (project/intent.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from gen_fw.errors import UsageError


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One input and what belongs to it. An empty ``name`` means the slugged file stem."""

    path: Path
    name: str = ""
    #: .npz with inputs and expected outputs
    golden: Path | None = None
    #: .npy or .npz with inputs only; the expected outputs are computed by TFLM
    sample: Path | None = None
    #: text file, one class label a line
    labels: Path | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Options that apply to the whole firmware; empty means the board's default."""

    runtime: str = ""
    kernels: str = ""
    compiler: str = ""
    layout: str = ""
    #: role (arena, model, code) -> memory of the board
    place: Mapping[str, str] = field(default_factory=dict)
    #: memory -> bytes that the firmware must leave free
    reserve: Mapping[str, int] = field(default_factory=dict)
    #: fixed arena size in bytes, for every program
    arena_size: int | None = None
    allow_small_arena: bool = False
    #: largest arena in bytes that is acceptable
    max_arena: int | None = None
    optimise: Literal["speed", "size"] = "speed"
    model_format: Literal["array", "embed"] = "array"
    shared_arena: bool = False
    ci: Literal["none", "github", "gitlab"] = "none"
    #: custom operator code -> C function that returns its TFLMRegistration*
    custom_ops: Mapping[str, str] = field(default_factory=dict)
    template_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Models, board and options. With no models or board they come from ``gen-fw.toml``."""

    models: tuple[ModelRequest, ...]
    board: str
    options: Options = field(default_factory=Options)
    #: names of the options that were given explicitly: they win over gen-fw.toml
    given: frozenset[str] = frozenset()


OPTION_NAMES = frozenset(f.name for f in fields(Options))


def request(
    models: Sequence[str | PathLike[str]],
    board: str = "",
    *,
    names: Sequence[str] = (),
    goldens: Sequence[str | PathLike[str]] = (),
    samples: Sequence[str | PathLike[str]] = (),
    labels: Sequence[str | PathLike[str]] = (),
    **options: Any,
) -> Request:
    """A Request from loose arguments; lists pair up with ``models`` in order.

    Raises UsageError when a list is longer than ``models`` or an option is unknown.
    """
    unknown = sorted(set(options) - OPTION_NAMES)
    if unknown:
        raise UsageError(
            f"unknown option {unknown[0]!r}",
            hint="options are the fields of gen_fw.request.Options",
        )
    for title, values in (
        ("--name", names),
        ("--golden", goldens),
        ("--sample", samples),
        ("--labels", labels),
    ):
        if len(values) > len(models):
            raise UsageError(
                f"{title} is given {len(values)} times for {len(models)} model(s)",
                hint=f"give each model after `gen-fw` and at most one {title} a model, "
                "in the same order",
            )

    def paired(values: Sequence[str | PathLike[str]], index: int) -> Path | None:
        return Path(values[index]) if index < len(values) else None

    return Request(
        models=tuple(
            ModelRequest(
                path=Path(path),
                name=names[index] if index < len(names) else "",
                golden=paired(goldens, index),
                sample=paired(samples, index),
                labels=paired(labels, index),
            )
            for index, path in enumerate(models)
        ),
        board=str(board),
        options=Options(**options),
        given=frozenset(options),
    )
