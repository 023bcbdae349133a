# SPDX-License-Identifier: Apache-2.0
"""``gen-fw fit`` says of every board what a generation for it would say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_cli import MODEL, MODELS, ROOT, gen_fw, validated

from gen_fw import generate
from gen_fw.boards.load import all_boards, load_board
from gen_fw.errors import DoesNotFitError, GenFwError, ModelError, UsageError
from gen_fw.fitting import fit
from gen_fw.memory.document import candidate_document
from gen_fw.report.fit import document
from gen_fw.request import Options

DATA = ROOT / "tests" / "data" / "models"
BOARDS = [board.name for board in all_boards()]
#: model, its vectors, options: fits everywhere; is refused by aot; fits in few places, some slow
CASES: list[tuple[Path, Path, dict[str, Any]]] = [
    (MODEL, MODELS / "sine_int8_golden.npz", {}),
    (DATA / "ring_buffer_int8.tflite", DATA / "ring_buffer_int8_golden.npz", {}),
    (
        MODELS / "digits_int8.tflite",
        MODELS / "digits_int8_golden.npz",
        {"arena_margin": 280_000, "runtime": "tflm"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].stem)
def test_fit_agrees_with_generate(tmp_path: Path, case: tuple[Path, Path, dict[str, Any]]) -> None:
    model, golden, options = case
    rows = document(fit([model], [], Options(**options)))["boards"]
    assert [row["board"] for row in rows] == sorted(BOARDS)
    for row in rows:
        try:
            # fit runs no compiler: what an NPU would execute is counted as the CPU's
            board = load_board(row["board"])
            npu, xcore = board.accelerator, board.kernels == "xcore"
            asked = {**options, "compiler": "none"} if npu else options
            result = generate(
                [model], row["board"], tmp_path / "p", goldens=[golden], dry_run=True, **asked
            )
        except GenFwError as error:
            assert not row["fits"] and row["reason"], row
            kind = "does not fit" if isinstance(error, DoesNotFitError) else "not supported"
            assert row["verdict"] == kind, row
            assert isinstance(error, (DoesNotFitError, ModelError)) or (
                xcore and isinstance(error, UsageError)  # it has a runtime of its own only
            )
            continue
        firmware = result.planned.firmware
        chosen = candidate_document(firmware.chosen)
        assert row["fits"] and row["placement"] == chosen["placement"], row
        if xcore:
            continue
        if npu and row["label"] == "estimate":
            assert "ring_buffer" not in model.stem  # which no NPU executes: that is exact
            _as_estimates(chosen)
        assert row["memories"] == chosen["memories"]
        assert (row["verdict"] == "fits") == (len(firmware.tried) == 1)
        program = firmware.programs[0]
        assert row["arena_bytes"] == program.region("arena").bytes
        assert row["model_bytes"] == program.region("model").bytes
        if not (npu and row["label"] == "estimate"):
            assert row["label"] == program.region("arena").confidence
    verdicts = {row["verdict"] for row in rows if row["runtime"] != "xcore" or not options}
    verdicts -= {"not supported"}  # the runtime that was asked for, on boards with another
    if options:
        assert verdicts == {"fits", "fits elsewhere", "does not fit"}


def _as_estimates(candidate: dict[str, Any]) -> None:
    for use in candidate["memories"]:
        for need in use["needs"]:
            need["confidence"] = "estimate"


def test_the_table_as_json() -> None:
    both = gen_fw("fit", MODEL, MODELS / "digits_int8.tflite", "--all", "--json")
    assert both.returncode == 0, both.stderr
    table = validated(both.stdout)
    assert [model["name"] for model in table["models"]] == ["sine_int8", "digits_int8"]
    fitting = [row["board"] for row in table["boards"] if row["fits"]]

    def usable(name: str) -> int:
        return sum(m.bytes - m.reserved for m in load_board(name).memories if m.kind == "ram")

    real = [name for name in fitting if load_board(name).vendor != "native"]
    assert table["smallest"] in real
    assert usable(table["smallest"]) == min(usable(name) for name in real)
    alone = validated(gen_fw("fit", MODEL, "-b", "esp32c3", "--json").stdout)
    together = next(row for row in table["boards"] if row["board"] == "esp32c3")
    assert alone["boards"][0]["arena_bytes"] < together["arena_bytes"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["M", "-b", "esp32c2", "--arena-margin", "1M"],
            4,
            ["are needed", "smallest board that fits: none"],
        ),
        (["R", "-b", "host"], 3, ["cannot run"]),
        (["M", "-b", "esp32c2", "-b", "esp32p4", "--arena-margin", "300k"], 0, ["esp32p4"]),
        (["M", "-b", "esp32c2"], 0, ["yes", "smallest board that fits: esp32c2"]),
    ],
)
def test_exit_codes(arguments: list[str], code: int, words: list[str]) -> None:
    known = {"M": MODEL, "R": DATA / "hybrid_dense.tflite"}
    result = gen_fw("fit", *[known.get(word, word) for word in arguments])
    assert result.returncode == code, result.stderr
    assert all(word in result.stdout for word in words), result.stdout
    assert validated(
        gen_fw("fit", *[known.get(word, word) for word in arguments], "--json").stdout
    )["boards"]


def test_kernels_that_a_board_lacks_are_refused_whatever_its_runtime() -> None:
    for runtime in ("aot", "tflm"):
        with pytest.raises(UsageError, match="magic"):
            fit([MODEL], ["host"], Options(runtime=runtime, kernels="magic"))
    rows = fit([MODEL], ["host", "qemu-cortex-m4"], Options(kernels="cmsis_nn")).boards
    fits = [(row.board.name, row.fits) for row in rows]
    assert sorted(fits) == [("host", False), ("qemu-cortex-m4", True)]


def test_a_board_named_twice_is_one_row() -> None:
    assert len(fit([MODEL], ["esp32c3", "esp32c3"]).boards) == 1
