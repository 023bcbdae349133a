# SPDX-License-Identifier: Apache-2.0
"""The result of ``gen-fw doctor`` (schema gen-fw/doctor/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gen_fw.run.doctor import Check, Diagnosis

if TYPE_CHECKING:
    from rich.console import Console

_APT = "sudo apt-get install "


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "schema": "gen-fw/doctor/1",
        "board": diagnosis.board,
        "ok": diagnosis.ok,
        "checks": [_check(check) for check in diagnosis.checks],
        "install": install_lines(diagnosis),
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "what": check.what,
        "purpose": check.purpose,
        "required": check.required,
        "ok": check.ok,
        "found": check.found,
        "wanted": check.wanted,
        "install": check.install,
        "boards": list(check.boards),
    }


def install_lines(diagnosis: Diagnosis) -> list[str]:
    """What to type for all that is missing; Debian's packages in one line."""
    lines = list(dict.fromkeys(check.install for check in diagnosis.missing))
    packages = [line.removeprefix(_APT) for line in lines if line.startswith(_APT)]
    apt = [_APT + " ".join(dict.fromkeys(" ".join(packages).split()))] if packages else []
    return apt + [line for line in lines if line and not line.startswith(_APT)]


def show(diagnosis: Diagnosis, console: Console) -> None:
    """Prints a line for each check, then what to type for those that are missing."""
    from gen_fw.report.tables import table

    rows = [
        (
            "ok" if check.ok else "MISSING" if check.required else "-",
            check.what,
            check.found,
            check.wanted,
            check.purpose,
            _boards(check.boards),
        )
        for check in diagnosis.checks
    ]
    title = f"tools for {diagnosis.board}" if diagnosis.board else "tools"
    console.print(table(title, ("", "what", "found", "wanted", "for", "boards"), rows))
    lines = install_lines(diagnosis)
    if lines:
        console.print("to install what is missing (- is optional):", markup=False)
    for line in lines:
        console.print(f"    {line}", markup=False, soft_wrap=True)


def _boards(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 2 else f"{len(names)} boards"
