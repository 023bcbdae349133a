# SPDX-License-Identifier: Apache-2.0
"""TVM compiles a model: the project of it, and the archive beside it, built with warnings as errors
and run. What all kernels compute is compared in test_tvm_kernels.py."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import jsonschema
import pytest

import gen_fw
from gen_fw.compilers.tvm.installed import VERSIONS, installed
from gen_fw.pipeline import check
from sample_models import ROOT

EXAMPLES = ROOT / "examples" / "models"
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"
DIGITS, CHIRPS = EXAMPLES / "digits_int8.tflite", EXAMPLES / "chirps_int8.tflite"
GOLDEN = EXAMPLES / "digits_int8_golden.npz"
COMPILERS = {"qemu-cortex-m55": "arm-none-eabi-gcc", "qemu-riscv32": "riscv64-unknown-elf-gcc"}

pytestmark = pytest.mark.skipif(
    {name: installed(name) for name in VERSIONS} != VERSIONS,
    reason="TVM is not installed (extra tvm)",
)


def cli(*arguments: object) -> str:
    """What ``gen-fw ARGUMENTS`` prints on stdout; fails the test when it fails."""
    command = [sys.executable, "-m", "gen_fw", *map(str, arguments)]
    environment = {**os.environ, "CFLAGS": "-Werror"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compiles_alone(archive: Path, folder: Path) -> None:
    """The archive's C needs no header but its own and the C library's, and has no warnings."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    host = folder / "codegen" / "host"
    assert {file.name for file in (host / "src").iterdir()} == {"digits_lib0.c", "digits_lib1.c"}
    flags = "-std=c11 -O1 -Wall -Wextra -Werror -Wpedantic -Wmissing-prototypes -fsyntax-only"
    for cc in filter(shutil.which, ("gcc", "clang")):
        command = [cc, *flags.split(), "-I", host / "include", *(host / "src").iterdir()]
        subprocess.run([*map(str, command)], check=True)


def test_a_model_and_its_archive_are_the_same(tmp_path: Path) -> None:
    """The project of a model, of the archive that is made of it, and the archive's bytes."""
    archive, again = tmp_path / "digits.tar", tmp_path / "again.tar"
    how = ("--name", "digits", "--board", "host")
    document = json.loads(cli("tvm", "compile", DIGITS, "-o", archive, *how, "--json"))
    jsonschema.validate(document, json.loads((SCHEMAS / "tvm-compile.json").read_text()))
    cli("tvm", "compile", DIGITS, "-o", again, *how)
    assert archive.read_bytes() == again.read_bytes()
    compiles_alone(archive, tmp_path / "alone")

    out = tmp_path / "direct"
    result = json.loads(
        cli(*(DIGITS, "--runtime", "tvm", "--board", "host", "--name", "digits"),
            *("--golden", GOLDEN, "-o", out, "--json"))
    )  # fmt: skip
    jsonschema.validate(result, json.loads((SCHEMAS / "generate.json").read_text()))
    tvm = result["programs"][0]["report"]["tvm"]
    assert tvm["version"] == importlib.metadata.version("apache-tvm")
    assert tvm["tensor_layout"] == "nhwc" and not tvm["tuning_records"]
    # the plan of memory, and nothing beside it
    assert result["programs"][0]["arena"]["bytes"] == -(-tvm["plan"]["bytes"] // 16) * 16
    document = json.loads(cli("run", out, "--json", "-q", "--random", 20, "--compare"))
    assert document["selftest"] == "pass"
    (row,) = document["programs"][0]["comparison"]
    assert row["samples"] == 20 and row["differing"] == 0
    assert check(out).ok

    imported = tmp_path / "imported"
    gen_fw.generate(
        [archive], "host", imported, names=["digits"], tflites=[DIGITS], goldens=[GOLDEN]
    )
    for file in ("mlf/digits_lib0.c", "mlf/digits_lib1.c", "digits_tvm1.c"):
        one, other = (folder / "gen" / "digits" / file for folder in (out, imported))
        assert one.read_bytes() == other.read_bytes(), file
    assert (imported / "gen" / "digits" / "model.mlf.tar").read_bytes() == archive.read_bytes()


@pytest.mark.parametrize(
    "board", ["qemu-riscv32", pytest.param("qemu-cortex-m55", marks=pytest.mark.full)]
)
def test_two_models_in_one_arena(board: str, tmp_path: Path) -> None:
    if shutil.which(COMPILERS[board]) is None:
        pytest.skip(f"{COMPILERS[board]} is not installed")
    out = tmp_path / "out"
    result = gen_fw.generate(
        [DIGITS, CHIRPS],
        board,
        out,
        names=["digits", "chirps"],
        goldens=[GOLDEN, EXAMPLES / "chirps_int8_golden.npz"],
        runtime="tvm",
        tensor_layout="nchw",
        shared_arena=True,
    )
    document = json.loads(cli("run", out, "--json", "-q"))
    assert {row["name"]: row["selftest"] for row in document["programs"]} == {
        "digits": "pass",
        "chirps": "pass",
    }
    for program in result.planned.firmware.programs:
        assert program.region("arena").confidence == "exact"


def test_a_hostile_model(shared: Path, tmp_path: Path) -> None:
    """Names that end comments, start macros and run commands: from model to archive to project."""
    model = shared / "models" / "derived_weird_names_hello_world_int8.tflite"
    archive, out = tmp_path / "hostile.tar", tmp_path / "out"
    cli("tvm", "compile", model, "-o", archive)
    cli(archive, "--tflite", model, "--board", "host", "-o", out)
    # gen-fw's own archives are compared exactly
    assert "selftest_near" not in (out / "gen" / "hostile" / "hostile_selftest.c").read_text()
    assert json.loads(cli("run", out, "--json", "-q"))["selftest"] == "pass"
