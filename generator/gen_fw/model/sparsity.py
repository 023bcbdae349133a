# SPDX-License-Identifier: Apache-2.0
"""Sparse constants: the number of stored elements that the sparsity parameters promise.

Follows VerifyAndCountSparseElements of LiteRT's strict verifier (google-ai-edge/LiteRT,
tflite/core/tools/verifier.cc). The format is described in schema.fbs (SparsityParameters).
"""

from __future__ import annotations

import sys
from array import array
from itertools import pairwise

from gen_fw.model.flatbuffer import Limits, Table, Vector
from gen_fw.model.types import Sparsity

_DENSE, _SPARSE_CSR = 0, 1


def read_sparsity(table: Table, shape: tuple[int, ...], limits: Limits) -> tuple[Sparsity, int]:
    """Sparsity and stored elements of a tensor of ``shape``, from its SparsityParameters table.

    Raises ModelError when they contradict each other or the shape.
    """
    rank = len(shape)
    order = _short(table, "traversal_order", 2 * limits.rank)
    blocks = _short(table, "block_map", limits.rank)
    dimensions = table.tables("dim_metadata")
    if len(order) < rank or len(dimensions) != len(order) or len(blocks) != len(order) - rank:
        table.fail(
            "the sparsity parameters do not match",
            why=f"{rank} dimensions, {len(order)} in traversal_order, {len(blocks)} in block_map, "
            f"{len(dimensions)} in dim_metadata",
        )
    if sorted(order[:rank]) != list(range(rank)) or sorted(order[rank:]) != list(
        range(rank, len(order))
    ):
        table.fail("this is not an order of the dimensions", "traversal_order", why=f"{order}")
    sizes = [*shape, *(0 for _ in blocks)]
    for level, mapped in enumerate(blocks, start=rank):
        size = dimensions[level].integer("dense_size")
        if size <= 0 or not 0 <= mapped < rank:
            table.fail(f"a block of {size} in dimension {mapped} is impossible", "block_map")
        sizes[order[level]] = size
        sizes[mapped] //= size
    elements = 1
    for dimension, axis in zip(dimensions, order, strict=True):
        elements = _count(dimension, elements, sizes[axis])
    return Sparsity(order, blocks, len(dimensions)), elements


def _short(table: Table, field: str, limit: int) -> tuple[int, ...]:
    vector = table.vector(field)
    if vector is None:
        return ()
    if vector.length > limit:
        table.fail(f"{vector.length} dimensions are more than {limit}", field)
    return vector.numbers()


def _count(dimension: Table, elements: int, size: int) -> int:
    """Elements stored after one more level of the tree."""
    if dimension.integer("format") not in (_DENSE, _SPARSE_CSR):
        dimension.fail(f"there is no dimension format {dimension.integer('format')}", "format")
    if dimension.integer("format") == _DENSE:
        if dimension.integer("dense_size") != size:
            dimension.fail(f"a dense dimension of {size} is said to have another size")
        return elements * size
    segments = _values(dimension, "array_segments")
    indices = _values(dimension, "array_indices")
    if len(segments) != elements + 1 or segments[0] < 0 or segments[-1] != len(indices):
        dimension.fail("the segments do not match the indices", "array_segments")
    if any(low > high for low, high in pairwise(segments)):
        dimension.fail("the segments are not in order", "array_segments")
    if len(indices) and not 0 <= min(indices) <= max(indices) < size:
        dimension.fail(f"an index is outside the dimension of {size}", "array_indices")
    return len(indices)


def _values(dimension: Table, field: str) -> array[int]:
    """Values of a SparseIndexVector, compactly."""
    holder = dimension.table(field)
    vector: Vector | None = holder.vector("values") if holder else None
    if vector is None:
        dimension.fail("a sparse dimension has no such vector", field)
    values = array(vector.letter, vector.data.tobytes())
    if sys.byteorder == "big":
        values.byteswap()
    return values
