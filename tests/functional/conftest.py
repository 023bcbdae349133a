# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite Micro on the host, from packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from host_firmware import Tflm

GEMMLOWP = Path("/usr/include/gemmlowp")


@pytest.fixture(scope="session")
def xmos_tflm(tmp_path_factory: pytest.TempPathFactory) -> Tflm:
    """Headers and interpreter library of the xmos-ai-tools wheel, an optional extra whose licence
    lets us use it but not pass it on. It lacks signal operators, and crashes on LSTM, SVDF and
    resource variables: those models run in tests/sdk."""
    found = importlib.util.find_spec("xmos_ai_tools")
    if found is None or not found.submodule_search_locations:
        pytest.skip("extra xmos is not installed (headers and library of TFLM)")
    if not GEMMLOWP.is_dir():
        pytest.skip("libgemmlowp-dev is not installed")
    package = Path(found.submodule_search_locations[0])
    work = tmp_path_factory.mktemp("xmos_tflm")
    # the library wants to be found by its soname
    library = work / "xtflm_python.so.1.0.1"
    library.symlink_to(package / "xinterpreters" / "libs" / "linux" / "xtflm_python.so")
    headers = package / "runtime" / "include"
    return Tflm(
        flags=(
            "-Dtflite=tflite_micro",
            # a library with other structures than microcontrollers have
            "-DGEN_FW_SKIP_ABI_CHECK",
            *("-isystem", str(headers), "-isystem", str(GEMMLOWP)),
        ),
        libraries=(str(library), f"-Wl,-rpath,{work}"),
        work=work,
    )
