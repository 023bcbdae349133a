# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of a program, from a model's tensors."""

from __future__ import annotations

from gen_fw.errors import ModelError
from gen_fw.model.types import DType, Model, Tensor
from gen_fw.program import Io

#: element type -> (name, C type, suffix of the API functions)
_C_TYPES = {
    DType.FLOAT32: ("float32", "float", "f32"),
    DType.FLOAT64: ("float64", "double", "f64"),
    DType.INT8: ("int8", "int8_t", "i8"),
    DType.UINT8: ("uint8", "uint8_t", "u8"),
    DType.INT16: ("int16", "int16_t", "i16"),
    DType.UINT16: ("uint16", "uint16_t", "u16"),
    DType.INT32: ("int32", "int32_t", "i32"),
    DType.UINT32: ("uint32", "uint32_t", "u32"),
    DType.INT64: ("int64", "int64_t", "i64"),
    DType.UINT64: ("uint64", "uint64_t", "u64"),
    DType.BOOL: ("bool", "bool", "bool"),
}
#: name -> (C type, suffix of the API functions)
C_TYPES_BY_NAME = {name: (c_type, suffix) for name, c_type, suffix in _C_TYPES.values()}


def interface(model: Model) -> tuple[tuple[Io, ...], tuple[Io, ...]]:
    """Inputs and outputs of the main subgraph, in the model's order.

    Raises ModelError for element types that C has no plain type for.
    """
    main = model.subgraphs[0]
    inputs = tuple(_io("input", p, main.tensors[t]) for p, t in enumerate(main.inputs))
    outputs = tuple(_io("output", p, main.tensors[t]) for p, t in enumerate(main.outputs))
    return inputs, outputs


def _io(kind: str, position: int, tensor: Tensor) -> Io:
    if tensor.dtype not in _C_TYPES:
        raise ModelError(
            f"{kind} {position} has element type {tensor.dtype.name.lower()}",
            where=f"subgraphs[0].tensors[{tensor.index}]",
            why="the model API has no C type for it",
            hint="take text, complex or half-precision tensors out of the model's interface",
        )
    dtype, c_type, suffix = _C_TYPES[tensor.dtype]
    quantization = tensor.quantization
    plain = quantization is not None and len(quantization.scale) == 1
    return Io(
        position,
        tensor.display_name,
        dtype,
        c_type,
        suffix,
        tensor.shape,
        tensor.elements,
        tensor.bytes,
        quantization.scale[0] if plain and quantization else None,
        quantization.zero_point[0] if plain and quantization else None,
    )
