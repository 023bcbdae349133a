# SPDX-License-Identifier: Apache-2.0
"""TFLM's C++ namespace, `tflite` or `tflite::micro`, also renamed: found without any setting."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from host_firmware import HOST, WARNINGS, firmware_of, plan_of, run, write_plan

OWN = Path(__file__).resolve().parents[1] / "data" / "models"
SHAPES = {
    "tflite": ((), "tflite::"),
    "micro": (("-DTFLM_MICRO",), "tflite::micro::"),
    "renamed": (("-Dtflite=tflite_micro",), "tflite_micro::"),
    "renamed micro": (("-Dtflite=tflite_micro", "-DTFLM_MICRO"), "tflite_micro::micro::"),
}


def undefined(
    model: Path, tmp_path: Path, *flags: str, custom_ops: Mapping[str, str] | None = None
) -> set[str]:
    """Mangled names that the compiled model API wants from elsewhere."""
    firmware = firmware_of({"p": model}, custom_ops=custom_ops)
    project = write_plan(plan_of(firmware), tmp_path / "project")
    output = tmp_path / "p.o"
    include = [f"-I{project / 'gen'}", f"-I{HOST / 'tflm_names'}"]
    for compiler in ("clang++", "g++"):
        options = ["-std=gnu++14", *WARNINGS, "-fno-exceptions", "-fno-rtti", *flags]
        options.append("-DGEN_FW_SKIP_ABI_CHECK")  # declarations have no layout
        run([compiler, *options, *include, "-c", project / "gen/p/p_tflm.cc", "-o", output])
    symbols = run(["nm", "-u", output]).stdout.split()
    return {symbol for symbol in symbols if "Micro" in symbol or "example_blend" in symbol}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("model", ["svdf_int8", "ring_buffer_int8"])
def test_names_are_found(shape: str, model: str, tmp_path: Path) -> None:
    flags, namespace = SHAPES[shape]
    symbols = undefined(OWN / f"{model}.tflite", tmp_path, *flags)
    names = run(["c++filt", *symbols]).stdout.splitlines()
    assert len(names) >= 6
    assert all(re.match(rf"{namespace}Micro\w+::", name) for name in names), names


@pytest.mark.parametrize("model", ["svdf_int8", "ring_buffer_int8"])
def test_moved_names_are_those_of_a_real_release(model: str, tmp_path: Path) -> None:
    """The wheel of 2026-10 defines every symbol that the generated code then refers to."""
    found = importlib.util.find_spec("tflite_micro")
    if found is None or not found.submodule_search_locations:
        pytest.skip("extra reference is not installed (a library of TFLM)")
    libraries = list(Path(found.submodule_search_locations[0]).rglob("_runtime.so"))
    assert libraries
    defined = run(["nm", "-D", "--defined-only", "--format=posix", libraries[0]]).stdout
    exported = {line.split()[0] for line in defined.splitlines()}
    assert undefined(OWN / f"{model}.tflite", tmp_path, "-DTFLM_MICRO") <= exported


@pytest.mark.parametrize("shape", SHAPES)
def test_custom_operators_are_the_users(shape: str, tmp_path: Path) -> None:
    """A custom operator's registration is declared without knowing where its type lives."""
    flags, _ = SHAPES[shape]
    custom_ops = {"ExampleBlend": "register_example_blend"}
    model = OWN / "custom_operator.tflite"
    symbols = undefined(model, tmp_path, *flags, custom_ops=custom_ops)
    assert "_Z22register_example_blendv" in symbols
    resolver = (tmp_path / "project/gen/p/p_op_resolver.h").read_text()
    assert 'AddCustom("ExampleBlend", register_example_blend())' in resolver
    # main/ gets TFLM's headers, and the linker keeps what only gen/ calls
    assert "require: public" in (tmp_path / "project/gen/idf_component.yml").read_text()
    assert "WHOLE_ARCHIVE TRUE" in (tmp_path / "project/main/CMakeLists.txt").read_text()
