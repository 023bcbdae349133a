# SPDX-License-Identifier: Apache-2.0
"""Projects for Ambiq boards without Ambiq's software. Those of the layout standalone are built for
the board and run on an emulated board with the same core; of the others everything compiles that is
ours, and what they miss is told. tests/sdk/test_ambiq.py builds all layouts with the real trees."""

from __future__ import annotations

import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ambiq_projects import BOARDS, Image, check_placement, made, make, memory_of
from gen_fw.boards.load import load_board
from gen_fw.errors import DoesNotFitError, UsageError
from gen_fw.pipeline import generate, plan
from gen_fw.request import request
from host_firmware import HOST, WARNINGS, run

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples" / "models"
#: declarations of ours that stand for Ambiq's
STAND_INS = [ROOT / "tests" / part / "ambiq" / "include" for part in ("sdk", "functional")]
DIGITS = MODELS / "digits_int8.tflite"
WARN = "WARNINGS=" + " ".join(WARNINGS)
CORES = {
    "cortex-m4": ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    "cortex-m55": ["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"],
}
WEIGHTS = ["digits_op0_weights", "digits_op1_weights"]

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or shutil.which("make") is None,
    reason="arm-none-eabi-gcc or make is not installed",
)


def digits(board: str, folder: Path, **options: object) -> Path:
    golden = [DIGITS.with_name("digits_int8_golden.npz")]
    return made(DIGITS, board, folder, names=["digits"], goldens=golden, **options)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU is not installed")
@pytest.mark.parametrize("board", ["apollo4p-evb", "apollo510-evb"])
def test_standalone_is_built_and_runs_on_the_same_core(board: str, tmp_path: Path) -> None:
    labels = [MODELS / "digits_labels.txt"]
    project = digits(board, tmp_path / "p", layout="standalone", labels=labels)
    said = make(project, WARN)
    assert "warning" not in said.lower() and "100 KB" not in said
    check_placement(project / "build/digits.axf", BOARDS[board], "tcm", "mram", WEIGHTS)
    said = make(project, "qemu", WARN)
    assert "SELFTEST digits PASS" in said and "instructions" in said

    # nothing is built twice, other flags are built again, to the same place
    assert "Compiling" not in make(project, WARN)
    said = make(project, WARN, "GEN_FW_SELFTEST=0")
    assert said.count("Compiling board/board.c") == said.count("Linking build/digits.axf") == 1
    assert "Compiling" not in make(project, WARN, "GEN_FW_SELFTEST=0")
    # a newer source alone
    (project / "app" / "main.c").touch()
    said = make(project, WARN, "GEN_FW_SELFTEST=0")
    assert said.count("Compiling") == 1 and "Linking build/digits.axf" in said

    # the library has its API and nothing else
    make(project, "lib", WARN)
    defined = subprocess.check_output(
        ["arm-none-eabi-nm", "-g", "--defined-only", project / "build/lib/libdigits.a"], text=True
    )
    names = {line.split()[2] for line in defined.splitlines() if len(line.split()) == 3}
    functions = ("init", "init_with", "invoke", "reset", "arena_used", "input0", "output0")
    assert names == {f"digits_{name}" for name in (*functions, "labels")}
    headers = project / "build/lib/include"
    assert {path.name for path in headers.rglob("*.h")} == {
        "gen_fw.h",
        "gen_fw_quant.h",
        "digits.h",
    }
    make(project, "clean")
    assert not (project / "build").exists()


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="QEMU is not installed")
def test_a_wrong_result_is_told(tmp_path: Path) -> None:
    project = digits("apollo4p-evb", tmp_path / "p", layout="standalone")
    vectors = project / "gen/digits/digits_golden.c"
    text = vectors.read_text()
    head, tail = text.rsplit("{\n  ", 1)
    first, rest = tail.split(",", 1)
    vectors.write_text(f"{head}{{\n  {-int(first) - 1},{rest}")
    said = make(project, "qemu", ok=False)
    assert f"SELFTEST digits FAIL output0 0 {-int(first) - 1} {first}" in said


@pytest.mark.parametrize(
    ("board", "arena", "model"),
    [
        ("apollo4p-evb", "sram", "tcm"),
        ("apollo4l-evb", "tcm", "sram"),
        ("apollo3p-evb", "tcm", "sram"),
        ("apollo3p-evb", "sram", "tcm"),
        ("apollo330mp-evb", "sram", "sram"),
    ],
)
def test_placement(board: str, arena: str, model: str, tmp_path: Path) -> None:
    place = {"arena": arena, "model": model}
    project = digits(board, tmp_path / "p", layout="standalone", place=place)
    make(project, WARN)
    check_placement(project / "build/digits.axf", BOARDS[board], arena, model, WEIGHTS)
    sections = Image(project / "build/digits.axf").sections
    name = {"sram": "sram_bss", "tcm": "bss"}[arena]
    if board == "apollo3p-evb":
        name = {"sram": "bss", "tcm": "tcm_arena"}[arena]
    header = (project / "gen/digits/digits.h").read_text()
    needed = int(header.split("define DIGITS_ARENA_BYTES ")[1].split("u")[0])
    assert sections[name][1] >= needed and memory_of(BOARDS[board], sections[name][0]) == arena


