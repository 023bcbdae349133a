# SPDX-License-Identifier: Apache-2.0
"""TVM is there in one version, or there is one line that installs it."""

from __future__ import annotations

import importlib.metadata
import os
import tomllib

import pytest

from gen_fw.boards.load import load_board
from gen_fw.compilers.tvm import installed
from gen_fw.errors import ExitCode, ToolMissingError
from gen_fw.run.doctor import diagnose
from sample_models import ROOT

LINE = "pip install apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.15.post2"


def with_versions(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """``apache_tvm="0.27.0"``; what is not named is missing."""
    real = importlib.metadata.version

    def version(name: str) -> str:
        if not name.startswith("apache-tvm"):
            return real(name)
        try:
            return versions[name.replace("-", "_")]
        except KeyError:
            raise importlib.metadata.PackageNotFoundError(name) from None

    monkeypatch.setattr(importlib.metadata, "version", version)


PINNED = {"apache_tvm": "0.27.0.post1", "apache_tvm_ffi": "0.1.15.post2"}


def test_the_pinned_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    with_versions(monkeypatch, **PINNED)
    installed.check_installed()


@pytest.mark.parametrize(
    ("versions", "what", "why"),
    [
        ({}, "is not installed", "apache-tvm and apache-tvm-ffi"),
        ({"apache_tvm": "0.27.0.post1"}, "is not installed", "apache-tvm-ffi of Python"),
        ({**PINNED, "apache_tvm": "0.26.0"}, "another version", "apache-tvm 0.26.0"),
        ({**PINNED, "apache_tvm_ffi": "0.1.15"}, "another version", "apache-tvm-ffi 0.1.15 is"),
    ],
)
def test_a_missing_or_other_version(
    versions: dict[str, str], what: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_versions(monkeypatch, **versions)
    with pytest.raises(ToolMissingError) as caught:
        installed.check_installed()
    error = caught.value
    assert error.exit_code == ExitCode.TOOL_MISSING == 7
    assert what in error.what and why in error.why and error.hint == LINE
    (check,) = [
        check
        for check in diagnose([load_board("esp32c3")], os.environ, progress=lambda _: None).checks
        if check.what == "Python package apache-tvm"
    ]
    assert not check.ok and not check.required and check.install == LINE
    assert check.wanted == "0.27.0.post1 with apache-tvm-ffi 0.1.15.post2"


def test_doctor_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with_versions(monkeypatch, **PINNED)
    checks = diagnose([load_board("esp32c3")], os.environ, progress=lambda _: None).checks
    (check,) = [check for check in checks if check.what == "Python package apache-tvm"]
    assert check.ok and check.found == "0.27.0.post1" and not check.install


def test_the_extra_pins_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {f"{name}=={version}" for name, version in installed.VERSIONS.items()}
    assert set(project["optional-dependencies"]["tvm"]) == pins
    assert pins <= set((ROOT / "constraints.txt").read_text().splitlines())
