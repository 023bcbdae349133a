# SPDX-License-Identifier: Apache-2.0
"""Generated ESP-IDF projects, compiled against TFLM's real headers and kernels, and executed."""

from __future__ import annotations

import csv
import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gen_fw.project.context import ProjectOptions
from host_firmware import (
    WARNINGS,
    Tflm,
    build_app,
    build_gen,
    build_runner,
    firmware_of,
    plan_of,
    run,
    run_program,
    write_plan,
)

OWN = Path(__file__).resolve().parents[1] / "data" / "models"
#: what the library of the xmos-ai-tools wheel cannot run (facts of that build, not of ours)
LIBRARY_LACKS = {
    "tflm_audio_preprocessor_int8": "no signal operators",
    "tflm_dtln_noise_suppression": "crashes in LSTM",
    "tflm_keyword_scrambled": "crashes in SVDF",
    "neuralspot_quant_model_act": "differs in 16x8 kernels",
}


def build_and_run(model: Path, golden: Path, tflm: Tflm, work: Path) -> str:
    """All outputs equal the golden ones bit by bit; returns what the application prints."""
    firmware = firmware_of({"model_under_test": model}, {"model_under_test": golden})
    program, expected = firmware.programs[0], firmware.golden[0]
    assert expected is not None
    project = write_plan(plan_of(firmware), work / "project")
    objects = build_gen(project, tflm, work / "objects")
    runner = build_runner(project, program, objects, tflm, work)
    results = run_program(runner, expected, len(program.outputs), work)
    assert results["run1"] == list(expected.outputs)
    assert results["reset"] == list(expected.outputs)
    return run([build_app(project, objects, tflm, work)]).stdout


@pytest.mark.parametrize("model", ["cnn_float32", "multi_io", "if_square_double", "while_double"])
def test_outputs_equal_tflm(model: str, xmos_tflm: Tflm, tmp_path: Path) -> None:
    printed = build_and_run(
        OWN / f"{model}.tflite", OWN / f"{model}_golden.npz", xmos_tflm, tmp_path
    )
    lines = printed.splitlines()
    assert "SELFTEST model_under_test PASS" in lines
    assert sum(line.startswith("model_under_test: ") for line in lines) == 3


