# SPDX-License-Identifier: Apache-2.0
"""From the files that are named to what programs are made of: models, and modules of archives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from gen_fw.boards.board import Board
from gen_fw.errors import UsageError
from gen_fw.model.types import Model
from gen_fw.request import ModelRequest, stem

if TYPE_CHECKING:
    from gen_fw.runtimes.mlf.imported import Imported

Progress = Callable[[str], None]
#: what a program is made of
Source: TypeAlias = "Model | Imported"


@dataclass(frozen=True, slots=True)
class Input:
    """One program to be: its name, what it is made of, and what was asked for it."""

    name: str
    source: Source
    wanted: ModelRequest

    @property
    def bytes(self) -> int:
        """Size of the model or the archive."""
        source = self.source
        return len(source.raw if isinstance(source, Model) else source.archive.raw)

    @property
    def model(self) -> Model | None:
        """The model with the operators, labels and quantization; None when there is none."""
        return self.source if isinstance(self.source, Model) else self.source.reference


def models_alone(inputs: Sequence[tuple[str, Source]], board: Board) -> list[tuple[str, Model]]:
    """The inputs (name, what it is made of) of a runtime that executes models only.

    Raises UsageError for an archive.
    """
    models: list[tuple[str, Model]] = []
    for name, source in inputs:
        if not isinstance(source, Model):
            raise UsageError(
                f"{name} is an archive of TVM, which runtime {board.default_runtime} does not take",
                where=name,
                why=f"a firmware for {board.name} has one runtime",
                hint="--runtime aot, beside which archives run; archives alone need no --runtime",
            )
        models.append((name, source))
    return models


def read_inputs(
    requests: Sequence[ModelRequest], io: Mapping[str, str], progress: Progress
) -> list[Input]:
    """Every input, read and named; an archive with several modules gives one for each.

    Raises ModelError for an unreadable file, UsageError for names that cannot be used and for
    options that do not go with the file.
    """
    from gen_fw.project.names import program_names, slug
    from gen_fw.runtimes.mlf.imported import parse_io

    for name, text in io.items():
        parse_io(name, text)
    found: list[tuple[ModelRequest, Source]] = []
    for wanted in requests:
        progress(f"reading {wanted.path.name}")
        found += _read(wanted, io)
    stems = [_stem(wanted) for wanted, _ in found]
    names = program_names(
        stems, [wanted.name or slug(stem) for (wanted, _), stem in zip(found, stems, strict=True)]
    )
    return [
        Input(name, source, wanted) for name, (wanted, source) in zip(names, found, strict=True)
    ]


def _read(wanted: ModelRequest, io: Mapping[str, str]) -> list[tuple[ModelRequest, Source]]:
    from gen_fw.archive.container import looks_like_archive
    from gen_fw.model.reader import read_model

    if not looks_like_archive(wanted.path):
        if wanted.tflite is not None:
            raise UsageError(
                "--tflite goes with an archive of TVM, and this is none", where=str(wanted.path)
            )
        return [(wanted, read_model(wanted.path))]
    from gen_fw.archive.reader import read_archive
    from gen_fw.runtimes.mlf.imported import Imported

    if wanted.tuning_records is not None:
        raise UsageError(
            "--tuning-records goes with a model, and this is an archive of TVM",
            where=str(wanted.path),
            why="its kernels were made when it was",
        )
    archive = read_archive(wanted.path)
    reference = None if wanted.tflite is None else read_model(wanted.tflite)
    modules = [m for m in archive.modules if wanted.module in ("", m.name)]
    if not modules:
        raise UsageError(
            f"the archive has no module {wanted.module!r:.80}",
            where=str(wanted.path),
            hint=f"it has {', '.join(m.name for m in archive.modules)}",
        )
    several = len(modules) > 1
    if several and reference is not None:
        raise UsageError(
            "--tflite is one model, the archive has several modules",
            where=str(wanted.path),
            hint="name the archive once for each: --module NAME --tflite MODEL",
        )
    return [
        (
            _for_module(wanted, module.name, several=several, alone=len(archive.modules) == 1),
            Imported(archive, module, reference, io),
        )
        for module in modules
    ]


def _for_module(wanted: ModelRequest, module: str, *, several: bool, alone: bool) -> ModelRequest:
    """The request for one module; which one it is, is kept only where there is a choice."""
    name = f"{wanted.name}_{module.lower()}" if several and wanted.name else wanted.name
    return replace(wanted, name=name, module="" if alone else module)


def _stem(wanted: ModelRequest) -> str:
    """What a program is named after: the module where there are several, else the file."""
    return wanted.module or stem(wanted.path.resolve()) or "model"
