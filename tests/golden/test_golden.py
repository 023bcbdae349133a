# SPDX-License-Identifier: Apache-2.0
"""Rendered projects equal the golden directories; `make golden` renews them."""

from __future__ import annotations

import pytest
from golden_cases import CASES, files, kept


@pytest.mark.parametrize("case", CASES)
def test_golden_directory(case: str) -> None:
    rendered, stored = files(case), dict(kept(case))
    assert sorted(rendered) == sorted(stored)
    for path, content in rendered.items():
        assert content.decode() == stored[path].decode(), f"{case}/{path}: see `make golden`"
