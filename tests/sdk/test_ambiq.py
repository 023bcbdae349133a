# SPDX-License-Identifier: Apache-2.0
"""Ambiq projects built against a checkout of neuralSPOT (NEURALSPOT_ROOT), which is not written
to, and standalone ones with TFLM from its own tree (TFLM_ROOT, CMSIS_NN_ROOT, FLATBUFFERS_ROOT,
GEMMLOWP_ROOT, RUY_ROOT).

neuralSPOT's libraries may run on Ambiq's processors only: what contains them is linked and looked
into, never run. Where the checkout lacks a device header, declarations of ours in ambiq/include
stand for the HAL's headers; nothing stands for a library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sdk_evidence
from sdk_trees import Tree, cmsis_nn, tree

from ambiq_projects import BOARDS, Image, check_placement, made, make
from gen_fw.run import tools

pytestmark = pytest.mark.sdk

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "data" / "models"
STAND_INS = Path(__file__).resolve().parent / "ambiq" / "include"
MODELS = {
    "kws": "mlperf_kws_ref_model",
    "vww": "mlperf_vww_96_int8",
    "resnet8": "mlperf_pretrainedResnet_quant",
    "ad01": "mlperf_ad01_int8",
    "str_ww": "mlperf_str_ww_ref_model",
    # AutoDeploy registers its operators by names that do not exist, and counts variables wrongly
    "lstm": "tflm_trained_lstm_int8",
    "variables": "ring_buffer_int8",
}
AMBIQ_BOARDS = ("apollo3p-evb", "apollo4p-evb", "apollo4p-blue-kbr", "apollo4l-evb")
#: other placements than the default: board, model, --place
PLACES = (
    ("apollo4p-evb", "kws", {"arena": "sram", "model": "tcm"}),
    ("apollo4p-evb", "variables", {"arena": "sram", "persistent": "tcm"}),
    ("apollo3p-evb", "kws", {"arena": "tcm", "model": "sram"}),
    ("apollo4l-evb", "vww", {"arena": "sram", "model": "sram"}),
)


@pytest.fixture(scope="module")
def neuralspot() -> Tree:
    found = tree("neuralSPOT", "NEURALSPOT_ROOT", "pyproject.toml", r'version = "([\d.]+)"')
    lacking = [t for t in map(tools.find, tools.needed("arm-none-eabi", cxx=True)) if not t.ok]
    if lacking:
        pytest.skip(tools.install_line(lacking))
    return found


def overlay(root: Path, board: str) -> list[str]:
    """Stand-ins for the HAL's headers, if the checkout lacks the device header of the board."""
    data = BOARDS[board].family_data
    header = f"extern/AmbiqSuite/{data['ambiqsuite'][0]}/CMSIS/AmbiqMicro/Include/{data['part']}.h"
    return [] if (root / header).is_file() else [f"OVERLAY={STAND_INS}"]


def project(shared: Path, folder: Path, board: str, program: str, **options: Any) -> Path:
    stem = MODELS[program]
    model = shared / "models" / f"{stem}.tflite"
    golden = model.with_suffix(".npz")
    if not model.is_file():
        model, golden = OWN / f"{stem}.tflite", OWN / f"{stem}_golden.npz"
    return made(model, board, folder, names=[program], goldens=[golden], **options)


def compilers() -> list[str]:
    """Variables of make: two jobs, ccache where there is one."""
    if not shutil.which("ccache"):
        return ["-j2"]
    return ["-j2", "CC=ccache arm-none-eabi-gcc", "CXX=ccache arm-none-eabi-g++"]


def row(name: str, built: Path, elf: Path, **more: Any) -> dict[str, Any]:
    """A line of the evidence: sizes, and the hash of what would be flashed."""
    image = Image(elf)
    sizes = {part: image.sections.get(part, (0, 0, ""))[1] for part in ("text", "data")}
    return {
        "name": name,
        **sizes,
        "arena": sum(size for _, size in image.symbols["storage"]),
        "bin": elf.with_suffix(".bin").stat().st_size,
        "sha256": sdk_evidence.sha256(elf.with_suffix(".bin")),
        **more,
    }


def gcc() -> dict[str, str]:
    text = subprocess.check_output(["arm-none-eabi-gcc", "--version"], text=True)
    return {"arm-none-eabi-gcc": text.splitlines()[0].split(")")[-1].split()[0]}


