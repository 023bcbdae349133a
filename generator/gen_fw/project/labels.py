# SPDX-License-Identifier: Apache-2.0
"""Class labels: one a line, as UTF-8 text."""

from __future__ import annotations

from pathlib import Path

from gen_fw.errors import UsageError

#: path of the labels inside a project, below ``gen/<name>/``
FILE = "labels.txt"
_MAX_BYTES = 1 << 20


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a text file; blank lines at the end are ignored. Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            "cannot read the labels", where=str(path), why=error.strerror or ""
        ) from None
    if len(data) > _MAX_BYTES:
        raise UsageError(
            "the label file is too large", where=str(path), why=f"over {_MAX_BYTES} bytes"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("the label file is not UTF-8", where=str(path), why=str(error)) from None
    labels = tuple(line.strip() for line in text.rstrip().splitlines())
    if not labels:
        raise UsageError("the label file is empty", where=str(path))
    return labels


def labels_text(labels: tuple[str, ...]) -> bytes:
    """The content of the project's own label file."""
    return "".join(f"{label}\n" for label in labels).encode()
