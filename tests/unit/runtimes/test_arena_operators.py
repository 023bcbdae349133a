# SPDX-License-Identifier: Apache-2.0
"""Control flow, state, signal processing and decompression: their arena against runs of TFLM itself
(tests/data/arena_operators.csv, measured with tests/sdk/arena), and what is no exact account."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from arena_net import Net, T, f32, i8, ints, one
from arena_variants_flow import (
    assign,
    flow_variants,
    handle,
    no_padding,
    pcm,
    resources_handed_on,
    resources_set_once,
)
from gen_fw.model.reader import read_model
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.support import check

UPSTREAM = "tflite-micro-90b983c2"
MEASURED = Path(__file__).resolve().parents[2] / "data" / "arena_operators.csv"
ABIS = ("arm-eabi", "x86-64")


@cache
def measured(abi: str) -> dict[str, tuple[int, int, int]]:
    with MEASURED.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["abi"] == abi]
    return {row["case"]: (int(row["head"]), int(row["tail"]), int(row["minimum"])) for row in rows}


def accounted(file: bytes, abi: str = "arm-eabi") -> Account:
    return account(read_model(file), Build(UPSTREAM, abi, "reference"))


def of_group(found: Account, group: str) -> list[int]:
    return [event.bytes for event in found.events if event.group == group]


@pytest.mark.parametrize("abi", ABIS)
def test_against_real_runs(abi: str) -> None:
    found = {}
    for name, file in flow_variants():
        assert not check(read_model(file), UPSTREAM), name
        result = accounted(file, abi)
        assert result.label == "exact", name
        found[name] = (result.head, result.tail, result.minimum)
    assert found == measured(abi)


def test_a_variable_gets_one_buffer() -> None:
    """Where it is first assigned; a handle from another subgraph is unknown at that time."""
    group = "resource variables"
    entries, *buffers = of_group(accounted(resources_set_once()), group)[1:]
    entry, *handed_on = of_group(accounted(resources_handed_on()), group)[1:]
    assert entries == 3 * entry
    assert buffers == [2 * 5, 3 * 2, 7 * 4]
    assert handed_on == [6]


def test_a_container_that_may_be_absent_is_no_exact_account() -> None:
    net = Net()
    graph = net.graph()
    value = graph.input(i8(4))
    for container in (b"box", b""):
        assign(graph, handle(graph, b"v", container), value)
    graph.outputs = [value]
    found = accounted(net.file())
    assert found.label == "upper bound"
    assert of_group(found, "resource variables")[2:] == [4, 4]


def test_scratch_of_a_subgraph_that_nothing_enters_is_an_estimate() -> None:
    """micro_allocation_info.cc writes the size of a request only where it visits its operator."""
    net = Net()
    for _ in range(2):
        graph = net.graph()
        graph.outputs = no_padding(graph, graph.input(i8(4, 3)), i8(4, 3))
    found = accounted(net.file())
    assert found.label == "estimate"
    assert "MIRROR_PAD" in found.weakest


def test_a_shape_that_the_kernel_does_not_follow_is_an_estimate() -> None:
    table, options = f32(7, 5, data="random"), ("GatherOptions", {"axis": 0})
    for rows, label in ((2, "exact"), (3, "estimate")):
        file = one("GATHER", [table, ints(0, 2)], [f32(rows, 5)], options)
        assert accounted(file).label == label


def test_signal_options_are_read_by_position() -> None:
    """FlexbufferWrapper: the first value is the length, whatever its key."""
    options = {"a": 100, "delay_length": 3}
    found = accounted(one("SignalDelay", [pcm(16)], [pcm(16)], custom=options))
    assert 24 + 2 * 2 * (16 + 100) in of_group(found, "operator data")


def test_a_decoder_that_tflm_does_not_have_is_an_estimate() -> None:
    data, header = T((8,), "UINT8", None, 0, bytes(8)), T((16,), "UINT8", None, 0, b"\x09" * 16)
    file = one("TFLM_DECODE", [data, header], [i8(2)], custom=b"")
    assert accounted(file).label == "estimate"
