# SPDX-License-Identifier: Apache-2.0
"""Test vectors: golden files, sample inputs, seeded inputs, and the .npz that a project carries.

Keys of a golden file: ``in0`` …, ``out0`` … (or ``tflm_out0`` …), and for stateful models
``run2_out0`` …, the outputs of a second run with the same inputs written again. Other keys are
ignored. A project's own ``golden.npz`` uses ``in`` / ``out`` / ``run2_out``.

``tflm_run2_out0`` … is ignored on purpose: such recordings invoke twice without writing the inputs
again, and TFLM's plan gives the inputs' memory to later tensors, so what the second run reads
depends on the arena layout of the machine that recorded it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_fw.errors import UsageError
from gen_fw.files import read_regular
from gen_fw.program import Golden, Io, Program
from gen_fw.runtimes.npz import MAX_FILE, Npz, little_endian, read_npy, write_npz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]


def load_golden(path: Path, program: Program) -> Golden:
    """Inputs and expected outputs from a user's .npz.

    Raises UsageError when the file is damaged, or does not match the program's interface.
    """
    return read_golden(_content(path), program, where=str(path), origin="golden file")


def read_golden(data: bytes, program: Program, *, where: str, origin: str) -> Golden:
    """The same from bytes; reads what ``make_golden`` wrote."""
    npz = Npz(data, where)
    inputs = _tensors(npz, ("in",), program.inputs)
    outputs = _tensors(npz, ("out", "tflm_out"), program.outputs)
    if not inputs and program.inputs:
        raise _missing(npz, "in0")
    if not outputs:
        raise _missing(npz, "out0")
    run2: tuple[bytes, ...] = ()
    if program.stateful:
        run2 = _tensors(npz, ("run2_out",), program.outputs)
    return make_golden(program, inputs, outputs, run2, origin=origin)


def load_sample(path: Path, program: Program) -> tuple[bytes, ...]:
    """Inputs only: an .npz with ``in0`` … (or a single array of any name), or one .npy.

    Each array must have the input's shape (dimensions of 1 may be missing or added) and either its
    element type or a floating-point one. Floating-point values for a quantized input are real
    values: they are quantized with the input's scale and zero point, rounding half away from zero
    as TFLite's QUANTIZE does, and clipped to the type's range. Raises UsageError otherwise.
    """
    data, where = _content(path), str(path)
    if data[:6] == b"\x93NUMPY":
        arrays = [read_npy(data, where)]
    else:
        npz = Npz(data, where)
        count = npz.numbered("in")
        single = len(npz.names) == 1 and len(program.inputs) == 1
        names = [f"in{i}" for i in range(count)] or (list(npz.names) if single else [])
        if not names:
            raise _missing(npz, "in0")
        sizes = [io.bytes for io in program.inputs] + [0] * len(names)
        arrays = [npz.array(name, size) for name, size in zip(names, sizes, strict=False)]
    _count(where, "input", len(arrays), len(program.inputs))
    return tuple(
        encode_input(array, io, f"{where}: input {io.position}")
        for array, io in zip(arrays, program.inputs, strict=True)
    )


def _content(path: Path) -> bytes:
    return read_regular(path, MAX_FILE, what="test vectors", hint="name an .npz or .npy file")


def seeded_inputs(program: Program) -> tuple[bytes, ...]:
    """One sample of noise, the same every time."""
    return noise(program.inputs, 0)


def noise(ios: Sequence[Io], seed: int, samples: int | None = None) -> tuple[bytes, ...]:
    """Little-endian bytes for each input from numpy's ``default_rng(seed)``, drawn in input order:
    the full range of integers, standard normal for floating point, 0 or 1 for bool. ``samples``:
    so many, one after another."""
    import numpy as np

    rng = np.random.default_rng(seed)
    drawn = []
    for io in ios:
        dtype = np.dtype(io.dtype)
        shape = io.shape if samples is None else (samples, *io.shape)
        if dtype.kind == "f":
            array = rng.standard_normal(shape).astype(dtype)
        elif dtype.kind == "b":
            array = rng.integers(0, 2, shape).astype(dtype)
        else:
            info = np.iinfo(dtype)
            array = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        drawn.append(little_endian(array, dtype, lambda a: a))
    return tuple(drawn)


def make_golden(
    program: Program,
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    run2_outputs: Sequence[bytes] = (),
    *,
    origin: str,
    reference: Sequence[bytes] = (),
) -> Golden:
    """Test vectors with their .npz, which has the same bytes on every machine. ``reference``: what
    TFLite Micro's outputs are, where they are not the ones that are expected."""
    import numpy as np

    arrays = {
        f"{key}{io.position}": (np.dtype(io.dtype).newbyteorder("<").str, io.shape, data)
        for key, ios, blobs in (
            ("in", program.inputs, inputs),
            ("out", program.outputs, outputs),
            ("run2_out", program.outputs, run2_outputs),
            ("tflm_out", program.outputs, reference),
        )
        for io, data in zip(ios, blobs, strict=False)
    }
    return Golden(tuple(inputs), tuple(outputs), tuple(run2_outputs), origin, write_npz(arrays))


