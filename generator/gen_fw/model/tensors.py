# SPDX-License-Identifier: Apache-2.0
"""Tensors of a verified file: shapes, quantization, sparsity, and constants against their buffers.

The size rules are those of LiteRT's strict verifier (google-ai-edge/LiteRT,
tflite/core/tools/verifier.cc), which TFLM does not run.
"""

from __future__ import annotations

import math
from typing import NoReturn

from gen_fw.errors import Diagnostic
from gen_fw.model.flatbuffer import Limits, Table
from gen_fw.model.types import Buffer, DType, Quantization, Sparsity, Tensor

_INT32_MAX = (1 << 31) - 1
_UINT32_MAX = (1 << 32) - 1

#: zero points that a quantized type can hold
_ZERO_POINTS: dict[DType, range] = {
    DType.INT2: range(-2, 2),
    DType.INT4: range(-8, 8),
    DType.UINT4: range(16),
    DType.INT8: range(-128, 128),
    DType.UINT8: range(256),
    DType.INT16: range(-(1 << 15), 1 << 15),
    DType.UINT16: range(1 << 16),
    DType.INT32: range(-(1 << 31), 1 << 31),
}
_OPAQUE = (DType.STRING, DType.RESOURCE, DType.VARIANT)


def read_tensor(
    table: Table, index: int, buffers: tuple[Buffer, ...], limits: Limits, notes: list[Diagnostic]
) -> Tensor:
    """One tensor; oddities that runtimes tolerate are appended to ``notes``.

    Raises ModelError when its numbers contradict each other or its buffer.
    """
    shape = _dims(table, "shape", limits)
    if any(dim < 0 for dim in shape):
        table.fail("a dimension is negative", "shape", why=f"shape {list(shape)}")
    signature = _dims(table, "shape_signature", limits) if "shape_signature" in table else None
    dtype = _dtype(table)
    if table.integer("external_buffer"):
        table.fail(
            "the weights are in another file",
            "external_buffer",
            hint="export the model with its weights inside",
        )
    buffer = table.integer("buffer")
    if buffer >= len(buffers):
        table.fail(f"there is no buffer {buffer}", "buffer", why=f"the model has {len(buffers)}")
    data = buffers[buffer].data
    tensor = Tensor(
        index=index,
        name=table.string("name"),
        dtype=dtype,
        shape=shape,
        shape_signature=signature or None,
        buffer=buffer,
        quantization=_quantization(table, dtype, shape, len(data) > 0, notes),
        is_variable=bool(table.integer("is_variable")),
        sparsity=_sparsity(table),
        quantization_details=_details(table),
    )
    _check_size(table, tensor)
    if len(data):
        _check_constant(table, tensor, data)
    return tensor


def _dims(table: Table, field: str, limits: Limits) -> tuple[int, ...]:
    vector = table.vector(field)
    if vector is None:
        return ()
    if vector.length > limits.rank:
        table.fail(f"{vector.length} dimensions are more than {limits.rank}", field)
    return vector.numbers()


def _dtype(table: Table) -> DType:
    try:
        return DType(table.integer("type"))
    except ValueError:
        table.fail(f"there is no element type {table.integer('type')}", "type")


def _check_size(table: Table, tensor: Tensor) -> None:
    # zero dimensions count as 1: the product of the others must not overflow either
    elements = math.prod(dim or 1 for dim in tensor.shape)
    if elements > _INT32_MAX or elements * tensor.dtype.bits > 8 * _UINT32_MAX:
        table.fail("the size overflows 32 bits", "shape", why=f"shape {list(tensor.shape)}")


def _check_constant(table: Table, tensor: Tensor, data: memoryview) -> None:
    if tensor.is_variable:
        table.fail("a variable tensor has constant data", "buffer")
    if tensor.dtype is DType.STRING:
        _check_strings(table, data)
    elif tensor.sparsity is None and tensor.dtype not in _OPAQUE and tensor.bytes != len(data):
        table.fail(
            f"the constant needs {tensor.bytes} bytes and its buffer has {len(data)}",
            "buffer",
            why=f"{tensor.dtype.name} {list(tensor.shape)}, buffer {tensor.buffer}",
        )


def _check_strings(table: Table, data: memoryview) -> None:
    """Layout of tflite/string_util.h: count, count + 1 offsets, bytes; all int32."""

    def bad(why: str) -> NoReturn:
        table.fail("the string constant is damaged", "buffer", why=why)

    if len(data) < 8 or len(data) > _INT32_MAX:
        bad(f"{len(data)} bytes")
    count = int.from_bytes(data[:4], "little")
    header = 4 * (count + 2)
    if header > len(data):
        bad(f"{count} strings do not fit {len(data)} bytes")
    offsets = data[4:header].tobytes()
    previous = header
    for position in range(0, len(offsets), 4):
        offset = int.from_bytes(offsets[position : position + 4], "little")
        if offset < previous or (position == 0 and offset != header):
            bad(f"offset {offset} of string {position // 4}")
        previous = offset
    if previous != len(data):
        bad(f"the last string ends at {previous} of {len(data)} bytes")


def _details(table: Table) -> str | None:
    quantization = table.table("quantization")
    details = quantization.table("details") if quantization else None
    if details is None:
        return None
    return details.type.removesuffix("Quantization").lower()


def _quantization(
    table: Table, dtype: DType, shape: tuple[int, ...], constant: bool, notes: list[Diagnostic]
) -> Quantization | None:
    source = table.table("quantization")
    if source is None:
        return None
    scales, zeros = source.vector("scale"), source.vector("zero_point")
    if scales is None or not scales.length:
        return None
    if zeros is None or zeros.length != scales.length:
        source.fail(
            f"{scales.length} scales and {zeros.length if zeros else 0} zero points", "zero_point"
        )
    axis = source.integer("quantized_dimension")
    if not 0 <= axis < len(shape) and (axis or scales.length > 1):
        if scales.length > 1 and shape != (scales.length,):
            source.fail(
                f"there is no dimension {axis}", "quantized_dimension", why=f"{list(shape)}"
            )
        notes.append(
            Diagnostic(
                f"quantized_dimension {axis} is out of range",
                where=source.path,
                why=f"shape {list(shape)} leaves no doubt; LiteRT refuses this, TFLM runs it",
            )
        )
        axis = 0
    if scales.length > 1 and shape[axis] != scales.length:
        source.fail(
            f"{scales.length} scales for {shape[axis]} channels",
            "scale",
            why=f"dimension {axis} of shape {list(shape)}",
        )
    quantization = Quantization(scales.numbers(), zeros.numbers(), axis)
    allowed = _ZERO_POINTS.get(dtype)
    if allowed is not None:
        if not all(math.isfinite(scale) and scale >= 0 for scale in quantization.scale):
            source.fail("a scale is not a positive finite number", "scale")
        if 0 in quantization.scale:
            if not constant:
                source.fail("a scale is 0", "scale", why="nothing but 0 can be represented")
            notes.append(Diagnostic("a scale is 0", where=source.path, why="a constant of zeros"))
        if not all(zero in allowed for zero in quantization.zero_point):
            source.fail(f"a zero point is out of range for {dtype.name}", "zero_point")
    return quantization


def _sparsity(table: Table) -> Sparsity | None:
    source = table.table("sparsity")
    if source is None:
        return None
    order, blocks = source.vector("traversal_order"), source.vector("block_map")
    return Sparsity(
        traversal_order=order.numbers() if order else (),
        block_map=blocks.numbers() if blocks else (),
        dimensions=len(source.tables("dim_metadata")),
    )
