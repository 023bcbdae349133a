# SPDX-License-Identifier: Apache-2.0
"""The real Vela: every accelerator with every view of memories that a board names, and its words
about what stays on the CPU."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from gen_fw.boards.load import all_boards
from gen_fw.compilers.command_stream import compiled_for, npu_operators
from gen_fw.compilers.vela import Compiled, VelaSettings, settings_for, vela
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model
from sample_models import ROOT

pytest.importorskip("ethosu.vela", reason="needs the extra vela")
EXAMPLES = ROOT / "examples" / "models"
DATA = ROOT / "tests" / "data" / "models"
HP = VelaSettings("ethos-u55-256", "RTSS_HP_SRAM_MRAM", "Shared_Sram")
#: accelerator, system configuration, memory mode -> boards and pairs of memories that share them
SETTINGS: dict[VelaSettings, list[tuple[str, str, str]]] = {}
for _board in all_boards():
    if _board.accelerator:
        for _entry in _board.accelerator.system_configs:
            _key = settings_for(_board.accelerator, _entry, {})
            SETTINGS.setdefault(_key, []).append((_board.name, _entry.arena, _entry.model))


@cache
def compiled(path: Path, settings: VelaSettings) -> Compiled:
    return vela(read_model(path), path.stem, settings)


def test_which_boards_share_a_compilation() -> None:
    """One result serves all boards with the same NPU and the same view of memories."""
    shared = {
        (one.accelerator, one.system_config): sorted({board for board, _, _ in places})
        for one, places in SETTINGS.items()
    }
    hp = [f"alif-{chip}-hp" for chip in ("e3", "e4", "e5", "e7", "e8")]
    he = [f"alif-{chip}-he" for chip in ("e3", "e4", "e5", "e7", "e8")]
    u85 = ["alif-e4-hp-u85", "alif-e8-hp-u85"]
    ports = ("SRAM_MRAM", "SRAM_OSPI", "SRAM_Only", "DTCM_MRAM", "DTCM_OSPI", "DTCM_SRAM")
    assert shared == {
        **{("ethos-u55-256", f"RTSS_HP_{port}"): hp for port in ports},
        **{("ethos-u55-128", f"RTSS_HE_{port}"): he for port in ports},
        ("ethos-u55-128", "RTSS_HE_DTCM_MRAM"): ["alif-e1c-he", *he],
        **{("ethos-u85-256", f"Ethos_U85_{port}"): u85 for port in ports[:3]},
    }
    assert len(SETTINGS) == 15


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: f"{s.accelerator}-{s.system_config}")
def test_every_accelerator_and_view_of_memories(settings: VelaSettings) -> None:
    result = compiled(EXAMPLES / "digits_int8.tflite", settings)
    report = result.report
    assert compiled_for(result.model) == report["accelerator"] == settings.accelerator
    assert report["operators"]["npu"] > 30 and report["on_cpu"] == []
    assert 0 < report["scratch_bytes"] <= report["sram_bytes"]
    if settings.memory_mode == "Shared_Sram":  # nothing else is in SRAM
        assert report["scratch_bytes"] == report["sram_bytes"]
        constants = report["dram_bytes"] + report["flash_bytes"]
        assert 0 < constants < len(result.model.raw)
    clock = 160 if "_HE_" in settings.system_config else 400
    assert report["clock_mhz"] == clock
    assert report["inference_ms"] == pytest.approx(report["cycles"] / clock / 1000, rel=1e-3)
    assert report["label"] == "estimate"


def test_the_same_bytes_every_time() -> None:
    path = EXAMPLES / "digits_int8.tflite"
    again = vela(read_model(path), "another name", HP)
    assert bytes(again.model.raw) == bytes(compiled(path, HP).model.raw)
    assert again.report == compiled(path, HP).report


def test_the_compiled_model_that_tests_keep() -> None:
    """tests/data/make_compiled.py made it; another release of Vela makes other bytes."""
    result = compiled(DATA / "svdf_int8.tflite", HP)
    if result.report["version"] != "5.2.0":
        pytest.skip("it is Vela 5.2.0's")
    stored = DATA.parent / "compiled" / "svdf_int8_vela.tflite"
    assert stored.read_bytes() == bytes(result.model.raw)


def test_what_stays_on_the_cpu_and_why() -> None:
    result = compiled(DATA / "svdf_int8.tflite", HP)
    assert not result.all_on_cpu
    assert [(row["operator"], row["reason"]) for row in result.report["on_cpu"]] == [
        ("SVDF", "Unsupported opType")
    ]
    place = result.report["on_cpu"][0]
    operator = result.model.subgraphs[place["subgraph"]].operators[place["index"]]
    assert operator.label == "SVDF" and len(list(npu_operators(result.model))) == 1


def test_a_float_model_stays_on_the_cpu() -> None:
    result = compiled(EXAMPLES / "sine_float32.tflite", HP)
    assert result.all_on_cpu and result.report["operators"] == {"npu": 0, "cpu": 3}
    # also of operators of which only the fused activation is named
    assert all("Float32" in row["reason"] for row in result.report["on_cpu"])
    assert compiled_for(result.model) is None


def test_options_reach_vela() -> None:
    path = EXAMPLES / "chirps_int8.tflite"
    speed = compiled(path, HP).report
    small = compiled(
        path, VelaSettings(HP.accelerator, HP.system_config, HP.memory_mode, "Size", 1024)
    ).report
    assert small["scratch_bytes"] < speed["scratch_bytes"]
    assert small["settings"]["optimise"] == "Size" and "1024" in small["command"]


def test_velas_own_words_about_a_wrong_configuration() -> None:
    wrong = VelaSettings("ethos-u55-256", "Nowhere", "Shared_Sram")
    with pytest.raises(ModelError, match=r"System_Config\.Nowhere not found"):
        vela(read_model(EXAMPLES / "sine_int8.tflite"), "sine", wrong)


def test_state_that_the_npu_keeps() -> None:
    """Vela lists variables as outputs of its operator too, which other models must not."""
    result = compiled(DATA / "lstm_int8.tflite", HP)
    (graph, operator), *_ = npu_operators(result.model)
    assert any(graph.tensors[index].is_variable for index in operator.outputs)
