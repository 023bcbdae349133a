# SPDX-License-Identifier: Apache-2.0
"""Lowering to generated C: the operator table, what is refused, what is shared."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arena_net import i8, i32, one
from fuzz_builder import Builder
from gen_fw.boards.load import load_board
from gen_fw.errors import ExitCode, ModelError
from gen_fw.memory.overlap import shared
from gen_fw.model.reader import read_model
from gen_fw.model.types import DType
from gen_fw.program import Program
from gen_fw.runtimes.aot.lower import AotOptions, lower
from gen_fw.runtimes.aot.table import entries
from gen_fw.runtimes.aot.target import target_of

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "models"
OWN = ROOT / "tests" / "data" / "models"
BOARD = load_board("esp32-s3-devkitc-n8r8")
ARM = replace(BOARD, cpu=replace(BOARD.cpu, isa="cortex-m55", abi="arm-eabi"))


def program(name: str, *, arm: bool = False, small: bool = False) -> Program:
    options = AotOptions(optimise="size" if small else "speed", kernels="portable")
    path = EXAMPLES / f"{name}.tflite"
    return lower(read_model(path), "net", ARM if arm else BOARD, options)


def text(made: Program, path: str) -> str:
    return next(s.content for s in made.sources if s.path == path).decode()


def test_the_documentation_has_the_table_of_the_code() -> None:
    path = ROOT / "tools" / "make_aot_table.py"
    spec = importlib.util.spec_from_file_location("make_aot_table", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tool.PAGE.read_text(encoding="utf-8")
    assert tool.page(page) == page


def test_the_classic_operators_are_there() -> None:
    wanted = """ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE EXPAND_DIMS
        FULLY_CONNECTED LOGISTIC MAX_POOL_2D MEAN MUL PAD QUANTIZE RELU RELU6 RESHAPE SOFTMAX
        SQUEEZE"""
    assert set(wanted.split()) <= set(entries())


def _computed_axes() -> bytes:
    """MEAN over axes that the application gives: TFLM looks at them when it runs."""
    b = Builder(np.random.default_rng(0))
    source, axes = b.value((1, 4, 3)), b.plain((1,), DType.INT32)
    mean = b.operator("MEAN", [source, axes], b.value((1, 3)), "ReducerOptions")
    return b.model([source, axes], [mean])


@pytest.mark.parametrize(
    ("model", "word", "elsewhere"),
    [
        ("", "operators[0] MEAN: tensor 1 is not constant", True),
        ("custom_operator", "this runtime has no such operator", False),
        ("hybrid_dense", "int8 instead of float32", False),
        ("uint8_dense", "uint8 instead of", False),
    ],
)
def test_refusals_list_every_operator(model: str, word: str, elsewhere: bool) -> None:
    source = OWN / f"{model}.tflite" if model else _computed_axes()
    with pytest.raises(ModelError) as caught:
        lower(read_model(source), "net", BOARD, AotOptions())
    error = caught.value
    assert error.exit_code is ExitCode.MODEL
    assert word in error.why
    assert error.detail["runtimes"] == (["tflm"] if elsewhere else [])
    assert ("--runtime tflm" in error.hint) is elsewhere
    assert all(reason["why"] for reason in error.detail["reasons"])


def test_what_only_tflm_has_is_said() -> None:
    """A convolution whose filters are computed."""
    inputs = [i8(1, 4, 4, 2), i8(3, 1, 1, 2, zero=0), i32(3, scale=0.0025, data="random")]
    options = {"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1}
    model = one("CONV_2D", inputs, [i8(1, 4, 4, 3)], ("Conv2DOptions", options))
    with pytest.raises(ModelError) as caught:
        lower(read_model(model), "net", BOARD, AotOptions())
    assert "tensor 1 is not constant" in caught.value.why
    assert caught.value.detail["runtimes"] == ["tflm"]
    assert "--runtime tflm" in caught.value.hint


@pytest.mark.parametrize("arm", [False, True])
def test_programs_are_repeatable_and_exactly_sized(arm: bool) -> None:
    first, second = program("digits_int8", arm=arm), program("digits_int8", arm=arm)
    assert first.sources == second.sources
    arena = first.region("arena")
    assert arena.confidence == "exact"
    plan = first.report["plan"]
    assert plan["shared_bound"] <= plan["bytes"] == arena.bytes < plan["lower_bound"]
    for side in (first.adapter["inputs"], first.adapter["outputs"]):
        assert all(0 <= entry["offset"] < arena.bytes for entry in side)


def test_equal_layers_share_one_function() -> None:
    made = program("sine_int8", arm=True)
    calls = re.findall(r"^  (net_\w+)\(", text(made, "net_aot.c"), re.MULTILINE)
    kernels = re.findall(r"^void (net_\w+)\(", text(made, "net_kernels.c"), re.MULTILINE)
    assert len(calls) == made.adapter["operators"]
    assert set(calls) == set(kernels)
    assert len(kernels) == len(set(kernels))


def test_outputs_over_inputs() -> None:
    """What overlaps is not restrict, and only that; the picture has the same bytes as the calls."""
    made = program("chirps_int8", arm=True)
    plan = made.arena_plan
    assert plan is not None
    assert plan.bytes == made.report["plan"]["bytes"] >= plan.lower_bound
    both = shared(plan.blocks)
    assert 0 < made.report["plan"]["overlapping"] <= len(both)
    assert f"{made.report['plan']['overlapping']} outputs over their inputs" in plan.planner
    calls = text(made, "net_aot.c")
    assert all(f"arena + {plan.blocks[i].offset})" in calls for i in both)
    signatures = re.findall(r"void net_\w+\(([^)]*)\)", text(made, "net_kernels.h"))
    free = [s for s in signatures if "int8_t *output" in s]
    assert free
    assert all("const int8_t *restrict weights" in s for s in free if "weights" in s)
    assert not any("const int8_t *restrict input" in s for s in free if "input0" not in s)


def test_small_code_shares_the_products() -> None:
    fast, small = program("chirps_int8", arm=True), program("chirps_int8", arm=True, small=True)
    assert "multiply_pairs_" in text(small, "net_kernels.c")
    assert "multiply_pairs_" not in text(fast, "net_kernels.c")
    assert len(text(small, "net_kernels.c")) < len(text(fast, "net_kernels.c"))


def test_every_file_is_ours_in_style() -> None:
    for made in (program("chirps_int8"), program("chirps_int8", arm=True)):
        for source in made.sources:
            lines = source.content.decode().splitlines()
            assert lines[0] == "// SPDX-License-Identifier: Apache-2.0"
            assert not [line for line in lines if line != line.rstrip() or "\t" in line]


@pytest.mark.parametrize(
    ("isa", "abi", "technique"),
    [
        ("cortex-m55", "arm-eabi", "pairs"),
        ("cortex-m4", "arm-eabi", "pairs"),
        ("cortex-m0plus", "arm-eabi", "tile"),
        ("rv32imc", "riscv-ilp32", "tile"),
        ("host", "lp64", "tile"),
    ],
)
def test_technique_of_a_processor(isa: str, abi: str, technique: str) -> None:
    target = target_of(replace(BOARD.cpu, isa=isa, abi=abi))
    assert target.technique == technique
    assert target.no_schedule == isa.startswith("rv32")
