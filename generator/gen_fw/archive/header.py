# SPDX-License-Identifier: Apache-2.0
"""The C interface header that TVM writes with ``--executor-aot-interface-api=c``.

Source: src/target/source/interface_c.cc of TVM 0.8 to 0.18.
"""

from __future__ import annotations

import re

from gen_fw.archive.types import Header, PoolMacro
from gen_fw.errors import ModelError

_STRUCT = re.compile(r"^struct (\w{1,200}) \{([^{}]*)\};", re.MULTILINE)
_MEMBER = re.compile(r"^[ \t]*void[ \t]*\*[ \t]*([A-Za-z_]\w{0,199});[ \t]*$", re.MULTILINE)
_NUMBER = re.compile(r"^#define ([A-Z_]\w{0,250}) (\d{1,12})[ \t]*$", re.MULTILINE)
_GUARD = re.compile(r"^#ifndef (\w{1,200})\s*^#define (\w{1,200})\s*$", re.MULTILINE)
_MAX_MEMBERS = 256
_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline
    int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while
"""
#: identifiers that no member can have
_WORDS = frozenset(_KEYWORDS.split())


def parse_header(file: str, content: memoryview, module: str) -> Header:
    """The header of ``module``. Raises ModelError when it is not one that TVM writes."""
    text = _without_comments(bytes(content).decode("utf-8", "replace"))
    prefix = f"tvmgen_{module}_"
    structs = {
        name.removeprefix(prefix): _members(body, file)
        for name, body in _STRUCT.findall(text)
        if name.startswith(prefix)
    }
    numbers = {name: int(value) for name, value in _NUMBER.findall(text)}
    upper = prefix.upper()
    guard = _GUARD.search(text)
    missing = [word for word in ("inputs", "outputs") if word not in structs]
    if missing or guard is None or guard[1] != guard[2]:
        raise _bad(file, f"it has no struct {prefix}{missing[0]}" if missing else "no guard")
    pools = tuple(
        _pool(member, upper, numbers, text, file) for member in structs.get("workspace_pools", ())
    )
    return Header(
        file=file,
        guard=guard[1],
        content=content,
        inputs=structs["inputs"],
        outputs=structs["outputs"],
        sizes={
            name.removeprefix(upper).removesuffix("_SIZE"): value
            for name, value in numbers.items()
            if name.startswith(upper) and name.endswith("_SIZE")
        },
        devices=structs.get("devices", ()),
        pools=pools,
        mapped=f"{prefix}map_inputs(" in text,
        workspace_bytes=numbers.get(f"{upper}WORKSPACE_SIZE"),
    )


def _pool(member: str, upper: str, numbers: dict[str, int], text: str, file: str) -> PoolMacro:
    macro = f"{upper}{member.upper()}"
    constant = f"{macro}_CONSTANT_POOL_SIZE"
    workspace = f"{macro}_WORKSPACE_POOL_SIZE"
    if constant in numbers and f"#define {macro}_CONSTANT_POOL_DATA" in text:
        return PoolMacro(member, macro, numbers[constant], constant=True)
    if workspace in numbers:
        return PoolMacro(member, macro, numbers[workspace], constant=False)
    raise _bad(file, f"the pool {member} has no size")


def _members(body: str, file: str) -> tuple[str, ...]:
    names = tuple(_MEMBER.findall(body))
    if len(names) != body.count(";") or len(names) > _MAX_MEMBERS or len(set(names)) < len(names):
        raise _bad(file, "a struct has something else than pointers")
    if any(name in _WORDS for name in names):
        raise _bad(file, "a member's name is a word of C")
    return names


def _without_comments(text: str) -> str:
    """``text`` without ``/* */``, in time that is linear."""
    kept, at = [], 0
    while (start := text.find("/*", at)) >= 0:
        kept.append(text[at:start])
        end = text.find("*/", start + 2)
        if end < 0:
            return "".join(kept)
        at = end + 2
    return "".join([*kept, text[at:]])


def _bad(file: str, why: str) -> ModelError:
    return ModelError("the archive's C header is not one of TVM", where=file, why=why)