def test_library_and_application_out_of_tree(
    shared: Path, neuralspot: Tree, tmp_path: Path
) -> None:
    root = neuralspot.root
    cases: list[tuple[str, str, dict[str, str]]] = [
        (board, program, {}) for board in AMBIQ_BOARDS for program in MODELS
    ]
    rows = []
    for number, (board, program, place) in enumerate([*cases, *PLACES]):
        folder = project(shared, tmp_path / str(number), board, program, place=place)
        given = [f"NEURALSPOT_ROOT={root}", *overlay(root, board)]
        given += compilers()
        said = make(
            *(folder, "all", "lib", "WARNINGS=-Wall -Wextra -Werror", *given),
            CCACHE_NOHASHDIR="1",
        )
        assert "warning" not in said
        elf = folder / f"build/{program}.axf"
        header = (folder / f"gen/{program}/{program}.h").read_text()
        assert "_ARENA_BYTES" in header and "(upper bound)" in header
        placed = placement(folder)
        if placed.get("persistent", placed["arena"]) == placed["arena"]:
            check_placement(
                elf, BOARDS[board], placed["arena"], placed["model"], [f"{program}_model_data"]
            )
        for role, memory in place.items():
            assert placed[role] == memory
        library = folder / f"build/lib/lib{program}.a"
        text = subprocess.check_output(["arm-none-eabi-size", library], text=True)
        rows.append(
            row(
                f"{board}, {program}" + "".join(f", {r} in {m}" for r, m in place.items()),
                folder,
                elf,
                library=int(text.splitlines()[1].split()[0]),
                headers="stand-ins" if overlay(root, board) else "neuralSPOT's",
            )
        )
        shutil.rmtree(folder)
    sdk_evidence.record(
        "ambiq-out-of-tree",
        title="Ambiq Apollo, layout out-of-tree: library and application linked with neuralSPOT",
        method="For each board and model: `gen-fw MODEL --board BOARD` and `make all lib` with "
        "warnings as errors. Arena and model are in the memories that were asked for, nothing that "
        "is not loaded is in the image (ELF). library: bytes of text in the minimal library. "
        "headers: where the checkout lacks the device header, declarations of ours stand for the "
        "HAL's. Linked, not run: neuralSPOT's libraries may run on Ambiq's processors only.",
        command="NEURALSPOT_ROOT=... pytest -m sdk tests/sdk/test_ambiq.py",
        trees=[neuralspot],
        tools=gcc(),
        results=rows,
    )


def placement(folder: Path) -> dict[str, str]:
    """Role -> memory, as gen-fw.lock says."""
    import tomllib

    placed: dict[str, str] = tomllib.loads((folder / "gen-fw.lock").read_text())["placement"]
    return placed


def test_other_libraries_and_flags_build_again(
    shared: Path, neuralspot: Tree, tmp_path: Path
) -> None:
    folder = project(shared, tmp_path / "p", "apollo3p-evb", "kws")
    given = [f"NEURALSPOT_ROOT={neuralspot.root}", *overlay(neuralspot.root, "apollo3p-evb")]
    make(folder, *given)
    images = {(folder / "build/kws.bin").read_bytes()}
    assert "Compiling" not in make(folder, *given)
    # with logs: TF_LITE_STRIP_ERROR_STRINGS goes, another library comes, at once and without clean
    said = make(folder, "MLPROFILE=1", *given)
    assert "Compiling gen/kws/kws_tflm.cc" in said and "Linking build/kws.axf" in said
    images.add((folder / "build/kws.bin").read_bytes())
    for version in ("helia_rt_v1_7_0", "helia_rt_v1_3_0", "ns_tflm_v1_7_0", "tflm_nov_25"):
        said = make(folder, f"TF_VERSION={version}", *given)
        assert "Compiling gen/kws/kws_tflm.cc" in said
        images.add((folder / "build/kws.bin").read_bytes())
    assert len(images) == 6


def test_a_module_of_neuralspot(shared: Path, neuralspot: Tree, tmp_path: Path) -> None:
    """In a copy of the tree, whose files are links: neuralSPOT builds into its own folder."""
    root = tmp_path / "neuralSPOT"
    shutil.copytree(
        neuralspot.root,
        root,
        copy_function=os.symlink,
        ignore=shutil.ignore_patterns(".git", "build"),
    )
    folder = project(shared, root / "apps/kws_gen", "apollo3p-evb", "kws", layout="module")
    said = make(folder, "BLE_SUPPORTED=0", "-j2")
    built = root / "build/apollo3p_evb/arm-none-eabi/apps/kws_gen"
    placed = placement(folder)
    board = BOARDS["apollo3p-evb"]
    check_placement(built / "kws.axf", board, placed["arena"], placed["model"], ["kws_model_data"])
    assert "Compiling gcc neuralspot/ns-core/src/ns_core.c" in said
    assert "Compiling" not in make(folder, "BLE_SUPPORTED=0")
    make(folder, "lib", "BLE_SUPPORTED=0")
    defined = subprocess.check_output(
        ["arm-none-eabi-nm", "-g", "--defined-only", built / "libkws.a"], text=True
    )
    names = {line.split()[2] for line in defined.splitlines() if len(line.split()) == 3}
    assert "kws_invoke" in names and all(name.startswith("kws_") for name in names)
    assert (built / "include/kws/kws.h").is_file()
    result = row("apollo3p-evb, kws, BLE_SUPPORTED=0", built, built / "kws.axf")
    # other flags: all of it, since neuralSPOT's objects do not depend on them
    said = make(folder, "lib", "BLE_SUPPORTED=0", "EXTRA_CFLAGS=-DOTHER")
    assert "Other flags" in said and "Compiling gcc apps/kws_gen/gen/kws/kws_tflm.cc" in said
    make(folder, "clean", "BLE_SUPPORTED=0")
    assert not built.exists()
    sdk_evidence.record(
        "ambiq-module",
        title="Ambiq Apollo, layout module: built inside neuralSPOT",
        method="In a copy of the checkout: `gen-fw MODEL --board apollo3p-evb --layout module -o "
        "apps/kws_gen`, `make BLE_SUPPORTED=0` there (the checkout lacks the Bluetooth library). "
        "Placement checked from the ELF; other flags build again. Linked, not run.",
        command="NEURALSPOT_ROOT=... pytest -m sdk tests/sdk/test_ambiq.py",
        trees=[neuralspot],
        tools=gcc(),
        results=[result],
    )


