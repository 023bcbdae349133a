# SPDX-License-Identifier: Apache-2.0
"""Filter banks: SignalFilterBank and what follows it, SignalPCAN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gen_fw.model.types import DType, Tensor
from gen_fw.runtimes.aot.layer import DataArgument, Over, Site, StateArgument, Step
from gen_fw.runtimes.aot.signals import options, step, vectors
from gen_fw.runtimes.aot.state import Slot
from gen_fw.runtimes.aot.table import operator

_U32, _U64, _I16 = DType.UINT32, DType.UINT64, DType.INT16


@operator("CUSTOM:SignalFilterBank", types="uint32 to uint64")
def filter_bank(site: Site) -> Sequence[Step]:
    """FilterbankAccumulateChannels of signal/src/filter_bank.cc."""
    *sources, target = vectors(site, (_U32, *[_I16] * 5), (_U64,))
    site.require(all(len(tensor.shape) == 1 for tensor in (*sources, target)), "not vectors")
    channels = options(site, "num_channels")["num_channels"]
    site.require(0 < channels == target.elements, "channels")
    _, weights, unweights, bands, starts, widths = sources
    long = all(tensor.elements > channels for tensor in (bands, starts, widths))
    site.require(long and weights.elements == unweights.elements, "shapes")
    _inside(site, channels, sources)
    names = ("input", "weights", "unweights", "bands", "starts", "widths")
    return [
        step(
            "signal_filter_bank",
            {"channels": channels},
            (
                *(site.reads(name, tensor) for name, tensor in zip(names, sources, strict=True)),
                site.writes("output", target),
            ),
            f"{channels} channels",
        )
    ]


def _inside(site: Site, channels: int, sources: Sequence[Tensor]) -> None:
    """Bands that are constants must lie inside the spectrum and the weights."""
    source, weights, _, bands, starts, widths = sources
    if not all(site.model.is_constant(tensor) for tensor in (bands, starts, widths)):
        return
    begin, start, width = (
        site.constant(tensor).reshape(-1)[: channels + 1].astype(np.int64)
        for tensor in (bands, starts, widths)
    )
    used = width > 0
    ends = (begin + width)[used], (start + width)[used]
    inside = (
        bool((begin[used] >= 0).all() and (start[used] >= 0).all())
        and int(ends[0].max(initial=0)) <= source.elements
        and int(ends[1].max(initial=0)) <= weights.elements
    )
    site.require(inside, "a band beyond the spectrum or the weights")


@operator("CUSTOM:SignalFilterBankSquareRoot", types="uint64 to uint32")
def square_root(site: Site) -> Sequence[Step]:
    """FilterbankSqrt of signal/src/filter_bank_square_root.cc."""
    source, bits, target = vectors(site, (_U64, DType.INT32), (_U32,))
    _vectors(site, source, target)
    site.require(bits.elements == 1, "several shifts")
    return [
        step(
            "signal_square_root",
            {"size": source.elements},
            (site.reads("input", source), site.reads("bits", bits), site.writes("output", target)),
            f"{source.elements} channels",
        )
    ]


@operator("CUSTOM:SignalFilterBankSpectralSubtraction", types="uint32")
def spectral_subtraction(site: Site) -> Sequence[Step]:
    """FilterbankSpectralSubtraction of signal/src/filter_bank_spectral_subtraction.cc."""
    source, target, estimate = vectors(site, (_U32,), (_U32, _U32))
    given = options(
        site,
        "alternate_one_minus_smoothing",
        "alternate_smoothing",
        "clamping",
        "min_signal_remaining",
        "num_channels",
        "one_minus_smoothing",
        "smoothing",
        "smoothing_bits",
        "spectral_subtraction_bits",
    )
    _vectors(site, source, target)
    channels = given["num_channels"]
    site.require(channels == source.elements == estimate.elements, "channels")
    shifts = given["smoothing_bits"], given["spectral_subtraction_bits"]
    site.require(min(shifts) >= 0 and max(shifts) < 32, "a shift out of range")
    slot = Slot(("noise", site.subgraph.index, site.operator.index), 4 * channels)
    unsigned = {name: value % (1 << 32) for name, value in given.items()}
    return [
        step(
            "signal_subtraction",
            unsigned,
            (
                site.reads("input", source),
                site.writes("output", target),
                site.writes("estimate", estimate),
                StateArgument("noise", "uint32_t", slot),
            ),
            f"{channels} channels",
        )
    ]


@operator("CUSTOM:SignalPCAN", types="uint32")
def pcan(site: Site) -> Sequence[Step]:
    """ApplyPcanAutoGainControlFixed of signal/src/pcan_argc_fixed.cc."""
    source, estimate, gains, target = vectors(site, (_U32, _U32, _I16), (_U32,))
    shift = options(site, "snr_shift")["snr_shift"]
    _vectors(site, source, target)
    site.require(estimate.elements >= source.elements, "channels")
    site.require(gains.elements >= 4 * 32 - 6 + 3, "a table of gains that is too short")
    site.require(0 <= shift < 64, "a shift out of range")
    return [
        step(
            "signal_pcan",
            {"size": source.elements, "shift": shift},
            (
                site.reads("input", source),
                site.reads("estimate", estimate),
                site.reads("gains", gains),
                site.writes("output", target),
            ),
            f"{source.elements} channels",
            Over("input"),
            Over("estimate"),
        )
    ]


@operator("CUSTOM:SignalFilterBankLog", types="uint32 to int16")
def logarithm(site: Site) -> Sequence[Step]:
    """FilterbankLog of signal/src/filter_bank_log.cc; its curve is log2(1 + x) - x."""
    source, target = vectors(site, (_U32,), (_I16,))
    given = options(site, "input_correction_bits", "output_scale")
    bits = given["input_correction_bits"]
    _vectors(site, source, target)
    site.require(0 <= bits < 32, "a shift out of range")
    points = np.arange(129) / 128
    curve = np.append(np.round(65536 * (np.log2(1 + points) - points)), 0)
    return [
        step(
            "signal_log",
            {
                "size": source.elements,
                "bits": bits,
                "scale": given["output_scale"] % (1 << 32),
            },
            (
                site.reads("input", source),
                site.writes("output", target),
                DataArgument("curve", "uint16_t", curve.astype(np.uint16), "curve"),
            ),
            f"{source.elements} channels",
        )
    ]


def _vectors(site: Site, source: Tensor, target: Tensor) -> None:
    flat = len(source.shape) == len(target.shape) == 1
    site.require(flat and source.elements == target.elements > 0, "shapes")
