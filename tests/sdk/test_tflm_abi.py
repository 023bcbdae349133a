# SPDX-License-Identifier: Apache-2.0
"""The shipped tables of structure sizes against the trees that they were measured on (TFLM_ROOT and
what stands beside it, CMSIS_NN_ROOT; ESP_TFLITE_MICRO_ROOT with ESP_NN_ROOT), and the checks in
generated code: they pass on the real tree, and a changed header stops the compiler."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sdk_rv32 import cplusplus_headers
from sdk_trees import Tree, tree

from gen_fw.runtimes.tflm import abi, table
from host_firmware import firmware_of, plan_of, write_plan

pytestmark = pytest.mark.sdk

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(abi.__file__).parent / "data" / "abi"
OWN = ROOT / "tests" / "data" / "models"
UPSTREAM = "tflite-micro-90b983c2"
ARM = "arm-none-eabi-g++ -mthumb -mcpu="
RISCV = "riscv64-unknown-elf-g++ -march=rv32imc -mabi=ilp32 --specs=picolibc.specs"
SETS = ("cmsis_nn", "ethos_u")
#: ABI, compiler, kernel sets; the others must give what the first of an ABI gave
UPSTREAM_BUILDS = [
    ("arm-eabi", ARM + "cortex-m55 -mfloat-abi=hard", SETS),
    ("riscv-ilp32", RISCV, ()),
    ("x86-64", "g++", SETS),
    pytest.param("arm-eabi", ARM + "cortex-m4 -mfloat-abi=soft", SETS, marks=pytest.mark.full),
    pytest.param("arm-eabi", ARM + "cortex-m33 -mfloat-abi=hard", SETS, marks=pytest.mark.full),
    pytest.param("x86-64", "clang++", SETS, marks=pytest.mark.full),
]
ESP_BUILDS = [("riscv-ilp32", RISCV), ("x86-64", "g++")]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("probe_tflm_abi")
    finally:
        sys.path.remove(str(ROOT / "tools"))


@pytest.fixture(scope="module")
def upstream() -> Tree:
    found = tree(
        "tflite-micro",
        "TFLM_ROOT",
        "tensorflow/lite/micro/micro_interpreter.h",
        "TFLITE_SCHEMA_VERSION",
    )
    if not found.commit.startswith(("unknown", UPSTREAM.rpartition("-")[2])):
        pytest.skip(f"no table for tflite-micro {found.commit}")
    return found


def beside(*variables: str) -> list[Path]:
    for variable in variables:
        if not os.environ.get(variable):
            pytest.skip(f"{variable} is not set")
    paths = [Path(os.environ[variable]) for variable in variables]
    return [path / "include" if path.name == "flatbuffers" else path for path in paths]


HEADERS = ("FLATBUFFERS_ROOT", "GEMMLOWP_ROOT", "RUY_ROOT", "KISSFFT_ROOT")


def compiler(command: str) -> str:
    if shutil.which(command.split()[0]) is None:
        pytest.skip(f"{command.split()[0]} is not installed")
    if "picolibc" in command:
        command = " ".join([command, *cplusplus_headers()])
    return command


def same(tool: ModuleType, release: str, name: str, made: dict[str, Any]) -> None:
    stored = json.loads((DATA / f"{release}.{name}.json").read_text("utf-8"))
    assert made["kernels"]["reference"]["op_data"]
    assert not tool.differences({**stored, "source": ""}, {**made, "source": ""})


@pytest.mark.parametrize(("name", "command", "kernels"), UPSTREAM_BUILDS)
def test_tables_of_upstream(
    tool: ModuleType, upstream: Tree, name: str, command: str, kernels: Sequence[str]
) -> None:
    names = {"release": UPSTREAM, "revision": table.load(UPSTREAM).revision, "abi": name}
    include = beside(*HEADERS, "CMSIS_NN_ROOT")
    command = compiler(command)
    made = tool.make_table(
        upstream.root, [command], include=include, kernels=list(kernels), **names
    )
    same(tool, UPSTREAM, name, made)


@pytest.mark.parametrize(("name", "command"), ESP_BUILDS)
def test_tables_of_esp_tflite_micro(
    tool: ModuleType, tflm_tree: Tree, esp_nn_tree: Tree, name: str, command: str
) -> None:
    release = f"esp-tflite-micro-{tflm_tree.version}"
    if release not in table.releases():
        pytest.skip(f"no table for {release}")
    names = {"release": release, "revision": table.load(release).revision, "abi": name}
    include = [esp_nn_tree.root / "include", esp_nn_tree.root / "src" / "common"]
    command = compiler(command)
    made = tool.make_table(tflm_tree.root, [command], include=include, kernels=["esp_nn"], **names)
    same(tool, release, name, made)


def compile_program(
    project: Path, root: Path, command: str, *flags: str, overlay: Path | None = None
) -> str:
    """What the compiler says about the program's file; empty when it is content."""
    trees = [root, *beside(*HEADERS[:3])]
    if overlay:
        trees.insert(0, overlay)
    include = [flag for path in trees for flag in ("-isystem", str(path))]
    options = ["-std=gnu++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
    options += ["-DTF_LITE_STATIC_MEMORY", "-fno-rtti", "-fno-exceptions", *flags]
    words = [*command.split(), *options, *include, f"-I{project / 'gen'}"]
    source = project / "gen" / "p" / "p_tflm.cc"
    done = subprocess.run([*words, str(source)], capture_output=True, text=True)
    assert (done.returncode == 0) == (not done.stderr), done.stderr
    return done.stderr


def project_of(model: str, board: str, folder: Path) -> Path:
    firmware = firmware_of({"p": OWN / f"{model}.tflite"}, board=board)
    return write_plan(plan_of(firmware, board=board), folder / "project")


@pytest.mark.parametrize("model", ["ring_buffer_int8", "branches_int8"])
@pytest.mark.parametrize(
    ("board", "command"),
    [("host", "g++"), ("qemu-riscv32", RISCV), ("qemu-cortex-m4", ARM + "cortex-m4")],
)
def test_generated_checks_pass(
    model: str, board: str, command: str, upstream: Tree, tmp_path: Path
) -> None:
    project = project_of(model, board, tmp_path)
    assert not compile_program(project, upstream.root, compiler(command))


#: header, a line of it, what is put after that line, the structure that the compiler must name
CHANGES = {
    "a tensor": (
        "tensorflow/lite/core/c/common.h",
        "typedef struct TfLiteEvalTensor {",
        "  void* more;",
        "TfLiteEvalTensor",
    ),
    "parameters": (
        "tensorflow/compiler/mlir/lite/core/c/builtin_op_data.h",
        "  // Parameter for SVDF version 4.",
        "  int more;",
        "TfLiteSVDFParams",
    ),
    "op data": (
        "tensorflow/lite/micro/kernels/svdf.h",
        "struct OpDataSvdf {",
        "  int32_t more;",
        "OpDataSvdf",
    ),
    "the allocator": (
        "tensorflow/lite/micro/micro_allocator.h",
        "class MicroAllocator {",
        "  void* more;",
        "MicroAllocator",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_header_stops_the_compiler(change: str, upstream: Tree, tmp_path: Path) -> None:
    project = project_of("svdf_int8", "host", tmp_path)
    header, line, more, name = CHANGES[change]
    text = (upstream.root / header).read_text("utf-8")
    assert text.count(line) == 1
    overlay = tmp_path / "overlay"
    (overlay / header).parent.mkdir(parents=True)
    (overlay / header).write_text(text.replace(line, f"{line}\n{more}"), "utf-8")
    said = compile_program(project, upstream.root, "g++", overlay=overlay)
    assert f"static assertion failed: {name} is not that of {UPSTREAM}" in said
    skip = "-DGEN_FW_SKIP_ABI_CHECK"
    assert not compile_program(project, upstream.root, "g++", skip, overlay=overlay)


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("-fshort-enums", "TfLiteStatus is not that of"),
        ("-DUSE_TFLM_COMPRESSION", "without USE_TFLM_COMPRESSION"),
    ],
)
def test_other_flags_stop_the_compiler(
    flag: str, word: str, upstream: Tree, tmp_path: Path
) -> None:
    project = project_of("svdf_int8", "host", tmp_path)
    assert word in compile_program(project, upstream.root, "g++", flag)
