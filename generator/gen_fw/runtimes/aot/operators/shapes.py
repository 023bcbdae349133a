# SPDX-License-Identifier: Apache-2.0
"""The same elements under another shape, shapes as tensors, and constant tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.elements import elementwise, function_name, integers, same_elements
from gen_fw.runtimes.aot.layer import C_TYPES, Alias, DataArgument, Site, Step
from gen_fw.runtimes.aot.moves import Box, given, moved, whole
from gen_fw.runtimes.aot.table import operator


@operator("RESHAPE", "SQUEEZE", "EXPAND_DIMS", types="any", limits="the same memory: no code")
def reshape(site: Site) -> Sequence[Step | Alias]:
    source = site.of_type(site.input(0), *C_TYPES)
    target = site.of_type(site.output(), source.dtype)
    same_elements(site, source, target)
    return [moved(site, source, target, whole(source), comment=f"{source.bytes} bytes")]


@operator("SHAPE", types="any to int32", limits="a constant")
def shape(site: Site) -> Sequence[Step]:
    target = site.of_type(site.output(), DType.INT32)
    sizes = np.array(site.input(0).shape, np.int32)
    site.require(sizes.size == target.elements > 0, "sizes differ")
    return [given(site, DataArgument("input", "int32_t", sizes, "shape"), target, "known")]


@operator("FILL", types="float32, int32, int8", limits="constant shape")
def fill(site: Site) -> Sequence[Step]:
    """The value may be computed; its element is read again for every output."""
    value = site.of_type(site.input(1), DType.FLOAT32, DType.INT32, DType.INT8)
    target = site.of_type(site.output(), value.dtype)
    dims = integers(site, site.input(0), dtypes=(DType.INT8, DType.INT16, DType.INT32, DType.INT64))
    site.require(value.shape == () and tuple(dims) == target.shape, "shapes differ")
    return [elementwise(site, [value], target, "@0", name=function_name(site))]


@operator("ZEROS_LIKE", types="float32, int8, int32, int64")
def zeros_like(site: Site) -> Sequence[Step]:
    source = site.of_type(site.input(0), DType.FLOAT32, DType.INT8, DType.INT32, DType.INT64)
    target = site.of_type(site.output(), source.dtype)
    same_elements(site, source, target)
    return [elementwise(site, [], target, "0", name=function_name(site))]


@operator("BROADCAST_ARGS", types="int32, int64", limits="vectors")
def broadcast_args(site: Site) -> Sequence[Step | Alias]:
    """The sizes that only the longer shape has, then those of both; 1 gives way."""
    first = site.of_type(site.input(0), DType.INT32, DType.INT64)
    second = site.of_type(site.input(1), first.dtype)
    target = site.of_type(site.output(), first.dtype)
    longer, shorter = sorted((first, second), key=lambda tensor: -tensor.elements)
    site.require(
        len(first.shape) == len(second.shape) == 1 and longer.elements == target.elements > 0,
        "shapes",
    )
    common = shorter.elements
    if not common:
        return [moved(site, longer, target, whole(longer))]
    head = target.elements - common
    result = "@0 == 1 ? @1 : @0"
    step = elementwise(
        site,
        [replace(t, shape=(common,)) for t in (longer, shorter)],
        replace(target, shape=(common,)),
        result,
        name=function_name(site),
        starts=(head, 0, head),
    )
    if not head:
        return [step]
    box = Box((head,), (1,), (1,))
    return [moved(site, longer, target, box), step]
