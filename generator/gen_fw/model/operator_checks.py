# SPDX-License-Identifier: Apache-2.0
"""One operator at a time: its options, and the types of resource handles.

TFLM trusts both. It reads options of another type as none at all, divides by strides, and takes
every handle for a resource (tensorflow/lite/micro/docs/error_handling_guide.md of tflite-micro).
"""

from __future__ import annotations

from functools import cache

from gen_fw.model.flatbuffer import Table, fields_of
from gen_fw.model.schema_tables import UNIONS
from gen_fw.model.types import DType, Operator, Tensor

#: operators whose options are not named after them
_SHARED = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "MULTINOMIAL": "RandomOptions",
    "RANDOM_STANDARD_NORMAL": "RandomOptions",
    "RANDOM_UNIFORM": "RandomOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
}
#: fields that count steps or elements, and divide something
_POSITIVE = ("stride_", "dilation_", "filter_")
#: operators whose input 0 or output 0 is a handle
_HANDLE_IN = frozenset({"READ_VARIABLE", "ASSIGN_VARIABLE"})
_HANDLE_OUT = frozenset({"VAR_HANDLE"})


@cache
def options_table(operator: str) -> str | None:
    """The options table of a builtin operator, if it has one with fields."""
    key = operator.replace("_", "").lower() + "options"
    named = {
        table.lower(): table
        for union in ("BuiltinOptions", "BuiltinOptions2")
        for table in UNIONS[union].split()
    }
    table = _SHARED.get(operator) or named.get(key)
    return table if table and fields_of(table) else None


def check_operator(table: Table, operator: Operator, tensors: tuple[Tensor, ...]) -> None:
    """Raises ModelError for options or handles that no kernel can work with."""
    expected = options_table(operator.name)
    given = type(operator.options).__name__ if operator.options is not None else None
    if expected is not None and given not in (None, expected):
        table.fail(f"{operator.name} has {given}", "builtin_options", why=f"it needs {expected}")
    divisors = [
        field.name
        for field in (fields_of(expected) if expected else ())
        if field.name.startswith(_POSITIVE)
    ]
    if divisors and given is None:
        table.fail(f"{operator.name} has no options", "builtin_options", why=f"needs {expected}")
    for name in divisors:
        value = getattr(operator.options, name)
        if value < 1:
            table.fail(f"{name} is {value}", f"builtin_options.{name}", why=operator.name)
    for handles, field, names in (
        (operator.inputs, "inputs", _HANDLE_IN),
        (operator.outputs, "outputs", _HANDLE_OUT),
    ):
        if operator.name in names and (
            not handles or tensors[handles[0]].dtype is not DType.RESOURCE
        ):
            table.fail(f"{operator.name} has no resource handle", f"{field}[0]")
