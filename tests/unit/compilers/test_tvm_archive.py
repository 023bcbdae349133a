# SPDX-License-Identifier: Apache-2.0
"""Archives that gen-fw writes: read back by its own importer, the same bytes each time, C that is
free of warnings, whatever a model calls its tensors."""

from __future__ import annotations

import ctypes
import io
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.archive.reader import read_archive
from gen_fw.archive.types import Archive
from gen_fw.boards.load import load_board
from gen_fw.compilers.tvm.archive_writer import archive
from gen_fw.compilers.tvm.compiled import Compiled, Port
from gen_fw.compilers.tvm.interface import glue, header, identifiers
from gen_fw.errors import UsageError
from gen_fw.runtimes.mlf.imported import Imported
from gen_fw.runtimes.mlf.lower import lower
from gen_fw.version import __version__
from tvm_double import ADDED, adding

STRICT = (
    "-std=c11 -ffreestanding -Wall -Wextra -Werror -Wpedantic -Wshadow -Wconversion "
    "-Wmissing-prototypes"
)


def read(tmp_path: Path, *modules: Compiled) -> Archive:
    path = tmp_path / "m.tar"
    path.write_bytes(archive(modules))
    return read_archive(path)


def test_it_reads_back(tmp_path: Path) -> None:
    found = read(tmp_path, adding(x="serving_default_x:0", y="StatefulPartitionedCall:0"))
    (module,) = found.modules
    assert (found.version, module.name, module.style) == (7, "adder", "full-model")
    assert (module.executors, module.targets) == (("aot",), ("c -keys=cpu",))
    assert module.tvm_version == "0.27.0.post1" and module.gen_fw_version == __version__
    assert (module.workspace_bytes, module.constants_bytes) == (48, 1)
    assert [(o.name, o.workspace_bytes) for o in module.operators] == [("tvmgen_adder_add", 16)]
    assert [(f.name, f.dtype, f.bytes) for f in module.inputs] == [
        ("serving_default_x_0", "int8", 4)
    ]
    assert module.relay is not None and module.relay.outputs is not None
    assert module.relay.inputs[0].shape == module.relay.outputs[0].shape == (1, 4)
    assert module.header is not None and module.header.mapped
    assert [(p.member, p.bytes, p.constant) for p in module.header.pools] == [("arena", 48, False)]
    assert [source.file for source in module.sources] == [
        "adder_lib0.c",
        "adder_lib1.c",
        "adder_lib2.c",
    ]
    program = lower(Imported(found, module), "m", load_board("esp32c3"))
    arena = program.region("arena")
    assert (arena.bytes, arena.confidence, program.adapter["mapped"]) == (48, "exact", True)
    (x,), (y,) = program.inputs, program.outputs
    assert (x.dtype, x.shape, y.dtype, y.shape) == ("int8", (1, 4), "int8", (1, 4))


def test_several_modules(tmp_path: Path) -> None:
    found = read(tmp_path, adding("encoder"), adding("decoder", count=20))
    decoder, encoder = found.modules
    assert (decoder.name, encoder.name) == ("decoder", "encoder")
    assert decoder.workspace_bytes == 96 and encoder.workspace_bytes == 48
    assert len(decoder.sources) == len(encoder.sources) == 3
    with pytest.raises(UsageError, match="two modules"):
        archive((adding("a"), adding("a")))


def test_bytes_and_members() -> None:
    one, two = adding("encoder"), adding("decoder")
    data = archive((one, two))
    assert data == archive((two, one))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = tar.getmembers()
        names = [f"./{m.name.removeprefix('./')}" for m in found]
        metadata = tar.extractfile(found[names.index("./metadata.json")])
        assert metadata is not None and b"1970-01-01" in metadata.read()
    assert names == sorted(names) and "./codegen/host/include/tvmgen_encoder.h" in names
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode, m.type) for m in found} == {
        (0, 0, 0, "root", "root", 0o644, tarfile.REGTYPE)
    }


HOSTILE = [
    "int",
    "class",
    "INT8_MAX",
    "__LINE__",
    "0",
    "",
    "workspace",
    "arena_workspace_pool",
    'x; } /* " */ #error',
    "input1",
    "output0",
    "x" * 300,
    "größe",
    "a b",
    "a_b",
    "A_b",
    "line\nbreak",
    "\ud800",
    "??/",
]


