# SPDX-License-Identifier: Apache-2.0
"""Class labels: one a line, as UTF-8 text."""

from __future__ import annotations

import re
from pathlib import Path

from gen_fw.errors import UsageError
from gen_fw.files import read_regular

#: path of the labels inside a project, below ``gen/<name>/``
FILE = "labels.txt"
_MAX_BYTES = 1 << 20
#: control characters that no text has; white space is stripped or harmless
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a text file; blank lines at the end are ignored. Raises UsageError."""
    data = read_regular(path, _MAX_BYTES, what="label file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            "the label file is not UTF-8", where=str(path), why=str(error), hint="save it as UTF-8"
        ) from None
    if _CONTROL.search(text):
        raise UsageError(
            "the label file has control characters", where=str(path), hint="is it a text file?"
        )
    labels = tuple(line.strip() for line in text.rstrip().split("\n"))
    if labels == ("",):
        raise UsageError("the label file is empty", where=str(path))
    return labels


def labels_text(labels: tuple[str, ...]) -> bytes:
    """The content of the project's own label file."""
    return "".join(f"{label}\n" for label in labels).encode()
