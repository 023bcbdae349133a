# SPDX-License-Identifier: Apache-2.0
"""Class labels inside a model, as TFLite Metadata stores them.

Slots and values: tflite-support, tensorflow_lite_support/metadata/metadata_schema.fbs.
"""

from __future__ import annotations

import io
import zipfile

import flatbuffers

_IDENTIFIER = b"M001"
_TENSOR_AXIS_LABELS = 2
_EPOCH = (1980, 1, 1, 0, 0, 0)


def _table(builder: flatbuffers.Builder, slots: int, slot: int, offset: int) -> int:
    """A table with one offset in ``slot``."""
    builder.StartObject(slots)
    builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, offset: int) -> int:
    """A vector of one table."""
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def label_metadata(file_name: str) -> bytes:
    """``ModelMetadata`` that says: ``file_name`` labels the last axis of the first output."""
    builder = flatbuffers.Builder(256)
    name = builder.CreateString(file_name)
    builder.StartObject(5)  # AssociatedFile: name, description, type, locale, version
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependInt8Slot(2, _TENSOR_AXIS_LABELS, 0)
    file = builder.EndObject()
    tensor = _table(builder, 7, 6, _vector(builder, file))  # TensorMetadata.associated_files
    subgraph = _table(builder, 9, 3, _vector(builder, tensor))  # output_tensor_metadata
    model = _table(builder, 8, 3, _vector(builder, subgraph))  # subgraph_metadata
    builder.Finish(model, file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def label_archive(file_name: str, labels: tuple[str, ...]) -> bytes:
    """The zip to append, one label a line; the same bytes on any day."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        text = "".join(f"{label}\n" for label in labels)
        archive.writestr(zipfile.ZipInfo(file_name, _EPOCH), text)
    return target.getvalue()
