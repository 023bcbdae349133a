# SPDX-License-Identifier: Apache-2.0
"""Tuning records: files, their merging, and which of them a board's kernels get."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.boards.load import load_board
from gen_fw.compilers.tvm.records import Record, for_board, merged, read_records, written
from gen_fw.compilers.tvm.steps import key
from gen_fw.compilers.tvm.tuned import Tuned
from gen_fw.errors import UsageError

A = Record(
    kernel="00000000000000aa",
    board="qemu-cortex-m55",
    isa="cortex-m55",
    knobs={"pixels": 3, "channels": 2},
    instructions=100,
    default_instructions=150,
    template="tvm_product",
    what="1x1, 8 to 8 channels",
    compiler="arm-none-eabi-gcc 12.2",
    tvm="0.27.0.post1",
)
B = replace(A, kernel="00000000000000bb", knobs={"columns": 5})
RV = replace(A, board="qemu-riscv32", isa="rv32imc", knobs={"pixels": 5, "channels": 4})
M4 = replace(A, board="qemu-cortex-m4", isa="cortex-m4", knobs={"pixels": 1, "channels": 1})


def rows(data: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(data)["records"]
    return found


def test_a_file_is_read_as_it_was_written() -> None:
    data = written([RV, B, A, M4])
    read = read_records(data)
    assert not read.notes
    assert read.records == (M4, A, B, RV)
    assert written(read.records) == data == written([A, M4, B, RV])
    assert json.loads(data)["schema"] == "gen-fw/tvm-records/1"
    assert [(row["board"], row["kernel"][-2:]) for row in rows(data)] == [
        ("qemu-cortex-m4", "aa"),
        ("qemu-cortex-m55", "aa"),
        ("qemu-cortex-m55", "bb"),
        ("qemu-riscv32", "aa"),
    ]


def test_of_two_records_the_better_one_stays() -> None:
    slower, again = replace(A, instructions=120), replace(A, knobs={"pixels": 2})
    assert merged([A, slower]) == merged([slower, A]) == (A,)
    assert merged([A, again]) == (again,), "of equals the last one"
    assert len(merged([A, RV, B])) == 3


@pytest.mark.parametrize(
    ("board", "expected"),
    [
        ("qemu-cortex-m55", A.knobs),  # its own
        ("alif-e7-hp", A.knobs),  # another board with its instructions
        ("esp32c3", RV.knobs),
        ("esp32c6", RV.knobs),  # rv32imac: nearest is rv32imc
        ("qemu-cortex-m4", M4.knobs),
    ],
)
def test_a_board_gets_the_record_of_the_nearest_one(board: str, expected: dict[str, int]) -> None:
    chosen = for_board(merged([A, RV, M4]), load_board(board))
    assert chosen[A.kernel].knobs == expected


def test_records_of_other_processors_serve_with_a_note() -> None:
    tuned = Tuned(written([RV]), load_board("esp32s3"))
    assert tuned.knobs == {RV.kernel: RV.knobs}
    report = tuned.report({A.kernel, "00000000000000cc"})
    assert (report["tunable_kernels"], report["tuned_kernels"]) == (2, 1)
    (note,) = report["notes"]
    assert "qemu-riscv32" in note.what and "xtensa-lx7" in note.what
    assert not Tuned(written([RV]), load_board("esp32c3")).report({A.kernel})["notes"]
    assert Tuned(b"", load_board("esp32c3")).report({A.kernel}) == {
        "tunable_kernels": 1,
        "tuned_kernels": 0,
        "notes": [],
    }
    (unused,) = Tuned(written([B]), None).report({A.kernel})["notes"]
    assert "none of the tuning records" in unused.what


def test_what_later_versions_add_is_ignored_with_a_note() -> None:
    document = json.loads(written([A]))
    document["licence"] = "x"
    document["records"][0]["cycles"] = 3
    read = read_records(json.dumps(document).encode(), "r.json")
    assert read.records == (A,)
    (note,) = read.notes
    assert note.where == "r.json" and "cycles" in note.why and "licence" in note.why


def changed(**values: Any) -> bytes:
    document = json.loads(written([A]))
    document["records"][0].update(values)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"schema": NaN}', "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"records": []}', "no JSON object"),
        (b'{"schema": "gen-fw/tvm-records/9", "records": []}', "tvm-records/9"),
        (b'{"schema": "gen-fw/tvm-records/1", "records": {}}', "no list"),
        (b'{"schema": "gen-fw/tvm-records/1", "records": [3]}', "records[0]"),
        (b'{"schema": "gen-fw/tvm-records/1", "records": [{}]}', '"kernel"'),
        (changed(kernel="../../x"), "hexadecimal"),
        (changed(knobs={"pixels": "3"}), "knobs"),
        (changed(knobs={"Pixels!": 3}), "knobs"),
        (changed(knobs={"pixels": True}), "knobs"),
        (changed(knobs={"pixels": -1}), "knobs"),
        (changed(instructions=1.5), "instructions"),
        (changed(instructions=-1), "instructions"),
        (changed(board="x" * 300), "board"),
        (changed(what="a\x1b[31mb"), "what"),
        (b'"' + b"x" * (16 << 20), "16 MiB"),
    ],
)
def test_damaged_files_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_records(data, "r.json")
    error = caught.value
    assert error.where.startswith("r.json") and words in f"{error.where} {error.why}"
    assert "gen-fw tvm tune" in error.hint


@given(st.integers(0, 400), st.integers(0, 255))
@settings(max_examples=200)
def test_no_damage_makes_another_error(position: int, byte: int) -> None:
    data = bytearray(written([A]))
    data[position % len(data)] = byte
    try:
        read_records(bytes(data))
    except UsageError as error:
        assert error.why


WORDS = {"taps": 64, "channels": 64, "low": -128, "high": 127, "zero_point": 3, "kind": "int8"}
SPECIFICATION: dict[str, Any] = {
    "template": "tvm_product",
    "words": WORDS,
    "parameters": [{"name": "input", "c_type": "int8_t", "elements": 64}],
    "registers": 14,
    "knobs": {"pixels": 3},
}


def test_keys_are_of_shapes_alone() -> None:
    """Records in users' hands name kernels by it: this key must never change."""
    assert key(SPECIFICATION) == "7d9a2d4c05ff83a4"
    same = {**SPECIFICATION, "registers": 30, "knobs": {}}
    same["words"] = {**WORDS, "low": 0, "zero_point": -7, "input_zero": 5}
    assert key(same) == key(SPECIFICATION)
    other = {**SPECIFICATION, "words": {**WORDS, "taps": 65}}
    assert key(other) != key(SPECIFICATION)
