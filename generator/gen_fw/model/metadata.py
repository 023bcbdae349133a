# SPDX-License-Identifier: Apache-2.0
"""Class labels stored inside a model, best effort.

Understood is TFLite Metadata, as tflite-support and MediaPipe write it: a zip archive appended to
the FlatBuffer holds text files with one label per line, and the metadata entry ``TFLITE_METADATA``
(a FlatBuffer of its own) says which of them annotates an output. Without that entry, a single
``*label*.txt`` in the zip counts. Nothing here is trusted: whatever is damaged, large or odd means
"no labels", never an error.
"""

from __future__ import annotations

import io

from gen_fw.errors import ModelError
from gen_fw.model.flatbuffer import Table, decode
from gen_fw.model.types import Model, display

_ENTRY = b"TFLITE_METADATA"
_IDENTIFIER = b"M001"
#: AssociatedFileType
_AXIS_LABELS, _VALUE_LABELS = 2, 3

_END = b"PK\x05\x06"
_END_BYTES = 22
_LOCATOR = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_MAX_COMMENT = 1 << 16
_MAX_MEMBERS = 64
_MAX_DIRECTORY = 1 << 16
_MAX_TEXT = 1 << 20
_MAX_LABELS = 10_000
_MAX_LABEL = 256


def read_labels(model: Model) -> tuple[str, ...]:
    """The labels of the first output that has any, as printable text; empty when there are none.

    Reads at most 1 MiB of at most 64 zip members and returns at most 10 000 labels of 256
    characters each.
    """
    if not _has_small_zip(model.raw):
        return ()
    text = _member(model.raw, _named(model))
    lines = text.decode("utf-8", errors="replace").splitlines()
    labels = [display(line.strip().encode())[:_MAX_LABEL] for line in lines]
    while labels and not labels[-1]:
        labels.pop()
    return tuple(labels) if len(labels) <= _MAX_LABELS else ()


def _named(model: Model) -> str:
    """Name of the label file, by the metadata entry; "" when it does not say."""
    for entry in model.metadata:
        data = model.buffers[entry.buffer].data
        if entry.name != _ENTRY or bytes(data[4:8]) != _IDENTIFIER:
            continue
        try:
            root = decode(data, "ModelMetadata")
        except ModelError:
            return ""
        for subgraph in root.tables("subgraph_metadata")[:1]:
            for owner in (*subgraph.tables("output_tensor_metadata"), subgraph, root):
                name = _label_file(owner)
                if name:
                    return name
    return ""


def _label_file(owner: Table) -> str:
    for file in owner.tables("associated_files"):
        if file.integer("type") in (_AXIS_LABELS, _VALUE_LABELS):
            return file.string("name").decode("utf-8", errors="replace")
    return ""


def _has_small_zip(raw: memoryview) -> bool:
    """Whether a zip with a small central directory ends the file."""
    tail = bytes(raw[-_MAX_COMMENT - _END_BYTES :])
    position = tail.rfind(_END)
    if position < 0 or position + _END_BYTES > len(tail):
        return False
    if tail[position - _LOCATOR_BYTES : position].startswith(_LOCATOR):
        return False  # zip64: its sizes are elsewhere, and no label file needs it
    record = tail[position : position + _END_BYTES]
    members = int.from_bytes(record[10:12], "little")
    size = int.from_bytes(record[12:16], "little")
    return members <= _MAX_MEMBERS and size <= _MAX_DIRECTORY


def _member(raw: memoryview, name: str) -> bytes:
    """Content of the label file in the appended zip; empty when there is none or it is odd."""
    import zipfile

    content = raw.obj if isinstance(raw.obj, bytes) else bytes(raw)  # BytesIO shares bytes
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = archive.infolist()
            wanted = [info for info in files if name and info.filename == name] or [
                info
                for info in files
                if "label" in info.filename.lower() and info.filename.lower().endswith(".txt")
            ]
            if len(wanted) != 1 or wanted[0].compress_type not in (
                zipfile.ZIP_STORED,
                zipfile.ZIP_DEFLATED,
            ):
                return b""
            with archive.open(wanted[0]) as member:
                text = member.read(_MAX_TEXT + 1)
            return text if len(text) <= _MAX_TEXT else b""
    except Exception:
        # zipfile answers damage with nearly any exception (BadZipFile, zlib.error, struct.error,
        # NotImplementedError, IndexError, ...); every one of them means that there are no labels
        return b""
