# SPDX-License-Identifier: Apache-2.0
"""Random models with one thing wrong: shapes, types, quantization, options, wiring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fuzz_builder import Builder
from fuzz_models import build
from fuzz_operators import Parts
from tflite_writer import Fields

_SIZES = (0, 1, 2, 3, 5, 17, -1, 65_536, 2_147_483_647)
_TYPES = (0, 2, 3, 4, 6, 7, 9, 17)
_SCALES = (0.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"))
_ZERO_POINTS = (-129, 128, -128, 127, 1 << 40, -(1 << 62))
#: options of one byte
_SMALL = {
    *("padding", "fused_activation_function", "keep_dims", "keep_num_dims", "mode"),
    *("align_corners", "half_pixel_centers", "exclusive", "reverse"),
}
_NUMBERS = (-2_147_483_648, -1, 0, 1, 2, 7, 1000, 2_147_483_647)


def damaged_model(seed: int, family: Callable[[Builder], Parts] | None = None) -> bytes:
    """The file of model ``seed`` (of a family) after one to three damages."""
    b = Builder(np.random.default_rng([seed, 11]))
    inputs, outputs = family(b) if family else build(b, seed)
    for _ in range(b.between(1, 3)):
        damage(b)
    return b.model(inputs, outputs)


def damage(b: Builder) -> None:
    """Changes one thing of a model being built."""
    b.pick(_shape, _type, _quantization, _options, _wiring, _data)(b)


def _tensor(b: Builder) -> Fields:
    return b.tensors[int(b.rng.integers(len(b.tensors)))]


def _operator(b: Builder) -> Fields:
    return b.operators[int(b.rng.integers(len(b.operators)))]


def _shape(b: Builder) -> None:
    tensor = _tensor(b)
    shape = list(tensor["shape"])
    kind = b.between(0, 3)
    if kind == 0 or not shape:
        shape.insert(b.between(0, len(shape)), b.pick(*_SIZES))
    elif kind == 1:
        shape.pop(b.between(0, len(shape) - 1))
    elif kind == 2:
        shape[b.between(0, len(shape) - 1)] = b.pick(*_SIZES)
    else:
        b.rng.shuffle(shape)
    tensor["shape"] = shape


def _type(b: Builder) -> None:
    _tensor(b)["type"] = b.pick(*_TYPES)


def _quantization(b: Builder) -> None:
    tensor = _tensor(b)
    given = tensor.get("quantization")
    if given is None or b.chance(0.2):
        tensor.pop("quantization", None)
        return
    key, values = b.pick(("scale", _SCALES), ("zero_point", _ZERO_POINTS))
    changed = list(given[key])
    kind = b.between(0, 2) if changed else 1
    if kind == 0:
        changed[b.between(0, len(changed) - 1)] = b.pick(*values)
    elif kind == 1:
        changed.append(b.pick(*values))
    else:
        changed.pop()
    tensor["quantization"] = {**given, key: changed}
    if b.chance(0.2):
        tensor["quantization"]["quantized_dimension"] = b.pick(-1, 1, 2, 3, 9)


def _options(b: Builder) -> None:
    operator = _operator(b)
    if "builtin_options" not in operator:
        return
    name, fields = operator["builtin_options"]
    numbers = [key for key, value in fields.items() if isinstance(value, int)]
    if b.chance(0.1) or not numbers:
        del operator["builtin_options"]
        return
    key = b.pick(*numbers)
    small = key in _SMALL or key.endswith("_type")
    value = b.pick(0, 1, 3, 4, 5) if small else b.pick(*_NUMBERS)
    operator["builtin_options"] = (name, {**fields, key: value})


def _wiring(b: Builder) -> None:
    operator = _operator(b)
    key = b.pick("inputs", "inputs", "outputs")
    indices = list(operator[key])
    kind = b.between(0, 2) if indices else 2
    if kind == 0:
        indices[b.between(0, len(indices) - 1)] = b.between(-1, len(b.tensors) - 1)
    elif kind == 1:
        indices.pop()
    else:
        indices.append(b.between(-1, len(b.tensors) - 1))
    operator[key] = indices


def _data(b: Builder) -> None:
    """Constants: other numbers of the same length, shorter, or none."""
    buffer = b.buffers[int(b.rng.integers(len(b.buffers)))]
    if not buffer.get("data"):
        return
    data = np.frombuffer(buffer["data"], np.uint8).copy()
    kind = b.between(0, 2)
    if kind == 0:
        data[b.rng.integers(len(data))] ^= 1 << b.between(0, 7)
    elif kind == 1 and len(data) % 4 == 0:
        data.view("<i4")[b.rng.integers(len(data) // 4)] = b.pick(*_NUMBERS)
    else:
        data = data[: b.between(0, len(data) - 1)]
    buffer["data"] = data.tobytes()
