# SPDX-License-Identifier: Apache-2.0
"""The files of a tar archive or of a folder: bounded, regular files only, never extracted.

An archive is input from strangers. Members are found by our own reader of tar headers (POSIX
ustar, GNU long names and pax paths), whose work is linear in the file's size: the standard
library's reader has had endless loops (CVE-2025-8194) and quadratic header parsing
(CVE-2024-6232) in releases that are in use.
"""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gen_fw.errors import ModelError, UsageError
from gen_fw.files import read_regular

#: bytes of an archive, unpacked; real ones have 0.1 to 30 MB
MAX_BYTES = 96 << 20
#: bytes of one file that is used; the C text of 4 MB of float weights has about 20 MB
MAX_MEMBER = 64 << 20
#: files in an archive or folder; the runtime that TVM copies into it has about 200
MAX_MEMBERS = 20_000
_MAX_NAME = 1024
_MAX_PAX = 64 << 10
_BLOCK = 512
_GZIP = b"\x1f\x8b"
_OTHER_PACKERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd", b"PK\x03\x04": "zip"}
#: what gen-fw reads below the archive's root; the rest (runtime/, parameters/, ...) stays unread
_USED = ("metadata.json", "codegen/host/", "src/", "relay.txt", "templates/", "executor-config/")
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a FIFO",
    b"S": "a sparse file",
}


@dataclass(frozen=True, slots=True)
class Files:
    """Content by path, relative to the archive's root, with ``/``; ``raw`` is a tar of them all,
    the archive as it was given or one that was made of a folder."""

    contents: Mapping[str, memoryview]
    raw: bytes


def looks_like_archive(path: Path) -> bool:
    """Whether ``path`` is to be read as an archive: an unpacked one, or a file that begins like a
    tar or a packed one, or is called so. Never fails."""
    try:
        if path.is_dir():
            return (path / "metadata.json").is_file()
        if path.suffix.lower() in (".tar", ".tgz") or path.name.lower().endswith(".tar.gz"):
            return True
        with path.open("rb") as file:
            head = file.read(_BLOCK) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except (OSError, ValueError):
        return False
    return head[:2] == _GZIP or head[257:262] == b"ustar"


def read_files(path: Path) -> Files:
    """The files of the archive or folder.

    Raises UsageError when there is nothing that can be read, ModelError for damage, links,
    unusable or double names, and for more than ``MAX_BYTES`` or ``MAX_MEMBERS``.
    """
    if path.is_dir():
        contents = dict(_folder(path))
        packed = {name: memoryview(data) for name, data in contents.items()}
        return Files(packed, pack(contents))
    data = read_regular(path, MAX_BYTES, what="archive", too_large=ModelError)
    return unpack(data, str(path))


def unpack(data: bytes, where: str) -> Files:
    """The files of an archive's bytes. Raises ModelError, in which it is called ``where``."""
    raw = _unpacked(data, where)
    found: dict[str, memoryview] = {}
    seen: set[str] = set()
    for name, content in _members(raw, where):
        _claim(name, seen, where)
        if name.startswith(_USED):
            if len(content) > MAX_MEMBER:
                raise _bad(where, f"{name!r:.200} has {len(content)} bytes, too many")
            found[name] = content
    return Files(found, raw)


def pack(contents: Mapping[str, bytes], *, owner: str = "") -> bytes:
    """A tar of these files with the same bytes on every machine: sorted, no dates, and no owner but
    number 0, whose name may be given."""
    out = io.BytesIO()
    for name in sorted(contents):
        head, tail = _split_name(name)
        data = contents[name]
        header = bytearray(_BLOCK)
        header[0 : len(tail)] = tail
        header[100:124] = b"%07o\0%07o\0%07o\0" % (0o644, 0, 0)
        header[124:148] = b"%011o\0%011o\0" % (len(data), 0)
        header[148:156] = b" " * 8
        header[156:157] = b"0"
        header[257:265] = b"ustar\x0000"
        for field in (265, 297):
            header[field : field + len(owner)] = owner.encode()
        header[345 : 345 + len(head)] = head
        header[148:156] = b"%06o\0 " % sum(header)
        out.write(header)
        out.write(data)
        out.write(bytes(-len(data) % _BLOCK))
    out.write(bytes(2 * _BLOCK))
    return out.getvalue()


def _split_name(name: str) -> tuple[bytes, bytes]:
    """Prefix and name of a ustar header. Raises ModelError when they cannot hold the name."""
    encoded = name.encode()
    if len(encoded) <= 100:
        return b"", encoded
    at = encoded.rfind(b"/", 0, 156)
    if at <= 0 or len(encoded) - at - 1 > 100:
        raise ModelError("the name is too long", where=name)
    return encoded[:at], encoded[at + 1 :]


def _unpacked(data: bytes, where: str) -> bytes:
    for magic, packer in _OTHER_PACKERS.items():
        if data.startswith(magic):
            raise _bad(where, f"it is packed with {packer}", "unpack it to a plain tar first")
    if not data.startswith(_GZIP):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        tar = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise _bad(where, f"gzip: {error}") from None
    if len(tar) > MAX_BYTES:
        raise _bad(where, f"unpacked it has more than {MAX_BYTES} bytes")
    if not unpacker.eof:
        raise _bad(where, "gzip: it ends too early")
    return tar


