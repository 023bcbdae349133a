# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests against real vendor trees (`make test-sdk`)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# the modules beside this file, whatever pytest's import mode
sys.path.insert(0, str(Path(__file__).parent))

from sdk_idf import Idf, idf, stand_in_toolchains
from sdk_trees import Tree, esp_idf, esp_nn, esp_tflite_micro


@pytest.fixture(scope="session")
def esp_idf_tree() -> Idf:
    """ESP-IDF from IDF_PATH, with its Python."""
    return idf(esp_idf())


@pytest.fixture(scope="session")
def tflm_tree() -> Tree:
    """The component esp-tflite-micro from ESP_TFLITE_MICRO_ROOT."""
    return esp_tflite_micro()


@pytest.fixture(scope="session")
def esp_nn_tree() -> Tree:
    """The component esp-nn from ESP_NN_ROOT."""
    return esp_nn()


@pytest.fixture(scope="session")
def toolchains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-in cross compilers, enough for CMake to configure."""
    return stand_in_toolchains(tmp_path_factory.mktemp("stand-in"))
