# SPDX-License-Identifier: Apache-2.0
"""The kernels of convolutions and other hot int8 operators, by set; one interface for all.

An operator's lowering describes what is to be computed, and ``choose`` asks the sets that the
target names, the preferred ones first: each answers with a Step, or in a few words why it has no
kernel for that. The words stay with the step of the next set (``Step.why``).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gen_fw.runtimes.aot.filters import Array, Channels, Window
from gen_fw.runtimes.aot.layer import Site, Step, UnsupportedError


@dataclass(frozen=True, slots=True)
class Product:
    """CONV_2D and FULLY_CONNECTED: [pixels, taps] x [taps, channels]."""

    site: Site
    size: Window
    #: int8 [channels, taps]; taps are kernel rows, columns, input channels
    weights: Array
    outcome: Channels
    input_zero: int
    comment: str

    @property
    def pixels(self) -> int:
        """Output pixels of all images."""
        return self.size.batch * self.size.out_height * self.size.out_width

    @property
    def direct(self) -> bool:
        """A pixel's taps are one pixel of the input."""
        size = self.size
        sizes = (size.kernel_height, size.kernel_width, size.stride_height, size.stride_width)
        return sizes == (1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Depthwise:
    """DEPTHWISE_CONV_2D: every output channel reads one input channel."""

    site: Site
    size: Window
    #: int8 [channels, taps]
    weights: Array
    outcome: Channels
    input_zero: int

    @property
    def comment(self) -> str:
        size = self.size
        return (
            f"{size.kernel_height}x{size.kernel_width}, stride {size.stride_height}x"
            f"{size.stride_width}, {size.depth} to {size.out_depth} channels, "
            f"{size.out_height}x{size.out_width} pixels"
        )


@dataclass(frozen=True, slots=True)
class Sum:
    """ADD: both inputs scaled to a common scale with ``left`` more bits, and their sum scaled."""

    site: Site
    #: of all three tensors; None when an input is repeated
    elements: int | None
    #: (multiplier, shift) of the inputs, and their zero points; shifts are not positive
    multipliers: tuple[tuple[int, int], tuple[int, int]]
    zeros: tuple[int, int]
    left: int
    #: (multiplier, shift) of the sum, the shift not positive
    output: tuple[int, int]
    zero_point: int
    low: int
    high: int


def choose(what: str, layer: Any, site: Site, plain: Callable[[Any], Step] | None = None) -> Step:
    """The step of the first set that has a kernel ``what`` (``product``, ``depthwise``, ...) for
    ``layer``. ``plain`` makes the one of the set "portable" where that is not in its module."""
    reasons: list[str] = []
    for name in site.target.backends:
        make: Callable[[Any], Step | str] | None = getattr(_module(name), what, None)
        if name == "portable":
            make = plain or make
        made = "it has no such kernel" if make is None else make(layer)
        if isinstance(made, Step):
            return replace(made, kernels=name, why="; ".join(reasons))
        reasons.append(f"{name}: {made}")
    raise UnsupportedError("; ".join(reasons))


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def product(layer: Product) -> Step:
    """The kernel of a matrix product."""
    return choose("product", layer, layer.site)


def depthwise(layer: Depthwise) -> Step:
    """The kernel of a depthwise convolution."""
    return choose("depthwise", layer, layer.site)


def add(layer: Sum, plain: Callable[[Any], Step]) -> Step:
    """The kernel of a sum; ``plain`` makes the one in plain C."""
    return choose("add", layer, layer.site, plain)


def loop_of(steps: int, most: int) -> tuple[int, int]:
    """(rounds, steps of a round) of a loop over ``steps``, at most ``most`` written out; the rest,
    which is written out behind it, is as short as rounds of half of that or more allow."""
    if steps <= 0:
        return 0, 0
    sizes = range(min(most, steps), (min(most, steps) - 1) // 2, -1)
    unroll = min(sizes, key=lambda size: (steps % size, -size))
    return steps // unroll, unroll
