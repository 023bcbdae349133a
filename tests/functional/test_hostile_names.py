# SPDX-License-Identifier: Apache-2.0
"""Names in a model are hostile input: nothing of them executes, ends a comment, or becomes code."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gen_fw.program import Firmware
from gen_fw.project.context import ProjectOptions
from gen_fw.run.project import load
from host_firmware import (
    HOST,
    WARNINGS,
    Tflm,
    build_app,
    build_gen,
    firmware_of,
    plan_of,
    run,
    write_plan,
)

OWN = Path(__file__).resolve().parents[1] / "data" / "models"
PATH = os.environ.get("PATH", "")
SHARED_MODELS = ("derived_weird_names_hello_world_int8", "derived_weird_names_nonutf8_kws")
#: written where {marker} names a file that must never come into being
PAYLOADS = (
    '*/ __attribute__((constructor)) void x(void) {{ fopen("{marker}", "w"); }} /*',
    'a"; __attribute__((constructor)) void y(void) {{ fopen("{marker}", "w"); }} char *z="',
    "$(shell touch {marker})",
    "`touch {marker}`",
    '")\nexecute_process(COMMAND touch {marker})\nset(x "',
    "]]\nexecute_process(COMMAND touch {marker})\n[[",
    "${{ENV{{HOME}}}};touch {marker};",
    "ends in a backslash\\",
    "two\nlines\r\nand #include </etc/passwd>",
    "??/ trigraph ??) ??'",
    "\u202ebidi\u202c \u0000 nul",
    "{{{{ cycler.__init__.__globals__ }}}} {{% for x in ().__class__ %}}",
    "<script>alert(1)</script> | [x](javascript:alert(1))",
    "%s %n %d 100%",
    "",
)


def hostile(marker: Path) -> Firmware:
    """A firmware whose tensor names and labels are the payloads."""
    texts = [payload.format(marker=marker) for payload in PAYLOADS]
    firmware = firmware_of({"both": OWN / "multi_io.tflite"}, {"both": OWN / "multi_io_golden.npz"})
    program = firmware.programs[0]

    def renamed(tensors: tuple, offset: int) -> tuple:
        joined = "  ".join(texts[offset:] + texts[:offset])
        return tuple(dataclasses.replace(tensor, name=joined) for tensor in tensors)

    program = dataclasses.replace(
        program,
        inputs=renamed(program.inputs, 0),
        outputs=renamed(program.outputs, 5),
        labels=tuple(texts),
    )
    return dataclasses.replace(firmware, programs=(program,))


def texts_of(project: Path) -> dict[str, str]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes().decode()
        for path in sorted(project.rglob("*"))
        if path.is_file() and path.suffix not in (".tflite", ".npz")
    }


def test_payloads_stay_text_in_native_projects(tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    firmware = hostile(marker)
    plan = plan_of(firmware, board="host", options=ProjectOptions(ci="gitlab"))
    project = write_plan(plan, tmp_path / "project")
    assert load(project).programs[0].labels == firmware.programs[0].labels
    include = [f"-I{project / folder}" for folder in ("gen", "app", "board")]
    flags = ["-std=c11", *WARNINGS, *include, "-fsyntax-only"]
    run(["gcc", *flags, *sorted(project.rglob("*.c"))])
    # configured, with no trees at hand: a message about them is all that happens
    cmake = ["cmake", "-S", project, "-B", tmp_path / "build"]
    done = subprocess.run([*map(str, cmake)], capture_output=True, text=True, env={"PATH": PATH})
    assert "TFLM_ROOT does not name" in done.stderr
    assert not marker.exists()


@pytest.mark.parametrize("model_format", ["array", "embed"])
def test_payloads_stay_text(model_format: str, tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    options = ProjectOptions(model_format=model_format, ci="github")  # type: ignore[arg-type]
    project = write_plan(plan_of(hostile(marker), options=options), tmp_path / "project")
    for path, content in texts_of(project).items():
        # a label stands in one C string; of a tensor's name only harmless characters are shown
        if not path.endswith("_labels.c"):
            for payload in PAYLOADS[:11]:
                assert payload.format(marker=marker) not in content, path
        assert "\x00" not in content and "\u202e" not in content, path
        assert not re.search(r"^\s*(execute_process|#include </etc|\$\(shell)", content, re.M), path
        if path.endswith((".txt", ".yml", ".csv", ".cmake")) or "sdkconfig" in path:
            assert str(marker) not in content, path
        for line in content.splitlines():
            if path.endswith((".c", ".cc", ".h", ".S")):
                # gen_fw_tflm.h holds nothing of the model, and a macro of several lines
                spliced = line.endswith("\\") and not line.startswith("#if ")
                assert not spliced or path.endswith("gen_fw_tflm.h"), f"{path}: {line}"
    include = [f"-I{project / 'gen'}", f"-I{project / 'main'}", f"-I{HOST / 'include'}"]
    for source in sorted((project / "gen").rglob("*.c")):
        for compiler in ("gcc", "clang"):
            run([compiler, "-std=c11", *WARNINGS, *include, "-fsyntax-only", source])
    for source in sorted((project / "main").glob("*.cc")):
        run(["g++", "-std=gnu++17", *WARNINGS, *include, "-fsyntax-only", source])
    assert not marker.exists()


def test_labels_survive_exactly(tmp_path: Path) -> None:
    """A label comes out of the C table as it went in: escapes are exact, not merely safe."""
    marker = tmp_path / "pwned"
    firmware = hostile(marker)
    project = write_plan(plan_of(firmware), tmp_path / "project")
    main = tmp_path / "print.c"
    main.write_text(
        '#include <stdio.h>\n#include "both/both.h"\n'
        "int main(void) {\n"
        '  for (int i = 0; i < BOTH_LABELS; ++i) printf("%s%c", both_labels[i], 1);\n'
        "}\n"
    )
    binary = tmp_path / "print"
    labels = project / "gen/both/both_labels.c"
    run(["gcc", *WARNINGS, f"-I{project / 'gen'}", main, labels, "-o", binary])
    printed = run([binary]).stdout.split("\x01")
    # C strings end at the NUL that one payload holds
    wanted = [label.split("\x00")[0].replace("\r\n", "\n") for label in firmware.programs[0].labels]
    assert printed[:-1] == wanted
    assert not marker.exists()


def test_cmake_executes_nothing(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    marker = tmp_path / "pwned"
    project = write_plan(plan_of(hostile(marker)), tmp_path / "project")
    script = tmp_path / "run.cmake"
    script.write_text(
        "function(idf_build_get_property)\nendfunction()\n"
        "function(idf_component_register)\nendfunction()\n"
        "function(idf_component_set_property)\nendfunction()\n"
        "function(target_compile_options)\nendfunction()\n"
        "function(target_compile_definitions)\nendfunction()\n"
        f'include("{project}/gen/CMakeLists.txt")\ninclude("{project}/main/CMakeLists.txt")\n'
        "file(WRITE ${CMAKE_CURRENT_LIST_DIR}/reached x)\n"
    )
    run(["cmake", "-P", script])
    assert (tmp_path / "reached").exists()
    assert not marker.exists()


def test_hostile_project_runs(xmos_tflm: Tflm, tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    project = write_plan(plan_of(hostile(marker)), tmp_path / "project")
    objects = build_gen(project, xmos_tflm, tmp_path / "objects")
    printed = run([build_app(project, objects, xmos_tflm, tmp_path)]).stdout
    assert "SELFTEST both PASS" in printed
    assert not marker.exists()


@pytest.mark.parametrize("name", SHARED_MODELS)
def test_real_hostile_models(name: str, shared: Path, tmp_path: Path) -> None:
    model = shared / "models" / f"{name}.tflite"
    before = set(Path("/tmp").glob("pwn*"))
    firmware = firmware_of({"weird": model}, {"weird": model.with_suffix(".npz")})
    project = write_plan(plan_of(firmware), tmp_path / "project")
    for path, content in texts_of(project).items():
        for io in (*firmware.programs[0].inputs, *firmware.programs[0].outputs):
            if not re.fullmatch(r"[\w .:/;-]*", io.name):
                assert io.name not in content, path
    include = [f"-I{project / 'gen'}", f"-I{HOST / 'include'}"]
    for source in sorted((project / "gen").rglob("*.c")):
        run(["gcc", "-std=c11", *WARNINGS, *include, "-fsyntax-only", source])
    assert set(Path("/tmp").glob("pwn*")) == before
