# SPDX-License-Identifier: Apache-2.0
"""``gen-fw.toml``: what was asked of gen-fw, so that a project regenerates from its folder alone.

The user may edit the file; its comments and order survive regeneration. Paths in it are relative
to the project and stay inside it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from gen_fw.boards.load import is_own_board
from gen_fw.errors import UsageError
from gen_fw.files import read_regular
from gen_fw.project.names import slug
from gen_fw.request import OPTION_NAMES, ModelRequest, Options, Request

FILE = "gen-fw.toml"
SCHEMA = "gen-fw/project/1"
_HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# What was asked of gen-fw. Edit it and run `gen-fw -o .` here; gen-fw.lock tells what was done.
"""
_MAX_BYTES = 1 << 20
_COUNTS = {"arena_size", "max_arena", "tolerance"}
_FLAGS = {"allow_float", "allow_small_arena", "offline_plan", "shared_arena"}
_TABLES = {"compiler_options": str, "custom_ops": str, "io": str, "place": str, "reserve": int}
_MODEL_KEYS = frozenset({"name", "path", "labels", "golden", "module", "tflite", "tuning_records"})
#: makes the error about a key, from the key and the reason
_Bad = Callable[[str, str], UsageError]


@dataclass(frozen=True, slots=True)
class ModelIntent:
    """One ``[[model]]`` table; paths are relative to the project."""

    name: str
    path: str
    labels: str = ""
    golden_origin: str = ""
    golden_sha256: str = ""
    #: the module of an archive that has several
    module: str = ""
    #: the model that an archive was compiled from
    tflite: str = ""
    #: schedules for TVM's kernels
    tuning_records: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """The content of ``gen-fw.toml``."""

    board: str
    models: tuple[ModelIntent, ...]
    #: the options that differ from their defaults, as TOML values
    options: Mapping[str, Any] = field(default_factory=dict)


def read_intent(out: Path) -> Intent | None:
    """The intent of the project in ``out``; None when there is none. Raises UsageError."""
    path = out / FILE
    if not os.path.lexists(path):
        return None
    content = read_regular(path, _MAX_BYTES, what="project's settings")
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # tomllib raises plain ValueError for a number with thousands of digits
        raise UsageError(
            "cannot read the project's settings", where=str(path), why=str(error)
        ) from None
    return _parse(document, str(path))