def test_libraries_of_two_projects_in_one_firmware(tmp_path: Path) -> None:
    """Neither sees the other's functions, and the application sees the APIs only."""
    archives, includes = [], []
    for name in ("digits", "sine"):
        model = MODELS / f"{name}_int8.tflite"
        project = made(model, "apollo4p-evb", tmp_path / name, names=[name], layout="standalone")
        make(project, "lib")
        archives.append(project / f"build/lib/lib{name}.a")
        includes.append(f"-I{project / 'build/lib/include'}")
    main = tmp_path / "main.c"
    main.write_text(
        '#include "digits/digits.h"\n#include "sine/sine.h"\n'
        "int main(void) { return digits_init() + sine_init() + digits_invoke() + sine_invoke() +\n"
        "  (digits_output0() == 0) + (sine_output0() == 0); }\n"
    )
    flags = [*CORES["cortex-m4"], "--specs=nano.specs", "--specs=nosys.specs", *WARNINGS]
    run(
        ["arm-none-eabi-gcc", *flags, *includes, main, *archives, "-lm", "-o", tmp_path / "app.elf"]
    )
    assert len(Image(tmp_path / "app.elf").symbols["storage"]) == 2


def test_jlink_is_called_as_neuralspot_does(tmp_path: Path) -> None:
    project = digits("apollo3p-evb", tmp_path / "p", layout="standalone")
    said = make(project, "deploy", "JLINK=no-such-jlink", ok=False)
    assert "error: no-such-jlink is not found: install SEGGER's J-Link software" in said
    tool = tmp_path / "jlink"
    tool.write_text(
        '#!/bin/sh\necho "CALL $*"\nfor last; do :; done\n'
        'case $last in *.jlink) cat "$last";; esac\n'
    )
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    said = make(project, "deploy", f"JLINK={tool}")
    call = "-nogui 1 -device AMA3B2KK-KCR -if SWD -speed 4000 -commandfile build/flash.jlink"
    assert f"CALL {call}\n" in said
    assert "connect\nloadbin build/digits.bin, 0xc000\nsleep 250\nr\nq\n" in said
    said = make(project, "view", f"JLINK_VIEW={tool}")
    assert "CALL -Device AMA3B2KK-KCR -If SWD -Speed 4000 -RTTChannel 0 /dev/stdout" in said
    # another application with the same library, another target
    shutil.copytree(project / "app", project / "probe")
    (project / "make/ours.mk").write_text("ours: $(IMAGE).axf\n\t@echo built $<\n")
    said = make(project, "ours", "APP_DIR=probe")
    assert "built build/digits_probe.axf" in said and "Compiling probe/main.c" in said
    project = digits("apollo4p-evb", tmp_path / "q", runtime="aot")
    said = make(project, "view", f"JLINK_VIEW={tool}")
    assert "-device AMAP42KK-KBR -cpufreq 96105000 -swofreq 1000000 -itmport 0" in said


@pytest.mark.parametrize(
    ("board", "layout", "arena"),
    [
        ("apollo4p-evb", "out-of-tree", "sram"),
        ("apollo4p-evb", "module", "sram"),
        ("apollo510-evb", "out-of-tree", "tcm"),
        ("apollo510-evb", "module", "psram"),
    ],
)
def test_code_of_the_other_layouts_compiles(
    board: str, layout: str, arena: str, tmp_path: Path
) -> None:
    project = digits(board, tmp_path / "p", layout=layout, place={"arena": arena})
    core = [*CORES[BOARDS[board].cpu.isa], *WARNINGS, "-fsyntax-only"]
    include = [f"-I{project / part}" for part in ("gen", "board", "app")]
    tflm = [f"-I{HOST / 'tflm_names'}", "-DGEN_FW_SKIP_ABI_CHECK", "-fno-exceptions", "-fno-rtti"]
    sdk = [f"-I{folder}" for folder in STAND_INS]
    seen = set()
    for source in sorted(path for part in include for path in Path(part[2:]).rglob("*.c*")):
        compiler = {
            ".c": ["arm-none-eabi-gcc", "-std=gnu11"],
            ".cc": ["arm-none-eabi-g++", "-std=c++17", *tflm],
        }.get(source.suffix)
        if compiler is not None:
            run([*compiler, *core, *include, *sdk, source])
            seen.add(source.name)
    assert {"board.c", "fault.c", "main.c", "digits_tflm.cc", "gen_fw_cplusplus.cc"} <= seen
    assert ("console.c" in seen) == (layout == "module")
    board_c = (project / "board/board.c").read_text()
    assert ("bNeedSharedSRAM = true" in board_c) == (layout == "module" and arena == "sram")
    assert ("ns_psram_init(&psram)" in board_c) == (arena == "psram")


