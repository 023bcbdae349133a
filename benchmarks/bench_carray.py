# SPDX-License-Identifier: Apache-2.0
"""Emitting a C array, against ``xxd -i`` in the same run, and what compiling it costs.

    python benchmarks/bench_carray.py [--megabytes 20] [--compile]

Exit code 1 when emitting takes more than half the time of xxd.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gen_fw.project.carray import c_array_chunks

TARGET = 0.5


def emit(data: bytes, path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"const unsigned char data[] = {\n")
        file.writelines(c_array_chunks(data))
        file.write(b"};\n")


def best(work: Callable[[], object], runs: int = 3) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--compile", action="store_true", help="time gcc -c on both files as well")
    options = parser.parse_args()
    xxd = shutil.which("xxd")
    if xxd is None:
        print("xxd is not installed", file=sys.stderr)
        return 1
    data = random.Random(0).randbytes(options.megabytes * 1_000_000)
    with tempfile.TemporaryDirectory() as name:
        source, ours, theirs = (Path(name, file) for file in ("data.bin", "ours.c", "xxd.c"))
        source.write_bytes(data)
        seconds = {
            "gen-fw": best(lambda: emit(data, ours)),
            "xxd -i": best(lambda: subprocess.run([xxd, "-i", source, theirs], check=True)),
        }
        ratio = seconds["gen-fw"] / seconds["xxd -i"]
        print(f"{'emitter':8} {'seconds':>8} {'MB/s':>7} {'text MB':>8} {'gcc -c s':>9}")
        for label, path in (("gen-fw", ours), ("xxd -i", theirs)):
            speed = options.megabytes / seconds[label]
            compiling = ""
            if options.compile:
                command = ["gcc", "-c", str(path), "-o", f"{name}/data.o"]
                start = time.perf_counter()
                subprocess.run(command, check=True)
                compiling = f"{time.perf_counter() - start:.1f}"
            size = path.stat().st_size / 1e6
            print(f"{label:8} {seconds[label]:8.3f} {speed:7.0f} {size:8.1f} {compiling:>9}")
    print(f"ratio {ratio:.2f} (target <= {TARGET})")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
