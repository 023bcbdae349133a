# SPDX-License-Identifier: Apache-2.0
"""``gen-fw inspect``: the arena of a board, of a CPU, of generated C, and its picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from test_cli import MODEL, MODELS, ROOT, gen_fw, validated

from gen_fw.boards.load import all_boards
from gen_fw.inspection import Asked, inspect

DIGITS = MODELS / "digits_int8.tflite"
HYBRID = ROOT / "tests" / "data" / "models" / "hybrid_dense.tflite"


@pytest.mark.parametrize("kernels", ["cmsis_nn", "reference"])
def test_the_arena_of_a_cpu_keeps_its_interface(kernels: str) -> None:
    result = gen_fw("inspect", DIGITS, "--cpu", "cortex-m55", "--kernels", kernels, "--json")
    assert result.returncode == 0, result.stderr
    arena = validated(result.stdout)["arena"]
    assert arena["build"] == {
        "release": "tflite-micro-90b983c2",
        "abi": "arm-eabi",
        "kernels": kernels,
        "variant": "mve" if kernels == "cmsis_nn" else "",
        "optimise": "speed",
    }
    assert arena["label"] == "exact" and not arena["weakest"]
    assert arena["used_bytes"] == arena["head_bytes"] + arena["tail_bytes"]
    assert arena["lower_bound_bytes"] <= arena["head_bytes"]
    assert arena["used_bytes"] <= arena["minimum_bytes"] and arena["minimum_bytes"] % 16 == 0
    assert sum(item["bytes"] for item in arena["items"]) == arena["minimum_bytes"]
    # two arenas: the allocators of both are in the persistent one
    split = arena["split"]
    assert arena["head_bytes"] <= split["arena_bytes"] < arena["minimum_bytes"]
    assert arena["tail_bytes"] < split["persistent_bytes"] < arena["tail_bytes"] + 64
    kept = sum(row["persistent_bytes"] for row in arena["operators"])
    assert 0 < kept < arena["tail_bytes"]
    assert any(row["scratch_bytes"] for row in arena["operators"]) == (kernels == "cmsis_nn")


def test_a_plan_of_ours_is_told_and_can_be_left_out(shared: Path) -> None:
    model = shared / "models" / "mlperf_vww_96_int8.tflite"
    ours = inspect(model, Asked(cpu="cortex-m55"))
    given = inspect(model, Asked(cpu="cortex-m55", offline_plan=False))
    before = ours.document["arena"]["offline_plan"]["before"]
    assert before == {key: given.document["arena"][key] for key in before}
    assert ours.document["arena"]["used_bytes"] == 82340
    assert given.document["arena"]["used_bytes"] == 100772
    assert given.document["arena"]["offline_plan"] == {
        "applied": False,
        "steps": [],
        "before": None,
    }
    # the bound is one of the plan at hand, not the end of what is pinned
    assert ours.plan is not None and given.plan is not None
    assert ours.plan.lower_bound <= ours.plan.bytes < given.plan.bytes
    bare = gen_fw("inspect", model, "--cpu", "cortex-m55", "--no-offline-plan", "--json")
    assert validated(bare.stdout)["arena"] == given.document["arena"]


def test_the_arena_of_an_npu_keeps_the_plan_of_vela(shared: Path) -> None:
    model = shared / "models" / "tflm_person_detect_vela.tflite"
    arena = inspect(model, Asked(cpu="cortex-m55", kernels="ethos_u")).document["arena"]
    assert arena["planner"] == "offline plan of the model" and arena["label"] == "exact"
    # the NPU's scratch, which holds all else, and two arrays of six addresses
    assert arena["head_bytes"] == 74464 + 48 + 32
    assert arena["operators"][0]["scratch_bytes"] == 80
    assert inspect(model, Asked(cpu="cortex-m55")).document["arena"] is None


def test_generated_c_and_models_that_cannot_run(tmp_path: Path) -> None:
    aot = validated(gen_fw("inspect", DIGITS, "--runtime", "aot", "-b", "esp32c3", "--json").stdout)
    arena = aot["arena"]
    assert arena["tail_bytes"] == 0 and arena["build"] is None
    assert arena["used_bytes"] == arena["minimum_bytes"] >= arena["lower_bound_bytes"]

    picture = tmp_path / "no.svg"
    none = gen_fw("inspect", HYBRID, "--runtime", "aot", "--svg", picture, "--json")
    assert none.returncode == 0 and validated(none.stdout)["arena"] is None
    assert "is not written" in none.stderr and not picture.exists()


def test_the_picture_replaces_only_a_picture(tmp_path: Path) -> None:
    target = tmp_path / "new" / "arena.svg"
    arguments = ("inspect", DIGITS, "--cpu", "cortex-m4", "--svg", target)
    assert gen_fw(*arguments).returncode == 0
    first = target.read_bytes()
    title = ET.fromstring(first).find("{http://www.w3.org/2000/svg}title")
    assert title is not None and "digits_int8" in (title.text or "")
    assert gen_fw(*arguments).returncode == 0 and target.read_bytes() == first
    assert [path.name for path in target.parent.iterdir()] == ["arena.svg"]

    target.write_text("<svg>drawn by hand</svg>")
    refused = gen_fw(*arguments)
    assert refused.returncode == 6 and "something else" in refused.stderr
    assert target.read_text() == "<svg>drawn by hand</svg>"
    target.unlink()
    target.symlink_to(tmp_path / "elsewhere")
    assert gen_fw(*arguments).returncode == 6 and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cpu", "cortex-m5"], ["cortex-m5", "did you mean"]),
        (["--cpu", "cortex-m4", "--kernels", "esp_nn"], ["esp_nn"]),
        (["--cpu", "cortex-m4", "--board", "esp32"], ["exclude"]),
        (["--runtime", "magic"], ["magic"]),
        (["--runtime", "aot", "--cpu", "cortex-m4"], ["--board"]),
        (["--board", "esp32c3", "--kernels", "cmsis_nn"], ["cmsis_nn"]),
    ],
)
def test_bad_questions(arguments: list[str], words: list[str]) -> None:
    result = gen_fw("inspect", MODEL, *arguments)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert all(word in result.stderr for word in words), result.stderr


INTERPRETED = [board for board in all_boards() if board.default_runtime != "xcore"]


@pytest.mark.parametrize("isa", sorted({board.cpu.isa for board in INTERPRETED} | {""}))
def test_every_instruction_set_of_a_board_is_a_cpu(isa: str) -> None:
    arena = inspect(MODEL, Asked(cpu=isa)).document["arena"]
    assert arena is not None and arena["build"]["release"] == "tflite-micro-90b983c2"
    assert sum(item["bytes"] for item in arena["items"]) == arena["minimum_bytes"] > 0


def test_without_a_target_the_arena_is_that_of_this_computer() -> None:
    plain = gen_fw("inspect", MODEL)
    assert plain.returncode == 0 and "this computer" in plain.stderr
    assert "x86-64, kernels reference" in plain.stdout
    document = validated(gen_fw("inspect", MODEL, "--json").stdout)
    assert document["arena"]["build"]["abi"] == "x86-64"
    assert not document["warnings"]


def test_macs_of_each_layer_are_those_of_autodeploy(shared: Path) -> None:
    """Table of the KWS example in "From TF to EVB - testing, profiling, and deploying AI models.md"
    of neuralSPOT 1.3.0, column "Est MACs"; tests/sdk reads it from there."""
    model = shared / "models" / "mlperf_kws_ref_model.tflite"
    result = gen_fw("inspect", model, "--board", "apollo4p-evb", "--json")
    document = validated(result.stdout)
    assert "neuralspot's library of TFLM may need up to 3440 bytes more" in result.stdout
    pair = [512000, 72000]
    table = [320000, 72000, *pair, *pair, *pair, 512000, 0, 0, 768, 0]
    assert [row["macs"] for row in document["operators"]] == table
    assert sum(table) == 2656768