def _parse(document: dict[str, Any], where: str) -> Intent:
    def bad(key: str, why: str) -> UsageError:
        return UsageError(f"bad value of {key!r}", where=where, why=why)

    if document.get("schema") != SCHEMA:
        raise bad("schema", f"expected {SCHEMA!r}; the file may be of a newer gen-fw")
    board = document.get("board")
    if not isinstance(board, str) or not board:
        raise bad("board", "a board's name is needed")
    if is_own_board(board):
        _check_inside("board", board, bad)
    options = {k: v for k, v in document.items() if k not in ("schema", "board", "model")}
    for key, value in options.items():
        _check_option(key, value, bad)
    try:
        Options(**options)
    except UsageError as error:
        raise UsageError(error.what, where=where, why=error.why, hint=error.hint) from None
    tables = document.get("model", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise bad("model", "expected [[model]] tables")
    return Intent(board, tuple(_parse_model(table, bad) for table in tables), options)


def _check_option(key: str, value: Any, bad: _Bad) -> None:
    if key not in OPTION_NAMES:
        raise bad(key, "no such option")
    if key == "max_arena" and value == "auto":
        return
    if key in _COUNTS:
        if type(value) is not int:
            what = "a number of steps" if key == "tolerance" else "a number of bytes"
            raise bad(key, f"{what} is needed")
    elif key == "arena_margin":
        if type(value) not in (int, str):
            raise bad(key, 'a number of bytes or a share such as "10%" is needed')
    elif key in _FLAGS:
        if not isinstance(value, bool):
            raise bad(key, "true or false is needed")
    elif key in _TABLES:
        kind = _TABLES[key]
        if not isinstance(value, dict) or not all(type(v) is kind for v in value.values()):
            raise bad(key, f"a table of {kind.__name__} values is needed")
    elif not isinstance(value, str):
        raise bad(key, "a string is needed")
    elif key == "template_dir":
        _check_inside(key, value, bad)


def _check_inside(key: str, text: str, bad: _Bad) -> None:
    """Raises when the path could leave the project on any system."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or any(c in text for c in "\\:\0"):
        raise bad(key, "the path must stay inside the project")


def _parse_model(table: dict[str, Any], bad: _Bad) -> ModelIntent:
    golden = table.get("golden", {})
    values = {
        "name": table.get("name"),
        "path": table.get("path"),
        "labels": table.get("labels", ""),
        "module": table.get("module", ""),
        "tflite": table.get("tflite", ""),
        "tuning_records": table.get("tuning_records", ""),
        "golden_origin": golden.get("origin", "") if isinstance(golden, dict) else None,
        "golden_sha256": golden.get("sha256", "") if isinstance(golden, dict) else None,
    }
    for key, value in values.items():
        if not isinstance(value, str):
            raise bad(f"model.{key}", "a string is needed")
    for key in ("path", "labels", "tflite", "tuning_records"):
        _check_inside(f"model.{key}", str(values[key]), bad)
    if not values["path"]:
        raise bad("model.path", "a file is needed")
    unknown = [key for key in table if key not in _MODEL_KEYS]
    if unknown:
        raise bad(f"model.{unknown[0]}", "no such key")
    return ModelIntent(**{key: str(value) for key, value in values.items()})


def merge(request: Request, intent: Intent | None, out: Path) -> Request:
    """What was asked now, completed by what was asked before.

    Explicit arguments win over ``gen-fw.toml``, which wins over defaults. A single model given
    without a name keeps the name that the project's single model has, so that the application
    code still compiles when the model file is a new version. A model keeps the labels that were
    given for its name.
    """
    if intent is None:
        return request
    options = request.options
    stored = {k: v for k, v in intent.options.items() if k not in request.given}
    if "template_dir" in stored:
        stored["template_dir"] = out / str(stored["template_dir"])
    options = replace(options, **stored)
    models = request.models
    if not models:
        models = tuple(
            ModelRequest(
                path=out / model.path,
                name=model.name,
                labels=out / model.labels if model.labels else None,
                module=model.module,
                tflite=out / model.tflite if model.tflite else None,
                tuning_records=out / model.tuning_records if model.tuning_records else None,
            )
            for model in intent.models
        )
    else:
        alone = len(models) == len(intent.models) == 1
        before = {model.name: model for model in intent.models}
        models = tuple(
            _completed(
                asked,
                intent.models[0] if alone else before.get(asked.name or slug(asked.path.stem)),
                out,
            )
            for asked in models
        )
    board = request.board or intent.board
    if not request.board and is_own_board(board):
        board = str(out / board)
    return replace(request, models=models, board=board, options=options)


def _completed(asked: ModelRequest, before: ModelIntent | None, out: Path) -> ModelRequest:
    """A model given anew, with the name, the labels and the records that the project has for it."""
    if before is None:
        return asked
    labels = out / before.labels if before.labels else None
    records = out / before.tuning_records if before.tuning_records else None
    return replace(
        asked,
        name=asked.name or before.name,
        labels=asked.labels or labels,
        tuning_records=asked.tuning_records or records,
    )


def to_intent(
    board: str, models: tuple[ModelIntent, ...], options: Options, template_dir: str
) -> Intent:
    """The intent to store; ``template_dir`` is the project-relative path, empty for none."""
    default = Options()
    values: dict[str, Any] = {}
    for name in sorted(OPTION_NAMES - {"template_dir"}):
        value = getattr(options, name)
        if value != getattr(default, name):
            values[name] = dict(sorted(value.items())) if isinstance(value, Mapping) else value
    if template_dir:
        values["template_dir"] = template_dir
    return Intent(board, models, values)


def _document(intent: Intent) -> dict[str, Any]:
    tables = []
    for model in intent.models:
        table: dict[str, Any] = {"name": model.name, "path": model.path}
        for key in ("module", "tflite", "tuning_records", "labels"):
            if getattr(model, key):
                table[key] = getattr(model, key)
        if model.golden_sha256:
            table["golden"] = {"origin": model.golden_origin, "sha256": model.golden_sha256}
        tables.append(table)
    return {"schema": SCHEMA, "board": intent.board, **intent.options, "model": tables}


def render_intent(intent: Intent, existing: str = "") -> str:
    """The text of ``gen-fw.toml``. Where ``existing`` says the same, it is returned as it is;
    where it says something else, only the values change and its comments stay."""
    import tomlkit

    wanted = _document(intent)
    if existing:
        try:
            if tomllib.loads(existing) == wanted:
                return existing
            document = tomlkit.parse(existing)
        except ValueError:
            pass  # unreadable: write it afresh; the writer keeps the user's text
        else:
            _update(document, wanted)
            return tomlkit.dumps(document)
    body = tomlkit.document()
    for key, value in wanted.items():
        if key != "model":
            body.add(key, _inline(value))
    body.add("model", _tables(wanted["model"]))
    return _HEADER + tomlkit.dumps(body)


def _tables(rows: list[dict[str, Any]]) -> Any:
    import tomlkit

    tables = tomlkit.aot()
    for row in rows:
        table = tomlkit.table()
        for key, value in row.items():
            table.add(key, _inline(value))
        tables.append(table)
    return tables


def _inline(value: Any) -> Any:
    import tomlkit

    if not isinstance(value, dict):
        return value
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _update(document: Any, wanted: dict[str, Any]) -> None:
    for key in [key for key in document if key not in wanted]:
        del document[key]
    for key, value in wanted.items():
        current = document.get(key)
        same_shape = isinstance(value, list) and current is not None and len(current) == len(value)
        if same_shape:
            for old, new in zip(current, value, strict=True):
                _update(old, new)
        elif isinstance(value, list):
            document[key] = _tables(value)
        elif current != value:
            document[key] = _inline(value)
