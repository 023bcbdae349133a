# SPDX-License-Identifier: Apache-2.0
"""The generated ESP-IDF project, built for ESP-IDF's `linux` target and run: the real SDK, the real
esp-tflite-micro and esp-nn (its portable C kernels), 64-bit.

The first build of a tree compiles all of esp-tflite-micro (about 280 files); it stays in pytest's
cache folder.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sdk_evidence
from sdk_idf import Idf, override_components
from sdk_projects import EXAMPLES, REAL_MODELS, generate
from sdk_trees import Tree

from gen_fw.boards.load import load_board
from gen_fw.model.reader import read_model
from gen_fw.runtimes.tflm.abi import build_of, host_build
from gen_fw.runtimes.tflm.arena.account import account
from gen_fw.runtimes.tflm.offline.program import planned

pytestmark = pytest.mark.sdk

BOARD = "esp32-s3-devkitc-n8r8"
_SELFTEST = re.compile(r"SELFTEST (\w+) (PASS|FAIL.*|SKIP.*)")
_ARENA = re.compile(r"(\w+): (\d+) bytes of the arena in use")
_SECONDS = 120


class Workshop:
    """A folder that keeps ``build`` from one project to the next, so that the SDK builds once."""

    def __init__(self, folder: Path, idf: Idf, tflm: Tree, esp_nn: Tree) -> None:
        self.project = folder / "project"
        self.idf = idf
        self.components = (tflm.root, esp_nn.root)

    def build(self, *models: Path, options: tuple[str, ...]) -> Path:
        """Generates, builds with idf.py, returns the ELF."""
        self.project.mkdir(parents=True, exist_ok=True)
        for entry in self.project.iterdir():
            if entry.name != "build":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        fresh = self.project.with_name("fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        generate(BOARD, fresh, *models, options=options)
        shutil.copytree(fresh, self.project, dirs_exist_ok=True)
        override_components(self.project / "gen" / "idf_component.yml", self.components)
        self.idf.prepare(self.project, linux=True)
        return self.compile()

    def compile(self) -> Path:
        """Builds what is in the folder, returns the ELF."""
        done = self.idf.idf_py(self.project, "linux", "--preview", "build")
        assert done.returncode == 0, done.stdout[-6000:]
        # what is ours compiles without a warning
        ours = [line for line in done.stdout.splitlines() if "warning:" in line and "/gen/" in line]
        assert not ours, ours
        description = json.loads((self.project / "build" / "project_description.json").read_text())
        return self.project / "build" / str(description["app_elf"])


def output(elf: Path, programs: int) -> str:
    """What the firmware prints until every program's self-test and arena line is out.

    An application of ESP-IDF never ends, so it is stopped then.
    """
    process = subprocess.Popen(
        [elf], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    assert process.stdout is not None
    lines: list[str] = []
    watchdog = threading.Timer(_SECONDS, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            lines.append(line)
            text = "".join(lines)
            seen = len(_SELFTEST.findall(text)), len(_ARENA.findall(text))
            if seen == (programs, programs) or "stopped" in line:
                break
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    return "".join(lines)


@pytest.fixture(scope="module")
def workshop(
    request: pytest.FixtureRequest, esp_idf_tree: Idf, tflm_tree: Tree, esp_nn_tree: Tree
) -> Workshop:
    """The build folder of this ESP-IDF release."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir(f"esp-idf-{esp_idf_tree.tree.version}-linux")
    return Workshop(folder, esp_idf_tree, tflm_tree, esp_nn_tree)


@pytest.fixture(scope="module")
def rows(
    esp_idf_tree: Idf, tflm_tree: Tree, esp_nn_tree: Tree
) -> Iterator[list[dict[str, object]]]:
    """Rows of the evidence; written when the real models were among them."""
    collected: list[dict[str, object]] = []
    yield collected
    if any(row["name"] == "person_detect" for row in collected):
        compiler = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True).stdout
        sdk_evidence.record(
            f"esp-idf-{esp_idf_tree.release}-linux",
            title=f"ESP-IDF {esp_idf_tree.tree.version}, linux target: built and run",
            method=(
                f"gen-fw ... --board {BOARD}, then idf.py --preview build with IDF_TARGET=linux: "
                "whole esp-tflite-micro and esp-nn as they are; driver and esp_timer, which exist "
                "for chips only, are stand-ins. x86-64, so arenas are not those of a chip; what "
                "is used of them is the predicted number."
            ),
            command="pytest -m sdk tests/sdk/test_idf_linux.py",
            trees=(esp_idf_tree.tree, tflm_tree, esp_nn_tree),
            tools={"gcc": compiler.strip()},
            results=collected,
        )


