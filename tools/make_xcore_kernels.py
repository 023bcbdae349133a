# SPDX-License-Identifier: Apache-2.0
"""Makes generator/gen_fw/runtimes/xcore/data/kernels.json: how much memory the kernels of XMOS's
AI tools take on xcore.ai, by operator, from the sizes in the installed wheel's device archive.

Which members of the archive an operator pulls in is what a linker would take for its registration;
of functions that several members define (inline ones of C++) one is counted. Functions that nobody
calls, which XMOS's linker drops, are counted: the sum is more than an image has.

usage: python tools/make_xcore_kernels.py
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from gen_fw.compilers.xmos_wheel import find_wheel

OUT = Path(__file__).resolve().parents[1] / "generator/gen_fw/runtimes/xcore/data/kernels.json"
#: registrations as C++ mangles them: Register_XC_add() in four namespaces, Register_ADD() in one
REGISTRATION = re.compile(r"\d+Register_(\w+?)E?v$")
#: pulled in by references that no compiled model follows, and dropped by XMOS's linker: the vector
#: unit in C, and the interpreter's parser of operators
NOT_CALLED = ("vpu_sim.c.obj", "flatbuffer_conversions.cc.obj")
SERVERS = {"flash_server": "flash", "tile_ram_server": "tile", "par_invoke_5": "runtime"}
ALLOCATED = 0x2


def members(archive: bytes) -> list[tuple[str, bytes]]:
    """Name and content of each object file of a Unix archive with GNU names."""
    names, found, at = b"", [], 8
    while at + 60 <= len(archive):
        header = archive[at : at + 60]
        size = int(header[48:58])
        body = archive[at + 60 : at + 60 + size]
        label = header[:16].decode().strip()
        if label == "//":
            names = body
        elif label != "/":
            name = label.rstrip("/")
            if label.startswith("/"):
                start = int(label[1:])
                name = names[start : names.index(b"/\n", start)].decode()
            found.append((name, body))
        at += 60 + size + size % 2
    return found


def describe(data: bytes) -> dict[str, Any]:
    """Global symbols that the member defines, those that it needs, and its bytes: ``own``, and by
    symbol where others may define the same."""
    elf = ELFFile(io.BytesIO(data))
    sizes = [
        s["sh_size"] if s["sh_flags"] & ALLOCATED and s["sh_type"] != "SHT_NOBITS" else 0
        for s in elf.iter_sections()
    ]
    zeros = sum(
        s["sh_size"]
        for s in elf.iter_sections()
        if s["sh_flags"] & ALLOCATED and s["sh_type"] == "SHT_NOBITS"
    )
    defined: set[str] = set()
    needed: set[str] = set()
    weak: dict[str, int] = {}
    table: Any = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols():
        binding, section = symbol["st_info"]["bind"], symbol["st_shndx"]
        if binding == "STB_LOCAL" or not symbol.name:
            continue
        if section == "SHN_UNDEF":
            if binding == "STB_GLOBAL":
                needed.add(symbol.name)
        else:
            defined.add(symbol.name)
            if binding == "STB_WEAK" and isinstance(section, int) and sizes[section]:
                weak[symbol.name] = sizes[section]
                sizes[section] = 0
    return {"own": sum(sizes) + zeros, "weak": weak, "defined": defined, "needed": needed}


def closure(start: set[str], parts: dict[str, dict[str, Any]], owner: dict[str, str]) -> set[str]:
    """Names of the members that a linker takes for these symbols."""
    taken: set[str] = set()
    queue = list(start)
    while queue:
        name = owner.get(queue.pop())
        if name is not None and name not in taken:
            taken.add(name)
            queue.extend(parts[name]["needed"])
    return taken


def main() -> None:
    wheel = find_wheel()
    archive = wheel.runtime / "lib" / "libxtflitemicro.a"
    parts = {
        name: describe(data)
        for name, data in members(archive.read_bytes())
        if name not in NOT_CALLED
    }
    owner: dict[str, str] = {}
    for name, part in parts.items():
        for symbol in part["defined"]:
            owner.setdefault(symbol, name)
    strong = {s for p in parts.values() for s in p["defined"] if s not in p["weak"]}
    owner = {symbol: name for symbol, name in owner.items() if symbol in strong}
    starts = {label: {symbol} for symbol, label in SERVERS.items() if symbol in owner}
    for symbol in owner:
        match = REGISTRATION.search(symbol)
        if match:
            starts.setdefault(match[1], set()).add(symbol)
    taken = {label: closure(symbols, parts, owner) for label, symbols in starts.items()}
    common = taken["runtime"]
    # an inline function counts for the first member that has it
    sizes: dict[str, int] = {}
    seen: set[str] = set()
    for name in sorted(parts):
        sizes[name] = parts[name]["own"] + sum(
            size for symbol, size in parts[name]["weak"].items() if symbol not in seen
        )
        seen.update(parts[name]["weak"])
    order = sorted({name for names in taken.values() for name in names})
    number = {name: index for index, name in enumerate(order)}
    document = {
        "source": f"sections of libxtflitemicro.a, xmos-ai-tools {wheel.version}",
        "bytes": [sizes[name] for name in order],
        "common": sorted(number[name] for name in common),
        "operators": {
            label: sorted(number[name] for name in names)
            for label, names in sorted(taken.items())
            if label not in SERVERS.values()
        },
        "servers": {
            label: sorted(number[name] for name in taken[label]) for label in ("flash", "tile")
        },
    }
    text = json.dumps(document, indent=1)
    OUT.write_text(re.sub(r"\[\s*((?:\d+,?\s*)*)\]", _one_line, text) + "\n", encoding="utf-8")


def _one_line(match: re.Match[str]) -> str:
    return "[" + " ".join(match[1].split()) + "]"


if __name__ == "__main__":
    main()
