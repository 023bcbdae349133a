# SPDX-License-Identifier: Apache-2.0
"""Vendor trees that the user names by environment variables. Nothing here ever writes into one."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree: ``variable`` names it, ``version`` and ``commit`` identify it."""

    name: str
    variable: str
    root: Path
    version: str

    @property
    def commit(self) -> str:
        """The commit of a git checkout; of an archive, what ``<VARIABLE>_COMMIT`` says."""
        told = os.environ.get(f"{self.variable}_COMMIT", "")
        if not (self.root / ".git").exists():
            return told or "unknown (no .git in the tree)"
        head = subprocess.run(
            ["git", "-C", self.root, "rev-parse", "HEAD"], capture_output=True, text=True
        )
        return head.stdout.strip() if head.returncode == 0 else told

    def record(self) -> dict[str, str]:
        """What the evidence says about this tree."""
        return {"name": self.name, "version": self.version, "commit": self.commit}


def tree(name: str, variable: str, version_file: str, pattern: str) -> Tree:
    """The tree that ``variable`` names; the test is skipped when it names none.

    ``pattern`` finds the version in ``version_file``: its groups, joined by dots. A tree without
    releases has no group, and "main" as its version.
    """
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"{variable} does not name a {name} tree")
    root = Path(value).resolve()
    path = root / version_file
    if not path.is_file():
        pytest.skip(f"{variable} names no {name} tree: {version_file} is missing")
    found = re.search(pattern, path.read_text("utf-8"), re.DOTALL)
    assert found, f"no version in {path}"
    return Tree(name, variable, root, ".".join(found.groups()) or "main")


def esp_idf() -> Tree:
    """ESP-IDF, from IDF_PATH."""
    return tree(
        "esp-idf",
        "IDF_PATH",
        "tools/cmake/version.cmake",
        r"VERSION_MAJOR (\d+).*?VERSION_MINOR (\d+).*?VERSION_PATCH (\d+)",
    )


def esp_tflite_micro() -> Tree:
    """The component esp-tflite-micro, from ESP_TFLITE_MICRO_ROOT."""
    return _component("esp-tflite-micro", "ESP_TFLITE_MICRO_ROOT")


def esp_nn() -> Tree:
    """The component esp-nn, from ESP_NN_ROOT."""
    return _component("esp-nn", "ESP_NN_ROOT")


def cmsis_nn() -> Tree:
    """CMSIS-NN, from CMSIS_NN_ROOT."""
    revision = r"Revision:\s+V\.([\d.]+)"
    return tree("CMSIS-NN", "CMSIS_NN_ROOT", "Include/arm_nnfunctions.h", revision)


def _component(name: str, variable: str) -> Tree:
    found = tree(name, variable, "idf_component.yml", r'version:\s*"?([0-9][^"\s]*)')
    # the component manager resolves an override only if the folder has the component's name
    if found.root.name != name:
        pytest.skip(f"{variable}: the folder must be called {name}")
    return found
