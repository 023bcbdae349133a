# SPDX-License-Identifier: Apache-2.0
"""Scratch sizes of CMSIS-NN and ESP-NN: what the vendors' own C answered for some shapes.

tests/sdk/test_scratch_ports.py compares on random shapes, with the vendors' trees.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from gen_fw.runtimes.tflm.arena.scratch import cmsis_nn, esp_nn
from gen_fw.runtimes.tflm.arena.scratch.cmsis_nn import Variant
from gen_fw.runtimes.tflm.arena.scratch.window import Window

VARIANTS: tuple[Variant, ...] = ("mve", "dsp", "plain")
KEYWORDS = Window(10, 49, 1, 5, 25, 64, 4, 10, 2, 2, 1, 4)
POINTWISE = Window(5, 25, 64, 5, 25, 64, 1, 1, 1, 1, 0, 0)
DEPTHWISE = Window(5, 25, 64, 5, 25, 64, 3, 3, 1, 1, 1, 1)
WIDE = replace(DEPTHWISE, filter_w=5, filter_h=5, pad_w=2, pad_h=2)
ONE_TO_EIGHT = Window(40, 49, 1, 20, 25, 8, 8, 10, 2, 2, 3, 4)
TRANSPOSED = Window(8, 8, 16, 16, 16, 8, 3, 3, 2, 2, 0, 0)

#: window -> bytes of arm_convolve_wrapper_s8 and _s16, for MVE, DSP and plain C
CONVOLUTIONS = {
    KEYWORDS: ((192, 160, 160), (320, 160, 160)),
    POINTWISE: ((0, 0, 0), (512, 256, 256)),
    replace(POINTWISE, group_c=32): ((256, 256, 256), (512, 256, 256)),
    replace(POINTWISE, dilation_w=2): ((256, 256, 256), (512, 256, 256)),
}
#: rows: only MVE looks at their paddings
ROWS = {
    Window(49, 1, 40, 49, 1, 64, 5, 1, 1, 1, 2, 0): (280, 800, 800),
    Window(49, 1, 4, 25, 1, 8, 4, 1, 2, 1, 1, 0): (20, 64, 64),
    Window(49, 1, 3, 49, 1, 8, 5, 1, 1, 1, 2, 0): (64, 64, 64),
    Window(2, 1, 4, 2, 1, 8, 7, 1, 1, 1, 3, 0): (128, 112, 112),
}
#: window -> bytes of arm_depthwise_conv_wrapper_s8 and _s4
DEPTHWISES = {
    DEPTHWISE: ((4464, 0, 0), (4464, 1152, 1152)),
    replace(DEPTHWISE, batches=2): ((0, 0, 0), (0, 0, 0)),
    WIDE: ((12400, 3200, 0), (12400, 3200, 3200)),
    ONE_TO_EIGHT: ((960, 0, 0), (0, 0, 0)),
}
#: window -> bytes of arm_transpose_conv_s8, and of its reversed filter
TRANSPOSES = {
    TRANSPOSED: ((1632, 1632, 1632), 0),
    replace(TRANSPOSED, in_c=17, group_c=17): ((640, 624, 624), 1224),
    # a stride of 4 along the height counts along the width too
    Window(8, 8, 4, 8, 32, 8, 3, 3, 1, 4, 0, 0): ((1408, 1408, 1408), 0),
}


def test_convolutions() -> None:
    for w, (int8, int16) in CONVOLUTIONS.items():
        assert tuple(cmsis_nn.conv_s8(variant, w) for variant in VARIANTS) == int8, w
        assert tuple(cmsis_nn.conv_s16(variant, w) for variant in VARIANTS) == int16, w
    for w, int8 in ROWS.items():
        assert tuple(cmsis_nn.conv_s8(variant, w) for variant in VARIANTS) == int8, w


def test_depthwise_and_transposed() -> None:
    for w, (int8, int4) in DEPTHWISES.items():
        assert tuple(cmsis_nn.depthwise_s8(variant, w) for variant in VARIANTS) == int8, w
        assert tuple(cmsis_nn.depthwise_s4(variant, w) for variant in VARIANTS) == int4, w
    for w, (scratch, reversed_filter) in TRANSPOSES.items():
        assert tuple(cmsis_nn.transpose_conv_s8(v, w) for v in VARIANTS) == scratch, w
        assert cmsis_nn.transpose_conv_reverse_s8(w) == reversed_filter, w


@pytest.mark.parametrize("stride", [2, 3, 4, 8, 12])
def test_an_unset_stride_is_bounded(stride: int) -> None:
    """Prepare of depthwise_conv.cc leaves the stride unset; a stride of 1 bounds every answer."""
    rng = random.Random(stride)
    for _ in range(2000):
        length, width = rng.randint(1, 60), rng.randint(1, 40)
        w = Window(length, 1, 1, length, 1, rng.randint(2, 9), width, 1, 1, 1, width // 2, 0)
        bound = cmsis_nn.depthwise_s8("mve", w)
        assert cmsis_nn.depthwise_s8("mve", replace(w, stride_w=stride)) <= bound, w


def test_s3_scratch_of_two_layers() -> None:
    conv = Window(96, 96, 1, 48, 48, 8, 3, 3, 2, 2, 0, 0)
    assert esp_nn.conv_scratch("esp32s3", conv) == 11236
    depthwise = Window(48, 48, 16, 48, 48, 16, 3, 3, 1, 1, 1, 1)
    assert esp_nn.depthwise_scratch("esp32s3", depthwise, 1) == 40160


def test_generic_kernels_need_no_convolution_scratch() -> None:
    window = Window(48, 48, 16, 48, 48, 16, 3, 3, 1, 1, 1, 1)
    assert esp_nn.conv_scratch("generic", window) == 0
    assert esp_nn.depthwise_scratch("generic", window, 1) == 0
    assert esp_nn.softmax_scratch("generic", 12) == 48