@pytest.mark.parametrize("board", ["apollo4p-evb", "apollo510-evb"])
def test_standalone_with_upstream_tflm_runs(board: str, shared: Path, tmp_path: Path) -> None:
    trees = (
        tree(
            "tflite-micro",
            "TFLM_ROOT",
            "tensorflow/lite/micro/micro_interpreter.h",
            "TFLITE_SCHEMA_VERSION",
        ),
        cmsis_nn(),
    )
    folder = project(shared, tmp_path / "p", board, "kws", layout="standalone", runtime="tflm")
    roots = {k: v for k, v in os.environ.items() if k.endswith("_ROOT")}
    given = compilers()
    said = make(folder, "qemu", *given, CCACHE_NOHASHDIR="1", **roots)
    assert "SELFTEST kws PASS" in said
    make(folder, *given, CCACHE_NOHASHDIR="1", **roots)
    elf = folder / "build/kws.axf"
    placed = placement(folder)
    check_placement(elf, BOARDS[board], placed["arena"], placed["model"], ["kws_model_data"])
    core = BOARDS[board].cpu.isa
    counts = [int(line.split()[1]) for line in said.splitlines() if line.endswith("instructions")]
    sdk_evidence.record(
        f"ambiq-standalone-tflm-{core}",
        title=f"Ambiq Apollo, layout standalone with upstream TFLM: {core}",
        method=f"`gen-fw MODEL --board {board} --layout standalone --runtime tflm`, `make` and "
        "`make qemu`: the same program with the same kernels on an emulated board with the same "
        "core. The self-test compares with TFLM's reference kernels, bit by bit.",
        command="TFLM_ROOT=... CMSIS_NN_ROOT=... FLATBUFFERS_ROOT=... GEMMLOWP_ROOT=... "
        "RUY_ROOT=... pytest -m sdk tests/sdk/test_ambiq.py",
        trees=trees,
        tools=gcc(),
        results=[
            {
                **row(f"{board}, kws", folder, elf),
                "selftest": "SELFTEST kws PASS",
                "instructions": min(counts),
            }
        ],
    )


def test_macs_are_those_of_autodeploys_table(shared: Path, neuralspot: Tree) -> None:
    """The first table of the guide: a row a layer, the fourth column "Est MACs"."""
    import re

    from gen_fw.inspection import inspect

    guide = "docs/From TF to EVB - testing, profiling, and deploying AI models.md"
    text = (neuralspot.root / guide).read_text()
    found = re.findall(r"^\|(\d+)\| ?(\w+)\| ?\d+\| ?(\d+)\|", text, re.MULTILINE)[:13]
    document = inspect(shared / "models" / "mlperf_kws_ref_model.tflite").document
    rows = [(str(n), r["name"][:11], str(r["macs"])) for n, r in enumerate(document["operators"])]
    assert rows == found


def test_memories_are_those_of_the_linker_scripts(neuralspot: Tree) -> None:
    import re

    regions = {"ROMEM": "flash", "RWMEM": "sram", "TCM": "tcm", "STACKMEM": "stack"}
    regions |= {"MCU_MRAM": "mram", "MCU_TCM": "tcm", "SHARED_SRAM": "sram"}
    for name, board in BOARDS.items():
        data = board.family_data
        boot = "_sbl" if board.cpu.isa == "cortex-m55" else ""
        script = f"neuralspot/ns-core/src/{data['part']}/gcc/linker_script{boot}.ld"
        text = re.sub(r"/\*.*?\*/", "", (neuralspot.root / script).read_text(), flags=re.DOTALL)
        found = {}
        for region, origin, length in re.findall(
            r"(\w+)\s*\(\w+\)\s*:\s*ORIGIN = (\w+), LENGTH = (\w+)", text
        ):
            if region in regions:
                found[regions[region]] = (int(origin, 0), int(length, 0))
        ours = {m.name: (data["origins"][m.name], m.bytes) for m in board.memories}
        if data["stack"]:
            ours["stack"] = (data["stack"]["origin"], data["stack"]["bytes"])
        ours.pop("psram", None)
        assert ours == found, name
        suites = [neuralspot.root / "extern/AmbiqSuite" / suite for suite in data["ambiqsuite"]]
        assert all((suite / "boards" / data["platform"]).is_dir() for suite in suites), name
        config = (neuralspot.root / "make/neuralspot_config.mk").read_text()
        assert f"  {data['platform']} \\\n" in config
        for version in data["tf_versions"]:
            assert (neuralspot.root / "extern/tensorflow" / version / "lib").is_dir()
