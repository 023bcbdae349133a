#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves our scratch sizes equal to the vendors' own size functions, compiled for this machine.

usage: prove_scratch.py [--cmsis-nn DIR] [--esp-nn DIR] [--shapes N] [--seed N] [--json]

The trees may be named by CMSIS_NN_ROOT and ESP_NN_ROOT too; a tree that nobody names is left out.
Every function is called with N random shapes (the same on every machine); exit status 1 when any
answer differs. Nothing is written into a tree. Of ESP-NN only the functions that compute sizes are
cut out of the files: they are plain C, while the kernels around them are not.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import cast

from gen_fw.runtimes.tflm.arena.scratch import cmsis_nn, esp_nn
from gen_fw.runtimes.tflm.arena.scratch.cmsis_nn import Variant
from gen_fw.runtimes.tflm.arena.scratch.esp_nn import Chip
from gen_fw.runtimes.tflm.arena.scratch.window import Window

SHAPES = 10_000
SEED = 11
Port = Callable[[Window], int]


class ProofError(Exception):
    """No compiler, or a tree that is not what it should be."""


@dataclass(frozen=True, slots=True)
class Case:
    """One function of a vendor in one variant. ``call`` is C: its arguments come from ``v``."""

    function: str
    variant: str
    call: str
    port: Port
    depthwise: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What came out. ``first`` is the first shape that differs, with both answers."""

    function: str
    variant: str
    shapes: int
    mismatches: int
    first: str = ""


# --- shapes --------------------------------------------------------------------------------------


def windows(count: int, seed: int = SEED, depthwise: bool = False) -> Iterator[Window]:
    """Shapes as models have them, and corners: pointwise, rows, one channel, dilation, groups,
    padding of one side only, windows wider than the image, batches."""
    rng = random.Random(f"{seed} {depthwise}")
    for _ in range(count):
        yield _window(rng, depthwise)


def _window(rng: random.Random, depthwise: bool) -> Window:
    side = rng.randint(1, 9)
    filter_w, filter_h = rng.choice(
        [(1, 1), (1, 1), (3, 3), (3, 3), (5, 5), (1, 7), (7, 1), (side, 1), (side, side)]
    )
    stride_w, stride_h = rng.choice([(1, 1), (1, 1), (2, 2), (1, 2), (3, 1), (4, 1), (8, 4)])
    dilation_w, dilation_h = rng.choice([(1, 1)] * 6 + [(2, 2), (1, 2), (2, 1)])
    reach_w, reach_h = (filter_w - 1) * dilation_w + 1, (filter_h - 1) * dilation_h + 1
    in_w = rng.randint(1, 9) if rng.random() < 0.25 else rng.randint(reach_w, 130)
    in_h = 1 if reach_h == 1 and rng.random() < 0.6 else rng.randint(reach_h, 130)
    in_c = rng.choice([1, 1, 2, 3, 4, 8, 12, 16, 17, 24, 32, 40, 64, rng.randint(1, 200)])
    out_c = rng.choice([1, 2, 8, 10, 16, 64, in_c, rng.randint(1, 300)])
    group_c = in_c
    if depthwise:
        out_c = in_c * rng.choice([1, 1, 1, 2, 4, 8])
    elif rng.random() < 0.1:
        group_c = rng.choice([size for size in range(1, in_c + 1) if in_c % size == 0])
    out_w, pad_w = _along(rng, in_w, reach_w, stride_w)
    out_h, pad_h = _along(rng, in_h, reach_h, stride_h)
    return Window(
        in_w,
        in_h,
        in_c,
        out_w,
        out_h,
        out_c,
        filter_w,
        filter_h,
        stride_w,
        stride_h,
        pad_w,
        pad_h,
        dilation_w,
        dilation_h,
        rng.choice([1, 1, 1, 1, 2, 5]),
        group_c,
    )


def _along(rng: random.Random, size: int, reach: int, stride: int) -> tuple[int, int]:
    """Outputs and padding of one direction, SAME or VALID; only SAME reaches beyond the image."""
    if size >= reach and rng.random() < 0.4:
        return (size - reach) // stride + 1, 0
    outputs = -(-size // stride)
    return outputs, max(0, (outputs - 1) * stride + reach - size) // 2


# --- the vendors' functions ----------------------------------------------------------------------

_NAMES = ", ".join(f"V_{field.name}" for field in fields(Window))

_CMSIS_ARGUMENTS = f"""
enum {{ {_NAMES} }};
static cmsis_nn_dims in(const int32_t *v)
{{ return (cmsis_nn_dims){{.n = v[V_batches], .h = v[V_in_h], .w = v[V_in_w], .c = v[V_in_c]}}; }}
static cmsis_nn_dims out(const int32_t *v)
{{ return (cmsis_nn_dims){{v[V_batches], v[V_out_h], v[V_out_w], v[V_out_c]}}; }}
static cmsis_nn_dims window(const int32_t *v, int32_t n, int32_t c)
{{ return (cmsis_nn_dims){{.n = n, .h = v[V_filter_h], .w = v[V_filter_w], .c = c}}; }}
#define PARAMS(type) (type){{.stride = {{.w = v[V_stride_w], .h = v[V_stride_h]}}, \\
    .padding = {{.w = v[V_pad_w], .h = v[V_pad_h]}}, \\
    .dilation = {{.w = v[V_dilation_w], .h = v[V_dilation_h]}}}}
