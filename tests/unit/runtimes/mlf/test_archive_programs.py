# SPDX-License-Identifier: Apache-2.0
"""What an archive tells about itself, what the user adds, and what is refused with which words."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from gen_fw.archive.reader import read_archive
from gen_fw.archive.relay import parse_relay
from gen_fw.boards.load import load_board
from gen_fw.errors import GenFwError, ModelError, UsageError
from gen_fw.model.reader import read_model
from gen_fw.program import Program
from gen_fw.runtimes.mlf.imported import Imported, parse_io
from gen_fw.runtimes.mlf.io import sanitized
from gen_fw.runtimes.mlf.lower import lower
from mlf_writer import C7, VARIANTS, Variant, members, several, with_module, write_folder, write_tar
from sample_models import ROOT

EXAMPLES = ROOT / "examples" / "models"
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"


def program(folder: Path, variant: Variant, *, board: str = "host", **more: object) -> Program:
    archive = read_archive(write_folder(folder / "mlf", members(variant)))
    return lower(Imported(archive, archive.modules[0], **more), "m", load_board(board))  # type: ignore[arg-type]


def refused(folder: Path, variant: Variant, *, board: str = "host", **more: object) -> GenFwError:
    with pytest.raises(GenFwError) as caught:
        program(folder, variant, board=board, **more)
    return caught.value


@pytest.mark.parametrize("name", VARIANTS)
def test_interface_and_arena(name: str, tmp_path: Path) -> None:
    variant = VARIANTS[name]
    made = program(tmp_path, variant)
    (x,), (y,) = made.inputs, made.outputs
    # Relay text with such names cannot be read: then only the size is known
    odd = name == "v7_odd_names"
    assert (x.dtype, x.shape, x.bytes) == ("int8", (8,) if odd else (1, 8), 8)
    assert (y.dtype, y.shape, y.bytes) == ("int8", (4,) if odd else (1, 4), 4)
    assert x.scale is None and made.runtime == "tvm"
    arena = made.region("arena")
    assert arena.confidence == "exact" and sum(item.bytes for item in arena.items) == arena.bytes
    assert made.adapter["interface"] == ("c" if variant.interface == "c" else "packed")
    # nothing of the archive is compiled under a name that others could have
    names = next(s for s in made.sources if s.path == "m_tvm_names.h").content.decode()
    assert f"tvmgen_{variant.module}_run" in names or variant.version < 5


@pytest.mark.parametrize(
    ("alloc", "expected"),
    [((16,), 16), ((1,), 16), ((17, 1), 48), ((16, 33, 5), 80), ((4096, 1000), 5104)],
)
def test_the_workspace_is_what_is_taken_at_once(
    alloc: tuple[int, ...], expected: int, tmp_path: Path
) -> None:
    made = program(tmp_path, Variant(workspace="alloc", alloc=alloc))
    assert made.adapter["workspace"]["bytes"] == expected
    assert made.adapter["workspace"]["blocks"] == len(alloc)
    assert made.region("arena").bytes == 32 + expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"(uint64_t)16, 0, 16)", b"(uint64_t)n * 4, 0, 16)"),
        (b"if (TVMBackendFreeWorkspace(1, 0, block0) != 0) {\n    return -1;\n  }", b""),
        (b"TVMBackendFreeWorkspace(1, 0, block0)", b"TVMBackendFreeWorkspace(1, 0, other)"),
    ],
)
def test_a_workspace_that_cannot_be_followed_is_an_upper_bound(
    old: bytes, new: bytes, tmp_path: Path
) -> None:
    variant = Variant(workspace="alloc")
    path = "codegen/host/src/default_lib1.c"
    text = members(variant)[path]
    assert old in text
    made = program(tmp_path, replace(variant, extra={path: text.replace(old, new)}))
    assert made.region("arena").confidence == "upper bound"
    # the metadata's number, and what aligning one block may add
    assert made.adapter["workspace"]["bytes"] == 32


def test_a_pool_that_is_used_otherwise_stays_where_it_is(tmp_path: Path) -> None:
    path = "codegen/host/src/default_lib0.c"
    text = members(C7)[path] + b"\nvoid* pool(void) {\n  return global_workspace;\n}\n"
    made = program(tmp_path, replace(C7, extra={path: text}))
    assert made.adapter["moved"] == []
    assert any("global_workspace" in str(note) for note in made.diagnostics)


OLD = Variant(version=5, workspace="alloc", relay_result=False)


def test_what_an_old_archive_does_not_tell(tmp_path: Path) -> None:
    # the typed main function tells the element type, and nothing the size
    error = refused(tmp_path, OLD)
    assert isinstance(error, ModelError)
    assert "the size of output 0" in error.what and "--io NAME=DTYPE:SHAPE" in error.hint
    name = "StatefulPartitionedCall_0"
    made = program(tmp_path, OLD, io={name: "int8:1x4"})
    assert made.outputs[0].shape == (1, 4)
    assert program(tmp_path, OLD, io={"output0": "int8:4"}).outputs[0].shape == (4,)
    assert isinstance(refused(tmp_path, OLD, io={name: "float32:1x4"}), UsageError)
    assert isinstance(refused(tmp_path, C7, io={name: "int8:1x5"}), UsageError)


@pytest.mark.parametrize(
    "text", ["", "int8:", "int8:0x4", "int7:4", "int8:4x", "int8:4,4", "x" * 99]
)
def test_what_is_no_type_and_shape(text: str) -> None:
    with pytest.raises(UsageError):
        parse_io("x", text)


def test_the_reference_must_be_the_model(tmp_path: Path) -> None:
    archive = read_archive(EXAMPLES / "chirps_int8.mlf.tar")
    chirps = read_model(EXAMPLES / "chirps_int8.tflite")
    board = load_board("esp32c3")
    made = lower(Imported(archive, archive.modules[0], chirps), "m", board)
    assert (
        made.inputs[0].scale
        == chirps.subgraphs[0].tensors[chirps.subgraphs[0].inputs[0]].quantization.scale[0]
    )  # type: ignore[union-attr]
    assert made.report["macs_total"] == 51808
    other = read_model(EXAMPLES / "digits_int8.tflite")
    with pytest.raises(UsageError, match="is not what --tflite"):
        lower(Imported(archive, archive.modules[0], other), "m", board)


def _without(variant: Variant, word: str) -> dict[str, bytes]:
    return {name: data for name, data in members(variant).items() if word not in name}


REFUSED = {
    "graph": (Variant(executors=("graph",)), {}, "TVM's graph executor"),
    "version_1_graph": (Variant(version=1, interface="packed", executors=("graph",)), {}, "graph"),
    "operator": (Variant(style="operator"), {}, "style 'operator'"),
    "part_of_it_as_objects": (C7, {"codegen/host/lib/default_lib2.o": b"\x7fELF"}, "object files"),
    "esp_dl": (
        C7,
        {"codegen/host/src/default_lib2.c": b"#include <esp_kernel.h>\nint32_t x(void) {\n}\n"},
        "Espressif has deleted",
    ),
    "ethos_u": (
        C7,
        {"codegen/host/src/default_lib2.c": b"#include <tvm_ethosu_runtime.h>\n"},
        "command streams",
    ),
    "edited": (
        C7,
        {"codegen/host/src/default_lib2.c": b"#include <esp_heap_caps.h>\n"},
        "edited by hand",
    ),
    "unknown_header": (
        C7,
        {"codegen/host/src/default_lib2.c": b'#include "my_npu.h"\n'},
        "my_npu.h",
    ),
    "absolute_header": (
        C7,
        {"codegen/host/src/default_lib2.c": b'#include "/etc/passwd"\n'},
        "/etc/passwd",
    ),
    "runtime_call": (
        C7,
        {"codegen/host/src/default_lib2.c": b"int32_t f(void) {\n  TVMFuncCall(0);\n}\n"},
        "TVMFuncCall of TVM's runtime",
    ),
    "vectors": (
        C7,
        {"codegen/host/src/default_lib2.c": b"void f(void) {\n  int8_t16 x;\n}\n"},
        "int8_t16, which is no type of C",
    ),
    "half": (
        C7,
        {"codegen/host/src/default_lib2.c": b"void f(void) {\n  half x;\n}\n"},
        "half, which is no type of C",
    ),
    "cpp_runtime": (
        C7,
        {"codegen/host/src/default_lib2.cc": b"#include <tvm/runtime/registry.h>\n"},
        "TVM's C++ runtime",
    ),
    "cxx": (
        C7,
        {"codegen/host/src/default_lib2.cc": b"namespace x {\nint y;\n}\n"},
        "default_lib2.cc is C++",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    variant, extra, words = REFUSED[name]
    error = refused(tmp_path, replace(variant, extra=extra))
    assert isinstance(error, ModelError)
    assert words in error.why and error.hint
    if name in ("graph", "version_1_graph", "operator", "part_of_it_as_objects", "cxx"):
        assert "--executor=aot" in error.hint and "--output-format mlf" in error.hint


def test_objects_only(tmp_path: Path) -> None:
    files = {**_without(C7, "/src/default"), "codegen/host/lib/default_lib0.o": b"\x7fELF"}
    archive = read_archive(write_tar(tmp_path / "m.tar", files))
    with pytest.raises(ModelError) as caught:
        lower(Imported(archive, archive.modules[0]), "m", load_board("host"))
    assert "object files (default_lib0.o) and no C sources" in caught.value.why


CMSIS = {
    "codegen/host/src/default_lib2.c": b"#include <dlpack/dlpack.h>\n#include <arm_nnfunctions.h>\n"
    b"#include <arm_nn_types.h>\n#include <arm_nn_math_types.h>\n"
}


@pytest.mark.parametrize(
    ("board", "ok"),
    [
        ("host", True),
        ("qemu-cortex-m55", True),
        ("alif-e7-hp", True),
        ("qemu-riscv32", False),
        ("esp32c3", False),
        ("xcore-ai-explorer", False),
    ],
)
def test_cmsis_nn_is_for_arm(board: str, ok: bool, tmp_path: Path) -> None:
    variant = replace(C7, extra=CMSIS)
    if ok:
        assert program(tmp_path, variant, board=board).kernels == "cmsis_nn"
    else:
        assert "CMSIS-NN is for Arm" in refused(tmp_path, variant, board=board).why


def test_ambiq_projects_do_not_link_cmsis_nn_for_archives(tmp_path: Path) -> None:
    why = refused(tmp_path, replace(C7, extra=CMSIS), board="apollo510-evb").why
    assert "ambiq_make projects do not link CMSIS-NN for archives" in why
    assert "is for Arm" not in why


@pytest.mark.parametrize("layout", ["csolution", "mlek"])
def test_cmsis_nn_in_the_layouts_of_alif(layout: str, tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "net.tar", members(replace(C7, extra=CMSIS)))
    arguments = ["--board", "alif-e7-hp", "--layout", layout, "-o", tmp_path / "out"]
    done = gen_fw(archive, *arguments)
    assert done.returncode == 2 and "hint: --layout cmake" in done.stderr
    assert not (tmp_path / "out").exists()
    done = gen_fw(EXAMPLES / "chirps_int8.mlf.tar", *arguments)
    assert done.returncode == 0, done.stderr


def test_relay_text() -> None:
    text = (
        '#[version = "0.0.5"]\ndef @main(%a:0: Tensor[(1, 2, 3), float32] /* ty=x */ , '
        '%b: int32, %c d: Tensor[(), uint8], hash="12, (3"'
        ") -> (Tensor[(1), bool], Tensor[(7), int64]) {\n"
    )
    found = parse_relay(text)
    assert found is not None and found.outputs is not None
    assert [(f.name, f.dtype, f.shape) for f in found.inputs] == [
        ("a:0", "float32", (1, 2, 3)),
        ("b", "int32", ()),
        ("c d", "uint8", ()),
    ]
    assert [(f.dtype, f.shape) for f in found.outputs] == [("bool", (1,)), ("int64", (7,))]
    assert sanitized("a:0") == "a_0"
    assert parse_relay("def @main(%x: Tensor[(?, 3), int8]) -> Tensor[(1), int8] {") is None
    assert parse_relay("def @other() {}") is None
    assert parse_relay("def @main(" + "(" * 100_000) is None


def gen_fw(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gen_fw", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_inspect(tmp_path: Path) -> None:
    pair = several(
        Variant(module="a", workspace="external", constants="external"),
        with_module(C7, "b", executors=("graph",)),
    )
    path = write_tar(tmp_path / "pair.tar", pair)
    done = gen_fw("inspect", path, "--board", "esp32c3", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    schema = json.loads((SCHEMAS / "inspect-archive.json").read_text())
    jsonschema.validate(document, schema)
    a, b = document["modules"]
    assert document["version"] == 7 and (a["name"], b["name"]) == ("a", "b")
    pools = {pool["name"]: (pool["kind"], pool["provided_by"]) for pool in a["pools"]}
    assert pools == {"flash": ("constants", "caller"), "sram": ("workspace", "caller")}
    assert a["missing"] == [] and a["arena_bytes"] == 48 and a["interface"] == "c"
    assert "graph executor" in b["missing"][0]["why"] and b["arena_bytes"] is None
    assert b["inputs"][0]["dtype"] == "int8"
    text = gen_fw("inspect", path).stdout
    assert "module a" in text and "tvmgen_a_fused_mix" in text and "host: not supported" in text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["chirps_int8.mlf.tar", "--runtime", "aot"], 2, "has no model"),
        (["chirps_int8.mlf.tar", "--tensor-layout", "nhwc"], 2, "models that TVM compiles"),
        (["chirps_int8.mlf.tar", "--runtime", "tvm", "--allow-float"], 2, "compiled already"),
        (["chirps_int8.mlf.tar", "--runtime", "tvm", "--tuning-records", "x.json"], 2, "goes with"),
        (["sine_int8.tflite", "--tflite", "sine_int8.tflite"], 2, "goes with an archive"),
        (["chirps_int8.mlf.tar", "--module", "other"], 2, "it has chirps"),
        (["chirps_int8.mlf.tar", "--io", "x=int7:1"], 2, "no element type"),
        (["chirps_int8.mlf.tar", "--io", "x=int8:1"], 0, "has no such tensor"),
        (["chirps_int8.mlf.tar", "--io", "input0=int8:7"], 2, "is not what --tflite or --io"),
        (["chirps_int8.mlf.tar", "--arena-size", "1k"], 2, "below what"),
    ],
)
def test_usage(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    given = [EXAMPLES / a if a.endswith((".tar", ".tflite")) else a for a in arguments]
    done = gen_fw(*given, "--board", "host", "-o", tmp_path / "out", "--dry-run")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_was_told_is_stored_and_regenerates(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "old.tar", members(OLD))
    arguments = ["--io", "output0=int8:1x4", "--tolerance", "2", "--board", "esp32c3", "--json"]
    done = gen_fw(archive, *arguments, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads((SCHEMAS / "generate.json").read_text()))
    assert document["programs"][0]["report"]["archive"]["version"] == 5
    assert document["programs"][0]["self_test"] is None
    settings = (tmp_path / "out" / "gen-fw.toml").read_text()
    assert 'io = {output0 = "int8:1x4"}' in settings and "tolerance = 2" in settings
    done = gen_fw("check", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    # the archive is an input like a model: another version keeps name and board
    done = gen_fw(write_tar(tmp_path / "new.tar", members(C7)), "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "gen" / "old" / "old_tvm0.c").is_file()


def test_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    done = gen_fw(tmp_path, "--board", "host", "-o", tmp_path / "out")
    assert done.returncode == 2 and "this is a folder" in done.stderr


def test_fit() -> None:
    done = gen_fw("fit", EXAMPLES / "chirps_int8.mlf.tar", "--board", "esp32c3", "--json")
    (row,) = json.loads(done.stdout)["boards"]
    assert row["fits"] and row["runtime"] == "tvm" and row["arena_bytes"] == 2736
