# SPDX-License-Identifier: Apache-2.0
"""The house's one-way imports, the length of files, and what may print or exit."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "generator" / "gen_fw"
FILES = sorted(PACKAGE.rglob("*.py"))

#: room -> rooms it may import; the top-level modules are words that everyone may use
WORDS = {"c_words", "errors", "files", "program", "request", "resources", "version"}
MAY_IMPORT = {
    "cli": {
        "cli",
        "pipeline",
        "inspection",
        "archive",
        "archive_inspection",
        "fitting",
        "report",
        "boards",
        "run",
        "tvm_programs",
        "tuning",
        *WORDS,
    },
    # what programs are made of: models, modules of archives
    "inputs": {"archive", "boards", "model", "project", "runtimes", *WORDS},
    "pipeline": {
        "boards",
        "candidates",
        "inputs",
        "memory",
        "model",
        "project",
        "report",
        "runtimes",
        "tvm_programs",
        *WORDS,
    },
    # models that become archives, before candidates
    "tvm_programs": {
        "archive",
        "boards",
        "compilers",
        "inputs",
        "lowering",
        "model",
        "runtimes",
        *WORDS,
    },
    # every candidate: compile, lower, place
    "candidates": {
        "boards",
        "compilers",
        "inputs",
        "lowering",
        "memory",
        "model",
        "npu_programs",
        "project",
        "runtimes",
        "xcore_plain",
        "xcore_programs",
        *WORDS,
    },
    "xcore_programs": {"boards", "compilers", "memory", "model", "runtimes", "xcore_steps", *WORDS},
    # plain C on tiles
    "xcore_plain": {"boards", "inputs", "lowering", "memory", "model", "runtimes", "xcore_steps"}
    | WORDS,
    "xcore_steps": {"boards", "compilers", "memory", "model", "runtimes", *WORDS},
    "lowering": {
        "boards",
        "compilers",
        "inputs",
        "memory",
        "model",
        "npu_programs",
        "project",
        "runtimes",
        *WORDS,
    },
    "npu_programs": {"boards", "compilers", "memory", "model", "runtimes", *WORDS},
    "compilers": {"compilers", "archive", "boards", "memory", "model", "runtimes", *WORDS},
    "inspection": {"boards", "compilers", "memory", "model", "report", "runtimes", *WORDS},
    "archive_inspection": {"archive", "boards", "report", "runtimes", *WORDS},
    "fitting": {
        "xcore_plain",
        "xcore_steps",
        "boards",
        "inputs",
        "lowering",
        "memory",
        "model",
        "runtimes",
        *WORDS,
    },
    # schedules of kernels: projects are generated, built and run
    "tuning": {
        "tuning",
        "boards",
        "compilers",
        "model",
        "pipeline",
        "run",
        "runtimes",
        *WORDS,
    },
    "report": {
        "report",
        "archive",
        "compilers",
        "project",
        "memory",
        "model",
        "boards",
        "pipeline",
        "fitting",
        "run",
        "tuning",
        "tvm_programs",
        *WORDS,
    },
    "run": {"run", "compilers", "runtimes", "boards", *WORDS},
    "project": {"project", "memory", "boards", *WORDS},
    "runtimes": {"runtimes", "archive", "model", "memory", "boards", *WORDS},
    "memory": {"memory", "boards", *WORDS},
    "boards": {"boards", *WORDS},
    "model": {"model", "errors", "files"},
    "archive": {"archive", "errors", "files"},
    "c_words": set(),
    "errors": set(),
    "files": {"errors"},
    "program": {"errors"},
    "request": {"errors"},
    "resources": set(),
    "version": set(),
    "__main__": {"cli"},
    "": {"pipeline", "request", "version"},
}


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    used = {name.split(".")[1] for name in imports(parse(path)) if name.startswith("gen_fw.")}
    used = {name for name in used if name != "__version__"}
    assert used <= MAY_IMPORT[room], f"{room} may not import {sorted(used - MAY_IMPORT[room])}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_cli_talks(path: Path) -> None:
    if room_of(path) == "cli" or path.stem.endswith("_child"):  # programs of their own
        return
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "exit", "quit", "input", "eval", "exec"}, path
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            assert name not in {"sys.exit", "os.environ", "os.getenv"}, f"{path}: {name}"


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in FILES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 420
    }
    assert not long


def test_every_file_names_its_licence() -> None:
    assert all("SPDX-License-Identifier: Apache-2.0" in p.read_text()[:200] for p in FILES)
