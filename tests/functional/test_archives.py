# SPDX-License-Identifier: Apache-2.0
"""Archives of every version and variant, all in one firmware, compiled with warnings as errors and
run; most of their modules have the same name, so that their symbols would clash."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import gen_fw
from gen_fw.pipeline import Result, check
from mlf_writer import VARIANTS, Variant, members, run, several, with_module, write_tar
from sample_models import ROOT

SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"
EXAMPLES = ROOT / "examples" / "models"
COMPILERS = {
    "host": "cc",
    "qemu-cortex-m55": "arm-none-eabi-gcc",
    "qemu-riscv32": "riscv64-unknown-elf-gcc",
}
X = np.random.default_rng(3).integers(-128, 128, (1, 8), dtype=np.int8)


def golden(path: Path, variant: Variant) -> Path:
    np.savez(path, in0=X, out0=run(X, variant))
    return path


def built(folder: Path, *, flags: str = "-Werror", cc: str = "") -> dict:
    """``gen-fw run --json`` of the project."""
    environment = {**os.environ, "CFLAGS": flags, **({"CC": cc} if cc else {})}
    done = subprocess.run(
        [sys.executable, "-m", "gen_fw", "run", str(folder), "--json", "-q"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def needs(board: str) -> None:
    if shutil.which(COMPILERS[board]) is None:
        pytest.skip(f"{COMPILERS[board]} is not installed")


def all_variants(folder: Path, board: str) -> Result:
    """One firmware of all of them; ``--shared-arena`` and regeneration are tried elsewhere."""
    paths, goldens = [], []
    for name, variant in VARIANTS.items():
        paths.append(write_tar(folder / f"{name}.tar", members(variant)))
        goldens.append(golden(folder / f"{name}.npz", variant))
    return gen_fw.generate(paths, board, folder / "project", goldens=goldens)


def selftests(out: Path) -> str:
    """What the application prints; quicker than `gen-fw run`, which also counts instructions."""
    environment = {**os.environ, "CFLAGS": "-Werror"}
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]):
        done = subprocess.run(command, cwd=out, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    name = json.loads((out / "gen" / "run.json").read_text())["project"]
    app = out / "build" / "release" / "app" / name
    return subprocess.run([app], capture_output=True, text=True).stdout


def test_every_version_and_variant_on_the_host(tmp_path: Path) -> None:
    all_variants(tmp_path, "host")
    text = selftests(tmp_path / "project")
    assert [line for line in text.splitlines() if line.startswith("SELFTEST")] == [
        f"SELFTEST {variant} PASS" for variant in VARIANTS
    ]
    assert check(tmp_path / "project").ok


@pytest.mark.parametrize(
    "board", ["qemu-riscv32", pytest.param("qemu-cortex-m55", marks=pytest.mark.full)]
)
def test_every_version_and_variant(board: str, tmp_path: Path) -> None:
    needs(board)
    result = all_variants(tmp_path, board)
    document = built(tmp_path / "project")
    rows = {row["name"]: row for row in document["programs"]}
    assert set(rows) == set(VARIANTS)
    for program in result.planned.firmware.programs:
        row = rows[program.name]
        assert row["selftest"] == "pass"
        # the arena holds interface and workspace, and nothing else is in RAM but a few pointers
        assert row["arena_used_bytes"] == row["arena_bytes"] == program.region("arena").bytes
        assert program.region("arena").confidence == "exact"
        assert row["static_ram_bytes"] <= 64
    assert check(tmp_path / "project").ok


@pytest.mark.full
def test_clang(tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    all_variants(tmp_path, "host")
    flags = "-Werror -Wshadow -Wconversion -Wpedantic -Wno-gnu-zero-variadic-macro-arguments"
    assert built(tmp_path / "project", flags=flags, cc="clang")["selftest"] == "pass"


def test_modules_become_programs_beside_a_model(tmp_path: Path) -> None:
    """Two modules of one archive, an archive and a model of another runtime in one firmware with
    one arena; then the project regenerates from itself."""
    one = Variant(module="encoder")
    two = with_module(one, "Decoder", workspace="alloc", shift=100)
    path = write_tar(tmp_path / "pair.tar", several(one, two))
    out = tmp_path / "project"
    result = gen_fw.generate(
        [path, EXAMPLES / "chirps_int8.mlf.tar", EXAMPLES / "sine_int8.tflite"],
        "host",
        out,
        names=["", "chirps", "sine"],
        goldens=[
            f"chirps={EXAMPLES / 'chirps_int8_golden.npz'}",
            f"sine={EXAMPLES / 'sine_int8_golden.npz'}",
        ],
        shared_arena=True,
        runtime="aot",
    )
    names = [program.name for program in result.planned.firmware.programs]
    assert names == ["decoder", "encoder", "chirps", "sine"]
    verdicts = {row["name"]: row["selftest"] for row in built(out)["programs"]}
    assert verdicts == {"decoder": "skip", "encoder": "skip", "chirps": "pass", "sine": "pass"}
    settings = (out / "gen-fw.toml").read_text()
    assert 'module = "Decoder"' in settings and 'module = "encoder"' in settings
    assert 'path = "gen/chirps/model.mlf.tar"' in settings
    assert check(out).ok
    # vectors of one's own for one of the modules
    gen_fw.generate(
        [path],
        "host",
        tmp_path / "b",
        modules=["Decoder"],
        names=["decoder"],
        goldens=[golden(tmp_path / "two.npz", two)],
    )
    assert built(tmp_path / "b")["selftest"] == "pass"
    assert check(tmp_path / "b").ok


def test_the_models_quantization_and_expected_outputs(tmp_path: Path) -> None:
    """``--tflite`` gives both; the archive of our own kernels is exact."""
    pytest.importorskip("tflite_micro")
    out = tmp_path / "project"
    gen_fw.generate(
        [EXAMPLES / "chirps_int8.mlf.tar"],
        "host",
        out,
        names=["chirps"],
        tflites=[EXAMPLES / "chirps_int8.tflite"],
        labels=[EXAMPLES / "chirps_labels.txt"],
    )
    header = (out / "gen" / "chirps" / "chirps.h").read_text()
    assert "#define CHIRPS_OUTPUT0_SCALE 0.00390625f" in header
    assert "#define CHIRPS_OUTPUT0_ZERO_POINT (-128)" in header
    assert (out / "gen" / "chirps" / "reference.tflite").is_file()
    arguments = [sys.executable, "-m", "gen_fw", "run", str(out), "-q"]
    arguments += ["--random", "3", "--compare", "--json", "--save-golden", str(tmp_path / "g.npz")]
    done = subprocess.run(arguments, capture_output=True, text=True)
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads((SCHEMAS / "run.json").read_text()))
    assert document["selftest"] == "pass" and document["samples"] == 3
    (row,) = document["comparison"]
    assert (row["samples"], row["differing"], row["same_best"]) == (3, 0, 3)
    # what the host computed is an exact self-test for any target
    again = tmp_path / "again"
    gen_fw.generate(
        [EXAMPLES / "chirps_int8.mlf.tar"],
        "host",
        again,
        names=["chirps"],
        goldens=[tmp_path / "g.npz"],
    )
    assert "gen_fw_selftest_compare(" in (again / "gen/chirps/chirps_selftest.c").read_text()
    assert built(again)["selftest"] == "pass"
    assert check(out).ok


def test_an_archive_is_run_without_a_project(tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro")
    archive, model = EXAMPLES / "chirps_int8.mlf.tar", EXAMPLES / "chirps_int8.tflite"
    command = [sys.executable, "-m", "gen_fw", "run", str(archive), "--tflite", str(model)]
    command += ["--input", str(EXAMPLES / "chirps_int8_sample.npz"), "--compare", "--top", "1"]
    done = subprocess.run([*command, "--json", "-q"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["comparison"][0]["differing"] == 0
    assert document["outputs"][0]["top"][0][0]["index"] == 1  # up
    assert not list(tmp_path.iterdir())


def test_a_wrong_answer_is_told_and_a_near_one_is_not(tmp_path: Path) -> None:
    """The self-test with a tolerance: within it a note, beyond it a failure."""
    variant = VARIANTS["v7_c_pool"]
    archive = write_tar(tmp_path / "m.tar", members(variant))
    wanted = run(X, variant)
    for shift, verdict in ((3, "PASS"), (4, "FAIL")):
        expected = wanted.copy()
        expected[0, 1] += shift if wanted[0, 1] < 100 else -shift
        np.savez(tmp_path / "g.npz", in0=X, out0=expected)
        out = tmp_path / f"project{shift}"
        gen_fw.generate(
            [archive], "host", out, names=["m"], goldens=[tmp_path / "g.npz"], tolerance=3
        )
        text = selftests(out)
        assert f"SELFTEST m {verdict}" in text
        note = "SELFTEST m NOTE output0 1 of 4 differ, by at most 3 of 3"
        assert (note in text) == (verdict == "PASS")


def test_the_application_gives_the_context_of_a_device(tmp_path: Path) -> None:
    """A weak function that the application may define."""
    variant = VARIANTS["v7_devices"]
    archive = write_tar(tmp_path / "m.tar", members(variant))
    out = tmp_path / "project"
    gen_fw.generate(
        [archive], "host", out, names=["m"], goldens=[golden(tmp_path / "g.npz", variant)]
    )
    with (out / "app" / "postprocess.c").open("a") as file:
        file.write("\nvoid *m_tvm_device_my_accelerator(void);\n")
        file.write("void *m_tvm_device_my_accelerator(void) { return (void *)0; }\n")
    assert built(out)["selftest"] == "pass"
