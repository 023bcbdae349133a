# SPDX-License-Identifier: Apache-2.0
"""The verifying decoder: cut, aliased, misaligned files; and agreement with the generated code of
the ``tflite`` package, which reads the same files without checks."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.errors import ModelError
from gen_fw.model.flatbuffer import Limits, Table, decode, fields_of
from gen_fw.model.option_classes import option_class
from gen_fw.model.reader import read_model
from gen_fw.model.schema_tables import TABLES, UNIONS
from tflite_writer import DENSE, edited, write

CONTENT = write(DENSE)


def test_every_truncation_is_refused() -> None:
    needed = len(CONTENT.rstrip(b"\0")) + 1
    for length in range(needed):
        with pytest.raises(ModelError):
            read_model(CONTENT[:length])


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, len(CONTENT) // 4 - 1), word=st.integers(0, 0xFFFFFFFF))
def test_any_word_anywhere(position: int, word: int) -> None:
    content = bytearray(CONTENT)
    struct.pack_into("<I", content, 4 * position, word)
    try:
        read_model(bytes(content))
    except ModelError as error:
        assert error.what


def test_aliased_vectors_exhaust_the_budget_soon() -> None:
    """20 000 buffers that share one 1 MB vector: the file is small, what it says is not."""
    count, size = 20_000, 1 << 20
    # hand-laid: header, root, buffers vector, one Buffer table per entry, one data vector
    root_vtable = struct.pack("<HHHHHHH", 14, 12, 4, 0, 0, 0, 8)
    root = 8 + len(root_vtable) + 2
    vector = root + 12
    entry_vtable = vector + 4 + 4 * count
    first = entry_vtable + 8
    data = first + 8 * count
    content = struct.pack("<I4s", root, b"TFL3") + root_vtable + b"\0\0"
    content += struct.pack("<iII", root - 8, 3, vector - (root + 8))
    content += struct.pack("<I", count)
    content += b"".join(
        struct.pack("<I", first + 8 * n - (vector + 4 + 4 * n)) for n in range(count)
    )
    content += struct.pack("<HHHH", 6, 8, 4, 0)
    content += b"".join(
        struct.pack("<iI", first + 8 * n - entry_vtable, data - (first + 8 * n + 4))
        for n in range(count)
    )
    content += struct.pack("<I", size) + bytes(size)
    started = time.process_time()  # other processes do not count
    with pytest.raises(ModelError, match="many times over"):
        read_model(content)
    assert time.process_time() - started < 2


def test_the_number_of_tables_is_limited() -> None:
    content = write(edited({"buffers": [{}] * 500}))
    with pytest.raises(ModelError, match="more than 400 tables"):
        read_model(content, limits=Limits(tables=400))


def _position(table: Table, field: str, beside: int = 0) -> int:
    """Where ``field`` stands, by its vtable entry (or the one ``beside`` bytes after it)."""
    raw = CONTENT
    vtable = table.position - struct.unpack_from("<i", raw, table.position)[0]
    slot = next(f.slot for f in fields_of(table.type) if f.name == field) + beside
    return int(table.position + struct.unpack_from("<H", raw, vtable + slot)[0])


def _with(position: int, format_: str, value: int) -> bytes:
    content = bytearray(CONTENT)
    struct.pack_into(format_, content, position, value)
    return bytes(content)


def test_what_the_verifier_must_see() -> None:
    root = decode(memoryview(CONTENT), "Model")
    tensor = root.tables("subgraphs")[0].tables("tensors")[0]
    operator = root.tables("subgraphs")[0].tables("operators")[0]
    vtable = tensor.position - struct.unpack_from("<i", CONTENT, tensor.position)[0]
    name = tensor.string("name")
    terminator = CONTENT.index(name + b"\0") + len(name)
    shape = tensor.vector("shape")
    assert shape is not None
    for damaged, words in (
        (_with(vtable, "<H", 3), "vtable"),
        (_with(vtable, "<H", 0xFFFE), "vtable"),
        (_with(vtable + 2, "<H", 0xFFFF), "pass the end"),
        (_with(vtable + 2, "<H", 6), "outside its table"),
        (_with(vtable + 4, "<H", 3), "outside its table"),
        (_with(vtable + 4, "<H", 5), "not aligned"),
        (_with(tensor.position, "<i", -(1 << 31)), "vtable"),
        (_with(_position(tensor, "name"), "<I", 0), "offset 0"),
        (_with(_position(tensor, "name"), "<I", 0xFFFFFFF0), "outside the file"),
        (_with(_position(tensor, "shape"), "<I", 5), "not aligned"),
        (_with(shape.offset - 4, "<I", 1 << 30), "pass the end"),
        (_with(terminator, "<B", 1), "terminating zero"),
        (_with(_position(operator, "builtin_options", 2), "<I", 1 << 28), "outside the file"),
    ):
        with pytest.raises(ModelError) as caught:
            decode(memoryview(damaged), "Model")
        assert words in f"{caught.value.what} {caught.value.why}"


def test_unknown_union_types_are_refused() -> None:
    root = decode(memoryview(CONTENT), "Model")
    operator = root.tables("subgraphs")[0].tables("operators")[0]
    place = _position(operator, "builtin_options")
    with pytest.raises(ModelError, match="type 250 is not in BuiltinOptions"):
        read_model(_with(place, "<B", 250))
    untyped = bytearray(_with(place, "<B", 0))
    assert read_model(bytes(untyped)).subgraphs[0].operators[0].options is None
    struct.pack_into("<I", untyped, _position(operator, "builtin_options", 2), 0)
    with pytest.raises(ModelError, match="damaged"):
        read_model(bytes(untyped))


def test_the_schema_is_not_recursive() -> None:
    """The decoder needs no limit of depth, since no table can contain itself."""

    def depth(table: str, above: tuple[str, ...] = ()) -> int:
        assert table not in above
        below = [0]
        for field in fields_of(table):
            if field.kind in ("table", "tables"):
                below.append(depth(field.target, (*above, table)))
            elif field.kind == "union":
                below += [depth(t, (*above, table)) for t in UNIONS[field.target].split()]
        return 1 + max(below)

    assert depth("Model") <= 8


def test_the_schema_agrees_with_the_tflite_package() -> None:
    """Tables, slots, defaults and unions, for all that the package's older schema has."""
    tflite = pytest.importorskip("tflite")
    union = {v: k for k, v in vars(tflite.BuiltinOptions).items() if isinstance(v, int)}
    assert UNIONS["BuiltinOptions"].split() == [union[i] for i in range(1, len(union))]
    compared = 0
    for name in TABLES:
        generated = getattr(tflite, name, None)
        if generated is None:
            continue
        empty = generated()
        empty.Init(struct.pack("<HHi", 4, 4, 4), 4)
        for field in fields_of(name):
            if field.kind == "scalar":
                getter = "".join(part[:1].upper() + part[1:] for part in field.name.split("_"))
                method = getattr(empty, getter, None)
                if method is not None:
                    assert method() == field.default, f"{name}.{field.name}"
                    compared += 1
    assert compared > 150


