# SPDX-License-Identifier: Apache-2.0
"""Arrays in and out of .npy and .npz files: bounded reading, identical bytes on every write."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gen_fw.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

MAX_FILE = 256 * 1024 * 1024
_MAX_MEMBERS = 4096
#: room for an .npy header and for an element type up to eight times as wide
_SLACK = 64 * 1024
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def read_npy(data: bytes, where: str) -> Array:
    """One .npy array. Raises UsageError when it is damaged or holds Python objects."""
    import numpy as np

    try:
        array: Array = np.lib.format.read_array(  # type: ignore[no-untyped-call]
            io.BytesIO(data), allow_pickle=False
        )
        return array
    except Exception as error:  # numpy raises what its header parser meets
        raise UsageError(
            "this is no readable .npy array",
            where=where,
            why=str(error) or type(error).__name__,
            hint="save it with numpy.save, without Python objects",
        ) from error


class Npz:
    """The members of a .npz file; nothing is unpacked before it is asked for."""

    def __init__(self, data: bytes, where: str) -> None:
        self.where = where
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except Exception as error:  # zipfile raises what it meets in a damaged file
            raise self._damaged(error) from error
        if len(entries) > _MAX_MEMBERS:
            raise UsageError(f"the file has {len(entries)} members", where=where)
        self._entries = {
            entry.filename.removesuffix(".npy"): entry
            for entry in entries
            if entry.filename.endswith(".npy")
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def numbered(self, prefix: str) -> int:
        """How many arrays are called prefix0, prefix1, … without a gap."""
        pattern = re.compile(rf"{re.escape(prefix)}[0-9]{{1,5}}")
        present = {name for name in self._entries if pattern.fullmatch(name)}
        count = 0
        while f"{prefix}{count}" in present:
            count += 1
        if count != len(present):
            raise UsageError(
                f"{prefix}{count} is missing",
                where=self.where,
                why=f"the file has {', '.join(sorted(present))}",
            )
        return count

    def array(self, name: str, expected_bytes: int) -> Array:
        """One array. ``expected_bytes`` bounds what is unpacked (a zip bomb stops there)."""
        limit = 8 * expected_bytes + _SLACK
        try:
            with self._zip.open(self._entries[name]) as member:
                data = member.read(limit + 1)
        except Exception as error:  # encrypted, an unknown method, a wrong checksum, ...
            raise self._damaged(error) from error
        if len(data) > limit:
            raise UsageError(
                f"array {name} is far too large",
                where=self.where,
                why=f"about {expected_bytes} bytes are expected",
            )
        return read_npy(data, f"{self.where}: {name}")

    def _damaged(self, error: Exception) -> UsageError:
        return UsageError(
            "this is no readable .npz file",
            where=self.where,
            why=str(error) or type(error).__name__,
            hint="save it with numpy.savez",
        )


def write_npz(arrays: Mapping[str, tuple[str, tuple[int, ...], bytes]]) -> bytes:
    """A .npz with the same bytes on every machine: stored, no dates, one header layout.

    ``arrays`` maps names to (numpy element type such as ``<f4``, shape, little-endian bytes).
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, (descr, shape, data) in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.create_system = 3  # the same on Windows
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, _npy_header(descr, shape) + data)
    return target.getvalue()


def _npy_header(descr: str, shape: tuple[int, ...]) -> bytes:
    """Version 1.0 of the .npy format, padded to 64 (numpy.lib.format)."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}"
    used = len(_NPY_MAGIC) + 2 + len(text) + 1
    text += " " * (-used % 64) + "\n"
    return _NPY_MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")


def little_endian(array: Array, dtype: np.dtype[Any], convert: Callable[[Array], Array]) -> bytes:
    """The array's bytes as ``dtype``, row by row, after ``convert``."""
    import numpy as np

    return np.ascontiguousarray(convert(array), dtype=dtype.newbyteorder("<")).tobytes()
