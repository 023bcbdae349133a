# SPDX-License-Identifier: Apache-2.0
"""Archives are input from strangers: each of these is refused in under a second, and nothing is
written."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import gen_fw
from gen_fw.archive import container
from gen_fw.archive.reader import read_archive
from gen_fw.errors import ExitCode, GenFwError
from mlf_writer import C7, members, write_folder, write_tar

Make = Callable[[Path], object]
_MEMBER = "codegen/host/src/default_lib1.c"


def with_member(**changes: object) -> Make:
    """The good archive and one more member."""

    def make(path: Path) -> None:
        write_tar(path, members(C7))
        with tarfile.open(path, "a") as tar:
            info = tarfile.TarInfo(str(changes.get("name", "codegen/x.c")))
            for key, value in changes.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(b"x" * info.size))

    return make


def with_file(name: str, content: bytes) -> Make:
    return lambda path: write_tar(path, {**members(C7), name: content})


def with_metadata(text: str) -> Make:
    return with_file("metadata.json", text.encode())


def cut(share: float, packed: bool = False) -> Make:
    def make(path: Path) -> None:
        write_tar(path, members(C7), mode="w:gz" if packed else "w")
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return make


def header_field(start: int, value: bytes, *, fix: bool = True) -> Make:
    """The first file's header with other bytes; the checksum follows unless ``fix`` is False."""

    def make(path: Path) -> None:
        files = members(C7)
        path.write_bytes(container.pack(files))
        data = bytearray(path.read_bytes())
        data[start : start + len(value)] = value
        if fix:
            data[148:156] = b" " * 8
            data[148:156] = b"%06o\0 " % sum(data[:512])
        path.write_bytes(bytes(data))

    return make


def zeros(path: Path) -> None:
    """204 kB that unpack to 200 MB."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        chunk = bytes(1 << 20)
        for _ in range(200):
            file.write(chunk)


def large_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 << 20)


def zero_source(path: Path) -> None:
    write_tar(path, {**members(C7), _MEMBER: bytes(60 << 20)})


def many_members(path: Path) -> None:
    path.write_bytes(container.pack({f"a/{i}": b"" for i in range(20_500)}))


def pax_bomb(path: Path) -> None:
    """A pax header that costs the standard library's reader quadratic time in some releases."""
    write_tar(path, members(C7))
    body = b"9" * (1 << 20)
    header = tarfile.TarInfo("pax")
    header.type, header.size = b"x", len(body)
    path.write_bytes(header.tobuf() + body + path.read_bytes())