def _package_view(content: bytes) -> list[object]:
    import tflite

    model = tflite.Model.GetRootAs(content)
    seen: list[object] = []
    for index in range(model.SubgraphsLength()):
        subgraph = model.Subgraphs(index)
        for t in range(subgraph.TensorsLength()):
            tensor = subgraph.Tensors(t)
            shape = tuple(tensor.Shape(i) for i in range(tensor.ShapeLength()))
            quantization = tensor.Quantization()
            length = quantization.ScaleLength() if quantization else 0
            seen.append((tensor.Name() or b"", tensor.Type(), shape, tensor.Buffer(), length))
        for o in range(subgraph.OperatorsLength()):
            operator = subgraph.Operators(o)
            inputs = tuple(operator.Inputs(i) for i in range(operator.InputsLength()))
            outputs = tuple(operator.Outputs(i) for i in range(operator.OutputsLength()))
            seen.append((inputs, outputs))
            if operator.BuiltinOptionsType():
                kind = UNIONS["BuiltinOptions"].split()[operator.BuiltinOptionsType() - 1]
                table = getattr(tflite, kind)()
                table.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
                for field in fields_of(kind):
                    getter = "".join(part[:1].upper() + part[1:] for part in field.name.split("_"))
                    if field.kind == "scalar" and hasattr(table, getter):
                        seen.append((kind, field.name, getattr(table, getter)()))
    return seen


def _our_view(content: bytes) -> list[object]:
    import tflite

    model = read_model(content)
    seen: list[object] = []
    for subgraph in model.subgraphs:
        for t in subgraph.tensors:
            length = len(t.quantization.scale) if t.quantization else 0
            seen.append((t.name, t.dtype.value, t.shape, t.buffer, length))
        for operator in subgraph.operators:
            seen.append((operator.inputs, operator.outputs))
            kind = type(operator.options).__name__
            if kind in UNIONS["BuiltinOptions"].split():
                for field in fields_of(kind):
                    getter = "".join(part[:1].upper() + part[1:] for part in field.name.split("_"))
                    if field.kind == "scalar" and hasattr(getattr(tflite, kind), getter):
                        seen.append((kind, field.name, getattr(operator.options, field.name)))
    return seen


def test_real_models_read_as_the_tflite_package_reads_them(shared: Path) -> None:
    pytest.importorskip("tflite")
    compared = 0
    for file in sorted((shared / "models").glob("*.tflite")):
        content = file.read_bytes()
        try:
            ours = _our_view(content)
        except ModelError:
            continue
        assert ours == _package_view(content), file.name
        compared += 1
    assert compared >= 44


def test_option_classes_are_frozen_and_shared() -> None:
    from gen_fw.model import options, options2

    assert options.Conv2DOptions is option_class("Conv2DOptions")
    assert options2.StablehloPadOptions is options.StablehloPadOptions
    assert options.Conv2DOptions().dilation_w_factor == 1
    assert options.AddOptions(pot_scale_int16=False) != options.AddOptions()
    with pytest.raises(AttributeError):
        options.Conv2DOptions().stride_w = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        _ = options.NoSuchOptions  # type: ignore[attr-defined]
