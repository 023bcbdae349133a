# SPDX-License-Identifier: Apache-2.0
"""Which kernels a board gets, and the arithmetic that keeps them sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gen_fw.boards.load import load_board
from gen_fw.errors import UsageError
from gen_fw.model.reader import read_model
from gen_fw.program import Program
from gen_fw.runtimes.aot.backends.mve import tap_groups
from gen_fw.runtimes.aot.backends.packed import _lengths
from gen_fw.runtimes.aot.filters import Window
from gen_fw.runtimes.aot.lower import AotOptions, lower
from gen_fw.runtimes.aot.overlap import window_above, window_below
from gen_fw.runtimes.aot.target import target_on

DIGITS = Path(__file__).resolve().parents[3] / "examples" / "models" / "digits_int8.tflite"


def program(board: str, kernels: str = "") -> Program:
    return lower(read_model(DIGITS), "net", load_board(board), AotOptions(kernels=kernels))


@pytest.mark.parametrize(
    ("board", "kernels", "backends"),
    [
        ("qemu-cortex-m55", "", ("mve", "portable")),
        ("qemu-cortex-m4", "auto", ("dsp", "portable")),
        ("qemu-riscv32", "auto", ("portable",)),
        ("esp32s3", "auto", ("esp_nn", "portable")),
        ("esp32c3", "auto", ("portable",)),
        ("esp32c3", "esp_nn", ("esp_nn", "portable")),
        ("esp32p4", "portable", ("portable",)),
        ("qemu-cortex-m4", "cmsis_nn", ("cmsis_nn", "dsp", "portable")),
        ("qemu-cortex-m55", "portable", ("mve", "portable")),
    ],
)
def test_kernels_of_a_board(board: str, kernels: str, backends: tuple[str, ...]) -> None:
    assert target_on(load_board(board), "speed", kernels).backends == backends


@pytest.mark.parametrize(
    ("board", "kernels", "word"),
    [("qemu-riscv32", "cmsis_nn", "Cortex-M"), ("host", "reference", "no kernels 'reference'")],
)
def test_kernels_that_are_not_there(board: str, kernels: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        target_on(load_board(board), "speed", kernels)
    assert word in caught.value.what
    assert "portable" in caught.value.hint


def test_the_report_says_which_and_why() -> None:
    made = program("qemu-cortex-m55", "cmsis_nn")
    assert made.kernels == "cmsis_nn"
    assert made.requires.kernels == ("cmsis_nn",)
    rows = {row["name"]: row for row in made.report["operators"]}
    assert rows["CONV_2D"]["kernels"] == "cmsis_nn"
    assert rows["CONV_2D"]["kernel"] == "cmsis_conv"
    assert rows["CONV_2D"]["why"] == "first choice on this processor"
    assert rows["SOFTMAX"]["why"] == "the only ones for this operator"
    assert rows["RESHAPE"]["kernels"] == ""
    listed = [label for row in made.report["kernels"] for label in row["operators"]]
    assert len(listed) == sum(bool(row["kernels"]) for row in made.report["operators"])
    # one channel in one group of the report has a reason when the first choice has no kernel
    own = program("qemu-cortex-m55")
    assert own.requires.kernels == ()
    assert own.kernels == "portable"


weights = arrays(np.int8, st.tuples(st.integers(1, 20), st.integers(1, 12)))


@given(weights, st.booleans())
def test_sums_of_groups_stay_inside_16_bits(matrix: np.ndarray, small: bool) -> None:
    groups = tap_groups(matrix, small=small)
    assert sorted(tap for group in groups for tap in group) == list(range(matrix.shape[1]))
    wide = matrix.astype(np.int64)
    for group in groups:
        part = wide[:, group]
        high = np.where(part > 0, 127 * part, -128 * part).sum(axis=1)
        low = np.where(part > 0, -128 * part, 127 * part).sum(axis=1)
        assert high.max() <= 32767 and low.min() >= -32768


@given(weights, st.sampled_from([1, 2, 4, 8]))
def test_halves_of_packed_sums_stay_inside_16_bits(matrix: np.ndarray, unroll: int) -> None:
    if len(matrix) < 2:
        return
    lengths = _lengths(matrix, unroll)
    steps = -(-matrix.shape[1] // unroll)
    padded = np.pad(
        np.abs(matrix.astype(np.int64)), ((0, 0), (0, steps * unroll - matrix.shape[1]))
    )
    if lengths is None:
        assert 128 * padded.reshape(len(matrix), -1, unroll).sum(axis=2).max() >= 1 << 15
        return
    for block, at in zip(lengths, range(0, len(matrix), 2), strict=True):
        rows = padded[min(at, len(matrix) - 2) :][:2]
        assert sum(block) == 2 * steps * unroll
        first = 0
        for length in block:
            assert 0 < length <= 254 and length % (2 * unroll) == 0
            part = rows[:, first : first + length // 2]
            assert 128 * part.sum(axis=1).max() < 1 << 15
            first += length // 2


@st.composite
def windows(draw: st.DrawFn) -> Window:
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    stride = [draw(st.integers(1, 3)) for _ in range(2)]
    dilation = [draw(st.integers(1, 2)) for _ in range(2)]
    size = [draw(st.integers(1, 7)) for _ in range(2)]
    out = [-(-n // s) for n, s in zip(size, stride, strict=True)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = [
        max(0, (o - 1) * s + r - n) // 2
        for o, s, r, n in zip(out, stride, reach, size, strict=True)
    ]
    depth = draw(st.integers(1, 3))
    batch = draw(st.integers(1, 2))
    return Window(batch, *size, depth, *out, depth, *kernel, *stride, *dilation, *pads)


def _reads(size: Window, pixel: int) -> list[int]:
    """Bytes that the window of an output pixel reads, one for each pixel inside the image."""
    image, place = divmod(pixel, size.out_height * size.out_width)
    y, x = divmod(place, size.out_width)
    rows = [
        y * size.stride_height - size.pad_top + k * size.dilation_height
        for k in range(size.kernel_height)
    ]
    columns = [
        x * size.stride_width - size.pad_left + k * size.dilation_width
        for k in range(size.kernel_width)
    ]
    return [
        ((image * size.height + row) * size.width + column) * size.depth
        for row in rows
        for column in columns
        if 0 <= row < size.height and 0 <= column < size.width
    ]


@given(windows(), st.booleans())
def test_a_kernel_destroys_nothing_that_it_still_reads(size: Window, backward: bool) -> None:
    """Outputs pixel by pixel, forward below the input or backward above it."""
    distance = window_above(size) if backward else -window_below(size, 1, buffered=False)
    pixels = range(size.batch * size.out_height * size.out_width)
    written: set[int] = set()
    for pixel in reversed(pixels) if backward else pixels:
        begin = distance + pixel * size.depth
        own = set(range(begin, begin + size.depth))
        for read in _reads(size, pixel):
            taken = set(range(read, read + size.depth))
            assert not taken & written
            assert not taken & own
        written |= own


def test_processors_without_extensions_get_plain_c() -> None:
    board = load_board("qemu-cortex-m4")
    plain = replace(board, cpu=replace(board.cpu, features=("fpu",)))
    assert target_on(plain, "speed").backends == ("portable",)
