# SPDX-License-Identifier: Apache-2.0
"""From a firmware to the project plan: context, templates, copies of the inputs, settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gen_fw.boards.board import Board
from gen_fw.boards.load import is_own_board, portable
from gen_fw.program import Firmware, Golden, Program
from gen_fw.project import intent as settings
from gen_fw.project.context import ProjectOptions, build, constants
from gen_fw.project.family import load_family
from gen_fw.project.intent import Intent, ModelIntent
from gen_fw.project.labels import FILE as LABELS
from gen_fw.project.labels import labels_text
from gen_fw.project.plan import ProjectFile, ProjectPlan
from gen_fw.project.render import render
from gen_fw.request import ModelRequest, Options, Request
from gen_fw.version import __version__

#: the model that an archive was compiled from, below ``gen/<name>/``
REFERENCE = "reference.tflite"
#: schedules that TVM's kernels were made with, below ``gen/<name>/``
RECORDS = "tuning_records.json"


def input_file(program: Program) -> str:
    """The name of the input's copy below ``gen/<name>/``."""
    return "model.mlf.tar" if program.is_archive else "model.tflite"


@dataclass(frozen=True, slots=True)
class Assembly:
    """The project plan and what it stores of the request."""

    plan: ProjectPlan
    intent: Intent
    #: names of the templates and blocks that --template-dir overrides
    overridden: tuple[str, ...]


def assemble(firmware: Firmware, board: Board, request: Request, out: Path) -> Assembly:
    """Renders the project of ``firmware``. ``out`` is read for the text of ``gen-fw.toml`` only.

    ``request`` names the models in the firmware's order. Raises UsageError for a bad template,
    layout or ``--template-dir``.
    """
    options = request.options
    family = load_family(board.family)
    context = build(
        firmware,
        board,
        family,
        ProjectOptions(
            options.model_format,
            options.ci,
            options.layout,
            options.optimise,
            options.tolerance,
        ),
    )
    directories = (options.template_dir,) if options.template_dir else ()
    rendered = render(family, context, constants(firmware), template_dirs=directories)
    board_path, board_file = _board_file(request.board)
    intent = settings.to_intent(
        board_path,
        tuple(
            _model_intent(program, golden, asked)
            for program, golden, asked in zip(
                firmware.programs, firmware.golden, request.models, strict=True
            )
        ),
        options,
        _stored_template_dir(options, out),
    )
    kept = [*_label_files(firmware), *_record_files(firmware)]
    files = [*rendered.files, *board_file, *kept, _settings_file(intent, out)]
    templates = rendered.receipt.get("templates")
    plan = ProjectPlan(
        tuple(sorted(files, key=lambda file: file.path)),
        {**rendered.receipt, **_receipt(firmware, board)},
    )
    overridden = tuple(templates["overridden"]) if isinstance(templates, dict) else ()
    return Assembly(plan, intent, overridden)


def _model_intent(program: Program, golden: Golden | None, asked: ModelRequest) -> ModelIntent:
    """What is stored: labels only when they were given, and do not come from inside the model."""
    folder = f"gen/{program.name}"
    return ModelIntent(
        name=program.name,
        path=f"{folder}/{input_file(program)}",
        labels=f"{folder}/{LABELS}" if asked.labels is not None else "",
        module=asked.module,
        tflite=f"{folder}/{REFERENCE}" if asked.tflite is not None else "",
        tuning_records=f"{folder}/{RECORDS}" if asked.tuning_records is not None else "",
        golden_origin=golden.origin if golden else "",
        golden_sha256=hashlib.sha256(golden.npz).hexdigest() if golden else "",
    )


def _label_files(firmware: Firmware) -> list[ProjectFile]:
    return [
        ProjectFile(f"gen/{program.name}/{LABELS}", labels_text(program.labels), "ours")
        for program in firmware.programs
        if program.labels
    ]


def _record_files(firmware: Firmware) -> list[ProjectFile]:
    return [
        ProjectFile(f"gen/{program.name}/{RECORDS}", bytes(constant.data), "ours")
        for program in firmware.programs
        for constant in program.constants
        if constant.label == "tuning_records"
    ]


def _board_file(asked: str) -> tuple[str, list[ProjectFile]]:
    """What ``gen-fw.toml`` names as the board. A user's own file is copied into the project."""
    if not is_own_board(asked):
        return asked, []
    path = Path(asked)
    stored = f"gen/{path.name if path.suffix == '.xn' else path.stem + '.toml'}"
    return stored, [ProjectFile(stored, portable(path), "ours")]


def _stored_template_dir(options: Options, out: Path) -> str:
    """The template folder relative to the project. Only a folder inside the project is stored:
    any other path would tell where on this machine the project was made."""
    if options.template_dir is None:
        return ""
    try:
        return options.template_dir.resolve().relative_to(out.resolve()).as_posix()
    except ValueError:
        return ""


def _settings_file(intent: Intent, out: Path) -> ProjectFile:
    try:
        existing = (out / settings.FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        existing = ""
    text = settings.render_intent(intent, existing)
    # its content already holds the user's edits, so it is written even when edited
    return ProjectFile(settings.FILE, text.encode(), "shared", merged=True)


def _compiler(program: Program) -> dict[str, object]:
    """The compiler that made what runs, with what decides its output besides the model."""
    if program.runtime == "xcore":
        facts = program.adapter["xcore"]
        made = {"name": "xformer", "version": facts["version"], "command": facts["command"]}
        return {"compiler": made}
    if "tvm" in program.adapter:
        keys = ("version", "tensor_layout", "tuning_records")
        made = {key: program.adapter["tvm"][key] for key in keys}
        return {"compiler": {"name": "tvm", **{key: word for key, word in made.items() if word}}}
    npu = program.adapter.get("npu", {})
    if not npu or npu["given_compiled"]:
        return {}
    used = {key: value for key, value in npu["settings"].items() if value is not None}
    return {"compiler": {"name": npu["compiler"], "version": npu["version"], **used}}


def _receipt(firmware: Firmware, board: Board) -> dict[str, object]:
    return {
        "tool": {"name": "gen-fw", "version": __version__},
        "board": board.name,
        "sdk": {"name": board.sdk.name, "requires": board.sdk.requires, "tflm": board.sdk.tflm},
        "placement": {str(k): v for k, v in sorted(firmware.chosen.placement.memories.items())},
        "model": [
            {
                "name": program.name,
                "runtime": program.runtime,
                "kernels": program.kernels,
                "sha256": program.constants[0].sha256,
                **_compiler(program),
            }
            for program in firmware.programs
        ],
    }
