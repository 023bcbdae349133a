# SPDX-License-Identifier: Apache-2.0
"""Steps that move elements and compute nothing: one box of elements, at one step in the input and
at another in the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gen_fw.model.types import Tensor
from gen_fw.runtimes.aot.elements import function_name
from gen_fw.runtimes.aot.layer import Alias, DataArgument, Over, Site, Step
from gen_fw.runtimes.aot.overlap import copied
from gen_fw.runtimes.aot.strides import dense, merged


@dataclass(frozen=True, slots=True)
class Box:
    """Elements in a box of ``shape``: element [i, j, ...] goes from ``start[0]`` + i * ``read[0]``
    + ... in the input to ``start[1]`` + i * ``written[0]`` + ... in the output."""

    shape: tuple[int, ...]
    read: tuple[int, ...]
    written: tuple[int, ...]
    start: tuple[int, int] = (0, 0)

    def ordered(self) -> Box:
        """The same elements in the order of the output."""
        rows = zip(self.shape, self.read, self.written, strict=True)
        shape, read, written = zip(*sorted(rows, key=lambda row: -row[2]), strict=True)
        return Box(shape, read, written, self.start)

    def reach(self, steps: Sequence[int], start: int) -> tuple[int, int]:
        """The smallest and the largest place that these steps lead to."""
        ends = [(size - 1) * step for size, step in zip(self.shape, steps, strict=True)]
        return start + sum(e for e in ends if e < 0), start + sum(e for e in ends if e > 0)


def whole(tensor: Tensor) -> Box:
    """All elements in their order."""
    return Box((tensor.elements,), (1,), (1,))


def sliced(target: Tensor, source: Tensor, begins: Sequence[int], strides: Sequence[int]) -> Box:
    """The output is every ``strides``-th element of the input, from ``begins`` on; both have as
    many dimensions as the box."""
    steps = dense(source.shape)
    return Box(
        target.shape,
        tuple(step * stride for step, stride in zip(steps, strides, strict=True)),
        tuple(dense(target.shape)),
        (sum(step * begin for step, begin in zip(steps, begins, strict=True)), 0),
    )


def moved(
    site: Site,
    source: Tensor,
    target: Tensor,
    box: Box,
    *,
    fill: int | str | None = None,
    value: Tensor | None = None,
    comment: str = "",
) -> Step | Alias:
    """A copy of a box; before it, all of the output becomes ``fill`` (an element, or C text for
    one, in which ``value`` is the tensor of that name), if there is one. Nothing at all where both
    are the same elements in the same order.

    Refuses a box that leaves one of the tensors.
    """
    site.require(min(box.shape, default=1) > 0 and target.elements > 0, "a tensor without elements")
    for tensor, steps, start in zip(
        (source, target), (box.read, box.written), box.start, strict=True
    ):
        low, high = box.reach(steps, start)
        site.require(low >= 0 and high < tensor.elements, "sizes differ")
    loops = merged(box.shape, [box.read, box.written])
    run = 1
    if loops[-1][1] == (1, 1) or loops[-1][0] == 1:
        run, _ = loops.pop()
    size = target.dtype.bits // 8
    inside = view = None
    if not loops and fill is None:  # one block
        if run == source.elements == target.elements:
            if not _apart(site, source, target):
                return Alias(source.index, target.index)
        elif run == source.elements:
            inside = box.start[1] * size
        elif run == target.elements:
            view = box.start[0] * size
    over: tuple[Over, ...] = ()
    if loops and fill is None:
        reads, writes = (
            [np.arange(size, dtype=np.int64) * steps[tensor] for size, steps in loops]
            for tensor in (0, 1)
        )
        over = copied(reads, writes, box.start, run, target)
    return Step(
        "move",
        {
            "loops": loops,
            "start": list(box.start),
            "run": run,
            "run_bytes": run * size,
            "fill": fill,
            "fill_byte": _byte(fill, size),
            "fill_bytes": target.bytes,
            "fill_elements": target.elements,
        },
        (
            site.reads("input", source),
            *([site.reads("value", value)] if value else []),
            site.writes("output", target),
        ),
        comment or f"{list(source.shape)} to {list(target.shape)}",
        over=over,
        inside=inside,
        view=view,
        name=function_name(site),
    )


def given(site: Site, data: DataArgument, target: Tensor, comment: str) -> Step:
    """The output is what the generator knows already."""
    run = target.elements
    words = {"loops": [], "start": [0, 0], "run": run, "run_bytes": target.bytes, "fill": None}
    arguments = (data, site.writes("output", target))
    return Step("move", words, arguments, comment, name=function_name(site))


def _apart(site: Site, source: Tensor, target: Tensor) -> bool:
    """Whether the output needs memory of its own though it has the input's elements."""
    both = source.index in site.pinned and target.index in site.pinned
    return both or site.model.is_constant(source)


def _byte(fill: int | str | None, size: int) -> int | None:
    """What memset may write for an element: one that has equal bytes."""
    if not isinstance(fill, int):
        return None
    data = (fill % (1 << 8 * size)).to_bytes(size, "little")
    return data[0] if len(set(data)) == 1 else None