def real_models(shared: Path) -> list[Path]:
    with (shared / "models" / "MANIFEST.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    models = [shared / "models" / row["name"] for row in rows if row["tflm_ok"] == "yes"]
    stateless = {Path(row["name"]).stem for row in rows if row["stateful"] != "True"}
    return [
        model
        for model in models
        if model.with_suffix(".npz").is_file()
        and model.stem in stateless
        and model.stem not in LIBRARY_LACKS
    ]


@pytest.mark.full
def test_real_models_equal_tflm(shared: Path, xmos_tflm: Tflm, tmp_path: Path) -> None:
    models = real_models(shared)
    failures = {}
    for model in models:
        work = tmp_path / model.stem
        work.mkdir()
        try:
            build_and_run(model, model.with_suffix(".npz"), xmos_tflm, work)
        except AssertionError as error:
            failures[model.stem] = str(error)[:2000]
    assert not failures
    assert len(models) >= 20


def test_selftest_finds_a_wrong_output(xmos_tflm: Tflm, tmp_path: Path) -> None:
    model, golden = OWN / "multi_io.tflite", OWN / "multi_io_golden.npz"
    firmware = firmware_of({"multi": model}, {"multi": golden})
    good = firmware.golden[0]
    assert good is not None
    last = bytearray(good.outputs[-1])
    last[-1] ^= 0x40
    bad = dataclasses.replace(good, outputs=(*good.outputs[:-1], bytes(last)))
    firmware = dataclasses.replace(firmware, golden=(bad,))
    project = write_plan(plan_of(firmware), tmp_path / "project")
    objects = build_gen(project, xmos_tflm, tmp_path / "objects")
    app = build_app(project, objects, xmos_tflm, tmp_path)
    done = subprocess.run([app], capture_output=True, text=True, timeout=60)
    output = firmware.programs[0].outputs[-1]
    where = f"output{output.position} {output.elements - 1}"
    assert re.search(rf"^SELFTEST multi FAIL {where} \S+ \S+$", done.stdout, re.M), done.stdout
    assert "an output differs from the reference" in done.stdout
    assert done.returncode != 0


@pytest.mark.parametrize("shared_arena", [False, True])
def test_programs_side_by_side(shared_arena: bool, xmos_tflm: Tflm, tmp_path: Path) -> None:
    """Two programs in one link: no symbol of one is seen by the other; arenas by choice."""
    models = {"first": OWN / "multi_io.tflite", "second": OWN / "while_double.tflite"}
    goldens = {name: path.with_name(f"{path.stem}_golden.npz") for name, path in models.items()}
    firmware = firmware_of(models, goldens, shared_arena=shared_arena)
    project = write_plan(plan_of(firmware), tmp_path / "project")
    objects = build_gen(project, xmos_tflm, tmp_path / "objects")
    for symbol in _defined_symbols(objects):
        assert re.match(r"(_Z\w*)?\d*(first_|second_|gen_fw_)", symbol), symbol
    printed = run([build_app(project, objects, xmos_tflm, tmp_path)]).stdout
    assert "SELFTEST first PASS" in printed
    assert "SELFTEST second PASS" in printed
    assert printed.count("first: ") >= 3
    assert printed.count("second: ") >= 3
    check = tmp_path / "check.cc"
    check.write_text(
        '#include "first/first.h"\n#include "second/second.h"\n'
        "int main() {\n"
        "  if (first_init() != 0 || second_init() != 0) return 1;\n"
        "  const bool first_lives = first_invoke() == GEN_FW_OK;\n"
        "  const bool first_forgot = first_invoke() == GEN_FW_ERROR_NOT_READY &&\n"
        "                            first_input0() == nullptr && first_arena_used() == 0;\n"
        "  if (second_invoke() != GEN_FW_OK) return 2;\n"
        "  if (first_init() != 0 || first_invoke() != 0) return 3;\n"
        f"  return {'first_forgot' if shared_arena else 'first_lives'} ? 0 : 4;\n"
        "}\n"
    )
    binary = tmp_path / "check"
    include = f"-I{project / 'gen'}"
    run([xmos_tflm.cxx, include, check, *objects, *xmos_tflm.libraries, "-o", binary])
    run([binary])


def _defined_symbols(objects: list[Path]) -> set[str]:
    """Strong global symbols; weak ones are TFLM's inline functions."""
    listing = run(["nm", "--defined-only", "-g", "--format=posix", *objects]).stdout
    rows = [line.split() for line in listing.splitlines() if " " in line]
    return {row[0] for row in rows if row[1] in "TDBR"}


def test_embedded_model_runs(xmos_tflm: Tflm, tmp_path: Path) -> None:
    firmware = firmware_of(
        {"cnn": OWN / "cnn_float32.tflite"}, {"cnn": OWN / "cnn_float32_golden.npz"}
    )
    plan = plan_of(firmware, options=ProjectOptions(model_format="embed"))
    project = write_plan(plan, tmp_path / "project")
    assert not (project / "gen/cnn/cnn_model_data.c").exists()
    objects = build_gen(project, xmos_tflm, tmp_path / "objects")
    printed = run([build_app(project, objects, xmos_tflm, tmp_path)]).stdout
    assert "SELFTEST cnn PASS" in printed


def test_target_object_has_no_heap_and_no_start_up_code(xmos_tflm: Tflm, tmp_path: Path) -> None:
    """Everything is static or in the arena, and nothing runs before main."""
    if shutil.which("arm-none-eabi-g++") is None:
        pytest.skip("arm-none-eabi-g++ is not installed")
    firmware = firmware_of({"ring": OWN / "ring_buffer_int8.tflite"})
    project = write_plan(plan_of(firmware), tmp_path / "project")
    output = tmp_path / "ring.o"
    flags = ["-mcpu=cortex-m55", "-mthumb", "-std=gnu++17", "-Os", *WARNINGS]
    flags += ["-fno-exceptions", "-fno-rtti", *xmos_tflm.flags, f"-I{project / 'gen'}"]
    source = project / "gen/ring/ring_tflm.cc"
    run(["arm-none-eabi-g++", *flags, "-c", source, "-o", output])
    wanted = run(["arm-none-eabi-nm", "-u", "-C", output]).stdout
    assert not re.search(r"\b(malloc|calloc|free|operator new|__cxa_\w+|__gxx_\w+)\b", wanted)
    sections = run(["arm-none-eabi-objdump", "-h", output]).stdout
    assert not re.search(r"\.(init_array|ctors|ARM\.extab)", sections)


@pytest.mark.full
@pytest.mark.parametrize("standard", ["gnu++14", "gnu++20", "gnu++2b"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_language_standards(standard: str, compiler: str, xmos_tflm: Tflm, tmp_path: Path) -> None:
    """ESP-IDF compiles components as gnu++2b (5.5) and gnu++26 (6.0), others as gnu++14."""
    firmware = firmware_of({"ring": OWN / "ring_buffer_int8.tflite"})
    project = write_plan(plan_of(firmware), tmp_path / "project")
    source = project / "gen/ring/ring_tflm.cc"
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti"]
    run([compiler, *flags, *xmos_tflm.flags, f"-I{project / 'gen'}", "-fsyntax-only", source])
