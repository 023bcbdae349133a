# SPDX-License-Identifier: Apache-2.0
"""Alif projects for the CMSIS-Toolbox and for the ML Embedded Evaluation Kit, without either:
every file that they name is there, and compiles with the options that they name. tests/sdk builds
the same with the real tools and trees."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import csolution
from gen_fw.boards.load import all_boards, load_board
from gen_fw.errors import DoesNotFitError, UsageError
from gen_fw.pipeline import check, generate
from gen_fw.project import alif_mlek
from gen_fw.project.alif_csolution import files
from gen_fw.request import request
from host_firmware import HOST, WARNINGS, run

ROOT = Path(__file__).resolve().parents[2]
ALIF = Path(__file__).resolve().parent / "alif"
MODEL = ROOT / "examples" / "models" / "digits_int8.tflite"
CORE = ["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"]
VELA = importlib.util.find_spec("ethosu") is not None
#: what a pack has is declared in ALIF/include
TFLM = [f"-I{HOST / 'tflm_names'}", "-DGEN_FW_SKIP_ABI_CHECK", "-Dsize_t=__SIZE_TYPE__"]

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)
#: board and options; those of the NPU need the extra vela
CASES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "npu": ("alif-e7-hp", {}, True),
    "npu, ospi, embedded": (
        "alif-e8-hp-u85",
        {"place": {"model": "ospi"}, "model_format": "embed"},
        True,
    ),
    "cpu": ("alif-e3-hp", {"compiler": "none"}, False),
    "aot": ("alif-e1c-he", {"runtime": "aot"}, False),
}


def made(folder: Path, board: str, layout: str, **options: Any) -> Path:
    asked = request(
        [MODEL],
        board,
        names=["digits"],
        goldens=[MODEL.with_name("digits_int8_golden.npz")],
        labels=[MODEL.with_name("digits_labels.txt")],
        layout=layout,
        **options,
    )
    generate(asked, folder)
    return folder


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if CASES[name][2] and not VELA:
        pytest.skip("needs the extra vela")
    return name


@pytest.fixture(scope="module")
def solution(case: str, tmp_path_factory: pytest.TempPathFactory) -> csolution.Solution:
    board, options, _ = CASES[case]
    folder = tmp_path_factory.mktemp("csolution") / "project"
    return csolution.read(made(folder, board, "csolution", **options))


def test_solution_names_every_file(case: str, solution: csolution.Solution, tmp_path: Path) -> None:
    board, options, npu = CASES[case]
    facts = load_board(board).family_data
    assert solution.device == f"Alif Semiconductor::{facts['device']}:{facts['core']}"
    assert solution.packs == facts["packs"]
    root = solution.root
    own = [path for path in solution.files if csolution.THIRD_PARTY not in path.parts]
    assert [path for path in own if not path.is_file()] == []
    assert len(set(solution.files)) == len(solution.files)
    # whatever there is to compile is compiled
    there = [p for part in ("app", "board", "gen") for p in (root / part).rglob("*.*")]
    assert {p.resolve() for p in there if p.suffix in (".c", ".cc", ".S")} == {
        path for path in own if path.suffix in (".c", ".cc", ".S")
    }
    # the same application, models and glue as in a CMake project, byte for byte
    other = made(tmp_path / "cmake", board, "cmake", **options)
    for path in (*(p for p in own if p.suffix != ".yml"), root / "board" / "linker.ld"):
        same = other / path.relative_to(root)
        assert path.read_bytes() == same.read_bytes(), path
    fetched = {folder for folder, _ in csolution.in_third_party(solution, solution.files)}
    script = root / "gen" / "third_party.cmake"
    brought = set(re.findall(r"^take\(\w+ (\S+)", script.read_text(), re.M) if fetched else ())
    assert fetched <= brought
    assert script.is_file() == bool(fetched)
    assert ("ethos-u-core-driver" in fetched) == npu
    assert ("tflite-micro" in fetched) == (options.get("runtime") != "aot")


def test_solution_compiles_with_its_own_options(
    solution: csolution.Solution, tmp_path: Path
) -> None:
    include = [f"-I{path}" for path in solution.add_path if "$" not in path]
    include += [f"-I{solution.root / 'app'}", f"-I{ALIF / 'include'}"]
    defines = [f"-D{word}" for word in solution.defines]
    object_file = tmp_path / "out.o"
    compiled = 0
    for source in solution.sources:
        if csolution.THIRD_PARTY in source.parts:
            continue
        language = "CPP" if source.suffix == ".cc" else "C"
        standard = [f"-std={solution.languages[f'language-{language}']}"]
        command = ["arm-none-eabi-g++" if language == "CPP" else "arm-none-eabi-gcc"]
        command += [] if source.suffix == ".S" else standard
        command += [*CORE, *WARNINGS, "-O2", *solution.misc[language], *include, *defines]
        command += TFLM[:2] if language == "CPP" else []
        what = ["-fsyntax-only"] if source.parent.name == "board" else ["-c", "-o", object_file]
        run([*command, *what, source])
        compiled += 1
    assert compiled >= 10


def test_console_polls_in_a_solution(solution: csolution.Solution, tmp_path: Path) -> None:
    """Where the toolbox keeps configuration, ours lies on top of the pack's."""
    ((path,),) = [list((solution.root / "board/RTE/Device").glob("*/RTE_Device.h"))]
    board = next(b for b in all_boards() if solution.device.endswith(_end(b)))
    facts = board.family_data
    assert path.parent.name == f"{facts['device']}_{facts['core']}"
    pack = tmp_path / "pack"
    vendor = pack / "Device/soc" / facts["soc"] / "rte" / "RTE_Device.h"
    vendor.parent.mkdir(parents=True)
    uart = f"RTE_UART{facts['uart']['instance']}_BLOCKING_MODE_ENABLE"
    vendor.write_text(f"#define {uart} 0\n")
    source = tmp_path / "uart.c"
    source.write_text(f'#include "RTE_Device.h"\n_Static_assert({uart} == 1, "");\n')
    assert "$Pack(AlifSemiconductor::Ensemble)$" in solution.add_path
    run(["arm-none-eabi-gcc", "-fsyntax-only", f"-I{path.parent}", f"-I{pack}", source])


