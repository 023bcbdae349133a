# SPDX-License-Identifier: Apache-2.0
"""GATHER, GATHER_ND and EMBEDDING_LOOKUP: rows at computed places."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.elements import function_name
from gen_fw.runtimes.aot.expressions import literal
from gen_fw.runtimes.aot.layer import C_TYPES, Site, Step
from gen_fw.runtimes.aot.strides import dense
from gen_fw.runtimes.aot.table import operator

_LIMITS = "indices out of range are limited to it, where TFLM stops or reads other memory"


def _rows(
    site: Site,
    source: Tensor,
    indices: Tensor,
    target: Tensor,
    *,
    outer: tuple[int, int],
    counts: Sequence[int],
    run: int,
    convert: str = "",
) -> list[Step]:
    """Copies runs of ``run`` elements. ``outer``: parts of the input with indices of their own, and
    rows of such a part that use the same ones; ``counts``: elements that each index of one run
    steps over."""
    parts, rows = outer
    lookups = indices.elements // (parts * len(counts))
    part = source.elements // (parts * rows)
    site.require(
        run > 0
        and source.elements == parts * rows * part
        and indices.elements == parts * lookups * len(counts)
        and target.elements == parts * rows * lookups * run > 0
        and part >= run,
        "sizes differ",
    )
    words = {
        "parts": parts,
        "rows": rows,
        "lookups": lookups,
        "part": part,
        "counts": list(counts),
        "run": run,
        "run_bytes": run * target.dtype.bits // 8,
        "convert": convert,
        "c_type": C_TYPES[source.dtype],
    }
    arguments = (
        site.reads("input", source),
        site.reads("indices", indices),
        site.writes("output", target),
    )
    what = f"{parts * rows * lookups} x {run} elements"
    return [Step("gather", words, arguments, what, name=function_name(site))]


@operator("GATHER", types="float32, int8; int32 indices", limits=_LIMITS)
def gather(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8)
    indices = site.of_type(site.input(1), DType.INT32)
    target = site.of_type(site.output(), source.dtype)
    rank = len(source.shape)
    axis, batch = site.options.axis, site.options.batch_dims
    site.require(-rank <= axis < rank, "an axis that does not exist")
    axis %= rank
    batch += len(indices.shape) if batch < 0 else 0
    site.require(0 <= batch <= min(axis, len(indices.shape)), "batch dimensions")
    shape = source.shape
    site.require(indices.shape[:batch] == shape[:batch] and min(shape) > 0, "shapes differ")
    expected = (*shape[:axis], *indices.shape[batch:], *shape[axis + 1 :])
    site.require(target.shape == expected, "shapes differ")
    outer = math.prod(shape[:batch]), math.prod(shape[batch:axis])
    run = math.prod(shape[axis + 1 :])
    return _rows(site, source, indices, target, outer=outer, counts=[run], run=run)


@operator("GATHER_ND", types="float32, int8; int32 indices", limits=_LIMITS)
def gather_nd(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8)
    indices = site.of_type(site.input(1), DType.INT32)
    target = site.of_type(site.output(), source.dtype)
    site.require(min(len(source.shape), len(indices.shape)) > 0, "scalars")
    count = indices.shape[-1]
    site.require(0 < count <= min(5, len(source.shape)), f"{count} indices for one element")
    expected = (*indices.shape[:-1], *source.shape[count:])
    site.require(target.shape == expected, "shapes differ")
    counts = dense(source.shape)[:count]
    return _rows(site, source, indices, target, outer=(1, 1), counts=counts, run=counts[-1])


@operator(
    "EMBEDDING_LOOKUP",
    types="int32 indices; float32, int8 (also to float32)",
    limits=_LIMITS,
    of=[DType.INT32],
)
def embedding_lookup(site: Site) -> Sequence[Step]:
    indices = site.of_type(site.input(0), DType.INT32)
    source = site.of_type(site.input(1), DType.FLOAT32, DType.INT8)
    target = site.of_type(site.output(), source.dtype, DType.FLOAT32)
    site.require(len(indices.shape) == 1 and len(source.shape) >= 2, "shapes")
    site.require(target.shape == (*indices.shape, *source.shape[1:]), "shapes differ")
    run = math.prod(source.shape[1:])
    convert = ""
    if source.dtype is not target.dtype:
        scale, zero = site.affine(source)
        site.require(zero == 0, "a zero point")
        convert = f"{literal(scale)} * (float)@0"
    return _rows(
        site, source, indices, target, outer=(1, 1), counts=[run], run=run, convert=convert
    )
