# SPDX-License-Identifier: Apache-2.0
"""Reading a project's description and inputs, child processes with limits, sizes from ELF files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gen_fw.boards.load import load_board
from gen_fw.errors import GenFwError, ToolMissingError, UsageError
from gen_fw.program import Io
from gen_fw.run import tools
from gen_fw.run.doctor import diagnose
from gen_fw.run.elf import Image
from gen_fw.run.process import stream
from gen_fw.run.project import FILE, SCHEMA, NativeProgram, load
from gen_fw.run.tensors import best, read_inputs
from gen_fw.run.tools import Found

DESCRIPTION = {
    "schema": SCHEMA,
    "board": "qemu-cortex-m4",
    "project": "net",
    "emulator": "qemu-system-arm",
    "machine": "mps2-an386",
    "icount_shift": 6,
    "toolchain": "arm-none-eabi",
    "cxx": False,
    "programs": [
        {
            "name": "net",
            "runtime": "aot",
            "golden": True,
            "inputs": [{"dtype": "int8", "shape": [1, 2, 3], "scale": 0.5, "zero_point": -1}],
            "outputs": [{"dtype": "float32", "shape": [], "scale": None, "zero_point": None}],
            "labels": ["a"],
        }
    ],
}


def described(folder: Path, **changes: object) -> Path:
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**DESCRIPTION, **changes}))
    return folder


def test_description_is_read(tmp_path: Path) -> None:
    project = load(described(tmp_path))
    assert (project.machine, project.icount_shift) == ("mps2-an386", 6)
    (program,) = project.programs
    assert (program.inputs[0].bytes, program.inputs[0].scale) == (6, 0.5)
    assert (program.outputs[0].elements, program.outputs[0].bytes) == (1, 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "gen-fw/native/99"},
        {"emulator": "/bin/sh"},
        {"machine": "virt,x=y"},
        {"project": "../../etc/passwd"},
        {"toolchain": ["arm"]},
        {"programs": [{"name": "a/b"}]},
        {"programs": 7},
        {
            "programs": [
                {**DESCRIPTION["programs"][0], "inputs": [{"dtype": "int8", "shape": [-1]}]}
            ]
        },
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_hostile_descriptions(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        load(described(tmp_path, **changes))


def test_other_folders_are_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no gen-fw project"):
        load(tmp_path)
    (tmp_path / "gen-fw.lock").touch()
    with pytest.raises(UsageError, match="cannot be run here"):
        load(tmp_path)


def program(*inputs: tuple[str, tuple[int, ...], float | None, int | None]) -> NativeProgram:
    ios = tuple(
        Io(i, "", dtype, "", "", shape, int(np.prod(shape)), 0, scale, zero)
        for i, (dtype, shape, scale, zero) in enumerate(inputs)
    )
    ios = tuple(
        Io(
            *(getattr(io, f) for f in ("position", "name", "dtype", "c_type", "suffix")),
            io.shape,
            io.elements,
            io.elements * np.dtype(io.dtype).itemsize,
            io.scale,
            io.zero_point,
        )
        for io in ios
    )
    return NativeProgram("net", "aot", True, ios, (), ())


PICTURE = program(("int8", (1, 2, 2, 1), 1 / 255, -128))


def test_inputs_from_arrays(tmp_path: Path) -> None:
    elements = np.array([[[-128], [0]], [[1], [127]]], np.int8)
    real = ((elements.astype(np.float32) + 128) / 255)[np.newaxis]
    for name, array in {
        "elements": elements,
        "real": real,
        "batch": np.stack([elements, elements[::-1]]),
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
    plain = elements.tobytes()
    assert read_inputs(tmp_path / "elements.npy", PICTURE) == [plain]
    assert read_inputs(tmp_path / "real.npy", PICTURE) == [plain]
    assert read_inputs(tmp_path / "batch.npy", PICTURE) == [plain + elements[::-1].tobytes()]

    two = program(("int8", (1, 3), None, None), ("int16", (1, 2), None, None))
    np.savez(tmp_path / "two.npz", in0=np.ones((1, 3), np.int8), in1=np.full((1, 2), 2, np.int16))
    assert read_inputs(tmp_path / "two.npz", two) == [b"\1\1\1", b"\2\0\2\0"]
    np.savez(tmp_path / "uneven.npz", in0=np.ones((2, 3), np.int8), in1=np.ones((1, 2), np.int16))
    with pytest.raises(UsageError, match="numbers of samples"):
        read_inputs(tmp_path / "uneven.npz", two)
    for wrong in (np.zeros((3, 3), np.int8), np.zeros((1, 2, 2, 1), np.int16)):
        np.save(tmp_path / "wrong.npy", wrong)
        with pytest.raises(UsageError):
            read_inputs(tmp_path / "wrong.npy", PICTURE)


def test_inputs_from_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "picture.png"
    image.fromarray(np.array([[0, 128], [129, 255]], np.uint8)).save(path)
    assert read_inputs(path, PICTURE) == [np.array([-128, 0, 1, 127], np.int8).tobytes()]
    color = program(("float32", (1, 4, 4, 3), None, None))
    values = np.frombuffer(read_inputs(path, color)[0], np.float32).reshape(4, 4, 3)
    assert values[0, 0, 0] == 0 and values[3, 3, 2] == 1
    with pytest.raises(UsageError, match="no picture"):
        read_inputs(path, program(("int8", (1, 7), None, None)))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UsageError, match=r"readable \.png"):
        read_inputs(path, PICTURE)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ToolMissingError, match="Pillow"):
        read_inputs(path, PICTURE)


def test_best_classes() -> None:
    io = Io(0, "", "int8", "", "", (1, 4), 4, 4, 0.5, -2)
    rows = best(np.array([[1, 5, 5, -2]], np.int8), io, 3, ("a", "b", "c", "d"))
    assert [(row["label"], row["score"]) for row in rows] == [("b", 3.5), ("c", 3.5), ("a", 1.5)]
    assert best(np.array([[1, 5, 5, -2]], np.int8), io, 1, ("only one",))[0]["label"] is None


def test_children_have_limits(tmp_path: Path) -> None:
    seen: list[str] = []
    done = stream(
        [sys.executable, "-c", "print('a\\nb'); raise SystemExit(3)"],
        tmp_path,
        seconds=20,
        line=seen.append,
    )
    assert (done.code, seen) == (3, ["a", "b"])
    start = time.monotonic()
    # the child's own child keeps the pipe open: it must be killed too
    command = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with pytest.raises(GenFwError, match="stopped after 1 s"):
        stream([sys.executable, "-c", command], tmp_path, seconds=1, line=seen.append)
    assert time.monotonic() - start < 10
    with pytest.raises(GenFwError, match="without end"):
        stream(
            [sys.executable, "-c", "while True: print('x' * 9999)"],
            tmp_path,
            seconds=60,
            line=lambda _: None,
        )
    with pytest.raises(GenFwError, match="does not start"):
        stream([str(tmp_path / "nothing")], tmp_path, seconds=1, line=seen.append)


def test_missing_tools_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissingError) as caught:
        tools.require(tools.needed("arm-none-eabi", cxx=True))
    assert caught.value.hint.endswith(
        "sudo apt-get install cmake ninja-build gcc-arm-none-eabi libnewlib-arm-none-eabi "
        "libstdc++-arm-none-eabi-newlib qemu-system-arm"
    )


PARTS = {
    "main.c": """
        int used(int); const char *word(int);
        int main(int n) { return used(n) + *word(n); }
    """,
    "part.c": """
        static const char table[32] = {1}; static int counter[5]; int start[3] = {1, 2, 3};
        static int twice(int x) { counter[x]++; return x * 2 + table[x]; }
        const char *word(int x) { return x ? "a string of its own" : "another"; }
        int dropped(int x) { return x * x * 7; }
        const int dropped_table[100] = {1};
        int used(int x) { return twice(x) + start[x]; }
    """,
}


@pytest.mark.parametrize("compiler", ["cc", "clang", "arm-none-eabi-gcc"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_sizes_equal_the_linker_s_map(compiler: str, level: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    flags = [level, "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables"]
    flags += [
        "-Wno-main",
        "-fno-merge-constants",
    ]  # else strings of other objects share bytes with ours
    bare = ["-nostdlib", "-Wl,--entry=main"] if compiler.startswith("arm") else []
    for name, text in PARTS.items():
        (tmp_path / name).write_text(text)
        run(compiler, *flags, "-c", tmp_path / name, "-o", tmp_path / f"{name}.o")
    image, table = tmp_path / "image", tmp_path / "image.map"
    objects = [tmp_path / f"{name}.o" for name in PARTS]
    run(compiler, *objects, *bare, "-Wl,--gc-sections", f"-Wl,-Map={table}", "-o", image)
    sizes = Image(image).part([tmp_path / "part.c.o"])
    kept = mapped(table.read_text(), "part.c.o")
    assert sizes.code == sum(size for name, size in kept if name.startswith(".text"))
    assert sizes.constants == sum(size for name, size in kept if name.startswith(".rodata"))
    assert sizes.ram == sum(size for name, size in kept if name.startswith((".data", ".bss"))) == 32
    assert sizes.constants >= 32 + 20 + 8 and 0 < sizes.code < 600


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def mapped(text: str, file: str) -> list[tuple[str, int]]:
    """Input sections of ``file`` that the GNU linker's map places in memory."""
    placed = text[text.index("Linker script and memory map") :]
    rows = re.finditer(r"^ (\.\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", placed, re.MULTILINE)
    return [(row[1], int(row[2], 16)) for row in rows if row[3].endswith(file)]


def test_what_an_alif_board_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda tool: Found(tool, "", ""))
    asked = [load_board("alif-e7-hp")]
    checks = {check.what: check for check in diagnose(asked, {}, progress=lambda _: None).checks}
    required = {what for what, check in checks.items() if check.required}
    assert required == {
        *("cmake", "ninja", "git", "arm-none-eabi-gcc", "arm-none-eabi-gcc with nano.specs"),
        *("arm-none-eabi-g++ with libstdc++.a", "Python package ethosu"),
    }
    # trees that a build fetches when no variable names them; nothing emulates the board
    assert {"alif-dfp (ALIF_DFP_ROOT)", "tflite-micro (TFLM_ROOT)"} <= set(checks)
    assert "qemu-system-arm" not in checks
