# SPDX-License-Identifier: Apache-2.0
"""SLICE and DYNAMIC_UPDATE_SLICE: a box of a tensor, at a place that is known or computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.elements import function_name, integers
from gen_fw.runtimes.aot.layer import C_TYPES, Alias, Site, Step
from gen_fw.runtimes.aot.moves import moved, sliced, whole
from gen_fw.runtimes.aot.strides import dense
from gen_fw.runtimes.aot.table import operator

_INDEX = (DType.INT32, DType.INT64)


@operator("SLICE", types="any", limits="constant size; a computed begin is limited to the input")
def cut_out(site: Site) -> Sequence[Step | Alias]:
    source = site.of_type(site.input(0), *C_TYPES)
    target = site.of_type(site.output(), source.dtype)
    sizes = integers(site, site.input(2), dtypes=_INDEX)
    rank = len(source.shape)
    site.require(len(sizes) == rank == len(target.shape) > 0, "ranks differ")
    begin = site.of_type(site.input(1), *_INDEX)
    if not site.model.is_constant(begin):
        site.require(begin.shape == (rank,) and tuple(sizes) == target.shape, "shapes differ")
        return [_at(site, source, begin, target)]
    begins = integers(site, begin, dtypes=_INDEX)
    site.require(len(begins) == rank, "ranks differ")
    for size, at, given, out in zip(source.shape, begins, sizes, target.shape, strict=True):
        fits = at >= 0 and at + out <= size and given in (out, -1)
        site.require(fits and (given != -1 or at + out == size), "a slice outside the input")
    return [moved(site, source, target, sliced(target, source, begins, [1] * rank))]


@operator("DYNAMIC_UPDATE_SLICE", types="float32, int8, int16, int32; int32 or int64 begin")
def dynamic_update_slice(site: Site) -> Sequence[Step | Alias]:
    """UpdateSliceRecursive of kernels/dynamic_update_slice.cc: the begin is limited so that the
    slice lies inside."""
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32)
    update = site.of_type(site.input(1), source.dtype)
    begin = site.of_type(site.input(2), *_INDEX)
    target = site.of_type(site.output(), source.dtype)
    site.require(source.shape == target.shape and len(source.shape) > 0, "shapes differ")
    site.require(begin.shape == (len(source.shape),), "shapes differ")
    if update.shape == source.shape:
        return [moved(site, update, target, whole(update))]
    return [_at(site, source, begin, target, update)]


def _at(
    site: Site, source: Tensor, begin: Tensor, target: Tensor, update: Tensor | None = None
) -> Step:
    """The output is the part of the input from ``begin`` on, or the input with ``update`` there."""
    part = update or target
    site.require(len(part.shape) == len(source.shape) and part.elements > 0, "shapes differ")
    sizes = list(zip(source.shape, part.shape, strict=True))
    site.require(all(0 < few <= size for size, few in sizes), "a slice that is too large")
    words: dict[str, Any] = {
        "update": update is not None,
        "bytes": target.bytes,
        "free": [size - few for size, few in sizes],
        "steps": dense(source.shape),
        "shape": list(part.shape),
        "run_bytes": part.shape[-1] * target.dtype.bits // 8,
    }
    read = [site.reads("input", source), *([site.reads("update", update)] if update else [])]
    # a begin that has no choice is not read
    if any(words["free"]):
        read.append(site.reads("begins", begin))
    arguments = (*read, site.writes("output", target))
    return Step("slice_at", words, arguments, f"{list(part.shape)}", name=function_name(site))
