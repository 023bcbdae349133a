# SPDX-License-Identifier: Apache-2.0
"""What generated C keeps between inferences, and the order that it forces on the steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arena_net import Net, T, boolean, f32, i8
from gen_fw.boards.load import load_board
from gen_fw.errors import ModelError
from gen_fw.model.reader import read_model
from gen_fw.program import Program
from gen_fw.runtimes.aot.effects import effects
from gen_fw.runtimes.aot.layer import StateArgument, Step, TensorArgument
from gen_fw.runtimes.aot.lower import AotOptions, lower
from gen_fw.runtimes.aot.state import Slot, State

OWN = Path(__file__).resolve().parents[2] / "data" / "models"
BOARD = load_board("host")


def _program(content: bytes | Path) -> Program:
    return lower(read_model(content), "net", BOARD, AotOptions())


def _text(made: Program, path: str) -> str:
    return next(s.content for s in made.sources if s.path == path).decode()


def test_slots_lie_apart_and_begin_with_their_value() -> None:
    state = State()
    slots = [Slot(("a",), 3, 5), Slot(("b",), 8, 5, 8), Slot(("c",), 2), Slot(("d",), 4, 7)]
    offsets = [state.offset(slot) for slot in slots]
    assert offsets == [0, 8, 16, 20]
    assert state.offset(slots[1]) == 8
    assert state.bytes == 24
    memory = bytearray(state.bytes)
    for at, size, value in state.fills():
        memory[at : at + size] = bytes([value]) * size
    for slot, at in zip(slots, offsets, strict=True):
        assert set(memory[at : at + slot.bytes]) == {slot.fill}


def _step(*arguments: StateArgument | TensorArgument, stops: str = "") -> Step:
    return Step("copy_bytes", {}, arguments, "", stops=stops)


def test_what_changes_state_stays_behind_what_reads_it() -> None:
    slot, other = Slot(("v",), 4), Slot(("w",), 4)
    reads = StateArgument("input", "float", slot, written=False)
    writes = StateArgument("output", "float", slot)
    elsewhere = StateArgument("output", "float", other)
    bound = TensorArgument("input", 3, "float")
    steps = [_step(reads), _step(bound), _step(elsewhere), _step(writes), _step(reads)]
    assert effects(steps, {3: slot}) == [(), (), (), (0, 1), (3,)]
    assert effects([_step(bound)] * 2, {}) == [(), ()]
    ends = _step(elsewhere, stops="output")
    assert effects([_step(bound), ends, _step(bound)], {}) == [(), (0,), (1,)]


def test_variables_are_read_where_they_are() -> None:
    made = _program(OWN / "ring_buffer_int8.tflite")
    assert made.stateful
    kept = made.adapter["state_bytes"]
    arena = made.adapter["arena_bytes"]["target"]
    assert 0 < made.report["plan"]["state"] <= kept < arena
    calls = _text(made, "net_aot.c")
    assert f"uint8_t *const state = arena + {arena - kept};" in calls
    assert "READ_VARIABLE" not in calls
    assert "void net_aot_reset(uint8_t *arena)" in calls
    assert "void net_subgraph_1(" in calls
    called = re.search(r"CALL_ONCE", calls)
    used = re.search(r"CONCATENATION|ADD|CONV", calls)
    assert called is not None
    assert used is None or called.start() < used.start()


def test_programs_without_state_have_no_reset() -> None:
    made = _program(OWN / "if_square_double.tflite")
    assert not made.stateful
    assert made.adapter["state_bytes"] == 0
    assert "reset" not in _text(made, "net_aot.h")
    assert made.adapter["subgraphs"] == 3


def test_a_subgraph_that_runs_itself_is_refused() -> None:
    net = Net()
    main = net.graph()
    condition, value = main.input(boolean(1)), main.input(f32(2))
    inner = net.graph()
    again, given = inner.input(boolean(1)), inner.input(f32(2))
    both = ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 1})
    inner.outputs = inner.operator("IF", [again, again, given], [f32(2)], both)
    main.outputs = main.operator("IF", [condition, condition, value], [f32(2)], both)
    with pytest.raises(ModelError):
        _program(net.file())


def test_a_variable_that_has_no_value_is_refused() -> None:
    net = Net()
    main = net.graph()
    main.input(f32(2))
    named = ("VarHandleOptions", {"shared_name": b"v"})
    handle = main.operator("VAR_HANDLE", [], [T((1,), "RESOURCE", None)], named)
    main.outputs = main.operator("READ_VARIABLE", handle, [f32(2)], ("ReadVariableOptions", {}))
    with pytest.raises(ModelError) as caught:
        _program(net.file())
    assert "a variable that nothing is assigned to" in caught.value.why


def test_a_circular_buffer_says_when_the_rest_is_due() -> None:
    net = Net()
    graph = net.graph()
    source = graph.input(i8(1, 1, 1, 4))
    (kept,) = graph.operator("CIRCULAR_BUFFER", [source], [i8(1, 3, 1, 4)], None, {"cycles_max": 2})
    graph.outputs = graph.operator("RELU", [kept], [i8(1, 3, 1, 4)])
    made = _program(net.file())
    (counter,) = made.adapter["ends_early"]
    assert made.adapter["arena_bytes"]["target"] > counter
    assert re.search(
        r"if \(\*\(const int32_t \*\).* != 0\) {\n    return;", _text(made, "net_aot.c")
    )