HOSTILE: dict[str, Make] = {
    "symbolic_link": with_member(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard_link": with_member(type=tarfile.LNKTYPE, linkname="metadata.json"),
    "device": with_member(type=tarfile.CHRTYPE),
    "fifo": with_member(type=tarfile.FIFOTYPE),
    "sparse": with_member(type=b"S"),
    "parent": with_member(name="../outside.c"),
    "parent_inside": with_member(name="codegen/../../outside.c"),
    "absolute": with_member(name="/tmp/outside.c"),
    "backslash": with_member(name="codegen\\..\\outside.c"),
    "duplicate": with_member(name="./metadata.json"),
    "duplicate_in_another_case": with_member(name="Metadata.JSON"),
    "duplicate_that_is_spelt_otherwise": with_member(name="codegen/./host//src/default_lib1.c"),
    "twenty_thousand_members": many_members,
    "zeros_packed": zeros,
    "zeros": large_file,
    "zeros_as_source": zero_source,
    "pax_bomb": pax_bomb,
    "half": cut(0.5),
    "no_end": cut(0.3),
    "half_packed": cut(0.5, packed=True),
    "empty": lambda path: path.write_bytes(b""),
    "one_block": lambda path: path.write_bytes(bytes(512)),
    "text": lambda path: path.write_text("def @main() {}" * 100),
    "bzip2": lambda path: write_tar(path, members(C7), mode="w:bz2"),
    "negative_size": header_field(124, b"-0000000001\0"),
    "size_in_base_256": header_field(124, b"\x80" + bytes(10) + b"\x40"),
    "size_beyond_the_file": header_field(124, b"77777777777\0"),
    "wrong_checksum": header_field(0, b"x", fix=False),
    "name_that_is_no_utf8": header_field(0, b"\xff\xfe"),
    "deep_json": with_metadata("[" * 100_000 + "]" * 100_000),
    "deep_object": with_metadata('{"version": 7, "modules": ' + '{"a":' * 50_000),
    "number_with_many_digits": with_metadata('{"version": ' + "9" * 10_000 + "}"),
    "no_json": with_metadata("\xff"),
    "list": with_metadata("[7]"),
    "version_0": with_metadata('{"version": 0}'),
    "version_8": with_metadata('{"version": 8, "modules": {}}'),
    "version_true": with_metadata('{"version": true}'),
    "no_modules": with_metadata('{"version": 7, "modules": {}}'),
    "module_that_is_no_name": with_metadata('{"version": 7, "modules": {"a; rm -rf /": {}}}'),
    "module_that_is_a_path": with_metadata('{"version": 6, "model_name": "../../x"}'),
    "negative_workspace": with_metadata(
        json.dumps(
            {
                "version": 6,
                "executors": ["aot"],
                "memory": {"functions": {"main": [{"workspace_size_bytes": -1}]}},
            }
        )
    ),
    "source_that_is_no_name": with_file("codegen/host/src/default lib1.c", b"int x;"),
    "source_with_a_quote": with_file('codegen/host/src/a";b.c', b"int x;"),
    "header_that_is_another": with_file(
        "codegen/host/include/tvmgen_default.h", b"#error no\nstruct x { int y; };"
    ),
    "header_with_code_in_a_struct": with_file(
        "codegen/host/include/tvmgen_default.h",
        b"#ifndef A\n#define A\nstruct tvmgen_default_inputs {\n  int x[sizeof(int)];\n};\n"
        b"struct tvmgen_default_outputs {\n  void* y;\n};\n",
    ),
    "header_with_a_keyword": with_file(
        "codegen/host/include/tvmgen_default.h",
        b"#ifndef A\n#define A\nstruct tvmgen_default_inputs {\n  void* while;\n};\n"
        b"struct tvmgen_default_outputs {\n  void* y;\n};\n",
    ),
    "no_sources": lambda path: write_tar(
        path, {k: v for k, v in members(C7).items() if "/src/default" not in k}
    ),
}


#: C and Relay that a compiler would refuse, made to be slow to read
SLOW: dict[str, Make] = {
    "functions_that_never_end": with_file(_MEMBER, b"TVM_DLL int32_t f(\n" * 900_000),
    "bodies_that_never_end": with_file(_MEMBER, b"int32_t f(int a) {\n" * 900_000),
    "one_word": with_file(_MEMBER, b"a" * 20_000_000),
    "empty_lines": with_file(_MEMBER, b"\n" * 900_000),
    "empty_lines_in_a_struct": with_file(
        "codegen/host/include/tvmgen_default.h",
        b"#ifndef A\n#define A\nstruct tvmgen_default_inputs {\n" + b"\n" * 2_000_000 + b"};\n",
    ),
    "comments": with_file("src/default.relay", b"def @main(" + b"/*" * 5_000_000),
}


@pytest.mark.parametrize("name", SLOW)
def test_reading_is_linear(name: str, tmp_path: Path) -> None:
    path = tmp_path / "archive.tar"
    SLOW[name](path)
    read_archive_warm()
    start = time.process_time()
    with contextlib.suppress(GenFwError):
        gen_fw.generate([path], "host", tmp_path / "out", dry_run=True)
    assert time.process_time() - start < 3
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_at_once_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    path = tmp_path / "archive.tar"
    HOSTILE[name](path)
    before = {entry: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()}
    read_archive_warm()
    start = time.process_time()
    with pytest.raises(GenFwError) as caught:
        gen_fw.generate([path], "host", tmp_path / "out")
    assert time.process_time() - start < 1
    assert caught.value.exit_code in (ExitCode.MODEL, ExitCode.USAGE)
    assert len(str(caught.value)) < 1000
    assert {entry: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()} == before


def read_archive_warm() -> None:
    """Imports, which are not what is measured."""
    import gen_fw.candidates
    import gen_fw.pipeline
    import gen_fw.runtimes.mlf.lower

    assert gen_fw.pipeline and gen_fw.candidates and gen_fw.runtimes.mlf.lower


def test_hostile_folders(tmp_path: Path) -> None:
    good = write_folder(tmp_path / "good", members(C7))
    assert read_archive(good).version == 7
    linked = write_folder(tmp_path / "linked", members(C7))
    (linked / "codegen" / "host" / "src" / "x.c").symlink_to("/etc/passwd")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "lib0.c").write_text("int x;")
    entered = write_folder(tmp_path / "entered", {"metadata.json": members(C7)["metadata.json"]})
    (entered / "codegen").symlink_to(outside)
    for folder in (linked, entered, outside):
        with pytest.raises(GenFwError):
            read_archive(folder)


