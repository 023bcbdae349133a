# SPDX-License-Identifier: Apache-2.0
"""Nested loops over tensors: dimensions with the step that each tensor takes, few loops."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.runtimes.aot.layer import Site

#: (size, step of each tensor in elements)
Loop = tuple[int, tuple[int, ...]]


def dense(shape: Sequence[int]) -> list[int]:
    """Steps of a row-major tensor, in elements."""
    steps = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        steps[axis] = steps[axis + 1] * shape[axis + 1]
    return steps


def broadcast(shape: Sequence[int], to: Sequence[int], site: Site) -> list[int]:
    """Steps of a tensor of ``shape`` read as one of shape ``to``: 0 along repeated dimensions."""
    full = [1] * (len(to) - len(shape)) + list(shape)
    site.require(
        len(full) == len(to) and all(a in (1, b) for a, b in zip(full, to, strict=True)),
        f"shape {list(shape)} does not broadcast to {list(to)}",
    )
    return [0 if size == 1 else step for size, step in zip(full, dense(full), strict=True)]


def merged(shape: Sequence[int], steps: Sequence[Sequence[int]]) -> list[Loop]:
    """Loops over ``shape``, outermost first, for tensors with these ``steps``; dimensions that all
    tensors walk through without a jump are one loop."""
    loops: list[Loop] = []
    for size, *here in zip(shape, *steps, strict=True):
        if size == 1:
            continue
        if loops and all(a == size * b for a, b in zip(loops[-1][1], here, strict=True)):
            loops[-1] = (loops[-1][0] * size, tuple(here))
        else:
            loops.append((size, tuple(here)))
    return loops or [(1, tuple(0 for _ in steps))]