@pytest.mark.parametrize("layout", ["out-of-tree", "module", "standalone"])
@pytest.mark.parametrize("board", BOARDS)
def test_every_board_and_layout_renders(board: str, layout: str, tmp_path: Path) -> None:
    golden = [DIGITS.with_name("digits_int8_golden.npz")]
    asked = request([DIGITS], board, goldens=golden, layout=layout)
    planned = plan(asked, tmp_path)
    files = {file.path: file.content for file in planned.project.files}
    runtime = "aot" if layout == "standalone" else "tflm"
    program = planned.firmware.programs[0]
    arena = program.region("arena")
    assert program.runtime == runtime and ("Makefile" in files) and ("README.md" in files)
    assert ("module.mk" in files) == (layout == "module")
    assert ("board/startup.c" in files) == ("qemu/startup.c" in files) == (layout == "standalone")
    text = b"".join(c for c in files.values() if isinstance(c, bytes)).decode("utf-8", "replace")
    data = BOARDS[board].family_data
    if layout == "standalone":
        assert arena.confidence == "exact" and "Ambiq's processors only" not in text
    else:
        assert arena.confidence == "upper bound" and data["platform"] in text
        assert all(item.confidence != "exact" for item in arena.items)
        assert "may run on Ambiq's processors only" in text and "Ambiq-Apollo-SDK" in text