def _end(board: Any) -> str:
    data = board.family_data
    return f"{data['device']}:{data['core']}" if board.family == "alif_cmake" else "none"


def test_third_party_is_copied_from_trees(tmp_path: Path) -> None:
    project = made(tmp_path / "project", "alif-e7-hp", "csolution", compiler="none")
    solution = csolution.read(project)
    script = project / "gen" / "third_party.cmake"
    taken = re.findall(r"^take\((\w+) (\S+) (\S+)", script.read_text(), re.M)
    named = []
    for variable, folder, file in taken:
        tree = tmp_path / "trees" / folder
        (tree / ".git").mkdir(parents=True)
        for path in [file, *(rest for f, rest in _wanted(solution) if f == folder)]:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).touch()
        named.append(f"-D{variable}={tree}")
    command = ["cmake", *named, "-P", str(script)]
    for _ in range(2):  # and again
        run(command)
    # nothing that the solution names is missing now
    assert [path for path in solution.files if not path.is_file()] == []
    assert [path for path in solution.add_path if "$" not in path and not Path(path).is_dir()] == []
    assert list(project.glob("third_party/*/.git")) == []
    # what is brought is no drift
    assert check(project).ok
    shutil.rmtree(tmp_path / "trees" / "tflite-micro" / "tensorflow")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode
    assert f"TFLM_ROOT is {tmp_path}" in " ".join(done.stderr.split())


def _wanted(solution: csolution.Solution) -> list[tuple[str, str]]:
    files_ = list(csolution.in_third_party(solution, solution.files))
    folders = csolution.in_third_party(solution, solution.add_path)
    return files_ + [(folder, f"{rest}/.keep" if rest else ".keep") for folder, rest in folders]


def test_listed_kernels_are_those_of_the_build() -> None:
    """Kernels that CMSIS-NN replaces are the replaced ones, and no test code is in the lists."""
    lists = files()
    assert {"conv.cc", "fully_connected.cc", "softmax.cc"} <= set(lists["kernels"]["cmsis_nn"])
    assert lists["kernels"]["ethos_u"] == ["ethosu.cc"]
    assert all(path.endswith((".cc", ".c")) for key in ("core", "cmsis_nn") for path in lists[key])
    assert not [path for path in lists["core"] if re.search(r"_test|test_|fake_|mock_", path)]
    assert lists["release"] == load_board("alif-e7-hp").sdk.tflm


# --- the kit -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def use_case(case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    board, options, _ = CASES[case]
    return made(tmp_path_factory.mktemp("mlek") / "project", board, "mlek", **options)


def presets(project: Path) -> dict[str, dict[str, str]]:
    """Cache variables of each preset, with those that it inherits."""
    document = json.loads((project / "CMakeUserPresets.json").read_text())
    rows = {row["name"]: row for row in document["configurePresets"]}
    parents = {name: rows.get(row.get("inherits", ""), {}) for name, row in rows.items()}
    return {
        name: {**parents[name].get("cacheVariables", {}), **row["cacheVariables"]}
        for name, row in rows.items()
        if not row.get("hidden")
    }


