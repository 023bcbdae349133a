# SPDX-License-Identifier: Apache-2.0
"""What doctor says about a checkout of neuralSPOT: each thing that is missing, by its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.run.doctor import diagnose
from gen_fw.run.neuralspot import rows

SUITE = "extern/AmbiqSuite/R4.5.0"
TFLM = "extern/tensorflow/helia_rt_v1_6_0"
FILES = (
    f"{SUITE}/CMSIS/AmbiqMicro/Include/apollo4p.h",
    f"{SUITE}/mcu/apollo4p/am_mcu_apollo.h",
    f"{SUITE}/boards/apollo4p_blue_kbr_evb/bsp/am_bsp.h",
    f"{SUITE}/lib/apollo4p/libam_hal.a",
    f"{SUITE}/lib/apollo4p/blue_kbr_evb/libam_bsp.a",
    "neuralspot/ns-core/src/apollo4p/gcc/startup_gcc.c",
    f"{TFLM}/tensorflow/lite/micro/micro_mutable_op_resolver.h",
    f"{TFLM}/lib/libtensorflow-microlite-cm4-gcc-release.a",
)
BOARD = load_board("apollo4p-blue-kbr")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for path in (*FILES, "make/neuralspot_config.mk"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.3.0"\n')
    return tmp_path


def missing(environment: dict[str, str]) -> list[tuple[str, str, str]]:
    """(what, found, how to get it) of what is not there."""
    found = rows(BOARD, environment)
    return [(row[0], row[3], row[5]) for row in found if not row[2]]


def test_a_complete_checkout_lacks_nothing(checkout: Path) -> None:
    assert missing({"NEURALSPOT_ROOT": str(checkout)}) == []
    assert len(list(rows(BOARD, {"NEURALSPOT_ROOT": str(checkout)}))) == 3 + len(FILES)


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_missing_is_named(checkout: Path, path: str) -> None:
    (checkout / path).unlink()
    ((what, found, install),) = missing({"NEURALSPOT_ROOT": str(checkout)})
    assert (what, found) == (Path(path).name, "missing")
    assert install.startswith(f"{checkout / path} is missing")
    if path.endswith(".h") and SUITE in path:
        (checkout / "beside").mkdir()
        (checkout / "beside" / what).touch()
        beside = {"NEURALSPOT_ROOT": str(checkout), "OVERLAY": str(checkout / "beside")}
        assert missing(beside) == []


def test_no_checkout_and_wrong_versions(checkout: Path, tmp_path: Path) -> None:
    ((what, found, install),) = missing({})
    assert what == "neuralSPOT (NEURALSPOT_ROOT)" and not found and "git clone" in install
    ((_, found, _),) = missing({"NEURALSPOT_ROOT": str(tmp_path / "nothing")})
    assert found == "make/neuralspot_config.mk is missing"
    root = {"NEURALSPOT_ROOT": str(checkout)}
    first, *others = missing({**root, "AS_VERSION": "R5.3.0"})
    assert first[0] == "AmbiqSuite R5.3.0 for apollo4p (AS_VERSION)"
    assert first[1] == "neuralSPOT has R4.5.0" and "R4.5.0, R4.4.1" in first[2]
    assert len(others) == 5
    assert [row[0] for row in missing({**root, "TF_VERSION": "tflm_nov_25"})] == [
        "micro_mutable_op_resolver.h",
        "libtensorflow-microlite-cm4-gcc-release.a",
    ]
    ((what, _, _),) = missing({**root, "MLPROFILE": "1"})
    assert what == "libtensorflow-microlite-cm4-gcc-release-with-logs.a"
    (checkout / "pyproject.toml").write_text('version = "1.2.9"\n')
    ((what, found, _),) = missing(root)
    assert (what, found) == ("neuralSPOT's version", "1.2.9")


def test_doctor_asks_for_the_board(checkout: Path) -> None:
    environment = {"NEURALSPOT_ROOT": str(checkout)}
    result = diagnose([BOARD], environment, progress=lambda _: None)
    assert {"make", "arm-none-eabi-gcc", "libam_hal.a"} <= {check.what for check in result.checks}
    (checkout / FILES[3]).unlink()
    result = diagnose([BOARD], environment, progress=lambda _: None)
    assert not result.ok and "libam_hal.a" in [check.what for check in result.missing]