#define SETUP(type, filter_n, filter_c) const type p = PARAMS(type); \\
    const cmsis_nn_dims i = in(v), o = out(v), f = window(v, filter_n, filter_c); \\
    (void)p; (void)i; (void)o; (void)f;
#define CONV SETUP(cmsis_nn_conv_params, 1, v[V_group_c])
#define DEPTHWISE SETUP(cmsis_nn_dw_conv_params, 1, v[V_out_c])
#define TRANSPOSED SETUP(cmsis_nn_transpose_conv_params, v[V_out_c], v[V_in_c])
#define CONNECTED SETUP(cmsis_nn_conv_params, v[V_in_c], v[V_out_c])
#define FEATURES SETUP(cmsis_nn_conv_params, v[V_out_c], v[V_in_c])
"""

#: the macro that sets up the arguments, the call without its "arm_" and "_get_buffer_size", port
_CMSIS_CALLS: tuple[tuple[str, str, str, Callable[[Variant, Window], int]], ...] = (
    ("CONV", "convolve_wrapper_s8", "&p, &i, &f, &o", cmsis_nn.conv_s8),
    ("CONV", "convolve_wrapper_s16", "&p, &i, &f, &o", cmsis_nn.conv_s16),
    ("CONV", "convolve_1x1_s8_fast", "&i", lambda _, w: 0),
    ("DEPTHWISE", "depthwise_conv_wrapper_s8", "&p, &i, &f, &o", cmsis_nn.depthwise_s8),
    ("DEPTHWISE", "depthwise_conv_wrapper_s4", "&p, &i, &f, &o", cmsis_nn.depthwise_s4),
    ("TRANSPOSED", "transpose_conv_s8", "&p, &i, &f, &o", cmsis_nn.transpose_conv_s8),
    (
        "TRANSPOSED",
        "transpose_conv_s8_get_reverse_conv",
        "&p, &i, &f",
        lambda _, w: cmsis_nn.transpose_conv_reverse_s8(w),
    ),
    (
        "CONNECTED",
        "fully_connected_s8",
        "&f",
        lambda variant, w: cmsis_nn.fully_connected_s8(variant, w.out_c),
    ),
    ("CONNECTED", "fully_connected_s16", "&f", lambda _, w: 0),
    ("FEATURES", "svdf_s8", "&f", lambda variant, w: cmsis_nn.svdf_s8(variant, w.out_c)),
    *(
        (
            "CONV",
            f"avgpool_{kind}",
            "v[V_out_w], v[V_in_c]",
            lambda variant, w: cmsis_nn.average_pool(variant, w.in_c),
        )
        for kind in ("s8", "s16")
    ),
)

#: what the target's compiler defines; the headers are read without, for they hold intrinsics
_CMSIS_DEFINES = {
    "mve": "#define ARM_MATH_MVEI 1\n#define ARM_MATH_DSP 1\n",
    "dsp": "#define ARM_MATH_DSP 1\n",
    "plain": "",
}


def cmsis_cases(variant: Variant) -> list[Case]:
    """The size functions that TFLM's kernels call."""
    cases = []
    for setup, name, arguments, port in _CMSIS_CALLS:
        function = f"arm_{name}_" + ("buffer_size" if "_get_" in name else "get_buffer_size")
        call = f"{setup} return {function}({arguments});"
        bound = cast(Port, lambda w, port=port: port(variant, w))
        cases.append(Case(function, variant, call, bound, setup == "DEPTHWISE"))
    return cases


