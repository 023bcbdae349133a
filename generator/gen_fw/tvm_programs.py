# SPDX-License-Identifier: Apache-2.0
"""Models that TVM compiles: each becomes a module of an archive, once and before anything is
placed, since kernels depend on model, board and options only. From there on the archive is an input
like any other, but for the input that the project keeps, which is the model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gen_fw.archive.container import unpack
from gen_fw.archive.reader import parse_archive
from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.archive_writer import archive
from gen_fw.compilers.tvm.compile import compile_model
from gen_fw.compilers.tvm.compiled import Compiled
from gen_fw.compilers.tvm.installed import VERSION, check_installed
from gen_fw.compilers.tvm.options import TvmOptions
from gen_fw.compilers.tvm.records import HINT, MAX_BYTES, read_records
from gen_fw.errors import Diagnostic, UsageError
from gen_fw.files import read_regular
from gen_fw.inputs import Input, Source, read_inputs
from gen_fw.lowering import compiling, not_compiled
from gen_fw.model.types import Model
from gen_fw.request import Options, Request, for_tvm_only
from gen_fw.runtimes.mlf.imported import Imported

Progress = Callable[[str], None]


def compiled(
    inputs: Sequence[Input], board: Board, options: Options, progress: Progress
) -> list[Input]:
    """The inputs, for runtime tvm with an archive in the place of each model.

    Raises ToolMissingError without the right TVM, ModelError for operators that have no kernel and
    for those in float on a processor without FPU, UsageError for options that do not go together.
    """
    models = [(one.name, one.source) for one in inputs if isinstance(one.source, Model)]
    if not models:
        for name in ("tensor_layout", "allow_float"):
            if getattr(options, name):
                raise for_tvm_only(name, "an archive is compiled already")
        return list(inputs)
    compiling(options, board)
    not_compiled(models, board, options)
    if options.kernels not in ("", "auto"):
        raise UsageError(
            f"--kernels {options.kernels:.80}: with runtime tvm, TVM makes the kernels",
            hint="leave --kernels out, or --runtime aot, which calls libraries",
        )
    check_installed()
    return [
        replace(one, source=_imported(one, one.source, board, options, progress))
        if isinstance(one.source, Model)
        else one
        for one in inputs
    ]


@dataclass(frozen=True, slots=True)
class Made:
    """An archive of models: its bytes, its modules in the order of their models, and warnings."""

    content: bytes
    #: (file name of the model, what was compiled, how)
    modules: tuple[tuple[str, Compiled, dict[str, Any]], ...]
    diagnostics: tuple[Diagnostic, ...]


def make_archive(request: Request, progress: Progress) -> Made:
    """What ``gen-fw tvm compile`` writes; ``request.board`` may be empty.

    Raises what ``compiled`` raises, UsageError for an archive in place of a model.
    """
    from gen_fw.boards.load import load_board

    if not request.models:
        raise UsageError("no model given", hint="gen-fw tvm compile model.tflite -o model.mlf.tar")
    board = load_board(request.board) if request.board else None
    inputs = read_inputs(request.models, {}, progress)
    for one in inputs:
        if not isinstance(one.source, Model):
            raise UsageError("this is an archive already", where=str(one.wanted.path))
    check_installed()
    made: list[tuple[str, Compiled, dict[str, Any]]] = []
    notes: list[Diagnostic] = []
    for one in inputs:
        assert isinstance(one.source, Model)
        asked = _asked(one, request.options)
        found = compile_model(one.source, one.name, board, asked, progress)
        made.append((one.wanted.path.name, found, _facts(found, asked)))
        notes += [*one.source.diagnostics, *_notes(one.name, found)]
    progress("writing the archive")
    return Made(archive([found for _, found, _ in made]), tuple(made), tuple(notes))


def _imported(
    one: Input, model: Model, board: Board, options: Options, progress: Progress
) -> Source:
    asked = _asked(one, options)
    found = compile_model(model, one.name, board, asked, progress)
    read = parse_archive(unpack(archive([found]), one.name), one.name)
    return Imported(
        read,
        read.modules[0],
        model,
        made=_facts(found, asked),
        records=asked.records,
        notes=(*model.diagnostics, *_notes(one.name, found)),
    )


def _asked(one: Input, options: Options) -> TvmOptions:
    path = one.wanted.tuning_records
    return TvmOptions(
        tensor_layout=options.tensor_layout or "nhwc",
        records=_records(path) if path is not None else b"",
        allow_float=options.allow_float,
    )


def _records(path: Path) -> bytes:
    data = read_regular(path, MAX_BYTES, what="tuning records", hint=HINT)
    read_records(data, str(path))
    return data


def _facts(found: Compiled, asked: TvmOptions) -> dict[str, Any]:
    """How the module was made, as plain data. ``tuning_records`` is a sha256, empty for none."""
    records = hashlib.sha256(asked.records).hexdigest() if asked.records else ""
    return {
        "version": VERSION,
        "tensor_layout": asked.tensor_layout,
        "tuning_records": records,
        "kernels": len(found.functions),
        **{key: value for key, value in found.report.items() if key not in ("tvm", "notes")},
    }


def _notes(name: str, found: Compiled) -> list[Diagnostic]:
    notes: list[Diagnostic] = list(found.report.get("notes", ()))
    operators = found.report.get("float_operators", ())
    if operators:
        notes.append(
            Diagnostic(
                f"{name} computes in float32: {', '.join(operators)}",
                why="without FPU each multiplication is a call of some hundred instructions",
                hint="a quantized model has no such operators",
            )
        )
    return notes
