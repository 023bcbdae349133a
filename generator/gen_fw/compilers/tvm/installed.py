# SPDX-License-Identifier: Apache-2.0
"""Whether Apache TVM is installed, in the one version that gen-fw uses. Nothing of it is imported
here: that takes a second and 300 MB, and belongs into a child process.

Each minor version of TVM so far changed the interfaces that kernels are made with, and its
requirement of apache-tvm-ffi has no upper bound: so both are pinned.
"""

from __future__ import annotations

import importlib.metadata

from gen_fw.errors import ToolMissingError

#: distribution -> version; pyproject.toml's extra ``tvm`` says the same
VERSIONS = {"apache-tvm": "0.27.0.post1", "apache-tvm-ffi": "0.1.15.post2"}
#: of TVM, as archives, locks and reports name it
VERSION = VERSIONS["apache-tvm"]
INSTALL = "pip install " + " ".join(f"{name}=={version}" for name, version in VERSIONS.items())


def check_installed() -> None:
    """Raises ToolMissingError, with the line that installs it, when TVM is missing or has another
    version."""
    found = {name: installed(name) for name in VERSIONS}
    if all(found[name] == version for name, version in VERSIONS.items()):
        return
    absent = [name for name, version in found.items() if not version]
    other = [f"{name} {v}" for name, v in found.items() if v and v != VERSIONS[name]]
    if absent:
        raise ToolMissingError(
            "TVM is not installed",
            why=f"{' and '.join(absent)} of Python make the kernels of --runtime tvm",
            hint=INSTALL,
        )
    raise ToolMissingError(
        "TVM has another version than the one that gen-fw uses",
        why=f"{' and '.join(other)} is there; kernels depend on the version",
        hint=INSTALL,
    )


def installed(distribution: str) -> str:
    """The version of a distribution, empty when it is not there."""
    try:
        return importlib.metadata.version(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""
