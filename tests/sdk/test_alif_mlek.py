# SPDX-License-Identifier: Apache-2.0
"""Projects of the layout mlek, built in Alif's kit (ALIF_MLEK_ROOT with its dependencies, see
sdk_mlek.py) by the generated presets. Nothing is run: there is no emulator."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sdk_evidence
from elftools.elf.elffile import ELFFile
from sdk_mlek import assemble, configure_options, kit_trees, resources
from sdk_trees import Tree

from gen_fw.boards.load import load_board
from gen_fw.pipeline import generate
from gen_fw.request import request
from gen_fw.run import tools

pytestmark = pytest.mark.sdk
MODELS = {"person_detect": "tflm_person_detect", "kws": "mlperf_kws_ref_model"}
#: board, program, options, preset, arena, model
CASES: dict[str, tuple[str, str, dict[str, Any], str, str, str]] = {
    "e7-hp": ("alif-e7-hp", "person_detect", {}, "person_detect", "sram1", "mram"),
    "e1c-he, aot": ("alif-e1c-he", "kws", {"runtime": "aot"}, "kws", "dtcm", "mram"),
    "e7-hp, inference runner": (
        "alif-e7-hp",
        "person_detect",
        {"place": {"model": "ospi"}},
        "person_detect-runner",
        "sram1",
        "ospi",
    ),
}
RESULTS: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="module")
def trees() -> dict[str, Tree]:
    found = kit_trees()
    lacking = [t for t in map(tools.find, tools.needed("arm-none-eabi", cxx=True)) if not t.ok]
    if lacking or shutil.which("ninja") is None:
        pytest.skip(tools.install_line(lacking) if lacking else "needs ninja")
    if importlib.util.find_spec("ethosu") is None:
        pytest.skip("needs the extra vela")
    return found


@pytest.fixture(scope="module")
def kit(trees: dict[str, Tree], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble(trees, tmp_path_factory.mktemp("mlek"))


@pytest.mark.parametrize("case", CASES)
def test_builds_in_the_kit(
    case: str, shared: Path, trees: dict[str, Tree], kit: Path, tmp_path: Path
) -> None:
    name, program, options, preset, arena, memory = CASES[case]
    board, project = load_board(name), tmp_path / "project"
    model = shared / "models" / f"{MODELS[program]}.tflite"
    golden = model.with_suffix(".npz")
    asked = request([model], name, names=[program], goldens=[golden], layout="mlek", **options)
    made = generate(asked, project).planned.firmware.programs[0]
    runner = preset.endswith("-runner")
    # the README's step: the kit's user presets include the project's
    include = {"version": 4, "include": [str(project / "CMakeUserPresets.json")]}
    (kit / "CMakeUserPresets.json").write_text(json.dumps(include))
    kernels = [str(path).rpartition("/")[2] for path in made.adapter.get("kernel_sources", [])]
    build = project / "build" / preset
    res = resources(kit, tmp_path / "resources")
    spared = configure_options(build, res, [] if runner else kernels or ["none"])
    run(kit, "cmake", "--preset", preset, "-G", "Ninja", *spared)
    run(kit, "cmake", "--build", "--preset", preset)
    use_case = "inference_runner" if runner else f"{program}_app"
    elf = build / "bin" / f"ethos-u-{use_case}.axf"
    symbols, sections = look(elf)
    origins = board.family_data["origins"]

    def inside(address: int, place: str) -> bool:
        return 0 <= address - origins[place] < board.memory(place).bytes

    buffer = next(s for n, s in symbols.items() if n == "storage" or "tensorArena" in n)
    data = next(s for n, s in symbols.items() if "nn_model" in n or n.endswith(_DATA))
    assert inside(buffer[0], arena)
    assert buffer[0] % 16 == 0
    # what TFLM reads in place; generated C aligns each constant as it needs
    assert data[0] % 16 == 0 or options.get("runtime") == "aot"
    if memory == "ospi":
        assert inside(data[0], "ospi")
        assert (build / "bin" / "sectors" / use_case / "ext_flash.bin").stat().st_size >= data[1]
    else:
        (script,) = [s for s in board.family_data["mlek_scripts"] if s["arena"] == arena]
        assert script["image"] <= data[0] < script["image"] + script["mram_bytes"]
        # the SE tools write the image to where it was linked
        (entry,) = [
            value
            for key, value in json.loads((project / "app-cfg.json").read_text()).items()
            if key != "DEVICE"
        ]
        first = min(address for address, size in sections.values() if size and address >= 1 << 31)
        assert int(entry["mramAddress"], 16) == first
    assert (build / "bin" / "sectors" / use_case / "mram.bin").stat().st_size > 16
    needed = made.region("arena").bytes
    assert needed <= buffer[1] < needed + (2048 if runner else 16)
    if not runner:
        assert f"{program}_invoke" in symbols
        assert f"{program}_selftest" in symbols
    RESULTS[case] = {
        "name": case,
        "board": name,
        "program": program,
        "preset": preset,
        "arena": arena,
        "model": memory,
        "arena_bytes": buffer[1],
        "elf_sha256": sdk_evidence.sha256(elf),
    }
    alike = [one for one in CASES if CASES[one][3].endswith("-runner") == runner]
    if set(alike) <= set(RESULTS):
        sdk_evidence.record(
            "alif-mlek-runner" if runner else "alif-mlek",
            title="Alif models in the inference runner of the ML Embedded Evaluation Kit"
            if runner
            else "Alif projects of the layout mlek, built in the ML Embedded Evaluation Kit",
            method="configured and built by the generated presets in a copy of the kit with its "
            "dependencies; addresses and sizes are read from the ELF file; not executed. Stand-ins "
            "of ours: the build file of TFLM that the kit fetches, and lvgl, Arm-2D, CMSIS-DSP's "
            "sources and the Ethos-U core platform, which are empty as these projects take "
            "nothing of them",
            command="ALIF_MLEK_ROOT=... MLEK_DEPENDENCIES=... ALIF_DFP_ROOT=... GEMMLOWP_ROOT=... "
            "RUY_ROOT=... KISSFFT_ROOT=... pytest -m sdk tests/sdk/test_alif_mlek.py",
            trees=trees.values(),
            tools={tools.ARM_CC.command: tools.find(tools.ARM_CC).version},
            results=[RESULTS[one] for one in alike],
        )


#: the model, or with runtime aot its largest constant
_DATA = ("_model_data", "_weights")


def run(kit: Path, *command: str) -> None:
    environment = dict(os.environ)
    if shutil.which("ccache"):
        environment |= {"CMAKE_C_COMPILER_LAUNCHER": "ccache"}
        environment |= {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache"}
        # the kit and the projects are copies in folders of their own each time
        environment |= {"CCACHE_BASEDIR": str(kit.parents[1]), "CCACHE_NOHASHDIR": "1"}
    done = subprocess.run(command, cwd=kit, env=environment, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert done.returncode == 0, re.sub(r"(?m)^-- .*\n", "", output)[-6000:]


def look(elf: Path) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Symbols and sections: (address, bytes) by name."""
    with elf.open("rb") as stream:
        file = ELFFile(stream)
        symbols = {
            s.name: (
                s["st_value"] & ~1 if s["st_info"]["type"] == "STT_FUNC" else s["st_value"],
                s["st_size"],
            )
            for s in file.get_section_by_name(".symtab").iter_symbols()
            if s["st_shndx"] != "SHN_UNDEF"
        }
        return symbols, {s.name: (s["sh_addr"], s["sh_size"]) for s in file.iter_sections()}