def _members(raw: bytes, where: str) -> Iterator[tuple[str, memoryview]]:
    """Name and content of each regular file, in order."""
    view = memoryview(raw)
    at = count = 0
    ended = False
    long_name = ""
    while at + _BLOCK <= len(raw):
        header = raw[at : at + _BLOCK]
        if not any(header):
            ended = True
            break
        at += _BLOCK
        count += 1
        if count > MAX_MEMBERS:
            raise _bad(where, f"it has more than {MAX_MEMBERS} members")
        size = _checked_size(header, where)
        kind = header[156:157]
        if size > len(raw) - at:
            raise _bad(where, "it ends in the middle of a member")
        data = view[at : at + size]
        at += size + -size % _BLOCK
        if kind == b"L":
            long_name = _text(bytes(data[: _MAX_NAME + 1]), where)
            continue
        if kind == b"x":
            if size > _MAX_PAX:
                raise _bad(where, f"a member's header has {size} bytes")
            long_name = _pax_path(bytes(data), where) or long_name
            continue
        if kind == b"g":
            continue
        name, long_name = long_name or _header_name(header, where), ""
        if kind == b"5":
            _path(name, where)
        elif kind in (b"0", b"\0", b"7"):
            yield _path(name, where), data
        else:
            what = _KINDS.get(kind, "of an unknown kind")
            raise _bad(where, f"{name!r:.200} is {what}; only files and folders are read")
    if count == 0:
        raise _bad(where, "it is no tar archive")
    if not ended:
        raise _bad(where, "it ends without the mark of a tar's end")


def _checked_size(header: bytes, where: str) -> int:
    """The size field, after the header's checksum was verified."""
    stored = _octal(header[148:156], where)
    if stored != sum(header[:148]) + 8 * 32 + sum(header[156:]):
        raise _bad(where, "a header has the wrong checksum")
    field = header[124:136]
    if field[0] & 0x80:  # GNU's base-256 numbers: files of 8 GiB and more
        raise _bad(where, "a member is larger than 8 GiB")
    return _octal(field, where)


def _octal(field: bytes, where: str) -> int:
    text = field.split(b"\0", 1)[0].strip()
    if text.strip(b"01234567"):
        raise _bad(where, "a header is damaged")
    return int(text or b"0", 8)


def _header_name(header: bytes, where: str) -> str:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name, where)


def _pax_path(data: bytes, where: str) -> str:
    """The record ``path`` of a pax header: ``LENGTH path=NAME\\n``."""
    at = 0
    while at < len(data):
        digits, blank, _ = data[at : at + 12].partition(b" ")
        if not blank or not digits.isdigit() or int(digits) <= len(digits):
            raise _bad(where, "a header is damaged")
        key, equals, value = data[at + len(digits) + 1 : at + int(digits) - 1].partition(b"=")
        if equals and key == b"size":
            raise _bad(where, "a member is larger than 8 GiB")
        if equals and key == b"path":
            return _text(value, where)
        at += int(digits)
    return ""


def _text(name: bytes, where: str) -> str:
    name = name.split(b"\0", 1)[0]
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise _bad(where, f"a member's name is not UTF-8: {name!r:.200}") from None


def _path(name: str, where: str) -> str:
    """A name as a path below the root, empty for the root itself."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or len(name) > _MAX_NAME:
        raise _bad(where, f"the member name {name!r:.200} leads out of the archive")
    if any(ord(c) < 32 or c in '\\:*?"<>|\x7f' for c in name):
        raise _bad(where, f"the member name {name!r:.200} is no portable file name")
    return "/".join(path.parts)


def _claim(name: str, seen: set[str], where: str) -> None:
    """Raises for a name that was there before, in any case of letters."""
    key = name.casefold()
    if key in seen:
        raise _bad(where, f"{name!r:.200} is in it twice")
    seen.add(key)


def _folder(root: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a folder that are used; nothing in it is followed out of it."""
    total = count = 0
    seen: set[str] = set()
    folders = [""]
    try:
        while folders:
            below = folders.pop()
            for entry in sorted(os.scandir(root / below), key=lambda entry: entry.name):
                count += 1
                name = f"{below}{entry.name}"
                inside = f"{name}/"
                if not inside.startswith(_USED) and not any(u.startswith(inside) for u in _USED):
                    continue
                if count > MAX_MEMBERS:
                    raise _bad(str(root), f"it has more than {MAX_MEMBERS} files")
                _claim(_path(name, str(root)), seen, str(root))
                if entry.is_symlink():
                    raise _bad(str(root), f"{name!r:.200} is a symbolic link")
                if entry.is_dir(follow_symlinks=False):
                    folders.append(inside)
                    continue
                data = read_regular(
                    root / name, MAX_MEMBER, what="archive's file", too_large=ModelError
                )
                total += len(data)
                if total > MAX_BYTES:
                    raise _bad(str(root), f"it has more than {MAX_BYTES} bytes")
                yield name, data
    except OSError as error:
        raise UsageError(
            "cannot read the folder", where=str(root), why=error.strerror or ""
        ) from None


def _bad(where: str, why: str, hint: str = "") -> ModelError:
    return ModelError(
        "this is no archive in TVM's Model Library Format that can be read",
        where=where,
        why=why,
        hint=hint or "gen-fw tvm compile, or tvmc compile ... --output-format mlf, makes one",
    )
