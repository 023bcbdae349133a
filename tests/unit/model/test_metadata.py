# SPDX-License-Identifier: Apache-2.0
"""Labels inside models: the forms that are understood, and everything hostile reads as none."""

from __future__ import annotations

import io
import zipfile

from gen_fw.model.metadata import read_labels
from gen_fw.model.reader import read_model
from tflite_writer import edited, write


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _labels(appended: bytes, metadata: bytes | None = None) -> tuple[str, ...]:
    edits = {}
    if metadata is not None:
        edits = {
            "buffers": [{}, {"data": bytes(range(6))}, {"data": metadata}],
            "metadata": [{"name": b"TFLITE_METADATA", "buffer": 2}],
        }
    return read_labels(read_model(write(edited(edits)) + appended))


def _names(file: bytes, kind: int = 2) -> bytes:
    """ModelMetadata whose first output is labelled by ``file``."""
    files = [{"name": b"notes.txt", "type": 1}, {"name": file, "type": kind}]
    outputs = [{"associated_files": files}]
    return write(
        {"subgraph_metadata": [{"output_tensor_metadata": outputs}]}, "ModelMetadata", b"M001"
    )


TWO = {"a.txt": b"cat\ndog\n\n", "b_labels.txt": b"yes\r\nno\r\n"}


def test_the_metadata_entry_names_the_file() -> None:
    assert _labels(_zip(TWO), _names(b"a.txt")) == ("cat", "dog")
    assert _labels(_zip(TWO, zipfile.ZIP_STORED), _names(b"a.txt", kind=3)) == ("cat", "dog")


def test_without_the_entry_a_single_label_file_counts() -> None:
    assert _labels(_zip(TWO)) == ("yes", "no")
    assert _labels(_zip({**TWO, "labelmap.txt": b"x"})) == ()
    assert _labels(_zip(TWO), _names(b"absent.txt")) == ("yes", "no")
    assert _labels(_zip(TWO), b"\xff" * 64) == ("yes", "no")


def test_no_labels() -> None:
    assert _labels(b"") == ()
    assert _labels(_zip({"readme.txt": b"x"})) == ()


def test_text_is_made_printable() -> None:
    (first, second) = _labels(_zip({"labels.txt": b"a\x1b[31m\xff\nb" + b"c" * 1000}))
    assert first.isprintable() and first.startswith("a") and len(second) == 256


def test_bombs_and_damage_read_as_no_labels() -> None:
    good = _zip({"labels.txt": b"cat\n"})
    assert _labels(_zip({"labels.txt": bytes(64 << 20)})) == ()
    assert _labels(_zip({"labels.txt": b"x\n" * 20_000})) == ()
    assert _labels(_zip({f"labels{n}.txt": b"x" for n in range(200)})) == ()
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 0x41
        for label in _labels(bytes(damaged)):
            assert label.isprintable()
        _labels(good[:position])
    unnamed = good.replace(b"labels.txt", bytes(10))
    assert _labels(unnamed) == ()
