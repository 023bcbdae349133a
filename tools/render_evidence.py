# SPDX-License-Identifier: Apache-2.0
"""Renders docs/evidence.md from docs/evidence/*.json, which tests/sdk writes.

python tools/render_evidence.py [--check]      --check: exit 1 if the page is not up to date
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "evidence"
PAGE = ROOT / "docs" / "evidence.md"

HEAD = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Rendered by tools/render_evidence.py from docs/evidence/*.json; do not edit. -->
# Evidence

What was run against the real trees of vendors, with versions. `make test-sdk` repeats it and
rewrites the JSON files from which this page is rendered. Below that rung, `make test` compiles
generated code with several compilers and executes it on the host (tests/functional).

Trees are named by variables: `IDF_PATH` (with `IDF_PYTHON_ENV_PATH`, as export.sh sets it; one run
per release), `ESP_TFLITE_MICRO_ROOT`, `ESP_NN_ROOT`, `TFLM_ROOT`, `CMSIS_NN_ROOT`, `ALIF_DFP_ROOT`,
`NEURALSPOT_ROOT`, `MLF_ARCHIVES` (a folder of TVM's archives: docs/tvm.md) and so on, as each
command below says. They are never written to. For an extracted archive, which has no commit,
`IDF_PATH_COMMIT` and so on say which one it is. A SHA-256
identifies the executable that ran; folder names go into it, so yours will differ.
"""

TAIL = """
## What nobody has run
* **No board.** No generated project has been flashed to or run on a real chip, and no latency was
  measured. Latency that gen-fw shows is an estimate.
* **No Xtensa code.** The compiler for esp32, esp32s2 and esp32s3 was not available: for these chips
  CMake, Kconfig, manifest and partition table were checked, and no file was compiled. The same
  sources were compiled for x86-64 and rv32imc.
* **No SIMD kernels.** The assembly kernels of esp-nn for ESP32-S3 and ESP32-P4 were neither
  assembled nor run; their scratch memory is computed from esp-nn's formulas. The self-test at
  every start of the firmware compares with the reference kernels, and `CONFIG_NN_ANSI_C=y`
  switches them off.
* **No Espressif RISC-V toolchain.** The rv32imc run uses Debian's compiler, picolibc and QEMU's
  generic machine, without ESP-IDF; no `.bin` image of a RISC-V chip was built.
* **No Apollo.** Firmware that contains Ambiq's TFLM libraries was linked and looked into; it may
  run on Ambiq's processors only, and nobody has run it there. For Apollo4 the HAL's headers were
  ours (the checkout at hand lacks apollo4p.h and apollo4l.h); for Apollo510 and Apollo330P nothing
  was linked with AmbiqSuite (it lacks apollo510.h, apollo330P.h and a HAL library). The allowance
  that makes arenas over these libraries upper bounds was not compared on a board. J-Link was never
  called with a board.
* **No XTC.** For xcore.ai no compiler was available: no `.xc` file and nothing under `__xcore__`
  was compiled for the chip, `xmake`, `xrun` and `xflash` were not run. Native builds link XMOS's
  library that simulates the vector unit; start-up code and channels were run with processes.
* **No NPU.** QEMU has none and Arm's models were not available: of what Vela compiled, memory was
  judged, and the command streams were never executed. Alif projects were linked, and their CPU code
  ran on an emulated Cortex-M55; caches, clocks, power, OSPI flash and the SE tools were not tried.
* **No Arm Compiler 6.** Its toolchain file and scatter file in Alif projects are untested.
* **No PSRAM.** Its Kconfig symbols are checked; an arena in PSRAM was never allocated on a chip.
"""


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    text = page(load(FOLDER))
    if not parser.parse_args().check:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    print("docs/evidence.md is not what tools/render_evidence.py makes", file=sys.stderr)
    return 1


def load(folder: Path) -> list[dict[str, Any]]:
    """All runs, by id."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]


def page(runs: list[dict[str, Any]]) -> str:
    """The whole page."""
    summary = _table(
        ["run", "trees", "rows"],
        [[f"[{r['title']}](#{r['id']})", _trees(r, short=True), len(r["results"])] for r in runs],
    )
    return "\n".join([HEAD, summary, *(_run(run) for run in runs)]) + TAIL


def _run(run: dict[str, Any]) -> str:
    rows: list[dict[str, Any]] = run["results"]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    # what is the same in every row is said once
    constant = {
        key: rows[0][key]
        for key in columns[1:]
        if len(rows) > 1 and len({str(row.get(key)) for row in rows}) == 1
    }
    shown = [key for key in columns if key not in constant]
    lines = [
        f'\n<a id="{run["id"]}"></a>',
        f"## {run['title']}",
        run["method"],
        "",
        f"* command: `{run['command']}`",
        f"* trees: {_trees(run, short=False)}",
    ]
    if run["tools"]:
        tools = ", ".join(f"{name} {version}" for name, version in run["tools"].items())
        lines.append(f"* tools: {tools}")
    for key, value in constant.items():
        lines.append(f"* {_words(key)}, in every row: {_cell(key, value)}")
    cells = [[_cell(key, row.get(key, "")) for key in shown] for row in rows]
    return "\n".join([*lines, "", _table([_words(key) for key in shown], cells)])


def _trees(run: dict[str, Any], *, short: bool) -> str:
    return ", ".join(
        f"{tree['name']} {tree['version']}" + ("" if short else f" (`{tree['commit'][:12]}`)")
        for tree in run["trees"]
    )


def _words(key: str) -> str:
    return key.replace("_", " ").replace("sha256", "SHA-256")


def _cell(key: str, value: object) -> str:
    text = str(value).replace("|", "\\|")
    return f"`{text}`" if key in ("line", "elf_sha256") and text else text


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
