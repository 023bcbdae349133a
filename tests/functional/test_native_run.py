# SPDX-License-Identifier: Apache-2.0
"""Projects for this computer and for emulated boards: built and run by `gen-fw run`."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from gen_fw.boards.load import load_board
from gen_fw.run import machine, tools
from gen_fw.run.project import load

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"
EXAMPLES = ROOT / "examples" / "models"
BOARDS = ("host", "qemu-cortex-m4", "qemu-cortex-m55", "qemu-riscv32")
#: the board whose project most tests share: its counts are exact everywhere
EXACT = "qemu-riscv32"


def gen_fw(
    *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gen_fw", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )


def answer(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    """The JSON document of a run that ended with this exit code."""
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    verb = document["schema"].split("/")[1]
    jsonschema.validate(document, json.loads((SCHEMAS / f"{verb}.json").read_text()))
    return document


@dataclass(frozen=True)
class Built:
    board: str
    folder: Path
    #: what the first `gen-fw run --json` told
    first: dict[str, Any]


def need(board: str) -> None:
    """Skips where a tool of the board is missing."""
    toolchain = load_board(board).family_data["toolchain"]
    lacking = [t for t in map(tools.find, tools.needed(toolchain)) if t.tool.required and not t.ok]
    if lacking:
        pytest.skip(f"{board}: {tools.install_line(lacking)}")


def generate(board: str, folder: Path, *more: object) -> Path:
    model = EXAMPLES / "digits_int8.tflite"
    labels, golden = EXAMPLES / "digits_labels.txt", EXAMPLES / "digits_int8_golden.npz"
    vectors = [] if "--sample" in more else ["--golden", golden]
    done = gen_fw(model, "-b", board, "--labels", labels, *vectors, *more, "-o", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """Projects that were built already, by board."""
    return {}


def built(board: str, workshop: dict[str, Built], factory: pytest.TempPathFactory) -> Built:
    need(board)
    if board not in workshop:
        folder = generate(board, factory.mktemp(board) / "project")
        workshop[board] = Built(board, folder, answer(gen_fw("run", folder, "--json")))
    return workshop[board]


@pytest.fixture
def exact(workshop: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built(EXACT, workshop, tmp_path_factory)


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_builds_and_passes(
    board: str, workshop: dict[str, Built], tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = built(board, workshop, tmp_path_factory)
    first = project.first
    assert first["selftest"] == "pass" and first["programs"][0]["name"] == "digits_int8"
    with np.load(EXAMPLES / "digits_int8_golden.npz") as golden:
        key = "out0" if "out0" in golden.files else "tflm_out0"
        assert first["outputs"][0]["values"] == golden[key].reshape(-1).tolist()
    assert first["arena_bytes"] >= first["arena_used_bytes"] > 0
    assert 0 <= first["static_ram_bytes"] <= 64
    assert 16 <= first["stack_bytes"] <= 1024
    assert 1000 < first["code_bytes"] < 16384
    # the weights are among the constants, the test vectors are not
    weights = (EXAMPLES / "digits_int8.tflite").stat().st_size
    assert weights // 4 < first["constant_bytes"] < weights
    assert first["code_bytes"] + first["constant_bytes"] < first["image_bytes"] < 262144
    if board == "host":
        assert first["nanoseconds"] > 0
        assert (first["instructions"] is None) == (shutil.which("valgrind") is None)
    else:
        assert first["nanoseconds"] is None and first["instructions_by"] == "qemu -icount"
        assert 10_000 < first["instructions"] < 1_000_000
    # warning-free, also for a stricter build than the project's own
    log = gen_fw("run", project.folder, "-v").stderr
    assert "warning" not in log


def test_counts_repeat_exactly(exact: Built) -> None:
    again = answer(gen_fw("run", exact.folder, "--json"))
    assert again == exact.first


def test_own_input_changes_no_file_of_the_project(exact: Built, tmp_path: Path) -> None:
    sys.path.insert(0, str(EXAMPLES))
    from drawn_digits import drawn

    np.savez(tmp_path / "in.npz", in0=np.stack([drawn(7), drawn(2)]))
    outputs = tmp_path / "new" / "out.npz"
    arguments = ("--input", tmp_path / "in.npz", "--output", outputs, "--top", "2", "--json")
    document = answer(gen_fw("run", exact.folder, *arguments))
    best = [rows[0]["label"] for rows in document["outputs"][0]["top"]]
    assert best == ["7", "2"] and document["samples"] == 2
    with np.load(outputs) as stored:
        assert stored.files == ["out0"] and stored["out0"].shape == (2, 1, 10)
        assert stored["out0"].reshape(-1).tolist() == document["outputs"][0]["values"]
        assert stored["out0"].reshape(2, 10).argmax(1).tolist() == [7, 2]
    checked = answer(gen_fw("check", exact.folder, "--json"))
    assert checked["ok"] and not checked["edited"]
    # and the next run is on the reference input again
    assert answer(gen_fw("run", exact.folder, "--json")) == exact.first


def test_profile_by_operator(exact: Built, tmp_path: Path) -> None:
    table = tmp_path / "profile.csv"
    document = answer(gen_fw("run", exact.folder, "--profile", "--csv", table, "--json"))
    rows = document["profile"]
    assert [row["index"] for row in rows] == list(range(len(rows)))
    assert {row["unit"] for row in rows} == {"instructions"}
    layers = [row for row in rows if row["macs"]]
    assert layers and all(0.5 < row["per_mac"] < 20 for row in layers)
    assert all(bool(row["kernels"]) == bool(row["count"]) for row in rows)
    # the hooks themselves are not counted
    total = sum(row["count"] for row in rows)
    assert 0.97 * document["instructions"] < total <= document["instructions"]
    with table.open(newline="") as file:
        stored = list(csv.DictReader(file))
    assert [int(row["count"]) for row in stored] == [row["count"] for row in rows]
    assert exact.first["profile"] is None
    shown = gen_fw("run", exact.folder, "--profile").stdout
    assert "profile of" in shown and "per MAC" in shown


def test_wrong_output_fails(exact: Built, tmp_path: Path) -> None:
    project = tmp_path / "copy"
    shutil.copytree(exact.folder, project)  # with its build folder, which names the old place
    (golden,) = (project / "gen" / "digits_int8").glob("*_golden.c")
    text = golden.read_text()
    head, brace, values = text.rpartition("] = {\n")
    changed = values.replace("-128", "-127", 1)
    assert changed != values
    golden.write_text(head + brace + changed)
    done = gen_fw("run", project, "--json")
    document = answer(done, code=1)
    assert document["selftest"] == document["programs"][0]["selftest"] == "fail"
    assert document["difference"].endswith("-127 -128")
    assert "SELFTEST digits_int8 FAIL" in done.stderr


def test_without_vectors_the_verdict_is_skip(exact: Built, tmp_path: Path) -> None:
    project = tmp_path / "copy"
    shutil.copytree(exact.folder, project, ignore=shutil.ignore_patterns("build"))
    command = ["cmake", "--preset", "release", "-DGEN_FW_SELFTEST=OFF"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    document = answer(gen_fw("run", project, "--json"))
    assert document["selftest"] == "skip"
    assert document["image_bytes"] < exact.first["image_bytes"]
    # the linker drops what only the self-test calls
    assert 0.9 * exact.first["code_bytes"] < document["code_bytes"] <= exact.first["code_bytes"]


@pytest.mark.parametrize("board", ["host", "qemu-cortex-m55"])
def test_debug_preset(board: str, tmp_path: Path) -> None:
    """What an engineer does by hand, warnings being errors."""
    need(board)
    project = generate(board, tmp_path / "project")
    strict = "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"  # CMake 3.24
    for command in (["--preset", "debug", strict], ["--build", "--preset", "debug"]):
        subprocess.run(["cmake", *command], cwd=project, check=True, capture_output=True)
    suffix = "" if board == "host" else ".elf"
    binary = project / "build" / "debug" / "app" / f"digits_int8{suffix}"
    done = subprocess.run(
        machine.command(load(project), binary), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "SELFTEST digits_int8 PASS" in done.stdout


def test_application_s_failure_is_an_error(exact: Built, tmp_path: Path) -> None:
    project = tmp_path / "copy"
    shutil.copytree(exact.folder, project)
    main = project / "app" / "main.c"
    crash = "int main(void) {\n  *(volatile int *)0x10u = 1;\n"
    main.write_text(main.read_text().replace("int main(void) {\n", crash))
    done = gen_fw("run", project)
    assert done.returncode == 1
    assert "FAULT mcause" in done.stderr and "the application ended with code 1" in done.stderr
    main.write_text("this is no C\n")
    done = gen_fw("run", project)
    assert done.returncode == 1
    assert "does not build" in done.stderr and "main.c" in done.stderr


def test_two_programs(tmp_path: Path) -> None:
    need("qemu-cortex-m4")
    models = [EXAMPLES / "digits_int8.tflite", EXAMPLES / "sine_int8.tflite"]
    goldens = [EXAMPLES / "digits_int8_golden.npz", EXAMPLES / "sine_int8_golden.npz"]
    named = [word for golden in goldens for word in ("--golden", golden)]
    names = ("--name", "digits", "--name", "sine", "--optimise", "size", "--shared-arena")
    done = gen_fw(*models, "-b", "qemu-cortex-m4", *names, *named, "-o", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    np.savez(tmp_path / "sine.npz", in0=np.zeros((1, 1), np.float32))
    document = answer(
        gen_fw(
            "run",
            tmp_path / "p",
            "--input",
            f"sine={tmp_path / 'sine.npz'}",
            "--json",
            "--output",
            tmp_path / "out.npz",
        )
    )
    digits, sine = document["programs"]
    assert (digits["selftest"], sine["selftest"]) == ("pass", "pass")
    assert {k: v for k, v in digits.items() if k != "name"}.items() <= document.items()
    assert sine["instructions"] < digits["instructions"]
    with np.load(tmp_path / "out.npz") as stored:
        assert stored.files == ["out0", "sine/out0"]


def test_missing_tools(tmp_path: Path) -> None:
    folder = generate("qemu-cortex-m55", tmp_path / "p")
    environment = {"PATH": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = gen_fw("run", folder, "--json", environment=environment)
    document = answer(done, code=7)
    assert "sudo apt-get install cmake" in document["error"]["hint"]
    assert "qemu-system-arm" in document["error"]["detail"]["missing"]
    doctor = gen_fw("doctor", "--board", "qemu-cortex-m55", "--json", environment=environment)
    diagnosis = answer(doctor, code=7)
    assert diagnosis["ok"] is False and diagnosis["install"][0].endswith("qemu-system-arm")
    # all boards at once: a list, not a verdict
    everything = answer(gen_fw("doctor", "--json", environment=environment))
    assert any(check["what"] == "esp-idf (IDF_PATH)" for check in everything["checks"])


def test_tflm_needs_a_tree(tmp_path: Path) -> None:
    need("host")
    folder = generate("host", tmp_path / "p", "--runtime", "tflm")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path)}
    document = answer(gen_fw("run", folder, "--json", environment=environment), code=7)
    assert "TFLM_ROOT" in document["error"]["what"]
