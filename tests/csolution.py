# SPDX-License-Identifier: Apache-2.0
"""Reads a CMSIS solution as the toolbox does: what is compiled, with which options, and what of it
comes from packs and from trees beside the project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

THIRD_PARTY = "third_party"


@dataclass
class Solution:
    """One project of a solution with its layers; paths are absolute."""

    root: Path
    packs: list[str] = field(default_factory=list)
    device: str = ""
    components: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    add_path: list[str] = field(default_factory=list)
    defines: list[str] = field(default_factory=list)
    linker: Path = Path()
    languages: dict[str, str] = field(default_factory=dict)
    misc: dict[str, list[str]] = field(default_factory=dict)
    layers: list[Path] = field(default_factory=list)

    @property
    def sources(self) -> list[Path]:
        return [path for path in self.files if path.suffix in (".c", ".cc", ".S")]


def read(root: Path) -> Solution:
    """The only solution in ``root``, for GCC."""
    (path,) = root.glob("*.csolution.yml")
    top = _load(path, "solution")
    solution = Solution(root)
    solution.packs = [entry["pack"] for entry in top["packs"]]
    (target,) = top["target-types"]
    solution.device = target["device"]
    solution.languages = {key: top[key] for key in ("language-C", "language-CPP") if key in top}
    assert [entry["type"] for entry in top["build-types"]] == ["release", "debug"]
    for entry in _load(root / "cdefault.yml", "default")["misc"]:
        if entry["for-compiler"] == "GCC":
            solution.misc = {key: entry[key] for key in entry if key != "for-compiler"}
    (project,) = top["projects"]
    _collect(solution, root / project["project"], "project")
    return solution


def _collect(solution: Solution, path: Path, kind: str) -> None:
    document = _load(path, kind)
    folder = path.parent
    solution.components += [entry["component"] for entry in document.get("components", [])]
    solution.defines += [_define(entry) for entry in document.get("define", [])]
    for entry in document.get("add-path", []):
        solution.add_path.append(entry if "$" in entry else str((folder / entry).resolve()))
    for group in document.get("groups", []):
        solution.files += [(folder / entry["file"]).resolve() for entry in group["files"]]
    for entry in document.get("linker", []):
        assert (folder / entry["script"]).is_file()
        if entry["for-compiler"] == "GCC":
            solution.linker = folder / entry["script"]
    for entry in document.get("layers", []):
        layer = (folder / entry["layer"]).resolve()
        solution.layers.append(layer)
        _collect(solution, layer, "layer")


def _define(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    ((name, value),) = entry.items()
    return f"{name}={value}"


def _load(path: Path, kind: str) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text("utf-8"))
    assert list(document) == [kind], path
    table: dict[str, Any] = document[kind]
    return table


def in_third_party(solution: Solution, paths: list[Path] | list[str]) -> Iterator[tuple[str, str]]:
    """(folder of third_party/, path below it) of those paths that lie there."""
    base = (solution.root / THIRD_PARTY).resolve()
    for path in map(Path, paths):
        if path.is_relative_to(base):
            folder, *rest = path.relative_to(base).parts
            yield folder, "/".join(rest)
