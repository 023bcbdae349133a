# SPDX-License-Identifier: Apache-2.0
"""Bytes and tensors as the initialisers of C arrays, valid as C99 and C++17.

Only the rows between the braces are made here; the declaration is the template's. Rows have a
fixed number of elements, so that a change of one element changes one line of a diff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from gen_fw.errors import GenFwError

_INDENT = 2
#: bytes of a row: 2 + 16 * len("0x00, ") - the last blank = 97 columns
BYTES_PER_ROW = 16
#: rows of one chunk; 4096 rows are 64 KiB of data and 392 KiB of text
_BLOCK_ROWS = 4096
_CELL = len("0x00, ")


def c_array_chunks(data: memoryview | bytes, *, rows: int = _BLOCK_ROWS) -> Iterator[bytes]:
    """Rows ``  0x1f, 0x02, ...,\\n`` of all bytes of ``data``, ``rows`` rows a chunk.

    The memory in use is one chunk, whatever the size of the data. Empty data has no rows (a C
    array needs one element: that is the template's decision).
    """
    table = np.frombuffer(b"".join(b"0x%02x, " % byte for byte in range(256)), dtype=f"V{_CELL}")
    values = np.frombuffer(data, dtype=np.uint8)
    whole = len(values) - len(values) % BYTES_PER_ROW
    for start in range(0, whole, rows * BYTES_PER_ROW):
        block = values[start : min(start + rows * BYTES_PER_ROW, whole)]
        yield _rows(table, block, BYTES_PER_ROW)
    if whole < len(values):
        yield _rows(table, values[whole:], len(values) - whole)


def _rows(table: npt.NDArray[np.void], values: npt.NDArray[np.uint8], per_row: int) -> bytes:
    """Text of whole rows; the blank after the last comma of a row becomes the newline."""
    text = np.full((len(values) // per_row, _INDENT + per_row * _CELL), ord(" "), dtype=np.uint8)
    text[:, _INDENT:] = np.take(table, values).view(np.uint8).reshape(len(text), -1)
    text[:, -1] = ord("\n")
    return text.tobytes()


def typed_array_chunks(data: memoryview | bytes, dtype: str) -> Iterator[bytes]:
    """Rows of the values of a tensor given as little-endian bytes.

    ``dtype`` is one of ``ARRAY_TYPES``. Every value is exact: integers in decimal, floats in
    hexadecimal (C99 6.4.4.2, C++17 [lex.fcon]), 16-bit floats as their bit pattern in a uint16_t.
    ``INFINITY`` and ``NAN`` need <math.h>, ``INT32_MIN`` and ``INT64_MIN`` <stdint.h>.

    Raises GenFwError for another dtype, or data that is no whole number of elements.
    """
    if dtype not in ARRAY_TYPES:
        raise GenFwError(f"a tensor of type {dtype} cannot be written as a C array")
    storage, per_row, spell = ARRAY_TYPES[dtype]
    if len(data) % np.dtype(storage).itemsize:
        raise GenFwError(f"{len(data)} bytes are no whole number of {dtype} values")
    values = np.frombuffer(data, dtype=storage)
    for start in range(0, len(values), per_row * 256):
        cells = [spell(value) for value in values[start : start + per_row * 256].tolist()]
        lines = (cells[row : row + per_row] for row in range(0, len(cells), per_row))
        yield "".join(f"{' ' * _INDENT}{', '.join(line)},\n" for line in lines).encode()


def _signed(bits: int, suffix: str = "") -> Callable[[int], str]:
    lowest = -(1 << (bits - 1))
    # in C, -2147483648 is minus applied to a constant that does not fit
    return lambda value: f"INT{bits}_MIN" if value == lowest else f"{value}{suffix}"


def _unsigned(suffix: str) -> Callable[[int], str]:
    return lambda value: f"{value}{suffix}"


def _float(suffix: str) -> Callable[[float], str]:
    def spell(value: float) -> str:
        if value != value:
            return "NAN"
        if value in (float("inf"), float("-inf")):
            return "INFINITY" if value > 0 else "-INFINITY"
        return _trimmed(value.hex()) + suffix

    return spell


def _trimmed(text: str) -> str:
    """``float.hex`` without trailing zeros: 0x1.8000000000000p+1 -> 0x1.8p+1."""
    mantissa, _, exponent = text.partition("p")
    return f"{mantissa.rstrip('0') if '.' in mantissa else mantissa}p{exponent}".replace(".p", "p")


#: dtype -> (numpy type of the bytes, elements a row so that a row has <= 100 columns, spelling)
ARRAY_TYPES: dict[str, tuple[str, int, Callable[..., str]]] = {
    "bool": ("<u1", 32, lambda value: str(int(value != 0))),
    "int8": ("<i1", 16, str),
    "uint8": ("<u1", 16, str),
    "int16": ("<i2", 12, str),
    "uint16": ("<u2", 12, str),
    "int32": ("<i4", 7, _signed(32)),
    "uint32": ("<u4", 7, _unsigned("U")),
    "int64": ("<i8", 4, _signed(64, "LL")),
    "uint64": ("<u8", 3, _unsigned("ULL")),
    "float16": ("<u2", 12, "0x{:04x}".format),
    "bfloat16": ("<u2", 12, "0x{:04x}".format),
    "float32": ("<f4", 5, _float("f")),
    "float64": ("<f8", 3, _float("")),
}
