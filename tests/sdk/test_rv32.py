# SPDX-License-Identifier: Apache-2.0
"""The generated component on an emulated 32-bit RISC-V core: same outputs as the reference, in an
arena of exactly the size that gen-fw computed, of which exactly the predicted part is in use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sdk_evidence
import sdk_rv32
from sdk_projects import REAL_MODELS
from sdk_trees import Tree

from gen_fw.pipeline import generate
from gen_fw.request import request

pytestmark = pytest.mark.sdk

_SECONDS = 120.0
_ARENA = re.compile(r"ARENA (\w+) (\d+) of (\d+)")


def application(names: tuple[str, ...]) -> str:
    """A main() that runs every self-test and prints how much of each arena is in use."""
    headers = "".join(f'#include "{n}/{n}.h"\n#include "{n}/{n}_selftest.h"\n' for n in names)
    steps = "".join(
        f"  failed |= {n}_selftest() != GEN_FW_OK;\n"
        f'  printf("ARENA {n} %u of %u\\n", (unsigned)({n}_arena_used()),'
        f" (unsigned){n.upper()}_ARENA_BYTES);\n"
        for n in names
    )
    return (
        f"#include <stdio.h>\n{headers}\n"
        f"int main(void) {{\n  int failed = 0;\n{steps}  return failed;\n}}\n"
    )


def test_self_tests_pass_within_the_computed_arena(
    shared: Path,
    pytestconfig: pytest.Config,
    tflm_tree: Tree,
    esp_nn_tree: Tree,
    tmp_path: Path,
) -> None:
    versions = sdk_rv32.tools()
    models = [shared / "models" / f"{stem}.tflite" for stem in REAL_MODELS.values()]
    goldens = [model.with_suffix(".npz") for model in models]
    names = tuple(REAL_MODELS)
    asked = request(models, "esp32c6", names=names, goldens=goldens)
    programs = generate(asked, tmp_path / "rv32").planned.firmware.programs
    kernels = {source for p in programs for source in p.adapter["kernel_sources"]}

    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir(f"rv32-{tflm_tree.version}-{esp_nn_tree.version}")
    build = sdk_rv32.Rv32(folder, tflm_tree, esp_nn_tree)
    elf = build.executable(tmp_path / "rv32" / "gen", kernels, application(names))
    text = sdk_rv32.run(elf, _SECONDS)

    for name in names:
        assert f"SELFTEST {name} PASS" in text, text
    arenas = {name: (int(used), int(size)) for name, used, size in _ARENA.findall(text)}
    assert set(arenas) == set(names)
    rows = []
    for program in programs:
        name = program.name
        used, size = arenas[name]
        predicted = (program.report["arena_used"], program.adapter["arena_bytes"]["target"])
        # no byte more, no byte less
        assert (used, size) == predicted, name
        line = f"SELFTEST {name} PASS"
        rows.append({"name": name, "line": line, "arena_used": used, "arena_computed": size})
    digest = sdk_evidence.sha256(elf)
    sdk_evidence.record(
        "rv32",
        title="The component gen/ on an emulated rv32imc core",
        method=(
            "gen/ of a project for esp32c6, compiled with esp-tflite-micro and the portable "
            "kernels of esp-nn for rv32imc, linked with picolibc, run by QEMU's virt machine. "
            "Headers of ESP-IDF are stand-ins; no part of ESP-IDF runs. The arena that is used is "
            "the predicted one."
        ),
        command="pytest -m sdk tests/sdk/test_rv32.py",
        trees=(tflm_tree, esp_nn_tree),
        tools=versions,
        results=[{**row, "elf_sha256": digest} for row in rows],
    )
