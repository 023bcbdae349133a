# SPDX-License-Identifier: Apache-2.0
"""Spectra: SignalFftAutoScale, SignalRfft, SignalIrfft, SignalEnergy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gen_fw.model.types import DType
from gen_fw.runtimes.aot.layer import C_TYPES, DataArgument, Over, ScratchArgument, Site, Step
from gen_fw.runtimes.aot.signals import (
    factors,
    last,
    load_order,
    options,
    step,
    twiddles,
    vectors,
)
from gen_fw.runtimes.aot.table import operator

#: of the helpers' names, by element type
_SUFFIX = {DType.INT16: "16", DType.INT32: "32", DType.FLOAT32: "float"}


@operator("CUSTOM:SignalFftAutoScale", types="int16")
def auto_scale(site: Site) -> Sequence[Step]:
    """FftAutoScale of signal/src/fft_auto_scale.cc."""
    source, target, bits = vectors(site, (DType.INT16,), (DType.INT16, DType.INT32))
    same = len(source.shape) == len(target.shape) == 1 and source.shape == target.shape
    site.require(same and target.elements > 0 and bits.elements == 1, "shapes")
    return [
        step(
            "signal_auto_scale",
            {"size": target.elements},
            (
                site.reads("input", source),
                site.writes("output", target),
                site.writes("bits", bits),
            ),
            f"{target.elements} samples",
        )
    ]


@operator("CUSTOM:SignalRfft", types="int16, int32, float32", limits="lengths of 2, 3 and 5")
def rfft(site: Site) -> Sequence[Step]:
    """kiss_fftr of kissfft: a complex transform of half the length, then its split."""
    source = site.of_type(site.input(0), *_SUFFIX)
    source, target = vectors(site, (source.dtype,), (source.dtype,))
    length, words, data = _transform(site, source.dtype, inverse=False)
    given, rows = last(site, source)
    spectrum, outputs = last(site, target)
    site.require(given <= length, "frames that are longer than the transform")
    site.require(spectrum == length + 2 and rows == outputs, "shapes")
    return [
        step(
            "signal_rfft",
            {**words, "rows": rows, "given": given},
            (
                site.reads("input", source),
                site.writes("output", target),
                *data,
                ScratchArgument("work", words["value"], length * source.dtype.bits // 8),
            ),
            f"{length} samples",
            *_whole(rows),
        )
    ]


@operator("CUSTOM:SignalIrfft", types="int16, int32, float32", limits="lengths of 2, 3 and 5")
def irfft(site: Site) -> Sequence[Step]:
    """kiss_fftri of kissfft; float32 is divided by the length."""
    source = site.of_type(site.input(0), *_SUFFIX)
    source, target = vectors(site, (source.dtype,), (source.dtype,))
    length, words, data = _transform(site, source.dtype, inverse=True)
    spectrum, rows = last(site, source)
    size, outputs = last(site, target)
    site.require(spectrum == length + 2 and size == length and rows == outputs, "shapes")
    return [
        step(
            "signal_irfft",
            {**words, "rows": rows},
            (
                site.reads("input", source),
                site.writes("output", target),
                *data,
                ScratchArgument("work", words["value"], length * source.dtype.bits // 8),
            ),
            f"{length} samples",
            *_whole(rows),
        )
    ]


def _whole(rows: int) -> tuple[Over, ...]:
    """One row is read whole before anything is written."""
    return (Over("input", every=1),) if rows == 1 else ()


def _transform(
    site: Site, dtype: DType, *, inverse: bool
) -> tuple[int, dict[str, Any], list[DataArgument]]:
    """(length, words, tables) of a transform; kiss_fftr_alloc."""
    given = options(site, "T", "fft_length")
    site.require(given["T"] == int(dtype), "an element type that the options do not name")
    length = given["fft_length"]
    site.require(4 <= length <= 1 << 16 and length % 2 == 0, f"a length of {length}")
    half = length // 2
    stages = factors(half)
    site.require(all(radix <= 5 for radix, _ in stages), "a prime factor of the length above 5")
    sign = -1.0 if inverse else 1.0
    phases = [sign * (-2 * math.pi * i / half) for i in range(half)]
    split = [sign * (-math.pi * ((i + 1) / half + 0.5)) for i in range(half // 2)]
    value = C_TYPES[dtype]
    words: dict[str, Any] = {
        "value": value,
        "suffix": _SUFFIX[dtype],
        "half": half,
        "length": length,
        "inverse": inverse,
        "halving": {DType.INT16: 32767 // 2, DType.INT32: 2147483647 // 2}.get(dtype, 0),
        "stages": [
            {"radix": radix, "part": part, "groups": half // (radix * part)}
            for radix, part in reversed(stages)
        ],
    }
    data = [
        DataArgument("order", "uint16_t", _numbers(load_order(stages)), "order"),
        DataArgument("twiddles", value, twiddles(phases, dtype), "twiddles"),
        DataArgument("split", value, twiddles(split, dtype), "split"),
    ]
    return length, words, data


def _numbers(values: Sequence[int]) -> Any:
    import numpy as np

    return np.array(values, np.uint16)


@operator("CUSTOM:SignalEnergy", types="int16 to uint32")
def energy(site: Site) -> Sequence[Step]:
    """SpectrumToEnergy of signal/src/energy.cc; what it leaves out is 0 here."""
    source, target = vectors(site, (DType.INT16,), (DType.UINT32,))
    given = options(site, "end_index", "start_index")
    start, end = given["start_index"], given["end_index"]
    site.require(len(source.shape) == len(target.shape) == 1, "vectors are needed")
    inside = 0 <= start <= end and end <= target.elements and 2 * end <= source.elements
    site.require(inside, "bins beyond the spectrum")
    return [
        step(
            "signal_energy",
            {"start": start, "end": end, "size": target.elements},
            (site.reads("input", source), site.writes("output", target)),
            f"bins {start} to {end - 1}",
            *((Over("input"),) if start == 0 and end == target.elements else ()),
        )
    ]
