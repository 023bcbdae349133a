# SPDX-License-Identifier: Apache-2.0
"""CIRCULAR_BUFFER: the last inputs, the oldest first; what follows runs once in so many times."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.errors import ModelError
from gen_fw.model.types import DType, Operator, Subgraph
from gen_fw.runtimes.aot.layer import Bound, Site, StateArgument, Step
from gen_fw.runtimes.aot.state import Slot, variable_slot
from gen_fw.runtimes.aot.table import operator
from gen_fw.runtimes.tflm.flexbuffer import elements

_NAME = "CUSTOM:CIRCULAR_BUFFER"


@operator(_NAME, types="int8", limits="in the main subgraph; its output is state")
def circular_buffer(site: Site) -> Sequence[Step | Bound]:
    """CircularBufferEval of micro/kernels/circular_buffer.cc. TFLM ends the inference here, with
    kTfLiteAbort, unless it is the turn of the rest."""
    source = site.of_type(site.input(0), DType.INT8)
    target = site.of_type(site.output(), DType.INT8)
    site.require(len(source.shape) == len(target.shape) == 4, "4 dimensions are needed")
    shapes = (
        source.shape[0] == target.shape[0] == 1
        and source.shape[1] == 1
        and source.shape[2:] == target.shape[2:]
        and source.elements > 0 < target.elements
    )
    site.require(shapes, "shapes")
    site.require(site.subgraph.index == 0, "a subgraph that is called")
    turns = _cycles(site)
    counter = Slot(("turns", site.subgraph.index, site.operator.index), 4)
    return [
        Bound(target.index, variable_slot(site.subgraph, target)),
        Step(
            "circular_buffer",
            {"new": source.bytes, "kept": target.bytes - source.bytes, "turns": turns},
            (
                site.reads("input", source),
                site.writes("output", target),
                *([StateArgument("turn", "int32_t", counter)] if turns > 1 else []),
            ),
            f"{target.shape[1]} slots of {source.bytes}"
            + (f", the rest every {turns} times" if turns > 1 else ""),
            stops="turn" if turns > 1 else "",
        ),
    ]


def _cycles(site: Site) -> int:
    """How often the rest runs. Without the option TFLM guesses from the shapes, and counts what it
    has prepared so far."""
    prepared = 0
    for subgraph in site.model.subgraphs:
        for other in subgraph.operators:
            if other.label != _NAME:
                continue
            cycles = _option(site, subgraph, other)
            if cycles <= 0:
                prepared += 1
                shape = subgraph.tensors[other.outputs[0]].shape
                late = prepared == 5 and shape[2:] == (2, 96)
                cycles = 2
                if shape[1] in (5, 13, 25) or late:
                    cycles, prepared = 1, 0
            if (subgraph.index, other.index) == (site.subgraph.index, site.operator.index):
                return cycles
    return 1


def _option(site: Site, subgraph: Subgraph, other: Operator) -> int:
    if not len(other.custom_options):
        return 0
    try:
        return next(iter(elements(subgraph.index, other)), 0)
    except ModelError as error:
        site.refuse(f"unreadable options: {error.why}")