def cmsis_source(root: Path, variant: Variant) -> str:
    """C of all size functions of one variant. Raises ProofError for another tree."""
    files = sorted(root.glob("Source/*Functions/arm_*_get_buffer_sizes_s*.c"))
    if not files or not (root / "Include" / "arm_nnfunctions.h").is_file():
        raise ProofError(f"{root} is no CMSIS-NN tree with files of buffer sizes")
    text = '#include "arm_nnfunctions.h"\n#include "arm_nnsupportfunctions.h"\n'
    text += _CMSIS_DEFINES[variant]
    text += "".join(f'#include "{path}"\n' for path in files)
    return text + _CMSIS_ARGUMENTS


_ESP_ARGUMENTS = f"""
enum {{ {_NAMES} }};
#define SETUP(type) \\
    const data_dims_t i = {{.width = v[V_in_w], .height = v[V_in_h], .channels = v[V_in_c]}}; \\
    const data_dims_t f = {{.width = v[V_filter_w], .height = v[V_filter_h], \\
                            .channels = v[V_group_c]}}; \\
    const data_dims_t o = {{.width = v[V_out_w], .height = v[V_out_h], .channels = v[V_out_c]}}; \\
    const type p = {{.stride = {{v[V_stride_w], v[V_stride_h]}}, \\
                     .padding = {{v[V_pad_w], v[V_pad_h]}} MULTIPLIER(type) }};
#define MULTIPLIER(type) MULTIPLIER_##type
#define MULTIPLIER_conv_params_t
#define MULTIPLIER_dw_conv_params_t , .ch_mult = v[V_out_c] / v[V_in_c]
"""
_ESP_PRELUDE = """#include <stddef.h>
#include <stdint.h>
#include "esp_nn_defs.h"
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min(a, b) ((a) < (b) ? (a) : (b))
"""
#: chip -> suffix of its functions
_ESP_SUFFIX: dict[Chip, str] = {"esp32s3": "esp32s3", "esp32p4": "esp32p4", "generic": "opt"}


