# SPDX-License-Identifier: Apache-2.0
"""Lifetimes as TFLM counts them: control flow, variables, scratch, offline plans."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from gen_fw.errors import ModelError
from gen_fw.model.lifetimes import Lifetime, Scratch, lifetimes, variable_tensors
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model, Operator, Subgraph
from tflite_writer import edited, write


@dataclass(frozen=True)
class Branches:
    """Options of IF."""

    then_subgraph_index: int
    else_subgraph_index: int


MODELS = Path(__file__).resolve().parents[2] / "data" / "models"


def by_tensor(model: Model, *scratch: Scratch) -> dict[tuple[int, int], Lifetime]:
    return {(life.subgraph, life.tensor): life for life in lifetimes(model, scratch)}


def dense(**edits: object) -> Model:
    return read_model(write(edited(edits)))


def offline_plan(*offsets: int) -> Model:
    data = struct.pack(f"<{3 + len(offsets)}i", 1, 1, len(offsets), *offsets)
    return dense(
        **{
            "buffers": [{}, {"data": bytes(range(6))}, {"data": data}],
            "metadata": [{"name": b"OfflineMemoryAllocation", "buffer": 2}],
        }
    )


def test_one_operator_with_scratch() -> None:
    model = dense()
    lives = by_tensor(model, Scratch(0, 0, 40, "scratch"))
    assert set(lives) == {(0, 0), (0, 2), (0, -1)}  # the weights are constant
    assert (lives[0, 0].first_use, lives[0, 0].last_use, lives[0, 0].bytes) == (0, 1, 2)
    assert (lives[0, 2].first_use, lives[0, 2].last_use, lives[0, 2].bytes) == (1, 1, 3)
    assert (lives[0, -1].first_use, lives[0, -1].last_use, lives[0, -1].bytes) == (1, 1, 40)


def test_control_flow_spans_its_subgraphs() -> None:
    """micro_allocation_info.cc: one scope per entered subgraph and per operator in it."""
    model = read_model(MODELS / "if_square_double.tflite")
    main, then, other = model.subgraphs
    branch = next(op for op in main.operators if op.name == "IF")
    before = branch.index  # operators in front of it, one scope each
    inside = len(then.operators) + len(other.operators) + 2
    lives = by_tensor(model)
    for tensor in branch.inputs:
        if (0, tensor) in lives:
            assert lives[0, tensor].last_use >= before + 1 + inside
    for subgraph in (then, other):
        for tensor in subgraph.outputs:
            life = lives[subgraph.index, tensor]
            assert before + 1 < life.first_use <= life.last_use <= before + 1 + inside


def test_variables_are_kept_outside_the_plan() -> None:
    model = read_model(MODELS / "svdf_int8.tflite")
    variables = {(subgraph, tensor.index) for subgraph, tensor in variable_tensors(model)}
    assert variables
    assert not variables & set(by_tensor(model))


def test_resource_handles_are_not_planned() -> None:
    model = read_model(MODELS / "ring_buffer_int8.tflite")
    handles = {
        (subgraph.index, output)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        if operator.name == "VAR_HANDLE"
        for output in operator.outputs
    }
    assert handles
    assert not handles & set(by_tensor(model))


def test_an_offline_plan_is_read() -> None:
    lives = by_tensor(offline_plan(32, -1, -1))
    assert lives[0, 0].offline_offset == 32
    assert lives[0, 2].offline_offset is None


@pytest.mark.parametrize("offsets", [(0, 0), (0, 0, 0, 0), (-2, 0, 0)])
def test_a_wrong_offline_plan_is_refused(offsets: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="offline memory plan"):
        lifetimes(offline_plan(*offsets))


def test_a_truncated_offline_plan_is_refused() -> None:
    model = dense(
        **{
            "buffers": [{}, {"data": bytes(range(6))}, {"data": struct.pack("<3i", 1, 1, 3)}],
            "metadata": [{"name": b"OfflineMemoryAllocation", "buffer": 2}],
        }
    )
    with pytest.raises(ModelError, match="offline memory plan"):
        lifetimes(model)


def test_nested_control_flow_is_bounded() -> None:
    """40 subgraphs, each entering the next one twice: 2^40 visits if nobody counted."""
    levels = 40
    subgraphs = tuple(
        Subgraph(
            index,
            b"",
            (),
            (Operator(0, "IF", 118, 1, (), (), options=Branches(index + 1, index + 1)),)
            if index < levels
            else (),
            (),
            (),
        )
        for index in range(levels + 1)
    )
    model = Model(memoryview(b""), "", 3, b"", subgraphs, ())
    with pytest.raises(ModelError, match="nested too deeply"):
        lifetimes(model)


def test_a_subgraph_that_runs_itself_is_refused() -> None:
    operator = Operator(0, "IF", 118, 1, (), (), options=Branches(0, 0))
    model = Model(memoryview(b""), "", 3, b"", (Subgraph(0, b"", (), (operator,), (), ()),), ())
    with pytest.raises(ModelError, match="runs itself"):
        lifetimes(model)
