# SPDX-License-Identifier: Apache-2.0
"""An arena as a table, and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gen_fw.program import ArenaPlan

if TYPE_CHECKING:
    from rich.console import Console

#: stands near the beginning of every picture
PICTURE_MARK = b'<title id="title">Arena plan of '


def picture(plan: ArenaPlan, name: str) -> str:
    """The planned part over time, as SVG."""
    from gen_fw.project.picture import svg

    return svg(plan, name)


def show_arena(arena: Mapping[str, Any], console: Console) -> None:
    """Prints the itemised table, the bound, and what a plan of ours saves."""
    from gen_fw.report.tables import count

    show_items(
        f"arena of {arena['runtime']}{_build(arena['build'])}",
        arena["items"],
        ("smallest arena that works", arena["minimum_bytes"], arena["label"]),
        console,
    )
    if arena["weakest"]:
        console.print(f"{arena['label']} because of: {arena['weakest']}", markup=False)
    head, bound = arena["head_bytes"], arena["lower_bound_bytes"]
    gap = "which is the lower bound" if head <= bound else f"lower bound {count(bound)}"
    console.print(
        f"in use after start: {count(arena['used_bytes'])} bytes, of which "
        f"{count(head)} are planned ({arena['planner']}), {gap}",
        markup=False,
    )
    if split := arena["split"]:
        console.print(
            f"as two arenas (--place persistent=...): {count(split['arena_bytes'])} bytes for "
            f"tensors, {count(split['persistent_bytes'])} for what is kept",
            markup=False,
        )
    offline = arena["offline_plan"]
    if offline and offline["applied"]:
        before = offline["before"]
        console.print(
            f"{', '.join(offline['steps'])}: {count(before['minimum_bytes'])} -> "
            f"{count(arena['minimum_bytes'])} bytes (--no-offline-plan does without)",
            markup=False,
        )


def show_items(
    title: str,
    items: Iterable[Mapping[str, Any]],
    total: tuple[str, int, str],
    console: Console,
) -> None:
    """Prints ``items``, what ``item_document`` makes, and a last line: label, bytes, claim."""
    from gen_fw.report.tables import table

    rows = [(item["label"], item["bytes"], item["confidence"], item["source"]) for item in items]
    console.print(table(title, ["arena", ">bytes", "how sure", "source"], [*rows, (*total, "")]))


def _build(build: Mapping[str, str] | None) -> str:
    if build is None:
        return ""
    variant = f" ({build['variant']})" if build["variant"] else ""
    return f": {build['release']}, {build['abi']}, kernels {build['kernels']}{variant}"