def _tensors(npz: Npz, prefixes: Sequence[str], ios: Sequence[Io]) -> tuple[bytes, ...]:
    """The arrays of the first prefix that the file has; none when it has neither."""
    for prefix in prefixes:
        count = npz.numbered(prefix)
        if count:
            _count(npz.where, f"{prefix} array", count, len(ios))
            return tuple(
                _encode(
                    npz.array(f"{prefix}{io.position}", io.bytes),
                    io,
                    f"{npz.where}: {prefix}{io.position}",
                    quantize=False,
                )
                for io in ios
            )
    return ()


def _count(where: str, what: str, given: int, wanted: int) -> None:
    if given != wanted:
        raise UsageError(f"{given} {what}(s) for a model with {wanted}", where=where)


def _missing(npz: Npz, key: str) -> UsageError:
    return UsageError(
        f"no array {key}",
        where=npz.where,
        why=f"the file has {', '.join(npz.names[:12]) or 'no arrays'}",
        hint="keys are in0 …, out0 … and, for stateful models, run2_out0 …",
    )


def encode_input(array: Array, io: Io, where: str) -> bytes:
    """Little-endian bytes of one sample for an input, as ``load_sample`` reads them."""
    return _encode(array, io, where, quantize=True)


def _encode(array: Array, io: Io, where: str, *, quantize: bool) -> bytes:
    """Little-endian bytes of an array that must match a tensor."""
    import numpy as np

    wanted = np.dtype(io.dtype)
    if _squeezed(array.shape) != _squeezed(io.shape):
        raise UsageError(f"shape {list(array.shape)}, the model has {list(io.shape)}", where=where)
    if array.dtype.newbyteorder("=") == wanted:
        return little_endian(array, wanted, lambda a: a)
    if quantize and array.dtype.kind == "f":
        if wanted.kind == "f":
            return little_endian(array, wanted, lambda a: a)
        if wanted.kind in "iu" and io.scale:
            return little_endian(array, wanted, lambda a: _quantize(a, io, wanted))
    hint = f"save it as {io.dtype}"
    if quantize and io.scale:
        hint += ", or as float32 real values, which are quantized"
    raise UsageError(
        f"element type {array.dtype}, the model has {io.dtype}", where=where, hint=hint
    )


def _quantize(array: Array, io: Io, wanted: np.dtype[Any]) -> Array:
    import numpy as np

    if not np.isfinite(array).all():
        raise UsageError(f"input {io.position} has values that are not finite")
    scaled = array.astype(np.float64) / (io.scale or 1.0)
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) + (io.zero_point or 0)
    info = np.iinfo(wanted)
    quantized: Array = np.clip(rounded, info.min, info.max).astype(wanted)
    return quantized


def _squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
