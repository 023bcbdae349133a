# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every room's tests use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from sample_models import shared_root

# a busy machine is no failure: how long an example takes is not what these tests are about
settings.register_profile("gen-fw", deadline=None)
settings.load_profile("gen-fw")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real models; the test is skipped where it is absent."""
    root = shared_root()
    if root is None:
        pytest.skip("no folder of real models (set GEN_FW_SHARED)")
    return root
