# SPDX-License-Identifier: Apache-2.0
"""Small project plans, and a view of a folder that two projects can be compared by."""

from __future__ import annotations

from pathlib import Path

from gen_fw.project.plan import Chunks, Content, Owner, ProjectFile, ProjectPlan


def file(path: str, content: Content | str, owner: Owner = "ours", **more: bool) -> ProjectFile:
    data = content.encode() if isinstance(content, str) else content
    return ProjectFile(path, data, owner, **more)


def plan(*files: ProjectFile, version: int = 1) -> ProjectPlan:
    receipt: dict[str, object] = {"tool": {"version": str(version)}, "board": "b"}
    return ProjectPlan(tuple(sorted(files, key=lambda item: item.path)), receipt)


def project(version: int) -> ProjectPlan:
    """All owners, a streamed file, an executable, and one file that only this version has."""
    text = f"version {version}\n".encode()
    return plan(
        file("CMakeLists.txt", text, "shared"),
        file("README.md", text * 30, "shared"),
        file("gen/a/data.c", Chunks(lambda: iter([text] * 400))),
        file("gen/a/same.c", "the same\n"),
        file("gen/tool.sh", text, executable=True),
        file(f"gen/only{version}/x.c", text),
        file("main/app.c", text, "yours"),
        version=version,
    )


def tree(out: Path, *, state: bool = True) -> dict[str, bytes]:
    """Every file below ``out`` by path; without ``state``, none of ``.gen-fw``."""
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    return {path: data for path, data in found.items() if state or not path.startswith(".gen-fw/")}