def check(text: str, elf: Path, programs: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    """Every program passed; one row of evidence each."""
    verdicts = dict(_SELFTEST.findall(text))
    assert verdicts == dict.fromkeys(programs, "PASS"), text[-4000:]
    arenas = dict(_ARENA.findall(text))
    digest = sdk_evidence.sha256(elf)
    for name in programs:
        rows.append(
            {
                "name": name,
                "line": f"SELFTEST {name} {verdicts[name]}",
                "arena_used_64_bit": int(arenas[name]),
                "elf_sha256": digest,
            }
        )


def check_arenas(models: dict[str, Path], rows: list[dict[str, object]]) -> None:
    """The 64-bit host uses what is predicted for it, with the offline plan that was made for the
    board."""
    build = build_of(load_board(BOARD))
    used = {row["name"]: row["arena_used_64_bit"] for row in rows}
    for name, path in models.items():
        runs = planned(read_model(path), build)
        assert used[name] == account(runs.model, host_build(build)).used, name


def test_real_models_in_one_firmware(
    shared: Path, workshop: Workshop, rows: list[dict[str, object]]
) -> None:
    models = [shared / "models" / f"{stem}.tflite" for stem in REAL_MODELS.values()]
    options: list[str] = []
    for name, stem in REAL_MODELS.items():
        options += ["--name", name, "--golden", str(shared / "models" / f"{stem}.npz")]
    elf = workshop.build(*models, options=tuple(options))
    check(output(elf, len(REAL_MODELS)), elf, tuple(REAL_MODELS), rows)
    check_arenas(dict(zip(REAL_MODELS, models, strict=True)), rows)


@pytest.mark.parametrize(("form", "memory"), [("array", "internal"), ("embed", "psram")])
def test_example_alone(
    form: str, memory: str, workshop: Workshop, rows: list[dict[str, object]]
) -> None:
    name = f"digits_{form}_{memory}"
    golden = EXAMPLES / "digits_int8_golden.npz"
    options = ("--name", name, "--golden", str(golden), "--model-format", form)
    options += ("--place", f"arena={memory}")
    elf = workshop.build(EXAMPLES / "digits_int8.tflite", options=options)
    check(output(elf, 1), elf, (name,), rows)
    check_arenas({name: EXAMPLES / "digits_int8.tflite"}, rows)


def test_a_wrong_answer_is_told(workshop: Workshop) -> None:
    golden = EXAMPLES / "sine_int8_golden.npz"
    workshop.build(
        EXAMPLES / "sine_int8.tflite", options=("--name", "sine", "--golden", str(golden))
    )
    vectors = workshop.project / "gen" / "sine" / "sine_golden.c"
    text = vectors.read_text("utf-8")
    head, mark, tail = text.partition("output0")
    numbers = re.search(r"\{\s*(0x[0-9a-fA-F]+|-?\d+)", tail)
    assert mark and numbers
    wrong = "0x01" if int(numbers[1], 0) != 1 else "0x02"
    at = len(head) + len(mark) + numbers.start(1)
    vectors.write_text(text[:at] + wrong + text[at + len(numbers[1]) :], "utf-8")
    assert re.search(r"SELFTEST sine FAIL \w+ \d+ \S+ \S+", output(workshop.compile(), 1))


def test_plain_c_kernels(workshop: Workshop, rows: list[dict[str, object]]) -> None:
    """The switch that sdkconfig.defaults names: ESP-NN's ANSI C, not its optimised kernels."""
    golden = EXAMPLES / "digits_int8_golden.npz"
    options = ("--name", "digits_ansi", "--golden", str(golden))
    workshop.build(EXAMPLES / "digits_int8.tflite", options=options)
    defaults = workshop.project / "sdkconfig.defaults"
    text = defaults.read_text("utf-8")
    assert "CONFIG_NN_OPTIMIZED=y\n" in text
    defaults.write_text(text.replace("CONFIG_NN_OPTIMIZED=y", "CONFIG_NN_ANSI_C=y"), "utf-8")
    (workshop.project / "sdkconfig").unlink()
    elf = workshop.compile()
    assert "CONFIG_NN_ANSI_C=y\n" in (workshop.project / "sdkconfig").read_text("utf-8")
    check(output(elf, 1), elf, ("digits_ansi",), rows)
    check_arenas({"digits_ansi": EXAMPLES / "digits_int8.tflite"}, rows)