def test_links_in_parts_that_are_not_read_are_no_matter_in_a_folder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model", members(C7))
    (folder / "runtime").symlink_to("/usr/include")
    assert read_archive(folder).modules[0].name == "default"


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_an_error_or_no_matter(seed: int, tmp_path: Path) -> None:
    """Random bytes, cuts and doublings: never another exception, never long."""
    rng = random.Random(seed)
    data = bytearray(container.pack(members(C7)))
    for _ in range(rng.randrange(1, 12)):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                data[at : at + rng.randrange(600)] = b""
            case 2:
                data[at:at] = data[at : at + rng.randrange(600)]
            case 3:
                data[at : at + 8] = rng.randbytes(8)
    path = tmp_path / "archive.tar"
    path.write_bytes(bytes(data))
    start = time.process_time()
    with contextlib.suppress(GenFwError):
        gen_fw.generate([path], "host", tmp_path / "out", dry_run=True)
    assert time.process_time() - start < 3
    assert not (tmp_path / "out").exists()


def test_packing_is_what_tar_makes_of_it(tmp_path: Path) -> None:
    """Our writer's tars are tars: the standard library reads them, long names included."""
    long = "src/" + "a" * 90 + "/" + "b" * 90 + ".relay"
    files = {**members(C7), long: b"x" * 513}
    with tarfile.open(fileobj=io.BytesIO(container.pack(files))) as tar:
        assert {m.name: tar.extractfile(m).read() for m in tar} == files  # type: ignore[union-attr]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_tar(form: int, tmp_path: Path) -> None:
    path = tmp_path / "model.tar"
    long = "src/" + "a" * 90 + "/" + "b" * 60 + ".relay"
    with tarfile.open(path, "w", format=form) as tar:
        for name, content in {**members(C7), long: b"x"}.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    files = container.read_files(path)
    assert files.raw == path.read_bytes()
    assert bytes(files.contents[long]) == b"x"
    assert {name: bytes(data) for name, data in files.contents.items()}.keys() > {"metadata.json"}


def test_a_packed_archive_and_a_folder_are_the_same(tmp_path: Path) -> None:
    files = members(C7)
    plain = read_archive(write_tar(tmp_path / "a.tar", files))
    packed = read_archive(write_tar(tmp_path / "b.tar.gz", files, mode="w:gz"))
    folder = read_archive(write_folder(tmp_path / "c", files))
    assert plain.modules[0].sources == packed.modules[0].sources == folder.modules[0].sources
    # what a project keeps of a folder is an archive, and reading that gives it again
    again = tmp_path / "d.tar"
    again.write_bytes(folder.raw)
    assert read_archive(again) == folder
