# SPDX-License-Identifier: Apache-2.0
"""ESP-IDF itself configures the generated project for every board: its CMake, its component
manager, its Kconfig, its partition table tool.

The cross compilers are stand-ins, so nothing is compiled here. What is proved: CMake files and
manifest are accepted, every CONFIG_ line of sdkconfig.defaults* exists for the chip and has the
wanted value in the resulting sdkconfig, and the partition table fits the flash.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sdk_evidence
from sdk_idf import Idf, override_components
from sdk_projects import EXAMPLE, EXAMPLE_OPTIONS, IDF_BOARDS, generate
from sdk_trees import Tree

from gen_fw.boards.board import Board

pytestmark = pytest.mark.sdk

_SET = re.compile(r"CONFIG_(\w+)=(.*)")
_UNSET = re.compile(r"# CONFIG_(\w+) is not set")
_UNKNOWN = re.compile(r"unknown kconfig symbol '(\w+)'")
_DEPRECATED = "# Deprecated options for backward compatibility"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the CONFIG_ lines of a project's sdkconfig.defaults*."""

    checked: int
    unknown: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    overridden: list[str] = field(default_factory=list)


def assignments(text: str) -> dict[str, str]:
    """Symbol -> value of an sdkconfig file; "n" for what is not set."""
    values: dict[str, str] = {}
    for line in text.partition(_DEPRECATED)[0].splitlines():
        if found := _SET.fullmatch(line):
            values[found[1]] = found[2]
        elif found := _UNSET.fullmatch(line):
            values[found[1]] = "n"
    return values


def judge(defaults: dict[str, str], sdkconfig: str, log: str) -> Verdict:
    """Compare what was asked with what ESP-IDF made of it."""
    final = assignments(sdkconfig)
    renames = re.findall(r"CONFIG_(\w+) was replaced with", log)
    unknown = set(_UNKNOWN.findall(log))
    verdict = Verdict(checked=len(defaults))
    for symbol, value in sorted(defaults.items()):
        if symbol in unknown:
            verdict.unknown.append(symbol)
        elif symbol in renames:
            verdict.renamed.append(symbol)
        elif final.get(symbol) != value:
            verdict.overridden.append(f"{symbol}: {value} became {final.get(symbol, 'invisible')}")
    return verdict


def configure(idf: Idf, project: Path, target: str, toolchains: Path) -> str:
    """``idf.py set-target TARGET``: the log; the test fails with it if that fails."""
    idf.prepare(project)
    done = idf.idf_py(project, target, "set-target", target, path=str(toolchains))
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def rows(
    esp_idf_tree: Idf, tflm_tree: Tree, esp_nn_tree: Tree
) -> Iterator[list[dict[str, object]]]:
    """Rows of the evidence; written when all boards were configured."""
    collected: list[dict[str, object]] = []
    yield collected
    if len(collected) == len(CASES):
        versions = subprocess.run(
            [esp_idf_tree.python, "-m", "pip", "list", "--format=freeze"],
            capture_output=True,
            text=True,
        ).stdout
        tools = dict(line.split("==") for line in versions.splitlines() if "==" in line)
        sdk_evidence.record(
            f"esp-idf-{esp_idf_tree.release}-configure",
            title=f"ESP-IDF {esp_idf_tree.tree.version} configures the project of every board",
            method=(
                "idf.py set-target with ESP-IDF's CMake, component manager and Kconfig; the cross "
                "compilers are stand-ins, nothing was compiled. Components whose git submodule is "
                "absent from the tree are replaced by empty ones."
            ),
            command="pytest -m sdk tests/sdk/test_idf_configure.py",
            trees=(esp_idf_tree.tree, tflm_tree, esp_nn_tree),
            tools={name: tools[name] for name in ("esp-idf-kconfig", "idf-component-manager")},
            results=collected,
        )


#: board, where its arena goes: PSRAM has defaults of its own
CASES = [
    (name, memory) for name, board in IDF_BOARDS.items() for memory in board.placement["arena"]
]


@pytest.mark.parametrize(("name", "memory"), CASES)
def test_board_configures_and_every_default_takes_effect(
    name: str,
    memory: str,
    esp_idf_tree: Idf,
    tflm_tree: Tree,
    esp_nn_tree: Tree,
    toolchains: Path,
    tmp_path: Path,
    rows: list[dict[str, object]],
) -> None:
    board: Board = IDF_BOARDS[name]
    target = board.family_data["target"]
    options = (*EXAMPLE_OPTIONS, "--place", f"arena={memory}")
    project = generate(name, tmp_path / "project", EXAMPLE, options=options)
    override_components(project / "gen" / "idf_component.yml", (tflm_tree.root, esp_nn_tree.root))
    log = configure(esp_idf_tree, project, target, toolchains)

    defaults: dict[str, str] = {}
    for path in sorted(project.glob("sdkconfig.defaults*")):
        assert path.name in ("sdkconfig.defaults", f"sdkconfig.defaults.{target}")
        lines = [line for line in path.read_text("utf-8").splitlines() if "CONFIG_" in line]
        asked = assignments(path.read_text("utf-8"))
        assert len(asked) == len([line for line in lines if _SET.match(line) or _UNSET.match(line)])
        defaults |= asked
    assert defaults["PARTITION_TABLE_CUSTOM"] == "y"
    verdict = judge(defaults, (project / "sdkconfig").read_text("utf-8"), log)
    assert (verdict.unknown, verdict.renamed, verdict.overridden) == ([], [], [])

    final = assignments((project / "sdkconfig").read_text("utf-8"))
    assert final["IDF_TARGET"] == f'"{target}"'
    assert final["ESPTOOLPY_FLASHSIZE"] == f'"{board.family_data["flash"]["mb"]}MB"'
    assert int(final["ESP_DEFAULT_CPU_FREQ_MHZ"]) == board.cpu.clock_mhz
    assert final.get("SPIRAM", "n") == ("y" if board.family_data["psram"] else "n")
    rows.append(
        {
            "name": f"{name}, arena in {memory}",
            "target": target,
            "defaults": verdict.checked,
            "unknown": len(verdict.unknown) + len(verdict.renamed),
            "overridden": len(verdict.overridden),
        }
    )


def test_the_check_itself_finds_bad_lines(
    esp_idf_tree: Idf, tflm_tree: Tree, esp_nn_tree: Tree, toolchains: Path, tmp_path: Path
) -> None:
    project = generate("esp32c3", tmp_path / "project", EXAMPLE, options=EXAMPLE_OPTIONS)
    override_components(project / "gen" / "idf_component.yml", (tflm_tree.root, esp_nn_tree.root))
    bad = "CONFIG_SPIRAM=y\nCONFIG_TASK_WDT=y\nCONFIG_ESP_TASK_WDT_TIMEOUT_S=99\n"
    defaults = project / "sdkconfig.defaults"
    text = defaults.read_text("utf-8") + bad
    defaults.write_text(text, "utf-8")
    log = configure(esp_idf_tree, project, "esp32c3", toolchains)
    verdict = judge(assignments(text), (project / "sdkconfig").read_text("utf-8"), log)
    assert verdict.unknown == ["SPIRAM"]
    assert verdict.renamed == ["TASK_WDT"]
    assert [line.split(":")[0] for line in verdict.overridden] == ["ESP_TASK_WDT_TIMEOUT_S"]
