# SPDX-License-Identifier: Apache-2.0
"""Generated C that calls CMSIS-NN and ESP-NN, with the real libraries: bit-equal to TensorFlow Lite
Micro's reference kernels, and no slower than TensorFlow Lite Micro with CMSIS-NN."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pytest
import sdk_evidence
from jinja2 import Template
from sdk_trees import Tree, cmsis_nn, esp_nn

from aot_harness import Case, run_cases
from aot_libraries import with_library
from aot_oracle import Question, preserved
from aot_programs import SHARED, lowered, model_case, model_path
from aot_targets import HOSTS, M4, M55, RV32, Target, run_tool
from fuzz_models import FuzzModel, fuzz_model
from gen_fw.errors import ModelError
from gen_fw.resources import templates_root

pytestmark = pytest.mark.sdk

#: families whose operators the libraries have
_FAMILIES = ("conv", "depthwise", "dense", "wide", "add", "chain")
_FUZZ = 120
_ROWS = ("kws", "vww", "resnet8", "ad01", "wake_word", "person_detect", "micro_speech")
_HOST = HOSTS[0].with_flags("-O1")


@pytest.fixture(scope="module")
def cmsis() -> Tree:
    return cmsis_nn()


@pytest.fixture(scope="module")
def espressif() -> Tree:
    return esp_nn()


def _random(library: str, board: str, target: Target, work: Path) -> int:
    """Compares every tensor of random models; the number of models."""
    models: list[FuzzModel] = [
        fuzz_model(40_000 + i, _FAMILIES[i % len(_FAMILIES)]) for i in range(_FUZZ)
    ]
    answers = preserved([Question(fuzz.model, fuzz.samples) for fuzz in models])
    cases = []
    for fuzz, answer in zip(models, answers, strict=True):
        if isinstance(answer, str):
            continue
        try:
            program = lowered(fuzz.model, fuzz.name, board, kernels=library)
        except ModelError:  # scales so far from sense that TFLM's arithmetic overflows
            continue
        cases.append(Case(program, fuzz.model, fuzz.samples, tuple(answer)))
    assert len(cases) >= 0.95 * _FUZZ
    assert sum(library in case.program.requires.kernels for case in cases) >= 0.8 * len(cases)
    outcome = run_cases(cases, target, work, unity=True)
    assert not outcome.mismatches, outcome.mismatches[:10]
    return len(cases)


def _baseline(shared: Path, model: str) -> int:
    with (shared / "baselines" / "tflm_m55.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["model"] == f"{SHARED[model]}.tflite" and row["kernels"] == "cmsis":
                return int(row["invoke_instructions"])
    raise AssertionError(model)


def test_cmsis_nn_on_cortex_m(cmsis: Tree, shared: Path, tmp_path: Path) -> None:
    rows = []
    for board, machine in (("qemu-cortex-m55", M55), ("qemu-cortex-m4", M4)):
        target = with_library(machine, "cmsis_nn", cmsis.root, tmp_path / board)
        count = _random("cmsis_nn", board, target, tmp_path / f"{board}-random")
        rows.append({"name": f"{count} random models, {board}", "mismatches": 0})
        if machine is not M55:
            continue
        for name in (*_ROWS, "hello_world"):
            case = model_case(name, shared, board, random=1, kernels="cmsis_nn")
            outcome = run_cases([case], target, tmp_path / name)
            assert not outcome.mismatches, (name, outcome.mismatches[:3])
            outcome = run_cases([case], target, tmp_path / name, trace=False)
            instructions = outcome.measured[name].instructions[0]
            most = _baseline(shared, name)
            assert instructions <= most, (name, instructions, most)
            rows.append(
                {
                    "name": name,
                    "model_sha256": sdk_evidence.sha256(model_path(name, shared)),
                    "mismatches": 0,
                    "instructions": instructions,
                    "instructions_of_tflm": most,
                    "arena": case.program.adapter["arena_bytes"]["target"],
                }
            )
    sdk_evidence.record(
        "aot-cmsis-nn",
        title="Generated C with CMSIS-NN on emulated Cortex-M55 and Cortex-M4",
        method="CMSIS-NN compiled at -Ofast, the generated code at -O2; every tensor compared with "
        "TFLM's reference kernels; instructions of one inference by QEMU, beside those of TFLM "
        "with CMSIS-NN",
        command="CMSIS_NN_ROOT=... GEN_FW_SHARED=... pytest -m sdk tests/sdk/test_aot_kernels.py",
        trees=[cmsis],
        tools={},
        results=rows,
    )


def test_esp_nn_in_plain_c(espressif: Tree, shared: Path, tmp_path: Path) -> None:
    rows = []
    for board, machine in (("host", _HOST), ("qemu-riscv32", RV32)):
        target = with_library(machine, "esp_nn", espressif.root, tmp_path / board)
        count = _random("esp_nn", board, target, tmp_path / f"{board}-random")
        rows.append({"name": f"{count} random models, {board}", "mismatches": 0})
        for name in _ROWS if board == "host" else ("kws", "ad01"):
            case = model_case(name, shared, board, random=1, kernels="esp_nn")
            outcome = run_cases([case], target, tmp_path / f"{board}-{name}")
            assert not outcome.mismatches, (name, outcome.mismatches[:3])
            rows.append(
                {
                    "name": f"{name}, {board}",
                    "model_sha256": sdk_evidence.sha256(model_path(name, shared)),
                    "mismatches": 0,
                }
            )
    sdk_evidence.record(
        "aot-esp-nn",
        title="Generated C with ESP-NN's plain C, on the host and rv32imc",
        method="every tensor compared with TFLM's reference kernels; nothing was compiled for "
        "Xtensa, and ESP-NN's assembler for ESP32-S3 and ESP32-P4 was not run",
        command="ESP_NN_ROOT=... GEN_FW_SHARED=... pytest -m sdk tests/sdk/test_aot_kernels.py",
        trees=[espressif],
        tools={},
        results=rows,
    )


_MAKEFILE = """
CC := {cc}
C_FLAGS := {flags}
BUILD := build
FLAGS_FILE := flags.txt
Q := @
include kernels.mk
all.a: $(KERNEL_OBJECTS)
\t@ar rcs $@ $^
"""


@pytest.mark.parametrize("library", ["cmsis_nn", "esp_nn"])
def test_rules_for_make(library: str, cmsis: Tree, espressif: Tree, tmp_path: Path) -> None:
    """The rules that make-based families include build the same libraries."""
    target = M4 if library == "cmsis_nn" else RV32
    template = templates_root() / "shared" / "make" / "kernels.mk.j2"
    text = Template(template.read_text(), trim_blocks=True, keep_trailing_newline=True).render(
        tree={"kernel_libraries": [library]}
    )
    (tmp_path / "kernels.mk").write_text(text)
    (tmp_path / "flags.txt").touch()
    flags = " ".join(target.flags)
    (tmp_path / "Makefile").write_text(_MAKEFILE.format(cc=f"ccache {target.cc}", flags=flags))
    root = (cmsis if library == "cmsis_nn" else espressif).root
    variable = f"{library.upper()}_ROOT"
    run_tool(["make", "-s", "-C", tmp_path, "all.a", f"{variable}={root}"])
    members = run_tool(["ar", "t", tmp_path / "all.a"]).split()
    wanted = {"cmsis_nn": "arm_convolve_wrapper_s8.o", "esp_nn": "esp_nn_conv_opt.o"}
    assert wanted[library] in members
    missing = subprocess.run(
        ["make", "-C", tmp_path, "all.a", f"{variable}={tmp_path}"], capture_output=True, text=True
    )
    assert missing.returncode and "names no folder that has" in missing.stderr
