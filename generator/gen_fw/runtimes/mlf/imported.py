# SPDX-License-Identifier: Apache-2.0
"""An input that is a module of an archive, with what the user adds to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gen_fw.archive.types import ELEMENT_BYTES, Archive, Module, TensorFact
from gen_fw.errors import Diagnostic, UsageError
from gen_fw.model.types import Model

_SPEC = re.compile(r"([a-z]+[0-9]*)(?::([0-9]{1,9}(?:x[0-9]{1,9}){0,7}))?")


@dataclass(frozen=True, slots=True)
class Imported:
    """``reference`` is the .tflite that the archive was compiled from: quantization, and expected
    outputs. ``io``: tensor name -> ``dtype:shape``, for what the archive does not tell. ``made``:
    how the archive was made of ``reference`` just now, plain data for lock and report; empty for an
    archive that was given. ``records``: the schedules that it was made with."""

    archive: Archive
    module: Module
    reference: Model | None = None
    io: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)
    records: bytes = b""
    notes: tuple[Diagnostic, ...] = ()

    def told(self, *names: str) -> TensorFact | None:
        """What the user says about the tensor of one of these names. Raises UsageError."""
        for name in names:
            if name in self.io:
                return parse_io(name, self.io[name])
        return None


def parse_io(name: str, text: str) -> TensorFact:
    """``int8:1x49x40`` (or ``float32`` for a scalar) as a fact. Raises UsageError."""
    match = _SPEC.fullmatch(text)
    shape = tuple(int(size) for size in match[2].split("x")) if match and match[2] else ()
    if match is None or match[1] not in ELEMENT_BYTES or 0 in shape:
        raise UsageError(
            f"--io {name}={text:.80}: no element type and shape",
            hint="--io output=float32:1x10",
        )
    count = ELEMENT_BYTES[match[1]]
    for size in shape:
        count *= size
    return TensorFact(name, match[1], shape, count)
