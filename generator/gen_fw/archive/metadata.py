# SPDX-License-Identifier: Apache-2.0
"""``metadata.json`` of versions 1 to 7, as one form.

Source: python/tvm/micro/model_library_format.py of TVM 0.8 to 0.18 and its history
(docs/tvm.md has the table of versions).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gen_fw.archive.types import OperatorFunction, TensorFact
from gen_fw.errors import ModelError

FILE = "metadata.json"
LAST_VERSION = 7
_MAX_BYTES = 8 << 20
_MAX_MODULES = 64
_MAX_TENSORS = 256
_MAX_COUNT = 1 << 40
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DTYPE = re.compile(r"[a-z]+[0-9]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One module of the metadata."""

    name: str
    style: str
    executors: tuple[str, ...]
    targets: tuple[str, ...]
    tvm_version: str
    #: of gen-fw, when it wrote the archive
    gen_fw_version: str
    workspace_bytes: int
    constants_bytes: int
    operators: tuple[OperatorFunction, ...]
    inputs: tuple[TensorFact, ...]
    outputs: tuple[TensorFact, ...]


def parse_metadata(data: bytes) -> tuple[int, tuple[Entry, ...]]:
    """The format's version, and its modules in the order of their names.

    Raises ModelError for anything that is not metadata of a version from 1 to 7.
    """
    if len(data) > _MAX_BYTES:
        raise _bad(f"it has {len(data)} bytes")
    try:
        table = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise _bad(str(error)[:200] or "it is nested too deep") from None
    if not isinstance(table, dict):
        raise _bad("it is no object")
    version = table.get("version")
    if type(version) is not int or version < 1:
        raise _bad("it has no version")
    if version > LAST_VERSION:
        raise ModelError(
            f"the archive has version {version} of the format",
            where=FILE,
            why=f"versions 1 to {LAST_VERSION} are known: TVM 0.18 was the last to write one",
            hint="a newer gen-fw may read it",
        )
    modules = table.get("modules")
    # style "operator" has no modules in version 7 either
    if version < 7 or (modules is None and table.get("style") == "operator"):
        name = table.get("model_name", "default")
        return version, (_entry(name, table, version),)
    if not isinstance(modules, dict) or not 0 < len(modules) <= _MAX_MODULES:
        raise _bad("modules is no object of modules")
    return version, tuple(_entry(name, modules[name], version) for name in sorted(modules))


def _entry(name: Any, table: Any, version: int) -> Entry:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _bad(f"the module's name {str(name)!r:.100} is no C identifier")
    if not isinstance(table, dict):
        raise _bad(f"module {name} is no object")
    executors = table.get("executors", table.get("runtimes", []))
    memory = table.get("memory", {})
    functions = memory.get("functions", {}) if isinstance(memory, dict) else {}
    functions = functions if isinstance(functions, dict) else {}
    main = _rows(functions.get("main", []))
    first = next(iter(main), {})
    return Entry(
        name=name,
        style=_text(table.get("style", "full-model")),
        executors=tuple(_texts(executors)),
        targets=tuple(_texts(table.get("target", []))),
        # TVM's own archives bring its C runtime, gen-fw's need none
        tvm_version=_version(table, "tvm_standalone_crt", "tvm"),
        gen_fw_version=_version(table, "gen-fw"),
        workspace_bytes=max((_count(row, "workspace_size_bytes") for row in main), default=0),
        constants_bytes=max((_count(row, "constants_size_bytes") for row in main), default=0),
        operators=tuple(_operator(row) for row in _rows(functions.get("operator_functions", []))),
        inputs=_tensors(first.get("inputs", {})),
        outputs=_tensors(first.get("outputs", {})),
    )


def _operator(row: Mapping[str, Any]) -> OperatorFunction:
    sizes = [_count(entry, "workspace_size_bytes") for entry in _rows(row.get("workspace", []))]
    return OperatorFunction(_text(row.get("function_name", "")), max(sizes, default=0))


def _tensors(table: Any) -> tuple[TensorFact, ...]:
    """Inputs or outputs by name; TVM keeps their order."""
    if not isinstance(table, dict) or len(table) > _MAX_TENSORS:
        raise _bad("inputs or outputs are no object of tensors")
    found = []
    for name, entry in table.items():
        if not isinstance(entry, dict):
            raise _bad(f"tensor {name!r:.100} is no object")
        dtype = entry.get("dtype", "")
        if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
            raise _bad(f"tensor {name!r:.100} has no element type")
        found.append(TensorFact(name, dtype, None, _count(entry, "size")))
    return tuple(found)


def _version(table: Mapping[str, Any], *names: str) -> str:
    """What the external dependency of one of these names says, empty when there is none."""
    for row in _rows(table.get("external_dependencies", [])):
        if row.get("short_name") in names:
            return _text(row.get("version_spec", ""))
    return ""


def _rows(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _bad("a list of objects was expected")
    return value


def _texts(value: Any) -> list[str]:
    """Words of a list, or the values of the object that targets were before version 6."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise _bad("a list of words was expected")
    return [_text(word) for word in value]


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4096:
        raise _bad(f"{str(value)[:40]!r} is no text")
    return value


def _count(row: Mapping[str, Any], key: str) -> int:
    value = row.get(key, 0)
    if type(value) is not int or not 0 <= value <= _MAX_COUNT:
        raise _bad(f"{key} is no number of bytes")
    return value


def _bad(why: str) -> ModelError:
    return ModelError(
        "the archive's metadata cannot be read",
        where=FILE,
        why=why,
        hint="tvmc compile ... --output-format mlf --output model.tar makes a new archive",
    )