def skeleton(root: Path, board: str) -> Path:
    """An empty neuralSPOT: every file that a project looks for, without content."""
    data = BOARDS[board].family_data
    part, suite = data["part"], f"extern/AmbiqSuite/{data['ambiqsuite'][0]}"
    tflm = f"extern/tensorflow/{data['tf_versions'][0]}"
    for path in (
        "make/neuralspot_config.mk",
        f"{suite}/module.mk",
        f"{suite}/CMSIS/AmbiqMicro/Include/{part}.h",
        f"{suite}/mcu/{part}/am_mcu_apollo.h",
        f"{suite}/boards/{data['platform']}/bsp/am_bsp.h",
        f"{suite}/lib/{part}/libam_hal.a",
        f"{suite}/lib/{part}/{data['evb']}/libam_bsp.a",
        f"{suite}/src/am_util_stdio.c",
        f"neuralspot/ns-core/src/{part}/gcc/startup_gcc.c",
        f"{tflm}/module.mk",
        f"{tflm}/tensorflow/lite/micro/micro_mutable_op_resolver.h",
        f"{tflm}/lib/libtensorflow-microlite-cm4-gcc-release.a",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    (root / "pyproject.toml").write_text('[project]\nversion = "1.3.0"\n')
    return root


def test_make_names_what_is_missing_before_it_compiles(tmp_path: Path) -> None:
    project = digits("apollo4p-evb", tmp_path / "p")
    root = skeleton(tmp_path / "neuralSPOT", "apollo4p-evb")
    here = f"NEURALSPOT_ROOT={root}"

    def refusal(*arguments: str) -> str:
        said = make(project, *arguments, ok=False)
        assert "Compiling" not in said and said.count("***") == 1
        return said.split("*** ", 1)[1]

    assert refusal().startswith("NEURALSPOT_ROOT is not set: git clone https://")
    assert "is no checkout of neuralSPOT" in refusal(f"NEURALSPOT_ROOT={tmp_path}")
    spaced = f"NEURALSPOT_ROOT={tmp_path}/with space"
    assert "paths with spaces" in refusal(spaced)
    said = refusal(here, "AS_VERSION=R5.3.0")
    assert said.startswith(
        "AS_VERSION=R5.3.0 has no apollo4p; apollo4p_evb needs AS_VERSION=R4.5.0"
    )
    assert refusal(here, "TF_VERSION=tflm").startswith("there is no TF_VERSION=tflm; use one of")
    assert refusal(here, "PLATFORM=apollo510_evb").startswith(
        "PLATFORM=apollo510_evb: this project"
    )
    assert "this project builds with arm-none-eabi-gcc" in refusal(here, "TOOLCHAIN=arm")
    said = refusal(here, "MLDEBUG=1")
    assert "libtensorflow-microlite-cm4-gcc-debug.a" in said and "without MLDEBUG=1" in said
    suite, part = root / "extern/AmbiqSuite/R4.5.0", "apollo4p"
    for file, what in (
        (suite / f"CMSIS/AmbiqMicro/Include/{part}.h", "the device header"),
        (suite / f"mcu/{part}/am_mcu_apollo.h", "the header of the HAL"),
        (suite / "boards/apollo4p_evb/bsp/am_bsp.h", "the header of the board support package"),
        (suite / f"lib/{part}/libam_hal.a", "the library of the HAL"),
        (suite / f"lib/{part}/evb/libam_bsp.a", "the library of the board support package"),
        (root / f"neuralspot/ns-core/src/{part}/gcc/startup_gcc.c", "the start-up code"),
        (
            root
            / "extern/tensorflow/helia_rt_v1_6_0/lib/libtensorflow-microlite-cm4-gcc-release.a",
            "TFLM's library",
        ),
    ):
        file.rename(file.with_suffix(".away"))
        said = refusal(here)
        assert said.startswith(f"missing {what}: {file} (neuralSPOT 1.3.0 in NEURALSPOT_ROOT")
        file.with_suffix(".away").rename(file)
    # no compiler: only make and what it calls
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("make", "sh", "uname", "sed", "head", "mkdir", "rm"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    said = make(project, here, ok=False, PATH=str(tools))
    assert "*** arm-none-eabi-gcc is not found: install the Arm GNU toolchain" in said
    # a header beside the tree serves
    header = suite / f"CMSIS/AmbiqMicro/Include/{part}.h"
    header.unlink()
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / f"{part}.h").touch()
    assert "Compiling" in make(project, here, f"OVERLAY={tmp_path / 'beside'}", ok=False)
    # what needs no SDK
    make(project, "clean")


def test_a_module_lies_in_a_checkout(tmp_path: Path) -> None:
    root = skeleton(tmp_path / "neuralSPOT", "apollo3p-evb")
    outside = digits("apollo3p-evb", tmp_path / "p", layout="module")
    for goal in ("all", "clean", "deploy"):
        said = make(outside, goal, ok=False)
        assert said.count("***") == 1 and "neuralSPOT" in said
        said = make(outside, goal, f"NEURALSPOT_ROOT={root}", ok=False)
        assert f"this folder must lie in neuralSPOT ({root}), in apps/" in said
    inside = digits("apollo3p-evb", root / "apps/x", layout="module")
    said = make(inside, "AS_VERSION=R4.5.0", ok=False)
    assert "AS_VERSION=R4.5.0 has no apollo3p; apollo3p_evb needs AS_VERSION=R3.1.1" in said
    # found without a variable; an empty neuralSPOT has no Makefile
    assert "No rule to make target 'all'" in make(inside, ok=False)


def test_bad_requests_are_one_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot put the arena"):
        digits("apollo510-evb", tmp_path / "p", place={"arena": "psram"})
    with pytest.raises(UsageError, match='no memory "mram"'):
        digits("apollo3p-evb", tmp_path / "p", place={"model": "mram"})
    with pytest.raises(UsageError, match="no layout 'nest'"):
        digits("apollo3p-evb", tmp_path / "p", layout="nest")
    with pytest.raises(UsageError, match=r"assembles no \.S files"):
        digits("apollo3p-evb", tmp_path / "p", layout="module", model_format="embed")
    with pytest.raises(DoesNotFitError, match="does not fit apollo3p-evb") as caught:
        digits("apollo3p-evb", tmp_path / "p", reserve={"flash": 2048000 - 4096})
    assert "flash has 4096 bytes" in caught.value.why
    assert not (tmp_path / "p").exists()


def test_psram_of_the_apollo510(tmp_path: Path) -> None:
    place = {"arena": "psram"}
    project = digits("apollo510-evb", tmp_path / "p", layout="module", place=place)
    assert '".psram_bss.gen_fw_arena"' in (project / "gen/digits/digits_arena.c").read_text()
    assert "ns_psram_init(&psram)" in (project / "board/board.c").read_text()
    script = (project / "board/linker.ld").read_text()
    assert "PSRAM (rwx) : ORIGIN = 0x60000000, LENGTH = 32940032" in script
    assert "*(.psram_bss .psram_bss.*)" in script


def test_a_layout_is_remembered(tmp_path: Path) -> None:
    project = digits("apollo4l-evb", tmp_path / "p", layout="standalone")
    again = generate(replace(request([]), board=""), project)
    assert again.planned.firmware.programs[0].runtime == "aot"
    assert again.planned.board == load_board("apollo4l-evb", "standalone")
