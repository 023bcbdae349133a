# SPDX-License-Identifier: Apache-2.0
"""xcore.ai: which memory mode is taken, what the advice says, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gen_fw.boards.load import load_board
from gen_fw.candidates import prepared
from gen_fw.compilers import xmos_wheel
from gen_fw.compilers.xformer_options import XformerSettings, checked
from gen_fw.errors import DoesNotFitError, GenFwError, ModelError, ToolMissingError, UsageError
from gen_fw.memory.place import Chosen
from gen_fw.model.reader import read_model
from gen_fw.pipeline import plan
from gen_fw.request import Options, request
from gen_fw.runtimes.xcore.modes import Mode, first_choice, modes
from sample_models import ROOT
from xcore_models import DIGITS, EXAMPLES, SMALL, dense_chain, need_wheel

TEST_MODELS = ROOT / "tests" / "data" / "models"
EXPLORER, LPDDR = "xcore-ai-explorer", "xcore-ai-explorer-lpddr"


def ready(board: str, *paths: Path, **options: Any) -> Chosen:
    need_wheel()
    models = [(path.stem, read_model(path)) for path in paths]
    return prepared(models, load_board(board), Options(**options), lambda _text: None)


def test_the_order_of_advice() -> None:
    board = load_board(LPDDR)
    on_first = [mode for mode in modes(board, {}) if mode.tile == "tile0"]
    assert [(mode.arena, mode.model) for mode in on_first] == [
        ("tile0", "tile0"),
        ("tile0", "flash"),
        ("tile0", "tile1"),
        ("tile0", "lpddr"),
        ("lpddr", "tile0"),
        ("lpddr", "flash"),
        ("lpddr", "tile1"),
        ("lpddr", "lpddr"),
    ]
    assert all(mode.arena in (mode.tile, "lpddr") for mode in modes(board, {}))
    only_flash = {mode.model for mode in modes(board, {"model": "flash"})}
    assert only_flash == {"flash"}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({}, ("tile0", "tile0", "tile0", "inside")),
        ({"model": "flash"}, ("tile0", "tile0", "flash", "flash")),
        ({"model": "tile1"}, ("tile0", "tile0", "tile1", "tile")),
        ({"arena": "tile1"}, ("tile1", "tile1", "tile1", "inside")),
        ({"code": "tile1", "model": "tile0"}, ("tile1", "tile1", "tile0", "tile")),
        ({"arena": "lpddr"}, ("tile0", "lpddr", "tile0", "inside")),
        ({"arena": "lpddr", "model": "lpddr"}, ("tile0", "lpddr", "lpddr", "external")),
    ],
)
def test_what_place_means(place: dict[str, str], expected: tuple[str, str, str, str]) -> None:
    mode = first_choice(load_board(LPDDR), place)
    assert (mode.tile, mode.arena, mode.model, mode.kind) == expected
    assert Mode(*expected[:3]) == mode


def test_a_tile_cannot_use_the_other_ones_ram() -> None:
    with pytest.raises(UsageError, match="no access"):
        first_choice(load_board(LPDDR), {"arena": "tile0", "code": "tile1"})


def test_the_budget_of_a_tile_counts_all_that_it_holds() -> None:
    inside = ready(EXPLORER, DIGITS).tried[-1]
    tile = next(use for use in inside.uses if use.memory == "tile0")
    labels = [item.label for item in tile.needs]
    assert labels[0] == "digits_int8: tensor arena" and "runtime and kernels" in labels
    assert {"digits_int8: weights and tables", "stacks of the model's threads"} < set(labels)
    assert all(use.needed == 0 for use in inside.uses if use.memory != "tile0")
    other = ready(EXPLORER, DIGITS, place={"model": "tile1"})
    needed = {use.memory: use.needed for use in other.tried[-1].uses}
    program = other.programs[0]
    assert needed["tile1"] > program.adapter["xcore"]["parameters"] > 0
    flash = ready(EXPLORER, DIGITS, SMALL, place={"model": "flash"})
    image = [part for p in flash.programs for part in p.constants if part.label == "flash.bin"]
    stored = {use.memory: use.needed for use in flash.tried[-1].uses}["flash"]
    assert [len(part.data) for part in image] == [stored]


def test_arenas_of_two_models_in_sequence_or_shared() -> None:
    apart = ready(EXPLORER, DIGITS, SMALL)
    arenas = [program.region("arena").bytes for program in apart.programs]
    shared = ready(EXPLORER, DIGITS, SMALL, shared_arena=True)

    def in_tile0(chosen: Chosen) -> int:
        return {use.memory: use.needed for use in chosen.tried[-1].uses}["tile0"]

    assert in_tile0(apart) - in_tile0(shared) == min(arenas)


def test_too_large_is_told_with_advice_and_auto_applies_it(tmp_path: Path) -> None:
    model = dense_chain(tmp_path / "chain.tflite")
    with pytest.raises(DoesNotFitError) as caught:
        ready(LPDDR, model)
    error = caught.value
    assert "chain does not fit xcore-ai-explorer-lpddr" in error.what and error.where == "tile0"
    steps = [(row["place"], row["fits"]) for row in error.detail["advice"]]
    assert steps[0] == ("--place model=flash", True)
    places = [place for place, _ in steps]
    assert places.index("--place model=tile1") < places.index("--place model=lpddr")
    assert "--max-arena auto" in error.hint and "--place model=flash" in error.hint
    chosen = ready(LPDDR, model, max_arena="auto")
    assert chosen.programs[0].adapter["xcore"]["kind"] == "flash"
    assert len(chosen.tried) == 2 and not chosen.tried[0].fits
    notes = [str(note) for note in chosen.programs[0].diagnostics]
    assert any("parameters in flash, since it does not fit as asked" in note for note in notes)
    # without room in flash it is the other tile's RAM
    crowded = ready(LPDDR, model, max_arena="auto", reserve={"flash": 4_000_000, "tile1": 0})
    assert crowded.programs[0].adapter["xcore"]["kind"] in ("tile", "external")


def test_too_large_for_every_mode(tmp_path: Path) -> None:
    model = dense_chain(tmp_path / "chain.tflite")
    tight = {"tile0": 500_000, "tile1": 500_000}
    with pytest.raises(DoesNotFitError) as caught:
        ready(EXPLORER, model, max_arena="auto", reserve=tight)
    assert len(caught.value.detail["tried"]) >= 3
    assert "a board with LPDDR" in caught.value.hint
    result = subprocess.run(
        [
            *(sys.executable, "-m", "gen_fw", str(model), "--board", EXPLORER, "--json"),
            *("-o", str(tmp_path / "p"), "--reserve=tile0=500000", "--reserve=tile1=500000"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 4 and "Traceback" not in result.stderr, result.stderr
    assert not (tmp_path / "p").exists()


def test_a_limit_of_the_arena_splits_operators() -> None:
    free = ready(EXPLORER, DIGITS).programs[0].region("arena").bytes
    with pytest.raises(DoesNotFitError, match="--max-arena 500"):
        ready(EXPLORER, DIGITS, max_arena=500)
    assert ready(EXPLORER, DIGITS, max_arena=free).programs[0].region("arena").bytes == free


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("custom_operator", ["subgraphs[0].operators[1]", "CUSTOM:ExampleBlend"]),
        ("if_square_double", ["subgraphs[0].operators[0]", "IF"]),
        ("ring_buffer_int8", ["CALL_ONCE", "VAR_HANDLE"]),
        ("lstm_int8", ["crashed", "UNIDIRECTIONAL_SEQUENCE_LSTM"]),
        ("cnn_float32", ["xc.maxpool2d", "f32"]),
        ("hybrid_dense", ["FULLY_CONNECTED"]),
    ],
)
def test_models_that_xformer_does_not_take(model: str, words: list[str]) -> None:
    with pytest.raises(ModelError) as caught:
        ready(EXPLORER, TEST_MODELS / f"{model}.tflite")
    text = f"{caught.value} {caught.value.hint}"
    assert all(word in text for word in words), text
    assert "Stack dump" not in text and caught.value.hint


def test_a_model_that_xformer_made_is_recognised(shared: Path) -> None:
    with pytest.raises(ModelError, match="compiled by xformer already") as caught:
        ready(EXPLORER, shared / "models" / "derived_kws_ref_model_xcore.tflite")
    assert "original model" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runtime": "tflm"}, "no runtime 'tflm'"),
        ({"compiler": "none"}, "--compiler none"),
        ({"compiler": "vela"}, "no compiler 'vela'"),
        ({"kernels": "cmsis_nn"}, "--kernels"),
        ({"custom_ops": {"a": "b"}}, "--custom-op"),
        ({"model_format": "embed"}, "--model-format embed"),
        ({"place": {"persistent": "tile0"}}, "--place persistent"),
        ({"place": {"arena": "flash"}}, "--place arena=flash"),
        ({"place": {"model": "sram"}}, 'no memory "sram"'),
        ({"layout": "tiles"}, "one model on each"),
        ({"compiler_options": {"weights-file": "x"}}, "does not pass it on"),
        ({"compiler_options": {"xcore-reduce-memory": "true"}}, "does not pass it on"),
        ({"compiler_options": {"thread-cuont": "1"}}, "no option"),
        ({"compiler_options": {"thread-count": "6"}}, "6 threads"),
        ({"compiler_options": {"thread-count": "x"}}, "is not a whole number"),
        ({"compiler_options": {"conv-err-threshold": "-1"}}, "is not a number"),
        ({"compiler_options": {"async-load-weights": "true"}}, "not in flash"),
        (
            {"compiler_options": {"thread-count": "2"}, "place": {"model": "tile1"}},
            "2 threads",
        ),
    ],
)
def test_options_that_the_board_does_not_follow(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        ready(EXPLORER, SMALL, **options)
    assert words in caught.value.what
    assert caught.value.hint or caught.value.why


def test_two_models_one_a_tile() -> None:
    both = ready(LPDDR, SMALL, DIGITS, layout="tiles")
    assert [p.adapter["xcore"]["tile"] for p in both.programs] == ["tile0", "tile1"]
    for options in (
        {"place": {"model": "lpddr"}},
        {"place": {"model": "tile1"}},
        {"place": {"code": "tile0"}},
        {"shared_arena": True},
    ):
        with pytest.raises(UsageError):
            ready(LPDDR, SMALL, DIGITS, layout="tiles", **options)


def test_a_missing_wheel_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmos_wheel, "_beside_us", lambda: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissingError) as caught:
        prepared([("m", read_model(SMALL))], load_board(EXPLORER), Options(), lambda _text: None)
    assert caught.value.exit_code == 7 and "pip install" in caught.value.hint


def test_a_wheel_in_another_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """xcore-opt on the path leads to its release, its Python and its library."""
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (site / "xmos_ai_tools" / "runtime").mkdir(parents=True)
    (site / "xmos_ai_tools-1.4.3.dev50.dist-info").mkdir()
    bin_ = tmp_path / "venv" / "bin"
    bin_.mkdir()
    for name in ("xcore-opt", "python3"):
        (bin_ / name).write_text("#!/bin/sh\n")
        (bin_ / name).chmod(0o755)
    monkeypatch.setattr(xmos_wheel, "_beside_us", lambda: None)
    monkeypatch.setenv("PATH", str(bin_))
    wheel = xmos_wheel.find_wheel()
    assert (wheel.version, wheel.python.name, wheel.tested) == ("1.4.3.dev50", "python3", False)
    assert wheel.host_library() is None


def test_arguments_of_the_compiler() -> None:
    options = checked({"op-split-top-op": "0,7", "conv-err-threshold": "0"})
    assert options["xcore-op-split-tensor-arena"] == "true"
    settings = XformerSettings("external", options)
    assert settings.arguments("w")[-3:] == [
        "--xcore-weights-file=w",
        "--xcore-write-weights-as-array",
        "--xcore-weights-in-external-memory",
    ]
    assert "--xcore-op-split-top-op=0,7" in settings.arguments()
    assert XformerSettings().arguments() == ["--xcore-thread-count=5", "--xcore-target-arch=XS3A"]


def test_a_threshold_changes_what_stays(tmp_path: Path) -> None:
    need_wheel()
    asked = request(
        [EXAMPLES / "chirps_int8.tflite"],
        EXPLORER,
        compiler_options={"conv-err-threshold": "0"},
        place={"model": "flash"},
    )
    planned = plan(asked, tmp_path / "p")
    report = planned.firmware.programs[0].report["xcore"]
    assert json.loads(json.dumps(report)) == report
    assert report["settings"]["xcore-conv-err-threshold"] == "0"
    assert report["operators"]["before"] == 8 and report["operators"]["optimised"] > 0
    assert sum(report["after"].values()) == report["operators"]["after"]
    assert all(row["reason"] and row["name"] for row in report["left"])
    assert report["model_bytes"]["parameters"] > 0


def test_a_softmax_that_overflows_is_pointed_out() -> None:
    chosen = ready(EXPLORER, EXAMPLES / "chirps_int8.tflite")
    notes = [note.what for note in chosen.programs[0].diagnostics]
    assert any("SOFTMAX of chirps_int8 overflows" in note for note in notes)
    assert not ready(EXPLORER, DIGITS).programs[0].report["xcore"]["overflows"]


def test_errors_are_ours(tmp_path: Path) -> None:
    """Whatever xcore-opt makes of a file, the user gets one error or a program."""
    need_wheel()
    for path in sorted(TEST_MODELS.glob("*.tflite")):
        try:
            ready(EXPLORER, path)
        except GenFwError as error:
            assert error.what and len(str(error)) < 4000
