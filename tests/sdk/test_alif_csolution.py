# SPDX-License-Identifier: Apache-2.0
"""CMSIS solutions of Alif boards, converted and built by Arm's own tools (CMSIS_TOOLBOX_ROOT) from
the trees that the packs are made of (ALIF_DFP_ROOT, CMSIS_6_PACK_ROOT, CMSIS_COMPILER_PACK_ROOT)
and from those that the solution brings itself (TFLM_ROOT, CMSIS_NN_ROOT, ETHOS_U_DRIVER_ROOT,
FLATBUFFERS_ROOT, GEMMLOWP_ROOT, RUY_ROOT). Nothing is run: there is no emulator."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import sdk_evidence
import yaml
from sdk_packs import Toolbox, install, pack_trees, toolbox
from sdk_trees import Tree, cmsis_nn, tree

import csolution
from alif_elf import check_placement
from gen_fw.boards.load import all_boards, load_board
from gen_fw.pipeline import generate
from gen_fw.project.alif_csolution import data, files
from gen_fw.request import request
from gen_fw.run import tools

pytestmark = pytest.mark.sdk
ROOT = Path(__file__).resolve().parents[2]
MODELS = {"person_detect": "tflm_person_detect", "kws": "mlperf_kws_ref_model"}
#: board, program, options, arena, model
CASES: dict[str, tuple[str, str, dict[str, Any], str, str]] = {
    "e7-hp": ("alif-e7-hp", "person_detect", {}, "sram0", "mram"),
    "e8-hp-u85, ospi": (
        "alif-e8-hp-u85",
        "person_detect",
        {"place": {"model": "ospi"}, "model_format": "embed"},
        "sram0",
        "ospi",
    ),
    # a device of which the pack's components know less
    "e3-hp, CMSIS-NN": ("alif-e3-hp", "kws", {"compiler": "none"}, "sram0", "mram"),
    "e1c-he, aot": ("alif-e1c-he", "kws", {"runtime": "aot"}, "dtcm", "mram"),
}
#: of programs without TFLM
_TREE = {"cxx": False, "cmsis_nn": False}
RESULTS: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tree]]:
    trees, folder = pack_trees(), tmp_path_factory.mktemp("packs")
    install(load_board("alif-e7-hp").family_data["packs"], trees, folder)
    return folder, trees


@pytest.fixture(scope="module")
def tools_(packs: tuple[Path, dict[str, Tree]]) -> Toolbox:
    return toolbox(packs[0])


@pytest.fixture(scope="module")
def sources() -> list[Tree]:
    header = "include/ethosu_driver.h"
    version = r"VERSION_MAJOR (\d+).*?VERSION_MINOR (\d+).*?VERSION_PATCH (\d+)"
    interpreter = "tensorflow/lite/micro/micro_interpreter.h"
    found = [
        tree("ethos-u-core-driver", "ETHOS_U_DRIVER_ROOT", header, version),
        tree("tflite-micro", "TFLM_ROOT", interpreter, r"TFLITE_SCHEMA_VERSION \((\d+)\)"),
        cmsis_nn(),
    ]
    if importlib.util.find_spec("ethosu") is None:
        pytest.skip("needs the extra vela")
    return found


@pytest.mark.parametrize("case", CASES)
def test_builds_with_the_toolbox(
    case: str,
    shared: Path,
    packs: tuple[Path, dict[str, Tree]],
    tools_: Toolbox,
    sources: list[Tree],
    tmp_path: Path,
) -> None:
    name, program, options, arena, memory = CASES[case]
    board, project = load_board(name), tmp_path / "project"
    model = shared / "models" / f"{MODELS[program]}.tflite"
    golden = model.with_suffix(".npz")
    asked = request([model], name, names=[program], goldens=[golden], layout="csolution", **options)
    generate(asked, project)
    if (project / "gen" / "third_party.cmake").is_file():
        tools_.run("cmake", "-P", project / "gen" / "third_party.cmake", cwd=project)
    assert _complaints(_converted(tools_, project, program)) == []
    tools_.run("cbuild2cmake", f"{program}.cbuild-idx.yml", cwd=project)
    for command in (("-G", "Ninja", "-S", "tmp", "-B", "tmp"), ("--build", "tmp")):
        tools_.run("cmake", *command, cwd=project)
    build = project / "tmp" / "1"
    out = project / "out" / program / name / "release"
    elf = out / f"{program}.elf"
    check_placement(elf, board, arena, memory)
    # what the toolbox compiles is what the solution names, and nothing of it is left out
    database = json.loads((build / "compile_commands.json").read_text())
    compiled = {Path(entry["file"]).resolve() for entry in database}
    solution = csolution.read(project)
    assert {path.resolve() for path in solution.sources} <= compiled
    image = (out / f"{program}.bin").read_bytes()
    assert len(image) % 16 == 0
    if memory == "ospi":
        external = (out / f"{program}-ospi.bin").read_bytes()
        assert (project / f"gen/{program}/model_vela.tflite").read_bytes() in external
        assert b"TFL3" not in image
    RESULTS[case] = {
        "name": case,
        "board": name,
        "program": program,
        "arena": arena,
        "model": memory,
        "compiled_files": len(compiled),
        "elf_sha256": sdk_evidence.sha256(elf),
    }
    if len(RESULTS) == len(CASES):
        compiler = tools.find(tools.ARM_CC)
        sdk_evidence.record(
            "alif-csolution",
            title="Alif projects of the layout csolution, built by Arm's CMSIS-Toolbox",
            method="csolution convert, cbuild2cmake, CMake and Ninja, with packs installed from "
            "the trees that they are made of; sections and copy table are read from the ELF file; "
            "not executed",
            command="CMSIS_TOOLBOX_ROOT=... ALIF_DFP_ROOT=... CMSIS_6_PACK_ROOT=... "
            "CMSIS_COMPILER_PACK_ROOT=... ETHOS_U_DRIVER_ROOT=... TFLM_ROOT=... CMSIS_NN_ROOT=... "
            "FLATBUFFERS_ROOT=... GEMMLOWP_ROOT=... RUY_ROOT=... "
            "pytest -m sdk tests/sdk/test_alif_csolution.py",
            trees=[*packs[1].values(), *sources],
            tools={tools.ARM_CC.command: compiler.version, "csolution": tools_.version},
            results=RESULTS.values(),
        )


@pytest.mark.parametrize("name", [b.name for b in all_boards() if b.family == "alif_cmake"])
def test_every_board_converts(name: str, tools_: Toolbox, tmp_path: Path) -> None:
    """The toolbox finds device, core and components of every board in the packs."""
    project = tmp_path / "project"
    model = ROOT / "examples" / "models" / "digits_int8.tflite"
    asked = request([model], name, names=["digits"], layout="csolution", runtime="aot")
    generate(asked, project)
    assert _complaints(_converted(tools_, project, "digits")) == []
    (made,) = project.rglob("*.cbuild.yml")
    build = yaml.safe_load(made.read_text())["build"]
    solution = csolution.read(project)
    assert build["device"] == solution.device
    assert {one["selected-by"] for one in build["components"]} == set(solution.components)
    # ours lies where the toolbox keeps the configuration of this device
    folders = [(made.parent / path).resolve() for path in build["add-path"]]
    assert next(project.glob("board/RTE/Device/*/RTE_Device.h")).parent in folders


def _converted(tools_: Toolbox, project: Path, program: str) -> str:
    file = f"{program}.csolution.yml"
    return tools_.run("csolution", "convert", file, "-c", ".release", cwd=project)


def _complaints(told: str) -> list[str]:
    # of a toolbox that was built, not installed; and of compilers that are not here
    expected = re.compile("manifest file does not exist|compiler '(AC6|CLANG)' is not supported")
    lines = [line for line in told.splitlines() if re.search("(^| )(error|warning) ", line)]
    return [line for line in lines if not expected.search(line)]


def test_pack_has_what_is_named() -> None:
    """Components, devices and cores, by the pack's own description."""
    description = "AlifSemiconductor.Ensemble.pdsc"
    dfp = tree("alif-dfp", "ALIF_DFP_ROOT", description, r'<release version="([\w.-]+)"')
    package = ElementTree.parse(dfp.root / description).getroot()
    there = {
        ":".join(filter(None, (c.get("Cclass"), c.get("Cgroup"), c.get("Csub"))))
        for c in package.iterfind("components/component")
    }
    named = data(_TREE, [], load_board("alif-e7-hp").family_data, external=True)["components"]
    of_alif = {n.partition("::")[2] for n in (c["name"] for c in named) if n.startswith("Alif")}
    assert len(of_alif) == 5
    assert of_alif <= there
    devices = {device.get("Dname"): device for device in package.iter("device")}
    for board in all_boards():
        if board.family != "alif_cmake":
            continue
        facts = board.family_data
        cores = {entry.get("Pname") for entry in devices[facts["device"]].iter("compile")}
        assert facts["core"] in cores, board.name
        assert f"AlifSemiconductor::Ensemble@{dfp.version}" in facts["packs"], board.name


def test_listed_files_are_those_of_the_trees(sources: list[Tree]) -> None:
    """tools/make_tflm_files.py makes data/tflm_files.json again, byte for byte."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        make = importlib.import_module("make_tflm_files")
    finally:
        sys.path.remove(str(ROOT / "tools"))
    by_name = {one.name: one.root for one in sources}
    listed = dict(files())
    assert make.files(by_name["tflite-micro"], by_name["CMSIS-NN"], listed["release"]) == listed
