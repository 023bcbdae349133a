# SPDX-License-Identifier: Apache-2.0
"""Rewritten files say the same as before apart from what was asked, for real and odd models."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any

import pytest

from gen_fw.errors import ModelError
from gen_fw.model.flatbuffer import Table, decode, fields_of
from gen_fw.model.reader import read_model
from gen_fw.model.rewrite import reordered, with_metadata, without_metadata
from gen_fw.model.types import Metadata, Model, Subgraph
from sample_models import model_files, topological
from tflite_writer import DENSE, edited, write

NAME = b"OfflineMemoryAllocation"
PLAN = struct.pack("<4i", 1, 0, 1, -1)


def contents() -> list[tuple[str, bytes]]:
    return [("dense", write(DENSE)), *((file.stem, file.read_bytes()) for file in model_files())]


def readable() -> list[tuple[str, bytes, Model]]:
    found = []
    for name, raw in contents():
        try:
            found.append((name, raw, read_model(raw)))
        except ModelError:
            continue  # hostile or unreadable by intention
    return found


def said(model: Model) -> dict[str, Any]:
    """All that a model says, but not where in the file."""
    fields = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
    del fields["raw"], fields["sha256"]
    fields["buffers"] = [(bytes(b.data), b.outside) for b in model.buffers]
    return fields


def permuted(subgraph: Subgraph, order: list[int]) -> Subgraph:
    operators = (
        dataclasses.replace(subgraph.operators[old], index=i) for i, old in enumerate(order)
    )
    return dataclasses.replace(subgraph, operators=tuple(operators))


def test_metadata_comes_and_goes() -> None:
    models = readable()
    assert len(models) > 10
    for name, raw, model in models:
        with_it = with_metadata(raw, NAME, PLAN)
        after, before = read_model(with_it), said(model)
        had = [entry for entry in model.metadata if entry.name == NAME]
        entry = next(entry for entry in after.metadata if entry.name == NAME)
        assert bytes(after.buffers[entry.buffer].data) == PLAN, name
        assert after.buffers[entry.buffer].offset % 16 == 0
        assert with_it[-len(raw) :][8:] == raw[8:] or any(b.outside for b in model.buffers), name
        shift = len(with_it) - len(raw)
        for old, new in zip(model.buffers, after.buffers, strict=False):
            if old.offset and old.index != entry.buffer:
                assert (new.offset - old.offset, shift % 64) == (shift, 0), name
        if had:
            continue
        assert entry == Metadata(NAME, len(model.buffers))
        changed = said(after)
        assert changed.pop("metadata") == (*before.pop("metadata"), entry)
        assert changed.pop("buffers") == [*before.pop("buffers"), (PLAN, False)]
        assert changed == before, name
        assert said(read_model(without_metadata(with_it, NAME))) == said(model), name
        assert without_metadata(raw, NAME) == raw


def test_an_entry_of_that_name_is_replaced() -> None:
    once = with_metadata(with_metadata(write(DENSE), b"other", b"x"), NAME, PLAN)
    twice = read_model(with_metadata(once, NAME, b"longer than before"))
    assert [entry.name for entry in twice.metadata] == [b"min_runtime_version", b"other", NAME]
    assert [bytes(buffer.data) for buffer in twice.buffers[2:]] == [b"x", b"longer than before"]
    # of two entries one stays, in the place of the first; buffer 1 holds weights and stays
    doubled = edited({"metadata": [{"name": NAME, "buffer": 1}, {"name": NAME, "buffer": 1}]})
    model = read_model(with_metadata(write(doubled), NAME, PLAN))
    assert model.metadata == (Metadata(NAME, 2),)
    assert [bytes(buffer.data) for buffer in model.buffers] == [b"", bytes(range(6)), PLAN]
    emptied = read_model(without_metadata(write(doubled), NAME))
    assert (emptied.metadata, len(emptied.buffers)) == ((), 2)


def test_a_model_without_metadata_gets_its_first() -> None:
    raw = write(edited({"metadata": None}))
    model = read_model(with_metadata(raw, NAME, b""))
    assert model.metadata == (Metadata(NAME, 2),)
    assert said(read_model(without_metadata(model.raw, NAME))) == said(read_model(raw))


def test_data_behind_the_flatbuffer_moves_along() -> None:
    operator = "subgraphs.0.operators.0"
    edits: dict[str, Any] = {
        "buffers.1": {"offset": 2, "size": 6},
        "operator_codes.0": {"builtin_code": 32, "custom_code": b"mine"},
        f"{operator}.builtin_options": None,
        f"{operator}.large_custom_options_offset": 4,
        f"{operator}.large_custom_options_size": 4,
    }
    size = len(write(edited(edits)))
    edits["buffers.1"]["offset"] = size
    edits[f"{operator}.large_custom_options_offset"] = size + 6
    raw = write(edited(edits)) + b"abcdefcust"
    after = read_model(with_metadata(raw, NAME, PLAN))
    assert (bytes(after.buffers[1].data), after.buffers[1].outside) == (b"abcdef", True)
    assert bytes(after.subgraphs[0].operators[0].custom_options) == b"cust"


def test_fields_of_a_newer_schema_are_refused() -> None:
    raw = bytearray(write(DENSE))
    (root,) = struct.unpack_from("<I", raw, 0)
    (back,) = struct.unpack_from("<i", raw, root)
    size, inline = struct.unpack_from("<HH", raw, root - back)
    entries = struct.unpack_from(f"<{(size - 4) // 2}H", raw, root - back + 4)
    entries = (*entries, *[0] * (10 - len(entries)), entries[0])  # an eleventh field of Model
    raw += bytes(-len(raw) % 4)
    struct.pack_into("<i", raw, root, root - len(raw))
    raw += struct.pack(f"<{2 + len(entries)}H", 4 + 2 * len(entries), inline, *entries)
    assert read_model(bytes(raw)).metadata
    with pytest.raises(ModelError, match="newer schema"):
        with_metadata(bytes(raw), NAME, PLAN)


def test_operators_in_any_order() -> None:
    moved = 0
    for name, raw, model in readable():
        orders = {s.index: topological(s, seed=s.index) for s in model.subgraphs}
        result = reordered(raw, orders)
        count = sum(len(order) for order in orders.values())
        assert len(result) == len(raw)
        assert sum(a != b for a, b in zip(raw, result, strict=True)) <= 4 * count
        wanted = said(model)
        wanted["subgraphs"] = tuple(permuted(s, orders[s.index]) for s in model.subgraphs)
        assert said(read_model(result)) == wanted, name
        moved += any(order != sorted(order) for order in orders.values())
        back = {i: [order.index(k) for k in range(len(order))] for i, order in orders.items()}
        assert reordered(result, back) == raw, name
    assert moved > 3


def test_orders_that_are_none() -> None:
    with pytest.raises(ValueError, match="permutation"):
        reordered(write(DENSE), {0: [1]})
    with pytest.raises(ModelError):
        reordered(write(DENSE)[:-40], {0: [0]})


def test_subgraphs_that_share_their_operators_stay() -> None:
    raw = bytearray(write(edited({"subgraphs": DENSE["subgraphs"] * 2})))
    root = decode(memoryview(raw), "Model")
    first, second = (_field(raw, s, "operators") for s in root.tables("subgraphs"))
    (offset,) = struct.unpack_from("<I", raw, max(first, second))
    low, high = sorted((first, second))
    struct.pack_into("<I", raw, low, high - low + offset)
    assert len(read_model(bytes(raw)).subgraphs) == 2
    with pytest.raises(ModelError, match="share"):
        reordered(bytes(raw), {0: [0]})


def _field(raw: bytes | bytearray, table: Table, name: str) -> int:
    """Position of a field of a table in the file."""
    (back,) = struct.unpack_from("<i", raw, table.position)
    slot = next(field.slot for field in fields_of(table.type) if field.name == name)
    return int(table.position + struct.unpack_from("<H", raw, table.position - back + slot)[0])
