# SPDX-License-Identifier: Apache-2.0
"""Offline plans: which tensors may share memory, and that every plan passes a check that knows
nothing of how it was made."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from alias_models import FLOAT, Graph, random_graph, single_operators
from gen_fw.errors import ModelError
from gen_fw.memory import greedy
from gen_fw.memory.buffers import Buffer, Plan, lower_bound
from gen_fw.model.lifetimes import OFFLINE_PLAN, Scratch, lifetimes, offline_offsets
from gen_fw.model.reader import read_model
from gen_fw.model.rewrite import reordered, with_metadata
from gen_fw.model.types import DType, Model, Operator, Subgraph
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import account
from gen_fw.runtimes.tflm.offline.alias import Alias, candidates, merged
from gen_fw.runtimes.tflm.offline.check import check_given, faults
from gen_fw.runtimes.tflm.offline.improve import improve
from gen_fw.runtimes.tflm.offline.layout import Layout, layouts, metadata
from gen_fw.runtimes.tflm.offline.order import orders
from sample_models import ROOT, model_files

REFERENCE = Build("tflite-micro-90b983c2", "arm-eabi", "reference")


def buffers_of(model: Model, scratch: Sequence[Scratch] = ()) -> list[Buffer]:
    return [
        Buffer(life.bytes, life.first_use, life.last_use, life.label, life.offline_offset)
        for life in lifetimes(model, scratch)
    ]


def plan_of(model: Model, layout: Layout, scratch: Sequence[Scratch] = ()) -> tuple[Model, Plan]:
    """The model with the layout written into it, and what TFLM's planner makes of that."""
    content = with_metadata(model.raw, OFFLINE_PLAN, metadata(model, layout.offsets))
    written = read_model(content)
    assert offline_offsets(written) == layout.offsets
    return written, greedy.plan(buffers_of(written, scratch))


def test_plans_of_random_graphs_are_sound() -> None:
    shared = 0
    for seed in range(150):
        model = read_model(random_graph(seed))
        chance = random.Random(seed)
        scratch = [
            Scratch(0, operator.index, chance.randint(1, 900), "scratch")
            for operator in model.subgraphs[0].operators
            for _ in range(chance.choice((0, 0, 1, 2)))
        ]
        buffers = buffers_of(model, scratch)
        for wanted in ((), candidates(model, REFERENCE)):
            for layout in layouts(model, buffers, wanted):
                written, plan = plan_of(model, layout, scratch)
                assert plan.bytes == layout.head >= layout.lower_bound
                owners = [(one.subgraph, one.operator) for one in scratch]
                assert list(faults(written, plan, owners, layout.aliases)) == [], seed
                shared += len(layout.aliases)
    assert shared > 300


def test_every_overlap_that_is_not_allowed_is_found() -> None:
    missed = moved = 0
    for seed in range(60):
        model = read_model(random_graph(seed))
        layout = list(layouts(model, buffers_of(model), candidates(model, REFERENCE)))[-1]
        _, plan = plan_of(model, layout)
        if layout.aliases:  # without the permission the same plan is wrong
            assert list(faults(model, plan, [], ()))
        for i, offset in enumerate(plan.offsets):
            worse = list(plan.offsets)
            worse[i] = max(0, offset - 16)
            found = list(faults(model, replace(plan, offsets=tuple(worse)), [], layout.aliases))
            if worse[i] != offset and not found:
                missed += 1
            moved += worse[i] != offset
    # moving into memory that is free at the time is no fault
    assert moved > 200 and missed < moved / 4


