# SPDX-License-Identifier: Apache-2.0
"""From a path to an Archive. Judging what can be used is left to runtimes/mlf."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gen_fw.archive.container import Files, read_files
from gen_fw.archive.header import parse_header
from gen_fw.archive.metadata import FILE, Entry, parse_metadata
from gen_fw.archive.relay import parse_relay
from gen_fw.archive.sources import is_source, scan
from gen_fw.archive.types import Archive, Code, Header, Module, Signature
from gen_fw.errors import ModelError

_SOURCES = "codegen/host/src/"
_OBJECTS = "codegen/host/lib/"
_INCLUDE = "codegen/host/include/"


def read_archive(path: Path) -> Archive:
    """Reads a Model Library Format archive: a tar (also gzipped) or an unpacked folder.

    Raises UsageError when there is no such file, ModelError for anything that is not a readable
    archive of version 1 to 7. Nothing is extracted; work and memory are bounded.
    """
    return parse_archive(read_files(path), str(path))


def parse_archive(files: Files, where: str) -> Archive:
    """The same from files that were read."""
    if FILE not in files.contents:
        raise ModelError(
            "this is no archive in TVM's Model Library Format",
            where=where,
            why=f"it has no {FILE}",
            hint="name the archive itself, or the folder with metadata.json and codegen/",
        )
    version, entries = parse_metadata(bytes(files.contents[FILE]))
    sources = [
        scan(name.removeprefix(_SOURCES), data)
        for name, data in sorted(files.contents.items())
        if name.startswith(_SOURCES) and is_source(name)
    ]
    return Archive(
        version,
        tuple(_module(entry, entries, files.contents, sources) for entry in entries),
        files.raw,
    )


def _module(
    entry: Entry,
    entries: tuple[Entry, ...],
    contents: Mapping[str, memoryview],
    sources: list[Code],
) -> Module:
    alone = len(entries) == 1
    objects = [
        name.removeprefix(_OBJECTS)
        for name in sorted(contents)
        if name.startswith(_OBJECTS) and (alone or _owner(name, entries) == entry.name)
    ]
    return Module(
        name=entry.name,
        style=entry.style,
        executors=entry.executors,
        targets=entry.targets,
        tvm_version=entry.tvm_version,
        gen_fw_version=entry.gen_fw_version,
        workspace_bytes=entry.workspace_bytes,
        constants_bytes=entry.constants_bytes,
        operators=entry.operators,
        inputs=entry.inputs,
        outputs=entry.outputs,
        relay=_relay(entry.name, contents, alone=alone),
        header=_header(entry.name, contents),
        sources=tuple(
            source for source in sources if alone or _owner(source.file, entries) == entry.name
        ),
        objects=tuple(objects),
    )


def _owner(name: str, entries: tuple[Entry, ...]) -> str:
    """The module whose file ``<module>_lib<n>.<extension>`` this is."""
    stem = name.rpartition("/")[2].rpartition(".")[0]
    module, _, number = stem.rpartition("_lib")
    known = {entry.name for entry in entries}
    return module if module in known and number.isdigit() else ""


def _header(module: str, contents: Mapping[str, memoryview]) -> Header | None:
    name = f"tvmgen_{module}.h"
    content = contents.get(f"{_INCLUDE}{name}")
    return None if content is None else parse_header(name, content, module)


def _relay(module: str, contents: Mapping[str, memoryview], *, alone: bool) -> Signature | None:
    names = [f"src/{module}.relay", *(["src/relay.txt", "relay.txt"] if alone else [])]
    for name in names:
        if name in contents:
            return parse_relay(bytes(contents[name][: 2 << 20]).decode("utf-8", "replace"))
    return None
