# SPDX-License-Identifier: Apache-2.0
"""Candidates of boards with an NPU: placement and compiler settings together, and each mistake
that a user can make with them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gen_fw import npu_programs
from gen_fw.boards.load import load_board
from gen_fw.candidates import prepared
from gen_fw.compilers import vela as room
from gen_fw.compilers.vela import Compiled, VelaSettings
from gen_fw.errors import DoesNotFitError, ModelError, ToolMissingError, UsageError
from gen_fw.lowering import compiling, estimating
from gen_fw.memory.place import Chosen
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model
from gen_fw.request import Options
from sample_models import ROOT

EXAMPLES = ROOT / "examples" / "models"
DATA = ROOT / "tests" / "data" / "models"
DIGITS = EXAMPLES / "digits_int8.tflite"
CHIRPS = EXAMPLES / "chirps_int8.tflite"


def ready(path: Path, board: str, **options: Any) -> Chosen:
    said: list[str] = []
    models = [(path.stem, read_model(path))]
    chosen = prepared(models, load_board(board), Options(**options), said.append)
    assert chosen.tried[-1].fits and not any(one.fits for one in chosen.tried[:-1])
    return chosen


def places(chosen: Chosen) -> dict[str, str]:
    return {str(role): name for role, name in chosen.tried[-1].placement.memories.items()}


@pytest.fixture
def no_vela(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise ToolMissingError("Vela is not installed")

    monkeypatch.setattr(room, "_tool", missing)


class TestWithoutVela:
    """Everything that must work, or fail in its own way, before the compiler is asked."""

    pytestmark = pytest.mark.usefixtures("no_vela")

    def test_the_default_is_the_npu(self) -> None:
        with pytest.raises(ToolMissingError):
            ready(DIGITS, "alif-e7-hp")

    def test_the_cpu_alone(self) -> None:
        (program,) = ready(DIGITS, "alif-e7-hp", compiler="none").programs
        assert program.kernels == "cmsis_nn" and "npu" not in program.adapter
        (program,) = ready(DIGITS, "alif-e7-hp", runtime="aot").programs
        assert program.runtime == "aot"

    @pytest.mark.parametrize(
        ("board", "options", "says"),
        [
            ("esp32s3", {"compiler": "vela"}, "board esp32s3 has no compiler 'vela'"),
            ("alif-e7-hp", {"compiler": "tvm"}, "no compiler 'tvm'"),
            ("alif-e7-hp", {"compiler": "vela", "runtime": "aot"}, "needs the runtime tflm"),
            ("alif-e7-hp", {"kernels": "reference"}, "CMSIS-NN"),
            ("alif-e7-hp", {"kernels": "ethos_u", "compiler": "none"}, "follows from"),
            (
                "alif-e7-hp",
                {"compiler": "none", "compiler_options": {"memory-mode": "Sram_Only"}},
                "no compiler runs",
            ),
            ("alif-e7-hp", {"compiler_options": {"system-config": "Nowhere"}}, "'Nowhere'"),
            ("alif-e8-hp-u85", {"place": {"arena": "dtcm"}}, "cannot reach that placement"),
            ("alif-e7-hp", {"place": {"model": "itcm"}}, "cannot put the model there"),
            ("alif-e7-hp", {"place": {"arena": "sram7"}}, 'no memory "sram7"'),
        ],
    )
    def test_usage_errors(self, board: str, options: dict[str, Any], says: str) -> None:
        with pytest.raises(UsageError, match=says) as caught:
            ready(DIGITS, board, **options)
        assert caught.value.hint

    def test_variables_lie_where_the_npu_sees_them(self) -> None:
        board = load_board("alif-e7-hp")
        memories = tuple(replace(m, npu_visible=m.name != "sram1") for m in board.memories)
        models = [("digits", read_model(DIGITS))]
        options = Options(place={"persistent": "sram1"})
        with pytest.raises(UsageError, match=r"--place persistent=sram1: .* cannot reach"):
            prepared(models, replace(board, memories=memories), options, lambda _stage: None)

    def test_the_unreachable_placement_works_without_the_npu(self) -> None:
        chosen = ready(DIGITS, "alif-e8-hp-u85", place={"arena": "dtcm"}, compiler="none")
        assert places(chosen)["arena"] == "dtcm"

    def test_control_flow_and_resources_stay_on_the_cpu(self) -> None:
        for name in ("while_double", "ring_buffer_int8"):
            (program,) = ready(DATA / f"{name}.tflite", "alif-e8-hp-u85").programs
            assert program.kernels == "cmsis_nn"
            assert any("the NPU will not be used" in note.what for note in program.diagnostics)

    def test_estimates_need_no_compiler(self) -> None:
        board = load_board("alif-e7-hp")
        program = estimating(Options(), board)(read_model(DIGITS), "digits")
        assert {region.confidence for region in program.regions} == {"estimate"}
        alone = estimating(Options(compiler="none"), board)(read_model(DIGITS), "digits")
        assert alone.region("arena").confidence == "exact"
        assert alone.region("arena").bytes == program.region("arena").bytes

    def test_sram_means_either(self) -> None:
        place = {"arena": "sram", "model": "sram"}
        chosen = ready(DIGITS, "alif-e7-hp", compiler="none", place=place)
        assert places(chosen) == {"arena": "sram0", "model": "sram1", "code": "itcm"}
        full = ready(DIGITS, "alif-e7-hp", compiler="none", place=place, reserve={"sram1": 2621440})
        assert places(full)["model"] == "sram0"

    def test_what_is_copied_at_start_needs_room_in_both(self) -> None:
        chosen = ready(DIGITS, "alif-e7-hp", compiler="none", place={"model": "sram1"})
        uses = {use.memory: use for use in chosen.tried[-1].uses}
        (program,) = chosen.programs
        sizes = {region.role: region.bytes for region in program.regions}
        assert uses["mram"].needed == sizes["model"] + sizes["code"]
        assert uses["itcm"].needed == sizes["code"] and uses["sram1"].needed == sizes["model"]
        assert all("copied to" in item.label for item in uses["mram"].needs)

    def test_nothing_else_of_the_accelerator(self) -> None:
        assert compiling(Options(), load_board("esp32s3")) is None
        npu = compiling(Options(), load_board("alif-e1c-he"))
        assert npu is not None and npu.name == "ethos-u55-128"


class TestWithVela:
    pytestmark = pytest.mark.skipif(
        importlib.util.find_spec("ethosu") is None, reason="needs the extra vela"
    )

    def test_a_program_for_the_npu(self) -> None:
        chosen = ready(DIGITS, "alif-e7-hp")
        (program,) = chosen.programs
        given = read_model(DIGITS)
        assert program.kernels == "ethos_u" and program.requires.kernels == ("ethos_u",)
        assert [part.label for part in program.constants] == ["input", "model", "vela.ini"]
        assert bytes(program.constants[0].data) == bytes(given.raw)
        assert [row["call"] for row in program.adapter["resolver"]] == ["AddEthosU"]
        npu = program.adapter["npu"]
        assert (npu["name"], npu["base"], npu["irq"]) == ("ethos-u55-256", 0x400E1000, 55)
        # what the NPU uses, then what the interpreter needs for one operator
        arena, scratch = program.region("arena"), npu["scratch_bytes"]
        assert arena.confidence == "exact" and scratch < arena.bytes <= scratch + 480
        # MACs and interface are those of the model as given
        alone = ready(DIGITS, "alif-e7-hp", compiler="none").programs[0]
        assert program.report["macs_total"] == alone.report["macs_total"] > 0
        assert (program.inputs, program.outputs) == (alone.inputs, alone.outputs)

    def test_each_placement_has_its_view_of_memories(self) -> None:
        for place, system in (
            ({}, "RTSS_HE_SRAM_MRAM"),
            ({"arena": "dtcm"}, "RTSS_HE_DTCM_MRAM"),
            ({"model": "ospi"}, "RTSS_HE_SRAM_OSPI"),
            ({"arena": "sram1", "model": "sram"}, "RTSS_HE_SRAM_Only"),
        ):
            chosen = ready(DIGITS, "alif-e7-he", place=place)
            (program,) = chosen.programs
            assert program.adapter["npu"]["settings"]["system_config"] == system
            assert (
                places(chosen).items()
                >= {role: name for role, name in place.items() if name != "sram"}.items()
            )

    def test_operators_on_both(self) -> None:
        (program,) = ready(DATA / "svdf_int8.tflite", "alif-e7-hp").programs
        assert {row["call"] for row in program.adapter["resolver"]} == {"AddEthosU", "AddSvdf"}
        assert program.stateful and program.report["npu"]["operators"]["cpu"] == 1

    def test_a_float_model(self) -> None:
        (program,) = ready(EXAMPLES / "sine_float32.tflite", "alif-e7-hp").programs
        assert program.kernels == "cmsis_nn" and "npu" not in program.adapter
        assert program.report["npu"]["operators"] == {"npu": 0, "cpu": 3}
        (note,) = [n for n in program.diagnostics if "NPU" in n.what]
        assert "floating point" in note.what and "--compiler none" in note.hint

    def test_a_model_that_was_given_compiled(self, tmp_path: Path) -> None:
        (program,) = ready(DIGITS, "alif-e7-hp").programs
        path = tmp_path / "compiled.tflite"
        path.write_bytes(program.constants[1].data)
        (again,) = ready(path, "alif-e3-hp").programs
        assert again.adapter["npu"]["given_compiled"]
        assert [part.label for part in again.constants] == ["model"]
        assert again.region("arena").bytes == program.region("arena").bytes
        for board, options, says in (
            ("alif-e7-he", {}, "compiled by Vela for ethos-u55-256, which ethos-u55-128 cannot"),
            ("alif-e8-hp-u85", {}, "ethos-u85-256 cannot"),
            ("esp32s3", {}, "TensorFlow Lite Micro cannot execute"),
        ):
            with pytest.raises(ModelError, match=says):
                ready(path, board, **options)
        for options in ({"compiler": "none"}, {"runtime": "aot"}):
            with pytest.raises(UsageError, match="only the NPU can execute it"):
                ready(path, "alif-e7-hp", **options)

    def test_the_budget_is_searched(self) -> None:
        alone = ready(CHIRPS, "alif-e7-hp").programs[0]
        assert "tried" not in alone.report["npu"]
        limit = alone.region("arena").bytes - 1
        (program,) = ready(CHIRPS, "alif-e7-hp", max_arena=limit).programs
        rows = program.report["npu"]["tried"]
        fitting = [row for row in rows if row["fits"]]
        (best,) = [row for row in rows if row["chosen"]]
        assert program.region("arena").bytes == best["arena_bytes"] <= limit
        assert best["cycles"] == min(row["cycles"] for row in fitting)
        assert rows[0]["arena_bytes"] == limit + 1 and not rows[0]["fits"]
        with pytest.raises(DoesNotFitError) as caught:
            ready(CHIRPS, "alif-e7-hp", max_arena=600)
        assert "tried with vela: Performance: " in caught.value.why
        least = caught.value.detail["needed"]
        assert f"--max-arena {least}" in caught.value.hint
        assert least == min(row["arena_bytes"] for row in caught.value.detail["compiled"])

    def test_the_search_survives_what_vela_cannot_plan(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Vela 4.2 gives up where 5.2 takes more than the arena cache that it was told."""
        compile_ = room.vela

        def strict(model: Model, name: str, settings: VelaSettings, *more: Any) -> Compiled:
            if settings.arena_cache_size:
                raise ModelError("Vela cannot compile this model", why="exceeds the limit")
            return compile_(model, name, settings, *more)

        monkeypatch.setattr(npu_programs, "vela", strict)
        (program,) = ready(CHIRPS, "alif-e7-hp", max_arena=4000).programs
        rows = program.report["npu"]["tried"]
        assert [row["optimise"] for row in rows if row["chosen"]] == ["Size"]
        failed = [row for row in rows if "why" in row]
        assert len(failed) == 5 and not any(row["fits"] for row in failed)
        assert {row["why"] for row in failed} == {"exceeds the limit"}
        with pytest.raises(DoesNotFitError, match="cache 528: exceeds the limit") as caught:
            ready(CHIRPS, "alif-e7-hp", max_arena=1000)
        assert caught.value.detail["needed"] > 1000

    def test_size_where_speed_does_not_fit(self) -> None:
        speed = ready(CHIRPS, "alif-e1c-he").programs[0].region("arena").bytes
        capacity = load_board("alif-e1c-he").memory("dtcm").bytes
        tight = {"dtcm": capacity - speed + 16}
        (program,) = ready(CHIRPS, "alif-e1c-he", reserve=tight).programs
        assert program.adapter["npu"]["settings"]["optimise"] == "Size"
        assert any("small arena" in note.what for note in program.diagnostics)
        with pytest.raises(DoesNotFitError):
            ready(CHIRPS, "alif-e1c-he", reserve={"dtcm": capacity - 512})

    def test_too_large_for_mram(self) -> None:
        capacity = load_board("alif-e7-hp").memory("mram").bytes
        tight = {"mram": capacity - 4096}
        with pytest.raises(DoesNotFitError) as caught:
            ready(DIGITS, "alif-e7-hp", reserve=tight, place={"model": "mram"})
        assert caught.value.where == "mram" and "mram has 4096 bytes" in caught.value.why

    def test_the_same_request_gives_the_same_programs(self, tmp_path: Path) -> None:
        """The same request gives the same programs, wherever the model lies."""
        other = tmp_path / "elsewhere" / "digits_int8.tflite"
        other.parent.mkdir()
        shutil.copyfile(DIGITS, other)
        one, two = ready(DIGITS, "alif-e4-hp-u85"), ready(other, "alif-e4-hp-u85")
        assert one.programs[0].report == two.programs[0].report
        assert [part.sha256 for part in one.programs[0].constants] == [
            part.sha256 for part in two.programs[0].constants
        ]

    def test_an_accelerator_of_the_users_own_choice(self) -> None:
        (program,) = ready(
            DIGITS, "alif-e7-hp", compiler_options={"accelerator-config": "ethos-u55-128"}
        ).programs
        assert any("compiled for ethos-u55-128" in note.what for note in program.diagnostics)

    def test_a_float_model_that_vela_cannot_read(self) -> None:
        (program,) = ready(DATA / "multi_io.tflite", "alif-e7-hp").programs
        assert any("floating point" in note.what for note in program.diagnostics)

    def test_a_model_that_vela_cannot_compile(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        script = tmp_path / "vela.py"
        script.write_text("raise RuntimeError('Compilation failed: too odd')")
        monkeypatch.setattr(room, "_tool", lambda: ([sys.executable, str(script)], "9.9"))
        with pytest.raises(ModelError, match="Compilation failed: too odd") as caught:
            ready(DIGITS, "alif-e7-hp")
        assert "--compiler none" in caught.value.hint
        with pytest.raises(ModelError, match="TensorFlow Lite Micro cannot execute"):
            ready(DATA / "uint8_dense.tflite", "alif-e7-hp")  # nor can the CPU
