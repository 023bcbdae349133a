# SPDX-License-Identifier: Apache-2.0
"""The image for xcore.ai's flash data partition, from which ``flash_server`` reads parameters.

Format (xmos_ai_tools/xformer/flash.py 1.4.2 writes it, lib_tflite_micro's flash_server.xc reads
it), all numbers 32-bit little endian, then the two nibbles of every byte swapped:

    32 bytes       calibration pattern of fast_flash
    4 bytes        version 1.2 and its complement
    16 bytes each  one engine: offsets of model, parameters, operators, code; from the image's start
    per engine     length of the model, model, parameters
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from gen_fw.errors import GenFwError

_PATTERN = (
    bytes.fromhex("ff000f0f0f0f0f0fff00ff00ff00ff00")
    + bytes.fromhex("31f7ce08") * 2
    + bytes.fromhex("9c63") * 4
)
_VERSION = bytes((1, 2, 0xFE, 0xFD))
_ENGINE = struct.Struct("<4I")
_LENGTH = struct.Struct("<I")
_SWAPPED = bytes((byte & 0xF) << 4 | byte >> 4 for byte in range(256))
#: flash_server reads whole 32-bit words
_WORD = 4


@dataclass(frozen=True, slots=True)
class Engine:
    """One client of flash_server, by the number of its channel. The server of 1.4.2 never reads
    ``model``, which may be empty."""

    parameters: bytes
    model: bytes = b""


def build(engines: Sequence[Engine]) -> bytes:
    """The image of these clients, in order."""
    at = len(_PATTERN) + len(_VERSION) + _ENGINE.size * len(engines)
    head, body = [_PATTERN, _VERSION], []
    for engine in engines:
        parameters = at + _LENGTH.size + len(engine.model)
        end = parameters + len(engine.parameters)
        head.append(_ENGINE.pack(at, parameters, end, end))
        body += [_LENGTH.pack(len(engine.model)), engine.model, engine.parameters]
        at = end
    return b"".join([*head, *body]).translate(_SWAPPED)


def parse(image: bytes, engines: int) -> tuple[Engine, ...]:
    """What a server with that many clients finds in the image. Raises GenFwError when the image is
    none, or its offsets are not those of parts that follow each other up to the end."""
    data = image.translate(_SWAPPED)
    start = len(_PATTERN) + len(_VERSION)
    if data[:start] != _PATTERN + _VERSION:
        raise _broken("it does not begin with the calibration pattern and version 1.2")
    if engines < 1 or len(data) < start + _ENGINE.size * engines:
        raise _broken(f"it has no table of {engines} engines")
    rows = [_ENGINE.unpack_from(data, start + _ENGINE.size * i) for i in range(engines)]
    ends = [model for model, *_ in rows[1:]] + [len(data)]
    at, found = start + _ENGINE.size * engines, []
    for (model, parameters, operators, code), end in zip(rows, ends, strict=True):
        if not at == model <= parameters - _LENGTH.size <= operators == code == end <= len(data):
            raise _broken("an offset is not where its part begins")
        at = end
        (length,) = _LENGTH.unpack_from(data, model)
        if model + _LENGTH.size + length != parameters:
            raise _broken("a model's length does not lead to its parameters")
        found.append(Engine(data[parameters:operators], data[model + _LENGTH.size : parameters]))
    return tuple(found)


def verified(engines: Sequence[Engine]) -> bytes:
    """``build``, read back and compared. Raises GenFwError if it is not what was put in."""
    image = build(engines)
    if parse(image, len(engines)) != tuple(engines):
        raise _broken("reading it back gives something else")
    return image


def _broken(why: str) -> GenFwError:
    return GenFwError("the flash image is damaged", why=why)
