# SPDX-License-Identifier: Apache-2.0
"""The predicted arena against TFLite Micro itself, on this computer and on emulated cores: every
call of the allocator, what is used in the end, and that the minimum works while 16 bytes less do
not. Trees as for the other tests here; ``GEN_FW_ARENA_BUILD`` names a folder that keeps objects."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import arena_build
import pytest
import sdk_evidence
from arena_build import MACHINES, Firmware, Machine
from arena_compare import Comparison, compare, compare_split
from arena_truth import Job, run, seeded_inputs
from sdk_trees import Tree

from arena_variants import variants
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model

pytestmark = pytest.mark.sdk

HERE = Path(__file__).resolve().parent
#: kernel set of a machine -> the label in the table of measured arenas
MEASURED = {"cortex-m55-reference": "ref", "cortex-m55-cmsis_nn": "cmsis"}
#: files that pin each tree, with the pattern of its version
_TREES = {
    "TFLM_ROOT": ("tflite-micro", "tensorflow/lite/micro/micro_interpreter.h", ""),
    "CMSIS_NN_ROOT": ("CMSIS-NN", "Include/arm_nnfunctions.h", r"Revision:\s+V\.([\d.]+)"),
    "ESP_TFLITE_MICRO_ROOT": ("esp-tflite-micro", "idf_component.yml", r'version:\s*"?([^"\s]+)'),
    "ESP_NN_ROOT": ("esp-nn", "idf_component.yml", r'version:\s*"?([^"\s]+)'),
}


def _machine(name: str) -> Machine:
    """The machine, if its tools and trees are here."""
    machine = MACHINES[name]
    lacking = [v for v in arena_build.variables(machine) if not os.environ.get(v)]
    lacking += [tool for tool in arena_build.tools(machine) if shutil.which(tool) is None]
    if lacking:
        pytest.skip(f"{name} needs {', '.join(lacking)}")
    return machine


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("GEN_FW_ARENA_BUILD")
    folder = Path(named) if named else tmp_path_factory.mktemp("arena")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The variants, as files."""
    folder = tmp_path_factory.mktemp("variants")
    for name, content in variants().items():
        (folder / f"{name}.tflite").write_bytes(content)
    return sorted(folder.glob("*.tflite"))


def _readable(paths: list[Path]) -> list[Path]:
    """Without the files that are no models."""
    found = []
    for path in paths:
        try:
            read_model(path)
        except ModelError:
            continue
        found.append(path)
    return found


def _that_run(firmware: Firmware, paths: list[Path]) -> list[Path]:
    """The models that this TFLM takes at all, in an ample arena."""
    jobs = [Job(path, inputs=seeded_inputs(read_model(path))) for path in paths]
    return [path for path, one in zip(paths, run(firmware, jobs), strict=True) if one.succeeded]


@pytest.mark.parametrize("name", MACHINES)
def test_predicted_is_true(name: str, built: Path, own: list[Path], shared: Path) -> None:
    machine = _machine(name)
    firmware = arena_build.build(machine, built)
    given = _readable(sorted((shared / "models").glob("*.tflite")))
    given += _readable(sorted((HERE.parent / "data" / "models").glob("*.tflite")))
    mine, theirs = _that_run(firmware, own), _that_run(firmware, given)
    # a harness that refuses models would prove nothing
    assert len(mine) >= 0.95 * len(own) and len(theirs) >= 40
    found = compare(firmware, [*mine, *theirs])
    wrong = {c.path.name: [*c.differences, c.first_event] for c in found if _wrong(c)}
    assert not wrong
    if name in MEASURED:
        _as_measured(shared, MEASURED[name], found)
    sdk_evidence.record(
        f"arena-{name}",
        title=f"The arena of TFLite Micro, predicted and true: {name}",
        method=(
            "a program of our own, linked with every kernel of the tree, logs the calls of TFLM's "
            "allocator; every call up to the first Invoke, used, head and tail equal the "
            "prediction; AllocateTensors and Invoke succeed in an arena of the predicted minimum, "
            "and an allocation fails in one of 16 bytes less"
        ),
        command=" ".join(
            [f"{variable}=..." for variable in arena_build.variables(machine)]
            + ["pytest -m sdk tests/sdk/test_arena.py"]
        ),
        trees=_trees(machine),
        tools=_tools(machine),
        results=[
            *(_row(comparison) for comparison in found[len(mine) :]),
            {
                "name": f"{len(mine)} small models (tests/arena_variants.py)",
                "off_by": max(abs(_off_by(comparison)) for comparison in found[: len(mine)]),
                "label": ", ".join(sorted({c.account.label for c in found[: len(mine)]})),
            },
        ],
    )


@pytest.mark.parametrize("name", MACHINES)
def test_two_arenas(name: str, built: Path, own: list[Path], shared: Path) -> None:
    """MicroAllocator::Create with an arena for what is persistent and one for the rest: each
    predicted size works, and 16 bytes less of either do not."""
    firmware = arena_build.build(_machine(name), built)
    models = _that_run(firmware, [*own, *_readable(sorted((shared / "models").glob("*.tflite")))])
    assert len(models) >= 0.95 * len(own)
    assert compare_split(firmware, models) == {}


def _off_by(comparison: Comparison) -> int:
    return comparison.account.used - comparison.truth.used


def _row(comparison: Comparison) -> dict[str, Any]:
    """The evidence of a model, all sizes in bytes."""
    return {
        "name": comparison.path.stem,
        "model_sha256": sdk_evidence.sha256(comparison.path),
        "used": comparison.truth.used,
        "head": comparison.truth.head,
        "tail": comparison.truth.tail,
        "minimum": comparison.account.minimum,
        "off_by": _off_by(comparison),
        "label": comparison.account.label,
    }


def _wrong(comparison: Comparison) -> bool:
    return bool(comparison.differences or comparison.first_event)


def _as_measured(shared: Path, kernels: str, found: list[Comparison]) -> None:
    """What others have measured on the same core is what we measure."""
    real = {comparison.path.name: comparison for comparison in found}
    with (shared / "baselines" / "tflm_m55.csv").open(newline="") as stream:
        rows: list[Mapping[str, str]] = [
            row for row in csv.DictReader(stream) if row["kernels"] == kernels
        ]
    assert rows
    for row in rows:
        truth, mine = real[row["model"]].truth, real[row["model"]].account
        assert (truth.used, truth.head, truth.tail) == (
            int(row["arena_used_bytes"]),
            int(row["head_bytes"]),
            int(row["tail_bytes"]),
        ), row["model"]
        if row["min_arena_bytes"]:
            assert mine.minimum == int(row["min_arena_bytes"]), row["model"]


def _trees(machine: Machine) -> list[Tree]:
    found = []
    for variable in arena_build.variables(machine):
        if variable not in _TREES:
            continue
        name, file, pattern = _TREES[variable]
        root = Path(os.environ[variable]).resolve()
        version = re.search(pattern, (root / file).read_text("utf-8")) if pattern else None
        found.append(Tree(name, variable, root, version[1] if version else "main"))
    return found


def _tools(machine: Machine) -> dict[str, str]:
    """Versions of the compiler and of the emulator."""
    compiler, *_, last = arena_build.tools(machine)
    commands = [compiler] + ([last] if machine.emulator else [])
    found = {}
    for command in commands:
        text = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
        version = re.search(r"\d+\.\d+(\.\d+)?", text.splitlines()[0].split(")")[-1] or text)
        found[command] = version[0] if version else ""
    return found
