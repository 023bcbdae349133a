# SPDX-License-Identifier: Apache-2.0
"""Where an element of an image lies, in both layouts; words of ``filters.Window``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvm import tirx


def place(words: Mapping[str, Any], image: Any, y: Any, x: Any, c: Any) -> Any:
    """Index of an input element."""
    height, width, depth = words["height"], words["width"], words["depth"]
    if words.get("in_layout", "nhwc") == "nchw":
        return ((image * depth + c) * height + y) * width + x
    return ((image * height + y) * width + x) * depth + c


def inside(words: Mapping[str, Any], y: Any, x: Any) -> Any:
    """Whether a row and a column lie in the image."""
    return tirx.all(y >= 0, y < words["height"], x >= 0, x < words["width"])
