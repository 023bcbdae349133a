# SPDX-License-Identifier: Apache-2.0
"""Steps that compute each output element from one element of each operand, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.expressions import RANGES, plus
from gen_fw.runtimes.aot.layer import C_TYPES, DataArgument, Over, Site, Step
from gen_fw.runtimes.aot.strides import broadcast, dense, merged

#: element types that C lets alias every other one
_CHARACTERS = ("int8_t", "uint8_t")


def elementwise(
    site: Site,
    sources: Sequence[Tensor],
    target: Tensor,
    result: str,
    *,
    name: str,
    lines: Sequence[str] = (),
    data: Sequence[DataArgument] = (),
    starts: Sequence[int] = (),
    comment: str = "",
) -> Step:
    """``output[...] = result`` for every element; ``@0``, ``@1``, ... in the C texts ``lines`` and
    ``result`` are the elements of the sources, repeated to the target's shape. ``starts``: where
    the sources and the target begin, when not with their first elements; then nothing overlaps.
    """
    site.require(target.elements > 0, "a tensor without elements")
    shape = target.shape
    steps = [broadcast(source.shape, shape, site) for source in sources]
    return Step(
        "elementwise",
        {
            "loops": merged(shape, [*steps, dense(shape)]),
            "sources": len(sources),
            "lines": list(lines),
            "result": result,
            "starts": list(starts) or [0] * (len(sources) + 1),
        },
        (
            *(site.reads(_parameter(i, sources), source) for i, source in enumerate(sources)),
            site.writes("output", target),
            *data,
        ),
        comment or f"{target.elements} elements",
        over=tuple(
            over(_parameter(i, sources), source, target)
            for i, source in enumerate(sources)
            if source.elements == target.elements and _may_share(source, target) and not starts
        ),
        name=name,
    )


def _parameter(position: int, sources: Sequence[Tensor]) -> str:
    return f"input{position}" if len(sources) > 1 else "input"


def over(parameter: str, source: Tensor, target: Tensor) -> Over:
    """Element by element: element i of the output ends where those from i + 1 on must still be."""
    wider = (target.dtype.bits - source.dtype.bits) // 8
    return Over(parameter, max(0, wider) * target.elements)


def _may_share(source: Tensor, target: Tensor) -> bool:
    """Whether one function may read and write the same bytes as these types: C's aliasing rule."""
    types = C_TYPES[source.dtype], C_TYPES[target.dtype]
    return types[0] == types[1] or any(c_type in _CHARACTERS for c_type in types)


def same_elements(site: Site, source: Tensor, target: Tensor) -> None:
    site.require(source.elements == target.elements > 0, "element counts differ")


def unary(
    site: Site, source: Tensor, target: Tensor, result: str, lines: Sequence[str] = ()
) -> list[Step]:
    """A function of one element, whatever the shapes; the kernel has the operator's name."""
    same_elements(site, source, target)
    flat = _flat(source), _flat(target)
    return [elementwise(site, flat[:1], flat[1], result, name=function_name(site), lines=lines)]


def table(site: Site, source: Tensor, target: Tensor, value: Callable[[int], int]) -> list[Step]:
    """``output[i] = table[input[i]]`` of an 8-bit input, outputs limited to the element type."""
    same_elements(site, source, target)
    (first, last), (low, high) = RANGES[source.dtype], RANGES[target.dtype]
    results = [max(low, min(high, value(element))) for element in range(first, last + 1)]
    data = np.array(results, dtype=target.dtype.name.lower())
    return [
        elementwise(
            site,
            [_flat(source)],
            _flat(target),
            f"table[@0{plus(-first)}]",
            name="table",
            data=[DataArgument("table", C_TYPES[target.dtype], data, "table")],
            comment=f"{target.elements} elements by table",
        )
    ]


def function_name(site: Site) -> str:
    """The operator's name as part of a C identifier."""
    return site.operator.name.lower()


def _flat(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=(tensor.elements,))


def quantized(site: Site, tensor: Tensor) -> tuple[float, int]:
    """Scale and zero point, both 0 for a tensor that is not quantized, as TFLM reads them."""
    return site.affine(tensor) if tensor.quantization is not None else (0.0, 0)


def integers(site: Site, tensor: Tensor, *, dtypes: Sequence[DType] = (DType.INT32,)) -> list[int]:
    """Elements of a constant tensor of integers: axes, shapes, paddings."""
    values: list[int] = site.constant(site.of_type(tensor, *dtypes)).reshape(-1).tolist()
    return values
