# SPDX-License-Identifier: Apache-2.0
"""What the operators of TFLM's signal library share: options, shapes, tables.

Source: signal/micro/kernels and signal/src at tflite-micro 90b983c2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gen_fw.errors import ModelError
from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.layer import Argument, Over, Site, Step
from gen_fw.runtimes.tflm.flexbuffer import elements

Array = np.ndarray[Any, Any]


def options(site: Site, *names: str) -> dict[str, int]:
    """The operator's options: TFLM reads them by position, in the order of the names' letters.
    What is missing counts as 0."""
    try:
        values = elements(site.subgraph.index, site.operator)
    except ModelError as error:
        site.refuse(f"unreadable options: {error.why}")
    padded = [*values, *[0] * len(names)]
    return dict(zip(names, padded, strict=False))


def vectors(site: Site, inputs: Sequence[DType], outputs: Sequence[DType]) -> list[Tensor]:
    """All inputs, then all outputs, of these types; TFLM checks their numbers."""
    operator = site.operator
    site.require(len(operator.inputs) == len(inputs), f"{len(inputs)} inputs are needed")
    site.require(len(operator.outputs) == len(outputs), f"{len(outputs)} outputs are needed")
    return [
        *(site.of_type(site.input(i), dtype) for i, dtype in enumerate(inputs)),
        *(site.of_type(site.output(i), dtype) for i, dtype in enumerate(outputs)),
    ]


def step(
    template: str,
    words: Mapping[str, Any],
    arguments: Sequence[Argument],
    comment: str,
    *over: Over,
) -> Step:
    return Step(template, dict(words), tuple(arguments), comment, over=tuple(over))


def last(site: Site, tensor: Tensor) -> tuple[int, int]:
    """(elements of the last dimension, how many such rows)."""
    site.require(bool(tensor.shape) and tensor.elements > 0, "a tensor without elements")
    return tensor.shape[-1], math.prod(tensor.shape[:-1])


# --- kissfft ---


def factors(length: int) -> list[tuple[int, int]]:
    """(radix, length of a part) of each stage, the outermost first; kf_factor of kiss_fft.c."""
    found: list[tuple[int, int]] = []
    rest, radix = length, 4
    limit = math.floor(math.sqrt(length))
    while rest > 1 or not found:
        while rest % radix:
            radix = {4: 2, 2: 3}.get(radix, radix + 2)
            if radix > limit:
                radix = rest
        rest //= radix
        found.append((radix, rest))
    return found


def load_order(stages: Sequence[tuple[int, int]]) -> list[int]:
    """Which input goes to each place before the first stage; the recursion of kf_work."""
    order = [0]
    step = 1
    parts: list[tuple[int, int]] = []
    for radix, _ in stages:
        parts.append((radix, step))
        step *= radix
    for radix, stride in reversed(parts):
        order = [at + stride * k for k in range(radix) for at in order]
    return order


def twiddles(phases: Sequence[float], dtype: DType) -> Array:
    """[number, 2]: cosine and sine in the element type; kf_cexp of _kiss_fft_guts.h."""
    pairs = [(math.cos(phase), math.sin(phase)) for phase in phases]
    if dtype is DType.FLOAT32:
        return np.array(pairs, np.float32).reshape(-1, 2)
    most = 32767 if dtype is DType.INT16 else 2147483647
    rounded = [[math.floor(0.5 + most * value) for value in pair] for pair in pairs]
    return np.array(rounded, np.int64).reshape(-1, 2)
