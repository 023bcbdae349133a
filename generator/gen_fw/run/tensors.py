# SPDX-License-Identifier: Apache-2.0
"""Inputs from files of the user's, outputs as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_fw.errors import ToolMissingError, UsageError
from gen_fw.files import read_regular
from gen_fw.program import Io
from gen_fw.run.project import NativeProgram
from gen_fw.runtimes.golden import encode_input, noise
from gen_fw.runtimes.npz import MAX_FILE, Npz, read_npy, write_npz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

_PNG = b"\x89PNG\r\n\x1a\n"
_NPY = b"\x93NUMPY"
#: an image that unpacks to more is refused
_MAX_PIXELS = 64 << 20
#: samples of one file; bounds what a small .npz may unpack to
_MAX_SAMPLES = 1024


@dataclass(frozen=True, slots=True)
class Output:
    """One output tensor of all samples: array ``[samples, *shape]``."""

    io: Io
    array: Array

    @property
    def values(self) -> Array:
        """One sample as the model shapes it, several with the samples in front."""
        return self.array[0] if len(self.array) == 1 else self.array


def read_inputs(path: Path, program: NativeProgram) -> list[bytes]:
    """Little-endian bytes of each input, samples one after another.

    An .npz has ``in0`` … (or one array of any name), an .npy or .png is the only input. An array
    has the input's shape, or one more dimension in front (or the batch dimension) that counts
    samples. Elements are of the input's type, or real values in floating point, which are
    quantized. A .png is scaled to the input's height and width; a pixel of 0 … 255 becomes the
    element of an 8-bit input that is as far above the smallest, and pixel / 255 for others.

    Raises UsageError for a file that does not fit, ToolMissingError for a .png without Pillow.
    """
    data, where = read_regular(path, MAX_FILE, what="input"), str(path)
    if data.startswith(_PNG):
        arrays = [_picture(data, _only(program, where), where)]
    elif data.startswith(_NPY):
        _only(program, where)
        arrays = [read_npy(data, where)]
    else:
        arrays = _arrays(Npz(data, where), program, where)
    samples = [_samples(array, io, where) for array, io in zip(arrays, program.inputs, strict=True)]
    if len({len(entry) for entry in samples}) > 1:
        counts = ", ".join(str(len(entry)) for entry in samples)
        raise UsageError("the inputs have different numbers of samples", where=where, why=counts)
    return [
        b"".join(encode_input(sample, io, f"{where}: input {io.position}") for sample in entry)
        for entry, io in zip(samples, program.inputs, strict=True)
    ]


def random_inputs(program: NativeProgram, samples: int, seed: int) -> list[bytes]:
    """``samples`` samples of noise for each input, as ``read_inputs`` gives them."""
    return list(noise(program.inputs, seed, samples))


def _only(program: NativeProgram, where: str) -> Io:
    if len(program.inputs) != 1:
        raise UsageError(
            f"one array for {len(program.inputs)} inputs of {program.name}",
            where=where,
            hint="give an .npz with in0, in1, ...",
        )
    return program.inputs[0]


def _arrays(npz: Npz, program: NativeProgram, where: str) -> list[Array]:
    names = [f"in{i}" for i in range(npz.numbered("in"))]
    if not names and len(npz.names) == 1 and len(program.inputs) == 1:
        names = list(npz.names)
    if len(names) != len(program.inputs):
        raise UsageError(
            f"{len(names)} input(s) for {program.name}, which has {len(program.inputs)}",
            where=where,
            why=f"the file has {', '.join(npz.names[:12]) or 'no arrays'}",
            hint="keys are in0, in1, ...",
        )
    return [
        npz.array(name, io.bytes * _MAX_SAMPLES)
        for name, io in zip(names, program.inputs, strict=True)
    ]


def _samples(array: Array, io: Io, where: str) -> Sequence[Array]:
    """The samples in an array; encode_input checks the shape of each."""
    count = array.size // io.elements if io.elements else 1
    if count < 2 or array.size != count * io.elements or array.shape[0] != count:
        return [array]
    if count > _MAX_SAMPLES:
        raise UsageError(f"{count} samples; at most {_MAX_SAMPLES} a run", where=where)
    return list(array)


def _picture(data: bytes, io: Io, where: str) -> Array:
    """A .png as elements ``[height, width, channels]`` of the input."""
    import numpy as np

    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise ToolMissingError(
            "reading a .png needs the Python package Pillow",
            where=where,
            hint="pip install 'gen-fw[image]', or give an .npy",
        ) from None
    shape = io.shape[1:] if len(io.shape) == 4 and io.shape[0] == 1 else io.shape
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise UsageError(
            f"the input of shape {list(io.shape)} is no picture",
            where=where,
            hint="give an .npy or .npz",
        )
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise UsageError("the picture is too large", where=where)
            same = picture.convert("L" if shape[2] == 1 else "RGB")
            if same.size != (shape[1], shape[0]):
                same = same.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
            pixels = np.asarray(same, dtype=np.uint8).reshape(shape)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UsageError("this is no readable .png", where=where, why=str(error)) from None
    if io.dtype == "uint8":
        return pixels
    if io.dtype == "int8":
        return (pixels.astype(np.int16) - 128).astype(np.int8)
    return pixels.astype(np.float32) / 255.0


def read_outputs(program: NativeProgram, files: Sequence[Path], samples: int) -> list[Output]:
    """What the runner has written. Raises UsageError when a file has another size."""
    import numpy as np

    outputs = []
    for io, path in zip(program.outputs, files, strict=True):
        data = path.read_bytes() if path.is_file() else b""
        if len(data) != samples * io.bytes:
            raise UsageError(
                f"output {io.position} of {program.name} has {len(data)} bytes",
                why=f"{samples} samples of {io.bytes} are expected",
            )
        array = np.frombuffer(data, np.dtype(io.dtype).newbyteorder("<"))
        outputs.append(Output(io, array.reshape((samples, *io.shape))))
    return outputs


def save_outputs(path: Path, outputs: Sequence[tuple[str, Output]]) -> None:
    """Writes the arrays under these names. Raises UsageError when that fails."""
    arrays = {
        name: (
            output.array.dtype.newbyteorder("<").str,
            output.values.shape,
            output.array.tobytes(),
        )
        for name, output in outputs
    }
    _write(path, arrays)


def save_golden(
    path: Path, program: NativeProgram, inputs: Sequence[bytes], outputs: Sequence[Output]
) -> None:
    """Writes the first sample as a golden file (``in0`` …, ``out0`` …). Raises UsageError."""
    import numpy as np

    arrays = {
        f"in{io.position}": (np.dtype(io.dtype).newbyteorder("<").str, io.shape, data[: io.bytes])
        for io, data in zip(program.inputs, inputs, strict=True)
    }
    for output in outputs:
        kind = output.array.dtype.newbyteorder("<").str
        key = f"out{output.io.position}"
        arrays[key] = (kind, output.io.shape, output.array[0].tobytes())
    _write(path, arrays)


def _write(path: Path, arrays: Mapping[str, tuple[str, tuple[int, ...], bytes]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write_npz(arrays))
    except OSError as error:
        raise UsageError(
            "cannot write the outputs", where=str(path), why=error.strerror or str(error)
        ) from None


def real_values(array: Array, io: Io) -> NDArray[np.float64]:
    """The numbers that elements stand for."""
    import numpy as np

    values = array.astype(np.float64)
    if io.scale is None:
        return values
    return (values - (io.zero_point or 0)) * io.scale


def best(sample: Array, io: Io, count: int, labels: Sequence[str]) -> list[dict[str, Any]]:
    """The ``count`` largest elements of one sample, the earlier first where they are equal:
    ``index``, ``label`` (None without labels that fit) and the real ``score``."""
    import numpy as np

    scores = real_values(sample.reshape(-1), io)
    order = np.argsort(-scores, kind="stable")[:count]
    named = len(labels) == io.elements
    return [
        {"index": int(i), "label": labels[i] if named else None, "score": float(scores[i])}
        for i in order
    ]
