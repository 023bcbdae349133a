# SPDX-License-Identifier: Apache-2.0
"""What xformer made of a model, for people: before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def show_xcore(name: str, xcore: Mapping[str, Any], console: Console) -> None:
    """Prints operators and sizes before and after, and what xformer left as it was."""
    from gen_fw.report.tables import count, table

    operators, sizes = xcore["operators"], xcore["model_bytes"]
    console.print(
        f"{name}: {xcore['mode']}; xformer {xcore['version']}, {xcore['threads']} threads; "
        f"{count(operators['optimised'])} operators for the vector unit, "
        f"{count(operators['reference'])} on reference kernels"
        + (f"; {operators['binary']} of a 1-bit network" if operators["binary"] else ""),
        markup=False,
    )
    labels = list(dict.fromkeys([*xcore["before"], *xcore["after"]]))
    rows: list[tuple[Any, ...]] = [
        (label, xcore["before"].get(label, ""), xcore["after"].get(label, "")) for label in labels
    ]
    rows.append(("operators in all", operators["before"], operators["after"]))
    rows.append(("bytes of the model", sizes["before"], sizes["after"]))
    if sizes["parameters"]:
        rows.append(("bytes of parameters outside it", "", sizes["parameters"]))
    rows.append(("bytes of the arena", "", xcore["arena_bytes"]))
    console.print(table(f"xformer on {name}", ["", ">before", ">after"], rows))
    for row in xcore["left"]:
        console.print(f"  left as it was: {row['name']}: {row['reason']}", markup=False)
