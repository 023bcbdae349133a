# SPDX-License-Identifier: Apache-2.0
"""A board from an XMOS network description (``.xn``): what XTC itself reads to know tiles, clock,
flash and external memory.

Elements and attributes: "Describe a target platform", XTC tools guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_fw.errors import UsageError
from gen_fw.files import read_regular

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: descriptions are a few kilobytes
_MAX_FILE = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
_CLOCK = re.compile(r"(\d{1,4})(?:\.\d+)?MHz")
#: bytes of RAM in a tile of a node by its type: XS3-L16A-1024 has two tiles with 512 KiB each
_NODE = re.compile(r"XS(\d)-[A-Z]+(\d+)[A-Z]?-(\d+)")
_PORTS = ("PORT_SQI_CS", "PORT_SQI_SCLK", "PORT_SQI_SIO")
#: of a tile: C library, stack of main, the application's own code and data
TILE_RESERVED = 32768
#: of the flash, before the data partition
BOOT_BYTES = 1 << 20


def is_xn(text: str) -> bool:
    """Whether this names a network description."""
    return text.endswith(".xn")


def xn_name(path: Path) -> str:
    """The board's name: the file's stem as lower-case words with dashes."""
    return re.sub(r"[-_]+", "-", path.stem.lower()).strip("-")


def read_xn(path: Path) -> bytes:
    """The file's bytes. Raises UsageError when it cannot be read."""
    return read_regular(path, _MAX_FILE, what="network description", hint="name an .xn file")


def board_data(path: Path) -> dict[str, Any]:
    """The board as a TOML file would have it. Raises UsageError for a file that is no network
    description of an xcore.ai."""
    if not _NAME.fullmatch(path.stem):
        raise UsageError(
            f'"{path.name}" cannot name a board',
            where=str(path),
            why="the stem is letters, digits, dashes and underscores, at most 61",
        )
    root = _parsed(path)
    nodes = [
        node for node in _all(root, "Node") if node.get("Type", "").startswith(("XS", "periph"))
    ]
    nodes = [node for node in nodes if _NODE.fullmatch(node.get("Type", ""))]
    if not nodes:
        raise _bad(path, "it describes no XMOS device", why='no <Node Type="XS3-..."> is in it')
    node = nodes[0]
    match = _NODE.fullmatch(node.get("Type", ""))
    assert match is not None
    if match[1] != "3":
        raise _bad(
            path,
            f"{node.get('Type')} is no xcore.ai",
            why="XMOS's AI tools make code for the XS3 architecture",
        )
    tiles = _tiles(path, node)
    clock = _CLOCK.fullmatch(node.get("SystemFrequency", ""))
    if clock is None:
        raise _bad(path, "no clock", why='<Node SystemFrequency="600MHz"> is expected')
    kib = int(match[3]) // len(tiles)
    memories: list[dict[str, Any]] = [
        {
            "name": name,
            "bytes": kib * 1024,
            "reserved": TILE_RESERVED,
            "rank": 1 + index,
            "kind": "ram",
            "note": "reserved: C library, stack of main, the application",
        }
        for index, name in enumerate(tiles)
    ]
    flash = _flash_bytes(path, root, node)
    if flash:
        boot = min(BOOT_BYTES, flash // 2)
        memories.append(
            {
                "name": "flash",
                "bytes": flash,
                "reserved": boot,
                "rank": 1,
                "kind": "rom",
                "note": "reserved: boot partition",
            }
        )
    lpddr = _lpddr_bytes(path, node)
    if lpddr:
        memories.append(
            {"name": "lpddr", "bytes": lpddr, "rank": 3, "kind": "ram", "note": "one tile uses it"}
        )
    title = root.findtext(f"{_space(root)}Name") or path.stem
    return {
        "title": "".join(c for c in title if c.isprintable())[:100] or path.stem,
        "vendor": "xmos",
        "family": "xmos_xcommon",
        "chip": "xcore-ai",
        "licence": "LicenseRef-XMOS-Public-Licence-1",
        "cpu": {
            "isa": "xs3a",
            "cores": len(tiles),
            "clock_mhz": int(clock[1]),
            "abi": "xcore",
            "features": ["vpu"],
        },
        "runtime": {"default": "xcore", "kernels": "xcore"},
        "placement": placement([memory["name"] for memory in memories]),
        "sdk": {"name": "xmos-xtc", "requires": ">=15.2.1"},
        "sources": [f"{path.name}: what XTC reads"],
        "memories": memories,
        "xmos_xcommon": {"xn": path.name, **({"boot_bytes": boot} if flash else {})},
    }


def placement(memories: list[str]) -> dict[str, list[str]]:
    """Where roles may go, best first: RAM of the tile, flash, RAM of the other tile, LPDDR."""
    tiles = [name for name in memories if name.startswith("tile")]
    rest = [name for name in ("flash", "lpddr") if name in memories]
    return {
        "arena": [*tiles, *(["lpddr"] if "lpddr" in rest else [])],
        "model": [*tiles, *rest],
        "code": tiles,
    }


def _parsed(path: Path) -> Element:
    from xml.etree import ElementTree

    content = read_xn(path)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise _bad(path, "it has a document type", why="entities are not expanded")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, RecursionError, LookupError) as error:
        raise _bad(path, "no XML", why=str(error)) from None
    if root.tag.rpartition("}")[2] != "Network":
        raise _bad(path, "no network description", why="its first element is not <Network>")
    return root


def _tiles(path: Path, node: Element) -> list[str]:
    numbers = sorted(tile.get("Number", "") for tile in _all(node, "Tile"))
    if numbers not in (["0"], ["0", "1"]):
        raise _bad(path, "a node with one or two tiles is needed", why=f"its tiles are {numbers}")
    return [f"tile{number}" for number in numbers]


def _flash_bytes(path: Path, root: Element, node: Element) -> int:
    """Bytes of the boot flash; 0 when there is none that the flash server could use."""
    for device in _all(root, "Device"):
        if device.get("Class") != "SQIFlash":
            continue
        ports = {
            port.get("Name")
            for tile in _all(node, "Tile")
            if tile.get("Number") == "0"
            for port in _all(tile, "Port")
        }
        missing = [name for name in _PORTS if name not in ports]
        if missing:
            raise _bad(
                path,
                f"tile[0] has no port {missing[0]}",
                why="the flash server reads the flash through it",
            )
        counts = [device.get(key, "") for key in ("PageSize", "NumPages")]
        if not all(text.isascii() and text.isdigit() and len(text) < 9 for text in counts):
            raise _bad(
                path,
                "the flash has no size",
                why='<Device Class="SQIFlash"> needs PageSize and NumPages (XTC error XN11052)',
            )
        return int(counts[0]) * int(counts[1])
    return 0


def _lpddr_bytes(path: Path, node: Element) -> int:
    for memory in _all(node, "Extmem"):
        text = memory.get("sizeMbit", "")
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= 4096):
            raise _bad(path, "the external memory has no size", why='<Extmem sizeMbit="1024">')
        return int(text) * 1024 * 1024 // 8
    return 0


def _all(element: Element, name: str) -> Iterator[Element]:
    """The element's descendants of that name, in any namespace."""
    return (part for part in element.iter() if str(part.tag).rpartition("}")[2] == name)


def _space(root: Element) -> str:
    return root.tag.rpartition("}")[0] + "}" if "}" in root.tag else ""


def _bad(path: Path, what: str, *, why: str) -> UsageError:
    return UsageError(
        what, where=str(path), why=why, hint="XTC's targets/XK-EVK-XU316/XK-EVK-XU316.xn is one"
    )