def esp_cases(chip: Chip) -> list[Case]:
    """The size functions that esp-tflite-micro's kernels call."""
    suffix = _ESP_SUFFIX[chip]
    name = "esp_nn_get_{}_scratch_size_" + suffix
    conv, depthwise = name.format("conv"), name.format("depthwise_conv")
    softmax = name.format("softmax")
    return [
        Case(
            conv,
            chip,
            f"SETUP(conv_params_t) return {conv}(&i, &f, &o, &p);",
            lambda w: esp_nn.conv_scratch(chip, w),
        ),
        Case(
            depthwise,
            chip,
            f"SETUP(dw_conv_params_t) return {depthwise}(&i, &f, &o, &p);",
            lambda w: esp_nn.depthwise_scratch(chip, w, w.out_c // w.in_c),
            depthwise=True,
        ),
        Case(
            softmax,
            chip,
            f"return {softmax}(v[V_out_c], v[V_in_h]);",
            lambda w: esp_nn.softmax_scratch(chip, w.out_c),
        ),
    ]


def size_functions(text: str) -> str:
    """The definitions of all esp_nn_get_*_scratch_size_* functions, and the macros they use."""
    found = re.findall(r"^#define L1D_BUDGET .*$", text, re.MULTILINE)
    pattern = r"^int(?:32_t)? esp_nn_get_\w*scratch_size\w*\([^;{]*\)\s*\{.*?^\}"
    found += re.findall(pattern, text, re.MULTILINE | re.DOTALL)
    return "\n".join(found)


def esp_source(root: Path, chip: Chip) -> str:
    """C of the size functions of one chip. Raises ProofError when one cannot be found."""
    parts = [_ESP_PRELUDE]
    for room in ("convolution", "softmax"):
        for path in sorted((root / "src" / room).glob("*.c")):
            parts.append(size_functions(path.read_text("utf-8")))
    text = "\n".join(parts)
    missing = [case.function for case in esp_cases(chip) if f"{case.function}(" not in text]
    if missing:
        raise ProofError(f"{root} has no {', '.join(missing)}")
    return text + _ESP_ARGUMENTS


# --- the proof -----------------------------------------------------------------------------------


def compile_library(source: str, cases: Sequence[Case], include: Path, folder: Path) -> ctypes.CDLL:
    """A shared library with one entry ``prove<n>`` for each case. Raises ProofError."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise ProofError("no host C compiler (gcc or cc)")
    entries = [
        f"int32_t prove{number}(const int32_t *v) {{ {case.call} }}\n"
        for number, case in enumerate(cases)
    ]
    text, library = folder / "sizes.c", folder / "sizes.so"
    text.write_text(source + "".join(entries), "utf-8")
    command = [compiler, "-shared", "-fPIC", "-w", "-O1", f"-I{include}", str(text)]
    done = subprocess.run([*command, "-o", str(library)], capture_output=True, text=True)
    if done.returncode != 0:
        raise ProofError(f"{Path(compiler).name} failed:\n{done.stderr[:2000]}")
    return ctypes.CDLL(str(library))


def prove(
    source: str, cases: Sequence[Case], include: Path, shapes: int = SHAPES, seed: int = SEED
) -> list[Row]:
    """Compares each case on ``shapes`` windows. Raises ProofError when nothing compiles."""
    samples = {kind: list(windows(shapes, seed, kind)) for kind in (False, True)}
    packed = ctypes.c_int32 * len(fields(Window))
    arguments = {kind: [packed(*astuple(w)) for w in samples[kind]] for kind in samples}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        library = compile_library(source, cases, include, Path(folder))
        for number, case in enumerate(cases):
            theirs = getattr(library, f"prove{number}")
            theirs.restype = ctypes.c_int32
            wrong, first = 0, ""
            pairs = zip(samples[case.depthwise], arguments[case.depthwise], strict=True)
            for w, values in pairs:
                ours, answer = case.port(w), theirs(values)
                if ours != answer:
                    wrong += 1
                    first = first or f"{w}: ours {ours}, theirs {answer}"
            rows.append(Row(case.function, case.variant, shapes, wrong, first))
    return rows


def prove_cmsis_nn(root: Path, shapes: int = SHAPES, seed: int = SEED) -> list[Row]:
    """All functions of CMSIS-NN, for Helium, DSP and plain C."""
    rows: list[Row] = []
    for variant in ("mve", "dsp", "plain"):
        source = cmsis_source(root, variant)
        rows += prove(source, cmsis_cases(variant), root / "Include", shapes, seed)
    return rows


def prove_esp_nn(root: Path, shapes: int = SHAPES, seed: int = SEED) -> list[Row]:
    """All functions of ESP-NN, for each chip."""
    rows: list[Row] = []
    for chip in _ESP_SUFFIX:
        rows += prove(esp_source(root, chip), esp_cases(chip), root / "include", shapes, seed)
    return rows


def table(rows: Sequence[Row]) -> str:
    """function | variant | shapes | mismatches, and the first shape that differs."""
    lines = [f"{'function':<52} {'variant':<8} {'shapes':>7} {'mismatches':>10}"]
    for row in rows:
        lines.append(f"{row.function:<52} {row.variant:<8} {row.shapes:>7} {row.mismatches:>10}")
        lines += [f"    {row.first}"] if row.first else []
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, variable in (("--cmsis-nn", "CMSIS_NN_ROOT"), ("--esp-nn", "ESP_NN_ROOT")):
        parser.add_argument(name, metavar="DIR", default=os.environ.get(variable, ""))
    parser.add_argument("--shapes", type=int, default=SHAPES, help="random shapes per function")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    rows: list[Row] = []
    try:
        if told.cmsis_nn:
            rows += prove_cmsis_nn(Path(told.cmsis_nn).resolve(), told.shapes, told.seed)
        if told.esp_nn:
            rows += prove_esp_nn(Path(told.esp_nn).resolve(), told.shapes, told.seed)
    except ProofError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not rows:
        parser.error("name a tree: --cmsis-nn or --esp-nn")
    names = [field.name for field in fields(Row)]
    if told.json:
        plain = [dict(zip(names, astuple(row), strict=True)) for row in rows]
        print(json.dumps({"rows": plain}, indent=2))
    else:
        print(table(rows))
    return 1 if any(row.mismatches for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
