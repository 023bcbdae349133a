# SPDX-License-Identifier: Apache-2.0
"""Arenas over a library of TFLM that the SDK brings: an upper bound.

Libraries such as Ambiq's HeliaRT are forks of TFLM. The interpreter's structures are those of the
release whose table is used (generated code asserts their sizes), but kernels may keep more. What
they keep was compared with HeliaRT 1.6.0 (kernels in tensorflow/lite/micro/kernels/ambiq, sizes
measured with the target's compiler) and ns-cmsis-nn 7.29 (the get_buffer_size functions); every
allowance here covers the difference, with room for other versions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gen_fw.memory.buffers import align
from gen_fw.model.types import Model, Operator, Subgraph
from gen_fw.program import Confidence, Item, Program, Region

#: for every operator: its own structure grows by 8 bytes (CONV_2D) to 20 (HARD_SWISH), and it may
#: have two more scratch buffers, whose handles take 4 bytes each; the rest is alignment
_OPERATOR = 64
#: tables of 256 bytes that the kernels keep
_TABLES = {"LOGISTIC": 256, "TANH": 256}
_SOURCE = "64 for each operator; tables and sums of weights as in HeliaRT 1.6.0: docs/ambiq.md"


def upper_bound(program: Program, model: Model) -> Program:
    """``program`` with an arena that is enough for the SDK's library, and says that it is a bound.

    With two arenas each gets the allowance, since a kernel may keep what it needs or ask for it.
    """
    extra = allowance(model)
    item = Item("more that the library's kernels may keep", extra, "upper bound", _SOURCE)

    def larger(region: Region) -> Region:
        if region.role not in ("arena", "persistent"):
            return region
        items = tuple(
            replace(one, confidence="upper bound") if one.confidence == "exact" else one
            for one in region.items
        )
        confidence: Confidence = "estimate" if region.confidence == "estimate" else "upper bound"
        return replace(
            region, bytes=region.bytes + extra, confidence=confidence, items=(*items, item)
        )

    def sizes(key: str) -> dict[str, Any]:
        return {abi: size + extra if size else 0 for abi, size in program.adapter[key].items()}

    return replace(
        program,
        regions=tuple(larger(region) for region in program.regions),
        adapter={
            **program.adapter,
            "arena_bytes": sizes("arena_bytes"),
            "persistent_bytes": sizes("persistent_bytes"),
        },
        report={**program.report, "arena_bytes": sizes("arena_bytes")},
    )


def allowance(model: Model) -> int:
    """Bytes that the kernels of a library may take on top of upstream's, a multiple of 16."""
    return sum(
        align(_OPERATOR + _TABLES.get(operator.name, 0) + _sums(subgraph, operator))
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    )


def _sums(subgraph: Subgraph, operator: Operator) -> int:
    """Sums of weights (one int32 for each output channel) and buffers by the operator's shape."""
    shapes = [subgraph.tensors[index].shape if index >= 0 else () for index in operator.inputs]
    outputs = [subgraph.tensors[index].shape for index in operator.outputs if index >= 0]
    channels = outputs[0][-1] if outputs and outputs[0] else 0
    name = operator.name
    if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return 4 * channels
    if name == "FULLY_CONNECTED":
        depth = shapes[1][-1] if len(shapes) > 1 and shapes[1] else 0
        return 4 * (channels + depth)
    if name == "TRANSPOSE_CONV" and len(shapes) > 2 and len(shapes[1]) == 4 and outputs:
        # arm_transpose_conv_s8_get_buffer_size: rows of int32 that overlap
        _, high, wide, _ = shapes[1]
        columns = outputs[0][2] + wide
        return 4 * channels + 4 * columns * channels * max(high, 4)
    if name == "CONCATENATION":
        return 8 * len(shapes)
    return 0
