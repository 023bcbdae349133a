# SPDX-License-Identifier: Apache-2.0
"""An ESP-IDF project with `--runtime aot`: the SDK alone, no TFLM, built for `linux` and run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import sdk_evidence
from sdk_idf import Idf, override_components
from sdk_projects import EXAMPLES, generate
from sdk_trees import Tree, esp_nn
from test_idf_linux import BOARD, check, output

pytestmark = pytest.mark.sdk

PROGRAMS = ("digits", "chirps", "sine")


def test_programs_of_the_sdk_alone(tmp_path: Path, esp_idf_tree: Idf) -> None:
    done = _built_and_run(tmp_path / "project", esp_idf_tree, "portable")
    _record(
        esp_idf_tree,
        "aot",
        "neither esp-tflite-micro nor esp-nn is part of it",
        "--kernels portable",
        (),
        done,
    )


def test_programs_that_call_esp_nn(tmp_path: Path, esp_idf_tree: Idf) -> None:
    """As chosen for this board; on this target ESP-NN is its plain C."""
    library = esp_nn()
    done = _built_and_run(tmp_path / "project", esp_idf_tree, "auto", library)
    _record(
        esp_idf_tree,
        "aot-esp-nn",
        "the component esp-nn is a local tree, whose plain C the linux target takes",
        "",
        (library,),
        done,
    )


def _built_and_run(
    project: Path, idf: Idf, kernels: str, library: Tree | None = None
) -> list[dict[str, object]]:
    models = [EXAMPLES / f"{name}_int8.tflite" for name in PROGRAMS]
    options = ["--runtime", "aot", "--kernels", kernels]
    for name in PROGRAMS:
        options += ["--name", name, "--golden", str(EXAMPLES / f"{name}_int8_golden.npz")]
    generate(BOARD, project, *models, options=tuple(options))
    manifest = project / "gen" / "idf_component.yml"
    text = manifest.read_text("utf-8")
    assert "tflite" not in text and ("esp-nn" in text) == (library is not None)
    if library is not None:
        override_components(manifest, (library.root,))
    idf.prepare(project, linux=True)
    done = idf.idf_py(project, "linux", "--preview", "build")
    assert done.returncode == 0, done.stdout[-6000:]
    assert not [x for x in done.stdout.splitlines() if "warning:" in x and "/gen/" in x]
    (elf,) = (project / "build").glob("*.elf")
    rows: list[dict[str, object]] = []
    check(output(elf, len(PROGRAMS)), elf, PROGRAMS, rows)
    return rows


def _record(
    idf: Idf,
    what: str,
    components: str,
    option: str,
    trees: tuple[Tree, ...],
    rows: list[dict[str, object]],
) -> None:
    compiler = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True).stdout
    asked = " ".join(filter(None, ("--runtime aot", option)))
    sdk_evidence.record(
        f"esp-idf-{idf.release}-linux-{what}",
        title=f"ESP-IDF {idf.tree.version}, linux target, {asked}: built and run",
        method=f"gen-fw ... --board {BOARD} {asked}, then idf.py --preview build with "
        f"IDF_TARGET=linux; {components}",
        command="pytest -m sdk tests/sdk/test_idf_linux_aot.py",
        trees=(idf.tree, *trees),
        tools={"gcc": compiler.strip()},
        results=rows,
    )
