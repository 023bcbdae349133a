# SPDX-License-Identifier: Apache-2.0
"""Custom operators of signal processing (signal/micro/kernels of tflite-micro 90b983c2; those of
esp-tflite-micro 1.3.5 to 1.4.0 take the same), with KISS FFT v130 below them."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.types import DType
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script, no_op
from gen_fw.runtimes.tflm.flexbuffer import elements

#: MAXFACTORS of _kiss_fft_guts.h
_MAX_FACTORS = 32
#: element types of the FFT kernels and of OVERLAP_ADD, by their option "T"
_FFT_TYPES = (DType.FLOAT32, DType.INT32, DType.INT16)
_OVERLAP_TYPES = (DType.FLOAT32, DType.INT16)


def _option(kernel: Kernel, position: int) -> int:
    """FlexbufferWrapper::ElementAsInt32: options are read by position, not by name."""
    found = elements(kernel.subgraph.index, kernel.operator)
    return max(0, found[position]) if position < len(found) else 0


def _element(kernel: Kernel, types: tuple[DType, ...]) -> int | None:
    """Bytes of the type that option "T" names; None when Init has no case for it."""
    return next((t.bits // 8 for t in types if t == kernel.flexbuffer("T")), None)


def fftr_bytes(length: int, element: int, pointer: int) -> int:
    """What kiss_fftr_alloc wants for a real FFT of ``length`` samples of ``element`` bytes
    (tools/kiss_fftr.c and kiss_fft.c of KISS FFT v130): kiss_fftr_state, then kiss_fft_state with
    its twiddle factors, then the buffer and twiddles of the real part. An odd length gets nothing.
    """
    if length % 2:
        return 0
    half, complex_ = length // 2, 2 * element
    state = 4 + 4 + 4 * 2 * _MAX_FACTORS + complex_
    return 3 * pointer + state + complex_ * (half - 1) + complex_ * (half * 3 // 2)


def ring_bytes(capacity: int, pointer: int) -> int:
    """CircularBufferGetNeededMemory (signal/src/circular_buffer.cc): three size_t, two int32_t,
    one pointer, and each int16_t sample twice."""
    return 4 * pointer + 8 + 2 * 2 * capacity


def _inner(kernel: Kernel, position: int = -1) -> int:
    """A dimension of the input, counted from the innermost one."""
    return max(1, (1, 1, *kernel["in0"].shape)[position])


def _rings(kernel: Kernel, capacity: int) -> None:
    """Two tables of pointers, then one ring buffer for each row."""
    rows = kernel["in0"].elements // _inner(kernel)
    kernel.keep(kernel.pointer * rows)
    kernel.keep(kernel.pointer * rows)
    for _ in range(rows):
        kernel.keep(ring_bytes(capacity, kernel.pointer))


def delay(kernel: Kernel) -> None:
    """DelayPrepare."""
    kernel.temp("in0", "out0")
    _rings(kernel, _inner(kernel) + _option(kernel, 0))
    kernel.free("in0", "out0")


def framer(kernel: Kernel) -> None:
    """FramerPrepare: the frame, rounded up to a multiple of the step."""
    kernel.temp("in0", "out0", "out1")
    frame, step = _option(kernel, 0), max(1, _option(kernel, 1))
    _rings(kernel, -(-frame // step) * step)
    kernel.free("in0", "out0", "out1")


def overlap_add(kernel: Kernel) -> None:
    """OverlapAddPrepare: a table of pointers, then the tail of a frame for each row."""
    element = _element(kernel, _OVERLAP_TYPES)
    if element is None:
        return
    kernel.temp("in0", "out0")
    frames, frame = _inner(kernel, -2), _inner(kernel)
    rows = kernel["in0"].elements // (frame * frames)
    kernel.keep(kernel.pointer * rows)
    for _ in range(rows):
        kernel.keep(frame * element)
    kernel.free("in0", "out0")


def overlap_add_init(kernel: Kernel) -> None:
    """OverlapAddInitAll."""
    if _element(kernel, _OVERLAP_TYPES):
        kernel.keep_type("overlap_add.cc", "TFLMSignalOverlapAddParams<T>")


def rfft_init(kernel: Kernel) -> None:
    """RfftInitAll."""
    if element := _element(kernel, _FFT_TYPES):
        kernel.keep_type("rfft.cc", "TfLiteAudioFrontendRfftParams<T>")
        kernel.keep(fftr_bytes(_option(kernel, 1), element, kernel.pointer))


def rfft(kernel: Kernel) -> None:
    """RfftPrepare."""
    kernel.temp("in0", "out0")
    kernel.scratch(_option(kernel, 1) * (_element(kernel, _FFT_TYPES) or 0))
    kernel.free("in0", "out0")


def irfft_init(kernel: Kernel) -> None:
    """IrfftInitAll; IrfftFloatGetNeededMemory has a state of its own (an int32_t, a pointer)."""
    if element := _element(kernel, _FFT_TYPES):
        kernel.keep_type("irfft.cc", "TfLiteAudioFrontendIrfftParams")
        own = 2 * kernel.pointer if kernel.flexbuffer("T") == DType.FLOAT32 else 0
        kernel.keep(own + fftr_bytes(_option(kernel, 1), element, kernel.pointer))


def filter_bank_init(kernel: Kernel) -> None:
    """FilterBankInit."""
    kernel.keep_type("filter_bank.cc", "TFLMSignalFilterBankParams")
    kernel.keep(8 * (_option(kernel, 0) + 1))


def filter_bank(kernel: Kernel) -> None:
    """FilterBankPrepare takes one tensor at a time."""
    for slot in ("in0", "in1", "in2", "in3", "in4", "in5", "out0"):
        kernel.look(slot)


def spectral_subtraction_init(kernel: Kernel) -> None:
    """FilterBankSpectralSubtractionInit."""
    file = "filter_bank_spectral_subtraction.cc"
    kernel.keep_type(file, "TFLMSignalSpectralSubtractionParams")
    kernel.keep(4 * _option(kernel, 4))


def stacker_init(kernel: Kernel) -> None:
    """StackerInit."""
    kernel.keep_type("stacker.cc", "TFLMSignalStackerParams")
    channels, left, right = (_option(kernel, position) for position in range(3))
    kernel.keep(ring_bytes(channels * (left + right + 1), kernel.pointer))


def in_out(kernel: Kernel) -> None:
    """EnergyPrepare, FilterBankLogPrepare, IrfftPrepare."""
    kernel.look("in0", "out0")


def in_two_out(kernel: Kernel) -> None:
    """FftAutoScalePrepare, FilterBankSpectralSubtractionPrepare, StackerPrepare."""
    kernel.look("in0", "out0", "out1")


def two_in_out(kernel: Kernel) -> None:
    """FilterBankSquareRootPrepare, WindowPrepare."""
    kernel.look("in0", "in1", "out0")


def pcan(kernel: Kernel) -> None:
    """PcanPrepare."""
    kernel.look("in0", "in1", "in2", "out0")


SIGNAL: Mapping[str, Script] = {
    "SignalDelay": Script(delay, source="delay.cc"),
    "SignalEnergy": Script(in_out, source="energy.cc"),
    "SignalFftAutoScale": Script(in_two_out, no_op, source="fft_auto_scale_common.cc"),
    "SignalFilterBank": Script(filter_bank, filter_bank_init, source="filter_bank.cc"),
    "SignalFilterBankLog": Script(in_out, source="filter_bank_log.cc"),
    "SignalFilterBankSpectralSubtraction": Script(
        in_two_out, spectral_subtraction_init, source="filter_bank_spectral_subtraction.cc"
    ),
    "SignalFilterBankSquareRoot": Script(
        two_in_out, no_op, source="filter_bank_square_root_common.cc"
    ),
    "SignalFramer": Script(framer, source="framer.cc"),
    "SignalIrfft": Script(in_out, irfft_init, source="irfft.cc"),
    "SignalOverlapAdd": Script(overlap_add, overlap_add_init, source="overlap_add.cc"),
    "SignalPCAN": Script(pcan, source="pcan.cc"),
    "SignalRfft": Script(rfft, rfft_init, source="rfft.cc"),
    "SignalStacker": Script(in_two_out, stacker_init, source="stacker.cc"),
    "SignalWindow": Script(two_in_out, source="window.cc"),
}
