# SPDX-License-Identifier: Apache-2.0
"""Tensors of a verified file: shapes, quantization, and constants against their buffers.

The size rules are those of LiteRT's strict verifier (google-ai-edge/LiteRT,
tflite/core/tools/verifier.cc), which TFLM does not run.
"""

from __future__ import annotations

import math
from typing import NoReturn

from gen_fw.model.flatbuffer import Limits, Table
from gen_fw.model.notes import Notes
from gen_fw.model.sparsity import read_sparsity
from gen_fw.model.types import Buffer, DType, Quantization, Tensor

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
_OPAQUE = (DType.RESOURCE, DType.VARIANT)


class TensorReader:
    """Reads the tensors of one model; oddities that runtimes tolerate go to ``notes``."""

    def __init__(self, buffers: tuple[Buffer, ...], limits: Limits, notes: Notes) -> None:
        self.buffers = buffers
        self.limits = limits
        self.notes = notes
        #: buffers whose strings were checked: many tensors may share one
        self.checked: set[int] = set()

    def read(self, table: Table, index: int) -> Tensor:
        """One tensor. Raises ModelError when its numbers contradict each other or its buffer."""
        shape = self._dims(table, "shape")
        if any(dim < 0 for dim in shape):
            table.fail("a dimension is negative", "shape", why=f"shape {list(shape)}")
        dtype = _dtype(table)
        if table.integer("external_buffer"):
            table.fail(
                "the weights are in another file",
                "external_buffer",
                hint="export the model with its weights inside",
            )
        number = table.integer("buffer")
        if number >= len(self.buffers):
            table.fail(
                f"there is no buffer {number}", "buffer", why=f"the model has {len(self.buffers)}"
            )
        buffer = self.buffers[number]
        source = table.table("sparsity")
        sparsity, stored = read_sparsity(source, shape, self.limits) if source else (None, None)
        tensor = Tensor(
            index=index,
            name=table.string("name"),
            dtype=dtype,
            shape=shape,
            shape_signature=self._signature(table, shape),
            buffer=number,
            quantization=self._quantization(table, dtype, shape, len(buffer.data) > 0),
            is_variable=bool(table.integer("is_variable")),
            sparsity=sparsity,
            quantization_details=_details(table),
        )
        # zero dimensions count as 1: the product of the others must not overflow either
        elements = math.prod(dim or 1 for dim in shape)
        if elements > _INT32_MAX or elements * dtype.bits > 8 * _UINT32_MAX:
            table.fail("the size overflows 32 bits", "shape", why=f"shape {list(shape)}")
        if len(buffer.data):
            self._check_constant(table, tensor, buffer, stored)
        return tensor

    def _dims(self, table: Table, field: str) -> tuple[int, ...]:
        vector = table.vector(field)
        if vector is None:
            return ()
        if vector.length > self.limits.rank:
            table.fail(f"{vector.length} dimensions are more than {self.limits.rank}", field)
        return vector.numbers()

    def _signature(self, table: Table, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """shape_signature, where -1 marks a dimension that may change; runtimes ignore others."""
        signature = self._dims(table, "shape_signature")
        if not signature:
            return None
        if len(signature) != len(shape):
            self.notes.add(
                "shape_signature has another rank than shape, and is ignored",
                where=table.path,
                why="no runtime for microcontrollers reads it",
            )
            return None
        return signature

    def _check_constant(
        self, table: Table, tensor: Tensor, buffer: Buffer, stored: int | None
    ) -> None:
        if tensor.is_variable:
            table.fail("a variable tensor has constant data", "buffer")
        if tensor.dtype is DType.STRING:
            if buffer.index not in self.checked:
                _check_strings(table, buffer.data)
                self.checked.add(buffer.index)
            return
        if tensor.dtype in _OPAQUE:
            return
        bits = tensor.dtype.bits * (tensor.elements if stored is None else stored)
        needed = (bits + 7) // 8
        if needed != len(buffer.data):
            table.fail(
                f"the constant needs {needed} bytes and its buffer has {len(buffer.data)}",
                "buffer",
                why=f"{tensor.dtype.name} {list(tensor.shape)}, buffer {tensor.buffer}",
            )
        # 32-bit processors load 64-bit elements as two words
        if tensor.dtype.bits > 8 and buffer.offset % min(tensor.dtype.bits // 8, 4):
            self.notes.add(
                "a constant is not aligned to its elements",
                where=table.path,
                why="some processors cannot read it in place",
            )

    def _quantization(
        self, table: Table, dtype: DType, shape: tuple[int, ...], constant: bool
    ) -> Quantization | None:
        source = table.table("quantization")
        if source is None:
            return None
        scales, zeros = source.vector("scale"), source.vector("zero_point")
        if scales is None or not scales.length:
            return None
        if zeros is None or zeros.length != scales.length:
            source.fail(
                f"{scales.length} scales and {zeros.length if zeros else 0} zero points",
                "zero_point",
            )
        quantization = Quantization(
            scales.numbers(), zeros.numbers(), self._axis(source, scales.length, shape)
        )
        allowed = _ZERO_POINTS.get(dtype)
        if allowed is None:
            return quantization
        if not all(math.isfinite(scale) and scale >= 0 for scale in quantization.scale):
            source.fail("a scale is not a positive finite number", "scale")
        if 0 in quantization.scale:
            if not constant:
                source.fail("a scale is 0", "scale", why="nothing but 0 can be represented")
            self.notes.add("a scale is 0", where=source.path, why="the constant reads as zeros")
        if not all(zero in allowed for zero in quantization.zero_point):
            source.fail(f"a zero point is out of range for {dtype.name}", "zero_point")
        return quantization

    def _axis(self, source: Table, scales: int, shape: tuple[int, ...]) -> int:
        """The quantized dimension. One that is out of range is noted if the shape leaves no doubt:
        the canonical person_detect.tflite has such, and TFLM runs it."""
        axis = source.integer("quantized_dimension")
        if not 0 <= axis < len(shape) and (axis or scales > 1):
            if scales > 1 and shape != (scales,):
                source.fail(f"there is no dimension {axis}", "quantized_dimension", why=f"{shape}")
            self.notes.add(
                f"quantized_dimension {axis} is out of range",
                where=source.path,
                why="the shape leaves no doubt; LiteRT refuses this, TFLM runs it",
            )
            axis = 0
        if scales > 1 and shape[axis] != scales:
            source.fail(
                f"{scales} scales for {shape[axis]} channels",
                "scale",
                why=f"dimension {axis} of shape {list(shape)}",
            )
        return axis


def _dtype(table: Table) -> DType:
    try:
        return DType(table.integer("type"))
    except ValueError:
        table.fail(f"there is no element type {table.integer('type')}", "type")


def _details(table: Table) -> str | None:
    quantization = table.table("quantization")
    details = quantization.table("details") if quantization else None
    return details.type.removesuffix("Quantization").lower() if details else None


def _check_strings(table: Table, data: memoryview) -> None:
    """Layout of tflite/string_util.h: count, count + 1 offsets, bytes; all int32."""

    def bad(why: str) -> NoReturn:
        table.fail("the string constant is damaged", "buffer", why=why)

    if len(data) < 8:
        bad(f"{len(data)} bytes")
    count = int.from_bytes(data[:4], "little")
    header = 4 * (count + 2)
    if header > len(data):
        bad(f"{count} strings do not fit {len(data)} bytes")
    previous = header
    for position in range(4, header, 4):
        offset = int.from_bytes(data[position : position + 4], "little")
        if offset < previous or (position == 4 and offset != header):
            bad(f"offset {offset} of string {position // 4 - 1}")
        previous = offset
    if previous != len(data):
        bad(f"the last string ends at {previous} of {len(data)} bytes")