def _chain(*names: str, twice: bool = False, outputs: Sequence[int] = (-1,)) -> Model:
    """input -> the operators, one after the other; ADD and MUL read the tensor before too."""
    graph = Graph(FLOAT)
    tensors = [graph.input((1, 40))]
    for name in names:
        operands = [tensors[-1]]
        if name in ("ADD", "MUL"):
            operands.append(tensors[-1] if twice else tensors[-2])
        shape = (40, 1) if name == "RESHAPE" else (1, 40)
        tensors.append(graph.operator(name, operands, shape))
    return read_model(graph.file([tensors[i] for i in outputs]))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        # the graph's input is not overwritten; the output is written over what nobody else needs
        (_chain("RELU", "TANH", "ABS"), [(1, 2), (2, 3)]),
        # a tensor that is read later, or that is an output, is not overwritten
        (_chain("RELU", "TANH", "ADD"), [(2, 3)]),
        (_chain("RELU", "TANH", "ABS", outputs=(1, -1)), [(2, 3)]),
        # an input that is given twice is left alone
        (_chain("RELU", "MUL", twice=True), []),
        # views: of an input, and not from an input to an output
        (_chain("RESHAPE", "RELU", "RESHAPE"), [(0, 1), (2, 3)]),
        (_chain("RESHAPE"), []),
        # nobody writes into a view of a graph input
        (_chain("RESHAPE", "NEG", "NEG"), [(0, 1), (2, 3)]),
        # two outputs do not share
        (_chain("RELU", "RESHAPE", outputs=(1, 2)), []),
    ],
)
def test_who_shares_memory(model: Model, expected: list[tuple[int, int]]) -> None:
    _, taken = merged(model, lifetimes(model), candidates(model, REFERENCE))
    assert [(alias.source, alias.result) for alias in taken] == expected


def test_a_view_that_is_read_later_is_not_overwritten() -> None:
    graph = Graph(FLOAT)
    work = graph.operator("RELU", [graph.input((1, 40))], (1, 40))
    view = graph.operator("RESHAPE", [work], (40, 1))
    other = graph.operator("TANH", [work], (1, 40))
    back = graph.operator("RESHAPE", [view], (1, 40))
    model = read_model(graph.file([graph.operator("ADD", [other, back], (1, 40))]))
    _, taken = merged(model, lifetimes(model), candidates(model, REFERENCE))
    assert Alias(2, work, other, "in place") not in taken
    assert {alias.kind for alias in taken} == {"view", "in place"}


def test_kernels_decide_what_works_in_place() -> None:
    files = dict(single_operators())
    esp32s3 = Build("esp-tflite-micro-1.4.0", "xtensa", "esp_nn", "esp32s3")
    for name, build, allowed in (
        ("ADD_int8_1x3x5x7_0", REFERENCE, True),
        ("ADD_int8_1x3x5x7_0", esp32s3, False),
        ("ADD_int8_1x3x5x7_0", replace(esp32s3, variant="generic"), True),
        ("SUB_int8_1x3x5x7_0", esp32s3, True),
    ):
        found = candidates(read_model(files[name]), build)
        assert any(alias.operator == 1 for alias in found) is allowed


def test_variables_and_what_shadows_them_stay_online() -> None:
    graph = Graph(FLOAT)
    first = graph.operator("RELU", [graph.input((1, 40))], (1, 40))
    model = read_model(graph.file([graph.operator("NEG", [first], (1, 40))]))
    main = model.subgraphs[0]
    variable = replace(main.tensors[1], is_variable=True)
    later = replace(
        main,
        index=1,
        tensors=(main.tensors[0], variable, *main.tensors[2:]),
        operators=(),
        inputs=(),
        outputs=(),
    )
    two = replace(model, subgraphs=(main, later))
    (layout, *_) = layouts(two, buffers_of(two), ())
    # tensor 1 of subgraph 0 is where TFLM looks for the offset of the variable
    assert layout.offsets[1] == -1 and layout.offsets[4] == -1
    assert layout.offsets[0] >= 0 and layout.offsets[2] >= 0


def _with_plan(offsets: Sequence[int], count: int | None = None) -> Model:
    model = _chain("RELU", "TANH")
    words = (1, 1, len(offsets) if count is None else count, *offsets)
    return read_model(
        with_metadata(model.raw, OFFLINE_PLAN, struct.pack(f"<{len(words)}i", *words))
    )


def test_the_plan_that_a_model_brings() -> None:
    assert check_given(_chain("RELU")) == ()
    assert check_given(_with_plan((0, 160, 0))) == ()
    (note,) = check_given(_with_plan((0, 96, 320)))
    assert "overlap" in note.what and "tensors[0] and subgraphs[0].tensors[1]" in note.why
    for offsets, why in (((0, 2, -1), "not a multiple"), ((0, 0x7FFFFFF0, -1), "2 GiB")):
        with pytest.raises(ModelError) as error:
            check_given(_with_plan(offsets))
        assert why in error.value.why
    with pytest.raises(ModelError, match="does not match"):
        check_given(_with_plan((0, 160, 0), count=2))