def test_presets_point_to_what_is_there(case: str, use_case: Path, tmp_path: Path) -> None:
    board, options, _ = CASES[case]
    facts = load_board(board).family_data
    found = presets(use_case)
    aot = options.get("runtime") == "aot"
    assert set(found) == {"digits"} | (set() if aot else {"digits-runner"})
    for variables in found.values():
        assert variables["TARGET_PLATFORM"] == "alif"
        assert variables["TARGET_BOARD"] == facts["mlek_board"]
        assert variables["TARGET_SUBSYSTEM"] == facts["core"].replace("M55_", "RTSS-")
        scripts = [script["name"] for script in facts["mlek_scripts"]]
        assert variables["LINKER_SCRIPT_NAME"].removesuffix("-infrun") in scripts
        # the kit does not build without, though the models may not use it
        assert variables["ETHOS_U_NPU_ENABLED"] == "ON"
        for value in variables.values():
            if value.startswith("${fileDir}"):
                assert (use_case / value.removeprefix("${fileDir}/")).exists(), value
    folder = found["digits"]["USE_CASES_SEARCH_DIR_LIST"].removeprefix("${fileDir}/")
    assert (use_case / folder / found["digits"]["USE_CASE_BUILD"] / "usecase.cmake").is_file()
    config = "Z256" if "u85" in board else "H256" if board.endswith("hp") else "H128"
    assert found["digits"]["ETHOS_U_NPU_CONFIG_ID"] == config
    if not aot:
        usecase = (use_case / folder / "digits_app" / "usecase.cmake").read_text()
        (arena,) = map(int, re.findall(r"_ACTIVATION_BUF_SZ (\d+)\)", usecase))
        spare = int(found["digits-runner"]["inference_runner_ACTIVATION_BUF_SZ"]) - arena
        assert 1024 <= spare < 2048
    # CMake itself reads them, through a file of the user's in the folder of the kit
    (tmp_path / "CMakePresets.json").write_text('{"version": 4}')
    include = {"version": 4, "include": [str(use_case / "CMakeUserPresets.json")]}
    (tmp_path / "CMakeUserPresets.json").write_text(json.dumps(include))
    listed = run(["cmake", "--list-presets=all", "-S", tmp_path]).stdout
    assert set(re.findall(r'^  "(\S+)"', listed, re.M)) == set(found)


def test_use_case_compiles(case: str, use_case: Path, tmp_path: Path) -> None:
    """As the kit does it, with declarations of what it has."""
    place = use_case / "use_case" / "digits_app"
    include = [f"-I{use_case / 'gen'}", f"-I{place / 'include'}", f"-I{ALIF / 'include'}"]
    flags = [*CORE, *WARNINGS, "-O2", "-funsigned-char", *include]
    object_file = tmp_path / "out.o"
    compiled = 0
    for source in sorted([*place.rglob("src/*"), *(use_case / "gen").rglob("*.*")]):
        command = {
            ".c": ["arm-none-eabi-gcc", "-std=c11"],
            ".S": ["arm-none-eabi-gcc"],
            ".cc": ["arm-none-eabi-g++", "-std=c++17", *TFLM[:2], "-fno-exceptions", "-fno-rtti"],
        }.get(source.suffix)
        if command is None:
            continue
        run([*command, *flags, "-c", source, "-o", object_file])
        compiled += 1
        if source.name.startswith(("digits_arena", "digits_model_data")):
            sections = run(["arm-none-eabi-objdump", "-h", object_file]).stdout
            if "arena" in source.name:
                assert ".bss.NoInit.activation_buf_sram" in sections
            else:
                assert ("nn_model_ext_flash" in sections) == ("ospi" in case)
    assert compiled >= 8


def test_every_layout_regenerates_to_itself(tmp_path: Path) -> None:
    for layout in ("csolution", "mlek"):
        first = made(tmp_path / layout, "alif-e7-hp", layout, runtime="aot")
        again = made(tmp_path / f"{layout}-again", "alif-e7-hp", layout, runtime="aot")
        files_ = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
        assert files_ == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
        assert all((first / f).read_bytes() == (again / f).read_bytes() for f in files_)
        assert check(first).ok
        kept = generate(request([], ""), first, dry_run=True)
        assert {change.action for change in kept.changes.files} == {"unchanged"}


def test_kit_cannot_place_everything(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        made(tmp_path / "p", "alif-e7-hp", "mlek", runtime="aot", place={"arena": "sram0"})
    assert "cannot put the arena" in str(caught.value)
    with pytest.raises(UsageError) as caught:
        place = {"arena": "dtcm", "model": "ospi"}
        made(tmp_path / "p", "alif-e7-he", "mlek", runtime="aot", place=place)
    assert "no linker script" in str(caught.value)
    assert "arena=dtcm goes with model=mram" in caught.value.hint
    assert not (tmp_path / "p").exists()


def test_kit_has_less_mram(tmp_path: Path) -> None:
    result = generate(
        request([MODEL], "alif-e7-he", names=["digits"], layout="mlek", compiler="none"),
        tmp_path / "p",
        dry_run=True,
    )
    board, firmware = load_board("alif-e7-he"), result.planned.firmware
    facts = dict(board.family_data)
    alif_mlek.check(firmware, facts)
    model = next(c for c in firmware.programs[0].constants if c.label == "model")
    large = replace(model, data=bytes(5_000_000))
    program = replace(firmware.programs[0], constants=(large,))
    with pytest.raises(DoesNotFitError, match="5000000 bytes"):
        alif_mlek.check(replace(firmware, programs=(program,)), facts)


def test_boards_of_the_kit() -> None:
    """Every Alif board has a linker script that follows its first placement."""
    for board in all_boards():
        if board.family == "alif_cmake":
            scripts = board.family_data["mlek_scripts"]
            assert scripts[0]["arena"] in board.placement["arena"]
            assert "mram" in scripts[0]["models"]
