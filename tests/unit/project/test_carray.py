# SPDX-License-Identifier: Apache-2.0
"""Arrays compile in C and C++ to exactly the bytes they were made from."""

from __future__ import annotations

import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gen_fw.errors import GenFwError
from gen_fw.project.carray import ARRAY_TYPES, c_array_chunks, typed_array_chunks

C_TYPES = {"bool": "bool", "float16": "uint16_t", "bfloat16": "uint16_t"}
C_TYPES |= {"float32": "float", "float64": "double"}


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
@pytest.mark.parametrize("rows", [1, 3, 4096])
def test_rows_are_the_same_for_every_block_size(size: int, rows: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8).tobytes()
    text = b"".join(c_array_chunks(memoryview(data), rows=rows)).decode()
    assert [int(cell, 16) for cell in text.replace("\n", "").split(",")[:-1]] == list(data)
    lines = [data[start : start + 16] for start in range(0, size, 16)]
    wanted = ["  " + ", ".join(f"0x{byte:02x}" for byte in line) + ",\n" for line in lines]
    assert text == "".join(wanted)


def test_memory_does_not_grow_with_the_data() -> None:
    data = bytes(8 << 20)
    tracemalloc.start()
    total = sum(len(chunk) for chunk in c_array_chunks(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == (8 << 20) // 16 * (2 + 16 * 6)
    assert peak < 4 << 20


def values(dtype: str) -> bytes:
    """Random values and every special one, as little-endian bytes."""
    storage = np.dtype(ARRAY_TYPES[dtype][0])
    rng = np.random.default_rng(1)
    if dtype == "bool":
        return rng.integers(0, 2, 100, dtype=np.uint8).tobytes()
    random = rng.integers(0, 256, 300 * storage.itemsize, dtype=np.uint8).tobytes()
    if storage.kind == "f":
        info = np.finfo(storage)
        edge = [0.0, -0.0, np.inf, -np.inf, np.nan, info.max, info.min, info.tiny, 0.1, 1 / 3]
        edge += [info.smallest_subnormal, -info.smallest_subnormal, 1.0, -1.5, 2.0**-20]
        numbers = np.frombuffer(random, dtype=storage)
        numbers = numbers[~np.isnan(numbers)]  # a NaN's payload is not kept
        return np.concatenate([np.array(edge, storage), numbers]).tobytes()
    limits = np.iinfo(storage)
    return np.array([limits.min, limits.max, 0, 1], storage).tobytes() + random


@pytest.mark.parametrize("compiler", ["gcc -std=c99", "g++ -std=c++17", "clang -std=c99"])
def test_typed_arrays_are_exact(compiler: str, tmp_path: Path) -> None:
    lines = ["#include <math.h>", "#include <stdbool.h>", "#include <stdint.h>"]
    lines += ["#include <stdio.h>"]
    prints = []
    for dtype in ARRAY_TYPES:
        c_type = C_TYPES.get(dtype, f"{dtype}_t")
        text = b"".join(typed_array_chunks(values(dtype), dtype)).decode()
        assert max(map(len, text.split("\n"))) <= 100, dtype
        lines += [f"static const {c_type} a_{dtype}[] = {{", text + "};"]
        prints.append(f"  fwrite(a_{dtype}, 1, sizeof a_{dtype}, stdout);")
    lines += ["int main(void) {", *prints, "  return 0;", "}"]
    source, program = tmp_path / ("a.cc" if "++" in compiler else "a.c"), tmp_path / "a"
    source.write_text("\n".join(lines) + "\n")
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion"]
    subprocess.run([*compiler.split(), *flags, source, "-o", program], check=True)
    out = subprocess.run([program], capture_output=True, check=True).stdout
    for dtype, (storage, _, _) in ARRAY_TYPES.items():
        wanted = np.frombuffer(values(dtype), storage)
        got, out = np.frombuffer(out[: wanted.nbytes], storage), out[wanted.nbytes :]
        if wanted.dtype.kind == "f":
            assert np.array_equal(np.isnan(wanted), np.isnan(got)), dtype
            wanted, got = wanted[~np.isnan(wanted)], got[~np.isnan(got)]
        assert wanted.tobytes() == got.tobytes(), dtype
    assert out == b""


def test_other_tensors_are_refused() -> None:
    for data, dtype in ((b"", "string"), (b"123", "float32"), (b"", "int4")):
        with pytest.raises(GenFwError):
            list(typed_array_chunks(data, dtype))
