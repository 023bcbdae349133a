# SPDX-License-Identifier: Apache-2.0
"""What a user asks for, before anything is read. ``gen-fw.toml`` stores it (project/intent.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import zip_longest
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal, get_args

from gen_fw.errors import UsageError

Optimise = Literal["speed", "size"]
ModelFormat = Literal["array", "embed"]
Ci = Literal["none", "github", "gitlab"]
#: of activations inside TVM's kernels; empty: nhwc
TensorLayout = Literal["", "nhwc", "nchw"]
_CHOICES = {
    "optimise": Optimise,
    "model_format": ModelFormat,
    "ci": Ci,
    "tensor_layout": TensorLayout,
}
_MARGIN = re.compile(r"[0-9]{1,4}%")
#: more bytes than any microcontroller has, and few enough for every file format
_MAX_BYTES = 1 << 40


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
    #: the module of an archive with several; empty: all of them
    module: str = ""
    #: the .tflite that an archive was compiled from
    tflite: Path | None = None
    #: schedules for TVM's kernels, as ``gen-fw tvm tune`` writes them
    tuning_records: Path | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Options that apply to the whole firmware; empty means the board's default.

    Raises UsageError for a word that is no choice and for a number of bytes that is out of range.
    """

    runtime: str = ""
    kernels: str = ""
    compiler: str = ""
    #: the compiler's own options, as it spells them, without dashes in front
    compiler_options: Mapping[str, str] = field(default_factory=dict)
    layout: str = ""
    #: role (arena, model, code) -> memory of the board
    place: Mapping[str, str] = field(default_factory=dict)
    #: memory -> bytes that the firmware must leave free
    reserve: Mapping[str, int] = field(default_factory=dict)
    #: fixed arena size in bytes, for every program
    arena_size: int | None = None
    allow_small_arena: bool = False
    #: what every arena gets on top of its need: bytes, or a share of it such as "10%"
    arena_margin: int | str = 0
    #: largest arena in bytes that is acceptable; "auto": any, and whatever makes it fit
    max_arena: int | Literal["auto"] | None = None
    #: write a memory plan into the model where that saves memory (tflm)
    offline_plan: bool = True
    optimise: Optimise = "speed"
    model_format: ModelFormat = "array"
    shared_arena: bool = False
    ci: Ci = "none"
    #: custom operator code -> C++ function that returns its registration
    custom_ops: Mapping[str, str] = field(default_factory=dict)
    #: tensor of an archive -> ``dtype:shape``, such as ``float32:1x10``
    io: Mapping[str, str] = field(default_factory=dict)
    #: largest difference that the self-test allows, in steps of an integer or 1/256 of the largest
    #: value; None: exact, but for archives of TVM, whose kernels round otherwise than TFLM's
    tolerance: int | None = None
    template_dir: Path | None = None
    #: runtime tvm, of models
    tensor_layout: TensorLayout = ""
    #: runtime tvm: operators may compute in float32 on a processor without FPU
    allow_float: bool = False

    def __post_init__(self) -> None:
        for name, choice in _CHOICES.items():
            value, known = getattr(self, name), get_args(choice)
            if value not in known:
                raise UsageError(
                    f"{spelt(name)}: there is no choice {value!r:.80}",
                    hint=f"known: {', '.join(filter(None, known))}",
                )
        _in_range("arena_size", self.arena_size, 1)
        if self.max_arena != "auto":
            _in_range("max_arena", self.max_arena, 1)
        if self.tolerance is not None and not 0 <= self.tolerance <= 255:
            raise UsageError("--tolerance: a number of steps from 0 to 255 is needed")
        for count in self.reserve.values():
            _in_range("reserve", count, 0)
        if isinstance(self.arena_margin, int):
            _in_range("arena_margin", self.arena_margin, 0)
        elif not _MARGIN.fullmatch(self.arena_margin):
            raise UsageError(
                f"--arena-margin: {self.arena_margin!r:.80} is no margin",
                hint="examples: 4096, 4k, 10%",
            )
        if self.arena_size is not None and self.arena_margin not in (0, "0%"):
            raise UsageError(
                "--arena-size and --arena-margin exclude each other",
                why="a fixed size has its margin in it",
                hint="--arena-margin 0 takes back a margin that gen-fw.toml has",
            )

    @property
    def arena_limit(self) -> int | None:
        """``--max-arena`` in bytes; None: no limit."""
        return None if self.max_arena == "auto" else self.max_arena


@dataclass(frozen=True, slots=True)
class Request:
    """Models, board and options. With no models or board they come from ``gen-fw.toml``."""

    models: tuple[ModelRequest, ...]
    board: str
    options: Options = field(default_factory=Options)
    #: names of the options that were given explicitly: they win over gen-fw.toml
    given: frozenset[str] = frozenset()


def spelt(name: str) -> str:
    """An option as it is spelt on the command line.

    >>> spelt("arena_size"), spelt("custom_ops")
    ('--arena-size', '--custom-op')
    """
    singular = {"custom_ops": "custom-op", "compiler_options": "compiler-option"}
    return "--" + singular.get(name, name.replace("_", "-"))


