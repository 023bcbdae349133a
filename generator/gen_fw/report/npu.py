# SPDX-License-Identifier: Apache-2.0
"""What an NPU's compiler said, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def show_npu(name: str, npu: Mapping[str, Any], console: Console) -> None:
    """Prints the compiler's summary, the operators that stay on the CPU, and what was tried."""
    from gen_fw.report.tables import count, table

    operators = npu["operators"]
    given = npu["settings"] is None
    console.print(
        f"{name} for {npu['accelerator']}, operators: "
        + ("given compiled" if given else f"{count(operators['npu'])} on the NPU")
        + f", {count(operators['cpu'])} on the CPU",
        markup=False,
    )
    if not given and operators["npu"]:
        settings = npu["settings"]
        memory = ", ".join(
            f"{label} {count(npu[key])} bytes"
            for label, key in (
                ("SRAM", "sram_bytes"),
                ("DRAM", "dram_bytes"),
                ("flash", "flash_bytes"),
            )
            if npu[key]
        )
        console.print(
            f"  {npu['compiler']} {npu['version']}, {settings['system_config']}, "
            f"{settings['memory_mode']}, {settings['optimise']}: {memory}; "
            f"{count(npu['cycles'])} cycles at {npu['clock_mhz']} MHz, "
            f"{npu['inference_ms']:.3g} ms an inference ({npu['label']}, NPU alone)",
            markup=False,
        )
    if npu["on_cpu"]:
        rows = [
            (f"{row['subgraph']}:{row['index']}", row["operator"], row["name"], row["reason"])
            for row in npu["on_cpu"]
        ]
        console.print(
            table(f"on the CPU in {name}", [">operator", "kind", "output", "reason"], rows)
        )
    if npu.get("tried"):
        console.print(
            table(
                f"tried for {name}",
                ["optimise", ">arena cache", ">scratch", ">arena", ">cycles (estimate)", ""],
                [
                    (
                        row["optimise"],
                        row["arena_cache_size"] or "-",
                        *(_figure(row[key]) for key in ("scratch_bytes", "arena_bytes", "cycles")),
                        _verdict(row),
                    )
                    for row in npu["tried"]
                ],
            )
        )


def _figure(value: int | None) -> int | str:
    return "-" if value is None else value


def _verdict(row: Mapping[str, Any]) -> str:
    if row["chosen"]:
        return "chosen"
    return str(row.get("why", "" if row["fits"] else "too large"))
