# SPDX-License-Identifier: Apache-2.0
"""Steps that copy elements from places which no step of loops gives: one table for an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gen_fw.model.types import Tensor
from gen_fw.runtimes.aot.elements import function_name
from gen_fw.runtimes.aot.layer import C_TYPES, DataArgument, Site, Step
from gen_fw.runtimes.aot.overlap import copied
from gen_fw.runtimes.aot.strides import dense

#: the input's index for each index of the output, along one axis
Places = np.ndarray[Any, Any]


def picked(
    site: Site, source: Tensor, target: Tensor, shape: Sequence[int], places: Sequence[Places]
) -> Step:
    """Output [i, j, ...] is input [``places[0][i]``, ``places[1][j]``, ...] of an input of shape
    ``shape``, which need not be the tensor's."""
    steps = dense(shape)
    site.require(target.elements == math.prod(len(axis) for axis in places) > 0, "sizes differ")
    for size, axis in zip(shape, places, strict=True):
        inside = int(axis.min()) >= 0 and int(axis.max()) < size
        site.require(inside, "elements outside the input")
    site.require(math.prod(shape) == source.elements, "sizes differ")
    run, rank = 1, len(shape)
    while rank > 1 and np.array_equal(places[rank - 1], np.arange(shape[rank - 1])):
        rank -= 1
        run *= shape[rank]
    return offset(
        site,
        source,
        target,
        [axis * step for axis, step in zip(places[:rank], steps[:rank], strict=True)],
        run,
    )


def offset(site: Site, source: Tensor, target: Tensor, offsets: Sequence[Places], run: int) -> Step:
    """Output run [i, j, ...] is the ``run`` elements of the input from
    ``offsets[0][i] + offsets[1][j] + ...`` on."""
    last = sum(int(axis.max()) for axis in offsets) + run
    first = sum(int(axis.min()) for axis in offsets)
    site.require(first >= 0 and last <= source.elements, "elements outside the input")
    count = math.prod(len(axis) for axis in offsets)
    site.require(target.elements == count * run > 0, "sizes differ")
    loops: list[tuple[int, int, str]] = []
    tables: list[DataArgument] = []
    for number, axis in enumerate(offsets):
        step = int(axis[1]) if len(axis) > 1 else 0
        if np.array_equal(axis, np.arange(len(axis)) * step):
            if len(axis) > 1 or (number == len(offsets) - 1 and not loops):
                loops.append((len(axis), step, ""))
            continue
        name = f"places{number}"
        small = int(axis.max()) < 1 << 16
        kind = "uint16_t" if small else "int32_t"
        tables.append(DataArgument(name, kind, axis.astype(np.uint16 if small else np.int32), name))
        loops.append((len(axis), 0, name))
    words = {
        "loops": loops or [(1, 0, "")],
        "run": run,
        "run_bytes": run * target.dtype.bits // 8,
        "c_type": C_TYPES[target.dtype],
    }
    arguments = (site.reads("input", source), site.writes("output", target))
    what = f"{list(source.shape)} to {list(target.shape)}"
    # outputs are written one after the other
    turns = dense([*(len(axis) for axis in offsets), run])[:-1]
    writes = [np.arange(len(axis)) * step for axis, step in zip(offsets, turns, strict=True)]
    over = copied(list(offsets), writes, (0, 0), run, target)
    return Step("indexed", words, (*arguments, *tables), what, over=over, name=function_name(site))