def settled(request: Request, asked: Request) -> Request:
    """``request`` without what is for TVM, unless TVM is its runtime. ``asked`` is what was given
    now: the rest of ``request`` comes from the project.

    Raises UsageError for what was given now and would do nothing.
    """
    if request.options.runtime == "tvm":
        return request
    given: list[str] = [name for name in ("tensor_layout", "allow_float") if name in asked.given]
    given += ["tuning_records"] * any(model.tuning_records for model in asked.models)
    if given:
        raise for_tvm_only(given[0])
    return replace(
        request,
        options=replace(request.options, tensor_layout="", allow_float=False),
        models=tuple(replace(model, tuning_records=None) for model in request.models),
    )


def for_tvm_only(name: str, why: str = "") -> UsageError:
    """The error about an option that does nothing."""
    return UsageError(
        f"{spelt(name)} is for models that TVM compiles",
        why=why,
        hint="--runtime tvm, or leave it out",
    )


def _in_range(name: str, count: int | None, least: int) -> None:
    if count is not None and not least <= count <= _MAX_BYTES:
        raise UsageError(f"{spelt(name)}: a number of bytes from {least} to {_MAX_BYTES} is needed")


OPTION_NAMES = frozenset(f.name for f in fields(Options))


def request(
    models: Sequence[str | PathLike[str]],
    board: str = "",
    *,
    names: Sequence[str] = (),
    goldens: Sequence[str | PathLike[str]] = (),
    samples: Sequence[str | PathLike[str]] = (),
    labels: Sequence[str | PathLike[str]] = (),
    tflites: Sequence[str | PathLike[str]] = (),
    tuning_records: Sequence[str | PathLike[str]] = (),
    modules: Sequence[str] = (),
    **options: Any,
) -> Request:
    """A Request from loose arguments.

    ``goldens``, ``samples``, ``labels``, ``tflites`` and ``tuning_records`` are files, one for each
    model in order, or ``NAME=FILE`` with a name or a file's stem for some of the models;
    ``modules`` are names of modules, one for each archive in order. Raises UsageError when they
    cannot be paired up or an option is unknown.
    """
    unknown = sorted(set(options) - OPTION_NAMES)
    if unknown:
        raise UsageError(
            f"unknown option {unknown[0]!r}",
            hint="options are the fields of gen_fw.request.Options",
        )
    stems = [name or stem(Path(path)) for path, name in zip_longest(models, names[: len(models)])]
    if len(names) > len(models):
        raise UsageError(f"--name is given {len(names)} times for {len(models)} model(s)")
    golden = _paired("--golden", goldens, stems)
    sample = _paired("--sample", samples, stems)
    label = _paired("--labels", labels, stems)
    tflite = _paired("--tflite", tflites, stems)
    records = _paired("--tuning-records", tuning_records, stems)
    if len(modules) > len(models):
        raise UsageError(f"--module is given {len(modules)} times for {len(models)} archive(s)")
    return Request(
        models=tuple(
            ModelRequest(
                path=Path(path),
                name=names[index] if index < len(names) else "",
                golden=golden.get(index),
                sample=sample.get(index),
                labels=label.get(index),
                module=modules[index] if index < len(modules) else "",
                tflite=tflite.get(index),
                tuning_records=records.get(index),
            )
            for index, path in enumerate(models)
        ),
        board=str(board),
        options=Options(**options),
        given=frozenset(options),
    )


def stem(path: Path) -> str:
    """What an input is called where it has no other name.

    >>> stem(Path("a/kws.tflite")), stem(Path("kws.mlf.tar")), stem(Path("kws.tar.gz"))
    ('kws', 'kws', 'kws')
    """
    for ending in (".mlf.tar", ".tar.gz"):
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    return path.stem


def _paired(
    option: str, values: Sequence[str | PathLike[str]], stems: Sequence[str]
) -> dict[int, Path]:
    """Model index -> file. A value is FILE, for the models in order, or NAME=FILE."""
    result: dict[int, Path] = {}
    if values and not stems:
        raise UsageError(
            f"{option} is given without a model",
            hint="name the model too; a project keeps its own as gen/<name>/model.tflite",
        )
    plain = [value for value in values if _owner(value, stems) is None]
    if plain and len(plain) != len(stems) - (len(values) - len(plain)):
        raise UsageError(
            f"{option} is given {len(values)} time(s) for {len(stems)} model(s)",
            hint=f"give one for each model, in order, or say whose it is: {option} NAME=FILE",
        )
    for value in values:
        owner = _owner(value, stems)
        if owner is not None and owner in result:
            raise UsageError(f"{option}: {stems[owner]} has two", where=fspath(value))
        if owner is not None:
            result[owner] = Path(fspath(value).partition("=")[2])
    free = [index for index in range(len(stems)) if index not in result]
    return {**result, **dict(zip(free, map(Path, plain), strict=False))}


def _owner(value: str | PathLike[str], stems: Sequence[str]) -> int | None:
    name, equals, _ = fspath(value).partition("=")
    return stems.index(name) if equals and name in stems else None
