# SPDX-License-Identifier: Apache-2.0
"""Operators on two unquantized elements: float32 and integer arithmetic, extremes, comparisons,
logic, and SELECT_V2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.arithmetic import multiplier_below_one, rescaling
from gen_fw.runtimes.aot.elements import elementwise, function_name
from gen_fw.runtimes.aot.expressions import activated, plus, rescaled
from gen_fw.runtimes.aot.layer import C_TYPES, Site, Step
from gen_fw.runtimes.aot.table import operator

_REAL = (DType.FLOAT32, DType.INT32)
#: integers wrap around, as they do in TFLM on every processor
_FORMULAS: Mapping[tuple[str, DType], str] = {
    ("ADD", DType.FLOAT32): "@0 + @1",
    ("SUB", DType.FLOAT32): "@0 - @1",
    ("MUL", DType.FLOAT32): "@0 * @1",
    ("DIV", DType.FLOAT32): "@0 / @1",
    ("ADD", DType.INT32): "(int32_t)((uint32_t)@0 + (uint32_t)@1)",
    ("SUB", DType.INT32): "(int32_t)((uint32_t)@0 - (uint32_t)@1)",
    ("MUL", DType.INT32): "(int32_t)((uint32_t)@0 * (uint32_t)@1)",
    ("DIV", DType.INT32): "divided(@0, @1)",
}


def _operands(site: Site, *dtypes: DType) -> tuple[Tensor, Tensor]:
    """Both inputs, of one of the types."""
    first = site.of_type(site.input(0), *dtypes)
    return first, site.of_type(site.input(1), first.dtype)


def _binary(site: Site, target: Tensor, result: str, lines: Sequence[str] = ()) -> list[Step]:
    sources = [site.input(0), site.input(1)]
    return [elementwise(site, sources, target, result, name=function_name(site), lines=lines)]


@operator("ADD", "SUB", "MUL", types="float32, int32", limits="broadcasting", of=_REAL)
@operator(
    "DIV",
    types="float32, int32",
    limits="broadcasting; int32 divided by 0 is 0",
    of=_REAL,
)
def arithmetic(site: Site) -> Sequence[Step]:
    first, _ = _operands(site, *_REAL)
    target = site.of_type(site.output(), first.dtype)
    name = site.operator.name
    if first.dtype is DType.INT32:
        plain = all(site.input(i).quantization is None for i in range(2)) or name == "MUL"
        site.require(plain, "quantized int32")
    # TFLM ignores the activation of an int32 ADD
    result = _FORMULAS[name, first.dtype]
    if (name, first.dtype) != ("ADD", DType.INT32):
        result = activated(result, site.options.fused_activation_function, first.dtype)
    return _binary(site, target, result)


@operator(
    "SQUARED_DIFFERENCE",
    types="float32, int32",
    limits="broadcasting",
    of=_REAL,
)
def squared_difference(site: Site) -> Sequence[Step]:
    first, _ = _operands(site, *_REAL)
    target = site.of_type(site.output(), first.dtype)
    if first.dtype is DType.FLOAT32:
        return _binary(site, target, "d * d", ["const float d = @0 - @1;"])
    lines = ["const uint32_t d = (uint32_t)@0 - (uint32_t)@1;"]
    return _binary(site, target, "(int32_t)(d * d)", lines)


@operator("FLOOR_DIV", types="float32", limits="broadcasting; 0 as a divisor is no error")
def floor_div(site: Site) -> Sequence[Step]:
    """FloorDiv of kernels/internal/reference/floor_div.h, which divides in double precision."""
    _operands(site, DType.FLOAT32)
    target = site.of_type(site.output(), DType.FLOAT32)
    return _binary(site, target, "(float)floor((double)@0 / (double)@1)")


@operator("FLOOR_MOD", types="float32", limits="broadcasting")
def floor_mod(site: Site) -> Sequence[Step]:
    _operands(site, DType.FLOAT32)
    target = site.of_type(site.output(), DType.FLOAT32)
    lines = ["const float b = @1;", "const float rest = fmodf(@0, b);"]
    return _binary(
        site, target, "rest != 0.0f && (b < 0.0f) != (rest < 0.0f) ? rest + b : rest", lines
    )


@operator("ADD_N", types="float32", of=[DType.FLOAT32])
def add_n(site: Site) -> Sequence[Step]:
    target = site.of_type(site.output(), DType.FLOAT32)
    count = len(site.operator.inputs)
    site.require(count >= 2, "fewer than two inputs")
    sources = [site.of_type(site.input(i), DType.FLOAT32) for i in range(count)]
    site.require(all(source.shape == target.shape for source in sources), "shapes differ")
    terms = " + ".join(["0.0f", *(f"@{i}" for i in range(count))])
    return [elementwise(site, sources, target, terms, name=function_name(site))]


@operator(
    "MAXIMUM",
    "MINIMUM",
    types="float32, int8, int16, int32, int64",
    limits="broadcasting; quantization is not looked at",
)
def extreme(site: Site) -> Sequence[Step]:
    first, _second = _operands(
        site, DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32, DType.INT64
    )
    target = site.of_type(site.output(), first.dtype)
    c_type = C_TYPES[target.dtype]
    lines = [f"const {c_type} a = @0;", f"const {c_type} b = @1;"]
    sign = ">" if site.operator.name == "MAXIMUM" else "<"
    return _binary(site, target, f"a {sign} b ? a : b", lines)


_COMPARISONS = {
    "EQUAL": "==",
    "NOT_EQUAL": "!=",
    "GREATER": ">",
    "GREATER_EQUAL": ">=",
    "LESS": "<",
    "LESS_EQUAL": "<=",
}
#: fraction bits that comparisons give int8 inputs (comparisons.cc)
_COMPARISON_LEFT = 8


@operator(
    *_COMPARISONS,
    types="float32, int32, int64, int8; EQUAL and NOT_EQUAL also bool",
    limits="broadcasting; int8 scales below 1",
)
def comparison(site: Site) -> Sequence[Step]:
    """int8 is compared at scale 1, as ComparisonsPrepare."""
    name = site.operator.name
    logical = [DType.BOOL] if name in ("EQUAL", "NOT_EQUAL") else []
    first, second = _operands(site, DType.FLOAT32, DType.INT32, DType.INT64, DType.INT8, *logical)
    target = site.of_type(site.output(), DType.BOOL)
    sign = _COMPARISONS[name]
    if first.dtype is not DType.INT8:
        return _binary(site, target, f"@0 {sign} @1")
    lines = []
    for i, source in enumerate((first, second)):
        scale, zero = site.affine(source)
        to = rescaling(*multiplier_below_one(scale), 0, 255 << _COMPARISON_LEFT)
        lines.append(f"const int32_t a{i} = (@{i}{plus(-zero)}) * {1 << _COMPARISON_LEFT};")
        lines.append(f"const int32_t b{i} = {rescaled(f'a{i}', to)};")
    return _binary(site, target, f"b0 {sign} b1", lines)


@operator("LOGICAL_AND", "LOGICAL_OR", types="bool", limits="broadcasting")
def logical(site: Site) -> Sequence[Step]:
    _operands(site, DType.BOOL)
    target = site.of_type(site.output(), DType.BOOL)
    sign = "&&" if site.operator.name == "LOGICAL_AND" else "||"
    return _binary(site, target, f"@0 {sign} @1")


@operator(
    "SELECT_V2",
    types="bool condition; float32, int8, int16",
    limits="broadcasting",
)
def select(site: Site) -> Sequence[Step]:
    condition = site.of_type(site.input(0), DType.BOOL)
    first = site.of_type(site.input(1), DType.FLOAT32, DType.INT8, DType.INT16)
    second = site.of_type(site.input(2), first.dtype)
    target = site.of_type(site.output(), first.dtype)
    sources = [condition, first, second]
    if all(tensor.elements == 1 for tensor in (*sources, target)):  # of any ranks
        sources = [replace(source, shape=()) for source in sources]
    return [elementwise(site, sources, target, "@0 ? @1 : @2", name=function_name(site))]
