# SPDX-License-Identifier: Apache-2.0
"""A family's templates and a context become a project plan. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gen_fw.errors import GenFwError, UsageError
from gen_fw.project.carray import c_array_chunks, typed_array_chunks
from gen_fw.project.family import Family, FileRule
from gen_fw.project.plan import Chunks, Content, ProjectFile, ProjectPlan
from gen_fw.project.templating import MARK, Templates

#: binary data by key; ``context.constants`` makes them from a Firmware
Constants = Mapping[str, bytes | memoryview]


def render(
    family: Family,
    context: Mapping[str, Any],
    constants: Constants,
    *,
    template_dirs: Sequence[Path] = (),
) -> ProjectPlan:
    """Every file of the project, sorted by path.

    ``context`` is what ``context.build`` returns, ``constants`` what ``context.constants`` returns.
    The receipt has ``context`` (the schema's name), ``family``, ``layout`` and, with overrides,
    ``templates`` (``overridden`` names and the ``sha256`` of the set).

    Raises UsageError when a template of the user cannot be read or rendered.
    """
    templates = Templates(family, template_dirs)
    files: dict[str, ProjectFile] = {}
    for rule in family.files:
        for item in _items(rule, context):
            if _holds(rule, context, item):
                file = _file(rule, item, context, constants, templates)
                files[_claim(file.path, files)] = file
    for program in context["programs"]:
        for path in program["sources"]:
            place = _claim(f"gen/{program['name']}/{path}", files)
            content = constants[f"{program['name']}/source/{path}"]
            files[place] = ProjectFile(place, bytes(content), "ours")
    receipt: dict[str, object] = {
        "context": context["schema"],
        "family": family.name,
        "layout": context["project"]["layout"],
    }
    overrides = templates.overrides
    if overrides.names:
        receipt["templates"] = {"overridden": list(overrides.names), "sha256": overrides.sha256}
    return ProjectPlan(tuple(files[path] for path in sorted(files)), receipt)


def _items(rule: FileRule, context: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if rule.each == "":
        return ({},)
    items: Sequence[Mapping[str, Any]] = context[f"{rule.each}s"]
    return items


def _holds(rule: FileRule, context: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    flags = {*context["flags"], *item.get("flags", ())}
    return all((flag[1:] not in flags) if flag[0] == "!" else (flag in flags) for flag in rule.when)


def _claim(path: str, files: Mapping[str, ProjectFile]) -> str:
    if path in files:
        raise GenFwError(f"two files of the project would be {path}")
    return path


def _file(
    rule: FileRule,
    item: Mapping[str, Any],
    context: Mapping[str, Any],
    constants: Constants,
    templates: Templates,
) -> ProjectFile:
    content: Content
    path = _expand(rule.path, context, item)
    source = _expand(rule.source, context, item)
    if rule.origin == "raw":
        content = templates.raw(source)
    elif rule.origin == "constant":
        data = constants[source]
        content = data if isinstance(data, bytes) else Chunks(lambda: iter((bytes(data),)))
    else:
        variables = {**context, rule.each: item} if rule.each else context
        content = _content(templates.render(source, variables), constants, source)
    return ProjectFile(path, content, rule.owner, rule.executable)


def _expand(text: str, context: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """Replaces ``{key}`` by a value of the item, else of the project; both are checked names."""
    if "{" not in text:
        return text
    return text.format_map({**context["project"], **item})


def _content(text: str, constants: Constants, name: str) -> Content:
    if MARK not in text:
        return text.encode()
    pieces = text.split(MARK)
    unknown = [key for key in pieces[1::2] if key.partition(":")[0] not in constants]
    if len(pieces) % 2 == 0 or unknown:
        raise UsageError(
            f"there is no constant {unknown[0]!r}" if unknown else "NUL character",
            where=f"template {name}",
        )
    return Chunks(lambda: _interleave(pieces, constants))


def _interleave(pieces: Sequence[str], constants: Constants) -> Iterator[bytes]:
    """Text, array, text, array, ..., text."""
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            yield piece.encode()
        else:
            key, _, dtype = piece.partition(":")
            data = constants[key]
            yield from typed_array_chunks(data, dtype) if dtype else c_array_chunks(data)
