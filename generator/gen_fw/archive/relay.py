# SPDX-License-Identifier: Apache-2.0
"""Types of the function ``main`` in Relay text: the only place with shapes, in every version.

``def @main(%x: Tensor[(1, 1960), int8] /* ty=... */, %w: ...) -> Tensor[(1, 4), int8] {``; old
releases print no type of the result.
"""

from __future__ import annotations

import re

from gen_fw.archive.types import ELEMENT_BYTES, Signature, TensorFact

_MAIN = "def @main("
#: the line of ``main``; with hundreds of weights as parameters it is long
_MAX_LINE = 1 << 20
_COMMENT = re.compile(r"/\*[^*]*\*/")
_TYPE = re.compile(r"Tensor\[\(([^()\[\]]*)\), ([a-z]+[0-9]*)\]|([a-z]+[0-9]+|bool)\b")
_MAX_RANK = 8


def parse_relay(text: str) -> Signature | None:
    """The signature, or None when the text has none that can be read."""
    at = text.find(_MAIN)
    if at < 0:
        return None
    at += len(_MAIN)
    end = text.find("{", at, at + _MAX_LINE)
    line = _COMMENT.sub("", text[at : end if end >= 0 else at + _MAX_LINE]).replace("\n", " ")
    close = _closing(line)
    if close < 0:
        return None
    inputs = []
    for parameter in _split(line[:close]):
        name, colon, type_ = parameter.rpartition(": ")
        if not colon or not name.startswith("%"):
            continue  # an attribute, such as output_tensor_names
        fact = _fact(name[1:], type_)
        if fact is None:
            return None
        inputs.append(fact)
    result = line[close + 1 :].strip()
    if not result.startswith("->"):
        return Signature(tuple(inputs), None)
    result = result[2:].strip()
    parts = _split(result[1:-1]) if result.startswith("(") else [result]
    outputs = [_fact("", part) for part in parts if part.strip()]
    known = tuple(fact for fact in outputs if fact is not None)
    return Signature(tuple(inputs), known if len(known) == len(outputs) else None)


def _fact(name: str, type_: str) -> TensorFact | None:
    match = _TYPE.match(type_.strip())
    if match is None:
        return None
    dtype = match[2] or match[3]
    shape: list[int] = []
    for size in (match[1] or "").split(","):
        if not size.strip():
            continue
        if not re.fullmatch(r"[0-9]{1,9}", size.strip()) or len(shape) == _MAX_RANK:
            return None  # a dynamic dimension
        shape.append(int(size))
    if dtype not in ELEMENT_BYTES or 0 in shape:
        return None
    count = ELEMENT_BYTES[dtype]
    for size_ in shape:
        count *= size_
    return TensorFact(name, dtype, tuple(shape), count)


def _closing(line: str) -> int:
    """Where the parenthesis that is open at the start closes; quoted text counts as nothing."""
    depth, quoted = 1, False
    for at, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "([") - (char in ")]")
            if depth == 0:
                return at
    return -1


def _split(text: str) -> list[str]:
    """Parts between commas that are in no bracket."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    parts.append(text[start:].strip())
    return parts
