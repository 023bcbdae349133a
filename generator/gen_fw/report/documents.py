# SPDX-License-Identifier: Apache-2.0
"""Parts that several JSON documents have."""

from __future__ import annotations

from typing import Any

from gen_fw.errors import Diagnostic
from gen_fw.program import Io


def io_document(tensor: Io) -> dict[str, Any]:
    """One input or output."""
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def diagnostic_document(diagnostic: Diagnostic) -> dict[str, str]:
    return {
        "what": diagnostic.what,
        "where": diagnostic.where,
        "why": diagnostic.why,
        "hint": diagnostic.hint,
    }
