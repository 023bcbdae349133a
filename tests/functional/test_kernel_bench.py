# SPDX-License-Identifier: Apache-2.0
"""Versions of a kernel, counted side by side on emulated boards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gen_fw import generate
from gen_fw.errors import ToolMissingError, UsageError
from gen_fw.run import bench as bench_module
from gen_fw.run import tools
from gen_fw.run.bench import Bench, Buffer, Kernel, widest
from gen_fw.run.project import load

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples" / "models" / "sine_int8.tflite"
ROWS, TAPS = 40, 16
WEIGHTS = np.random.default_rng(5).integers(-128, 128, TAPS, dtype=np.int8)
KERNEL = Kernel(
    "product",
    (
        Buffer("input", "int8_t", ROWS * TAPS, "input"),
        Buffer("output", "int32_t", ROWS * 4, "output"),
        Buffer("weights", "int8_t", TAPS, "constant", WEIGHTS.tobytes()),
        Buffer("space", "int32_t", 64, "scratch"),
    ),
)


def text(unroll: int = 1, more: str = "") -> str:
    return f"""#include <stdint.h>
void product(const int8_t *restrict input, int32_t *restrict output,
             const int8_t *restrict weights, int32_t *restrict space);
void product(const int8_t *restrict input, int32_t *restrict output,
             const int8_t *restrict weights, int32_t *restrict space) {{
  for (int32_t row = 0; row < {ROWS}; ++row) {{
    int32_t sum = 0;
#pragma GCC unroll {unroll}
    for (int32_t k = 0; k < {TAPS}; ++k) {{
      sum += input[row * {TAPS} + k] * weights[k];
    }}
    output[row] = sum;
    space[row % 16] = row * {unroll};
    {more}
  }}
}}
"""


def project(board: str, folder: Path) -> Path:
    found = [tools.find(tool) for tool in tools.needed(load_toolchain(board))]
    missing = [entry.tool.command for entry in found if entry.tool.required and not entry.ok]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    generate([MODEL], board, folder, runtime="aot")
    return folder


def load_toolchain(board: str) -> str:
    return "riscv64-unknown-elf" if "riscv" in board else "arm-none-eabi"


@pytest.mark.parametrize("board", ["qemu-cortex-m4", "qemu-cortex-m55", "qemu-riscv32"])
def test_versions_are_counted_and_compared(board: str, tmp_path: Path) -> None:
    bench = Bench(load(project(board, tmp_path / "project")), tmp_path / "work", seconds=2)
    broken = text(1, "output[row] += unknown;")
    crash = text(1, "if (row == 3) *(volatile int32_t *)0xfffffff0u = 1, __builtin_trap();")
    beyond = text(1, f"if (row == 7) output[{ROWS}] = 1;")
    other = text(1, "if (row == 7) output[row] ^= 1;")
    behind = text(1, "space[16 + row % 8] = row;")
    endless = text(1, "while (*(volatile int32_t *)output == space[0] + output[0]) { }")
    texts = [text(), broken, text(16), crash, beyond, other, endless, text(), behind]
    texts += [text(unroll) for unroll in range(2, 15)]  # more than one firmware holds
    assert len(texts) > bench_module.SLOTS
    counts = bench.count(KERNEL, texts)
    first = counts[0]
    assert not first.fault and first.instructions > ROWS * TAPS
    # timers count in fractions of an instruction
    assert counts[7].instructions == pytest.approx(first.instructions, abs=4)
    assert not counts[2].fault and counts[2].instructions < first.instructions
    assert counts[2].bytes > first.bytes
    assert "beyond its scratch" in counts[8].fault
    for count in (counts[2], counts[7], *counts[9:]):
        assert count.digest == first.digest, "unrolling changes nothing; scratch does not matter"
    assert "does not compile" in counts[1].fault and "unknown" in counts[1].fault
    assert "FAULT" in counts[3].fault
    assert "stopped after" in counts[6].fault
    for count in (counts[4], counts[5]):
        assert not count.fault and count.digest != first.digest

    # another kernel on the same bench; one that is larger than the board's memory
    size = 20 << 20
    large = f"const char large[{size}] = {{1}};\n{text(1, 'output[row] += large[row + 1];')}"
    # versions with more or less scratch compute the same
    less = Kernel(KERNEL.entry, (*KERNEL.buffers[:3], Buffer("space", "int32_t", 32, "scratch")))
    assert widest([less, KERNEL, less]) == KERNEL
    assert bench.count(widest([less]), [text()])[0].fault == "it writes beyond its scratch memory"
    none = Kernel(KERNEL.entry, KERNEL.buffers[:3])
    bare = text().replace(", int32_t *restrict space", "").replace("space[row % 16] =", "(void)")
    bare = bare.replace("(void) row * 1", "(void)row")
    assert bench.count(none, [bare])[0].digest == first.digest
    again = bench.count(KERNEL, [text(3), large, text(16)])
    assert again[0].digest == first.digest == again[2].digest
    assert again[2].instructions == pytest.approx(counts[2].instructions, abs=4)
    assert "does not fit" in again[1].fault


def test_hosts_and_missing_tools_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate([MODEL], "host", tmp_path / "host", runtime="aot")
    with pytest.raises(UsageError, match="emulated boards only"):
        Bench(load(tmp_path / "host"), tmp_path / "work")
    generate([MODEL], "qemu-riscv32", tmp_path / "project", runtime="aot")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="qemu-system-riscv32"):
        Bench(load(tmp_path / "project"), tmp_path / "work")
