# SPDX-License-Identifier: Apache-2.0
"""Our scratch sizes against esp-nn's own size functions, compiled for the host.

Only the functions that compute sizes are cut out of the vendor's files: they are plain C, while the
kernels around them are not.
"""

from __future__ import annotations

import ctypes
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sdk_trees import Tree

from gen_fw.runtimes.tflm import esp_nn
from gen_fw.runtimes.tflm.esp_nn import Chip, Window

pytestmark = pytest.mark.sdk

CONVOLUTION = {
    "esp32s3": "esp_nn_conv_esp32s3.c",
    "esp32p4": "esp_nn_conv_esp32p4.c",
    "opt": "esp_nn_conv_opt.c",
}
DEPTHWISE = {
    "esp32s3": "esp_nn_depthwise_conv_s8_esp32s3.c",
    "esp32p4": "esp_nn_depthwise_conv_esp32p4.c",
    "opt": "esp_nn_depthwise_conv_opt.c",
}
SOFTMAX = {
    "esp32s3": "esp_nn_softmax_s8_esp32s3.c",
    "esp32p4": "esp_nn_softmax_s8_esp32p4.c",
    "opt": "esp_nn_softmax_opt.c",
}
PRELUDE = """#include <stddef.h>
#include <stdint.h>
#include "esp_nn_defs.h"
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min(a, b) ((a) < (b) ? (a) : (b))
"""


class Dims(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("width", "height", "channels", "extra")]


class Pair(ctypes.Structure):
    _fields_ = [("first", ctypes.c_int32), ("second", ctypes.c_int32)]


class ConvParams(ctypes.Structure):
    _fields_ = [
        ("in_offset", ctypes.c_int32),
        ("out_offset", ctypes.c_int32),
        ("stride", Pair),
        ("padding", Pair),
        ("dilation", Pair),
        ("activation", Pair),
    ]


class DepthwiseParams(ctypes.Structure):
    _fields_ = [
        ("in_offset", ctypes.c_int32),
        ("out_offset", ctypes.c_int32),
        ("ch_mult", ctypes.c_int32),
        ("stride", Pair),
        ("padding", Pair),
        ("dilation", Pair),
        ("activation", Pair),
    ]


def size_functions(text: str) -> str:
    """The definitions of all *_get_*_scratch_size_* functions, and the macros they use."""
    found = re.findall(r"^#define L1D_BUDGET .*$", text, re.MULTILINE)
    pattern = r"^int(?:32_t)? esp_nn_get_\w*scratch_size\w*\([^;{]*\)\s*\{.*?^\}"
    found += re.findall(pattern, text, re.MULTILINE | re.DOTALL)
    return "\n".join(found)


@pytest.fixture(scope="module")
def vendor(esp_nn_tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no host C compiler")
    folder = tmp_path_factory.mktemp("esp_nn")
    source, library = folder / "sizes.c", folder / "sizes.so"
    parts = [PRELUDE]
    for names, room in ((CONVOLUTION, "convolution"), (DEPTHWISE, "convolution")):
        parts += [read(esp_nn_tree, room, name) for name in names.values()]
    parts += [read(esp_nn_tree, "softmax", name) for name in SOFTMAX.values()]
    source.write_text("\n".join(parts), "utf-8")
    command = [compiler, "-shared", "-fPIC", "-w", "-O1", f"-I{esp_nn_tree.root / 'include'}"]
    subprocess.run([*command, str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def read(tree: Tree, room: str, name: str) -> str:
    functions = size_functions((tree.root / "src" / room / name).read_text("utf-8"))
    assert functions, f"no size function in {name}"
    return functions


def windows(count: int) -> Iterator[Window]:
    """Shapes as models have them, and corners: pointwise, few channels, no padding, tiles."""
    rng = random.Random(11)
    for _ in range(count):
        kw, kh = rng.choice(
            [(1, 1), (3, 3), (3, 3), (5, 5), (1, 7), (7, 1), (rng.randint(1, 9),) * 2]
        )
        sw, sh = rng.choice([(1, 1), (2, 2), (1, 2), (3, 1)])
        in_w, in_h = rng.randint(kw, 130), rng.randint(kh, 130)
        channels = rng.choice([1, 2, 3, 4, 8, 12, 16, 24, 32, 40, 64, rng.randint(1, 200)])
        out_c = rng.choice([1, 2, 8, 10, 16, 64, rng.randint(1, 300)])
        same = rng.random() < 0.6
        out_w = -(-in_w // sw) if same else (in_w - kw) // sw + 1
        out_h = -(-in_h // sh) if same else (in_h - kh) // sh + 1
        pad_w = max(0, (out_w - 1) * sw + kw - in_w) // 2 if same else 0
        pad_h = max(0, (out_h - 1) * sh + kh - in_h) // 2 if same else 0
        yield Window(in_w, in_h, channels, out_w, out_h, out_c, kw, kh, sw, sh, pad_w, pad_h)


def dims(w: Window, multiplier: int = 0) -> tuple[Dims, Dims, Dims]:
    out_c = w.in_c * multiplier if multiplier else w.out_c
    return (
        Dims(w.in_w, w.in_h, w.in_c, 1),
        Dims(w.filter_w, w.filter_h, w.in_c, 0),
        Dims(w.out_w, w.out_h, out_c, 1),
    )


CHIPS: list[tuple[Chip, str]] = [
    ("esp32s3", "esp32s3"),
    ("esp32p4", "esp32p4"),
    ("generic", "opt"),
]


@pytest.mark.parametrize(("chip", "suffix"), CHIPS)
def test_convolution(vendor: ctypes.CDLL, chip: Chip, suffix: str) -> None:
    function = getattr(vendor, f"esp_nn_get_conv_scratch_size_{suffix}")
    for w in windows(4000):
        params = ConvParams(stride=Pair(w.stride_w, w.stride_h), padding=Pair(w.pad_w, w.pad_h))
        theirs = function(*(ctypes.byref(part) for part in (*dims(w), params)))
        assert esp_nn.conv_scratch(chip, w) == theirs, w


@pytest.mark.parametrize(("chip", "suffix"), CHIPS)
def test_depthwise(vendor: ctypes.CDLL, chip: Chip, suffix: str) -> None:
    function = getattr(vendor, f"esp_nn_get_depthwise_conv_scratch_size_{suffix}")
    for index, w in enumerate(windows(4000)):
        multiplier = (1, 1, 2, 4, 8)[index % 5]
        params = DepthwiseParams(
            ch_mult=multiplier,
            stride=Pair(w.stride_w, w.stride_h),
            padding=Pair(w.pad_w, w.pad_h),
        )
        parts = (*dims(w, multiplier), params)
        theirs = function(*(ctypes.byref(part) for part in parts))
        assert esp_nn.depthwise_scratch(chip, w, multiplier) == theirs, (w, multiplier)


@pytest.mark.parametrize(("chip", "suffix"), CHIPS)
def test_softmax(vendor: ctypes.CDLL, chip: Chip, suffix: str) -> None:
    function = getattr(vendor, f"esp_nn_get_softmax_scratch_size_{suffix}")
    for width in (1, 2, 10, 1001, 5000):
        assert esp_nn.softmax_scratch(chip, width) == function(width, 7)


def test_the_fixture_reads_what_it_says(esp_nn_tree: Tree) -> None:
    """A renamed function must not silently leave nothing to compare."""
    text = (Path(esp_nn_tree.root) / "src/convolution/esp_nn_conv_esp32s3.c").read_text("utf-8")
    assert "esp_nn_get_conv_scratch_size_esp32s3" in size_functions(text)