def ports(names: list[str]) -> tuple[Port, ...]:
    return tuple(Port(name, "int8", (1, 4), 4, 16 * i) for i, name in enumerate(names))


def hostile(inputs: list[str], outputs: list[str]) -> Compiled:
    return replace(adding(), inputs=ports(inputs), outputs=ports(outputs), workspace_bytes=4096)


@given(st.lists(st.text(), min_size=1, max_size=6), st.lists(st.text(), min_size=1, max_size=6))
@settings(deadline=None)
def test_identifiers(inputs: list[str], outputs: list[str]) -> None:
    found = identifiers(ports(inputs), ports(outputs))
    names = [*found[0], *found[1]]
    assert len({name.upper() for name in names}) == len(names) == len(inputs) + len(outputs)
    assert all(name.isascii() and name.isidentifier() and len(name) < 60 for name in names)
    assert "WORKSPACE" not in {name.upper() for name in names}


def test_names_of_tensors_are_any_text(tmp_path: Path) -> None:
    compiled = hostile(HOSTILE, list(reversed(HOSTILE)))
    (module,) = read(tmp_path, compiled).modules
    assert module.header is not None
    assert len(module.header.inputs) == len(module.header.outputs) == len(HOSTILE)
    assert {"a_b", "gr__e"} & set(module.header.inputs) == {"a_b", "gr__e"}
    program = lower(Imported(read(tmp_path, compiled), module), "m", load_board("host"))
    assert [io.bytes for io in program.inputs] == [4] * len(HOSTILE)
    compiles(tmp_path, compiled, "cc")


@pytest.mark.parametrize("cc", ["cc", "clang", "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc"])
def test_it_compiles_without_a_warning(cc: str, tmp_path: Path) -> None:
    if shutil.which(cc) is None:
        pytest.skip(f"{cc} is not installed")
    compiles(tmp_path, adding(), cc)


def test_the_header_is_for_cxx_too(tmp_path: Path) -> None:
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler is installed")
    (tmp_path / "m.h").write_text(header(hostile(HOSTILE, ["y"])))
    (tmp_path / "m.cc").write_text('#include "m.h"\n')
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wpedantic", "-fsyntax-only"]
    subprocess.run(["c++", *flags, str(tmp_path / "m.cc")], check=True)


def compiles(folder: Path, compiled: Compiled, cc: str) -> list[Path]:
    """The archive's files alone, without the importer's headers and pragmas."""
    (folder / f"tvmgen_{compiled.name}.h").write_text(header(compiled))
    objects = []
    for file, text in {"lib0.c": glue(compiled), **compiled.sources}.items():
        source = folder / f"{compiled.name}_{file}"
        source.write_text(text)
        objects.append(source.with_suffix(".o"))
        command = [cc, *STRICT.split(), "-fPIC", "-I", folder, "-c", source, "-o", objects[-1]]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return objects


def test_it_runs_as_its_header_says(tmp_path: Path) -> None:
    """As a user of the archive without gen-fw would call it."""
    compiled = adding()
    objects = compiles(tmp_path, compiled, "cc")
    caller = tmp_path / "caller.c"
    caller.write_text(
        """
#include <string.h>
#include <tvmgen_adder.h>
int call(const int8_t *x, int8_t *y) {
  static uint8_t memory[TVMGEN_ADDER_ARENA_WORKSPACE_POOL_SIZE] __attribute__((aligned(16)));
  struct tvmgen_adder_workspace_pools pools = {.arena = memory};
  struct tvmgen_adder_inputs inputs = tvmgen_adder_map_inputs(&pools);
  struct tvmgen_adder_outputs outputs = tvmgen_adder_map_outputs(&pools);
  memcpy(inputs.x, x, TVMGEN_ADDER_X_SIZE);
  int code = tvmgen_adder_run(&pools);
  memcpy(y, outputs.y, TVMGEN_ADDER_Y_SIZE);
  return code;
}
"""
    )
    library = tmp_path / "adder.so"
    command = ["cc", "-shared", "-fPIC", "-I", tmp_path, caller, *objects, "-o", library]
    subprocess.run([*map(str, command)], check=True)
    x, y = (ctypes.c_int8 * 4)(-128, 0, 5, 127), (ctypes.c_int8 * 4)()
    assert ctypes.CDLL(str(library)).call(x, y) == 0
    wrapped = [(value + ADDED + 128) % 256 - 128 for value in x]
    assert list(y) == wrapped