def test_only_pure_operators_move() -> None:
    found = 0
    for file in model_files():
        try:
            model = read_model(file)
        except ModelError:
            continue
        main = model.subgraphs[0]
        for order in orders(model, (), candidates(model, REFERENCE)):
            found += 1
            moved = read_model(reordered(model.raw, {0: order}))  # refused unless topological
            assert peak(moved) < peak(model) or candidates(model, REFERENCE)
            ordered = [i for i in order if _has_state(main, main.operators[i])]
            assert ordered == sorted(ordered), file.stem
    assert found >= 1


def _has_state(main: Subgraph, operator: Operator) -> bool:
    return operator.custom_code is not None or any(
        main.tensors[tensor].is_variable or main.tensors[tensor].dtype is DType.RESOURCE
        for tensor in operator.inputs
        if tensor >= 0
    )


def peak(model: Model) -> int:
    return lower_bound(buffers_of(model))


def test_numbers_in_metadata_keep_the_order() -> None:
    model = read_model(ROOT / "tests" / "data" / "models" / "branches_int8.tflite")
    assert list(orders(model, (), ()))
    edges = with_metadata(model.raw, b"model_control_dependencies", b"\0")
    assert list(orders(read_model(edges), (), ())) == []


def test_the_smallest_of_all_candidates_is_written() -> None:
    model = read_model(ROOT / "tests" / "data" / "models" / "branches_int8.tflite")
    better = improve(model, REFERENCE)
    assert better is not None and better.order and better.saved > 400
    assert better.after == account(better.model, REFERENCE)
    assert better.before == account(model, REFERENCE)
    assert better.model.subgraphs[0].tensors == model.subgraphs[0].tensors
    assert improve(better.model, REFERENCE) is None
    # a plan that the model brings stays, and a model that needs none stays as it is
    offsets = [-1] * sum(len(subgraph.tensors) for subgraph in model.subgraphs)
    offsets[model.subgraphs[0].inputs[0]] = 0
    own = read_model(with_metadata(model.raw, OFFLINE_PLAN, metadata(model, offsets)))
    assert improve(own, REFERENCE) is None
    assert improve(_chain("RELU", "TANH"), REFERENCE) is None


def test_views_pay_when_they_meet_at_the_peak() -> None:
    graph = Graph(FLOAT)
    one = graph.operator("RELU", [graph.input((1, 400))], (1, 400))
    flat = graph.operator("RESHAPE", [one], (400, 1))
    two = graph.operator("ADD", [flat, graph.operator("NEG", [flat], (400, 1))], (400, 1))
    model = read_model(graph.file([graph.operator("TANH", [two], (400, 1))]))
    better = improve(model, REFERENCE)
    assert better is not None and "offline memory plan" in better.steps
    assert better.before.head - better.after.head == 1600
    written = better.model.metadata[-1]
    assert written.name == OFFLINE_PLAN


def test_the_goals_of_real_models(shared: Path) -> None:
    mve = Build("tflite-micro-90b983c2", "arm-eabi", "cmsis_nn", "mve")
    for name, before, most in (
        ("mlperf_vww_96_int8", 100_772, 82_340),
        ("mlperf_vww_96_float", 299_968, 226_240),
        ("mlperf_str_ww_ref_model", 19_956, 18_628),
    ):
        better = improve(read_model(shared / "models" / f"{name}.tflite"), mve)
        assert better is not None
        assert better.before.used == before
        assert better.after.used <= most
        assert better.after.head == better.before.lower_bound


def test_a_plan_of_nothing_is_none() -> None:
    """Metadata of only -1 leaves all to TFLM's planner, and is replaced by a better plan."""
    model = read_model(ROOT / "tests" / "data" / "models" / "branches_int8.tflite")
    count = sum(len(subgraph.tensors) for subgraph in model.subgraphs)
    nothing = struct.pack(f"<{3 + count}i", 1, len(model.subgraphs), count, *[-1] * count)
    empty = read_model(with_metadata(model.raw, OFFLINE_PLAN, nothing))
    plain, found = improve(model, REFERENCE), improve(empty, REFERENCE)
    assert plain is not None and found is not None
    assert found.after.minimum == plain.after.minimum
    assert improve(found.model, REFERENCE) is None
