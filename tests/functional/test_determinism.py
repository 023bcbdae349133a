# SPDX-License-Identifier: Apache-2.0
"""Same inputs, same bytes: in another folder, on another day, in another locale, by another
hash seed, and from the project's own folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples" / "models"


def run(out: Path, *arguments: object, prefix: tuple[str, ...] = (), **environment: str) -> None:
    subprocess.run(
        [*prefix, sys.executable, "-m", "gen_fw", *map(str, arguments), "-o", str(out), "-q"],
        check=True,
        capture_output=True,
        timeout=120,
        cwd=out.parent,
        env={**os.environ, **environment},
    )


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_bytes_do_not_depend_on_place_day_locale_or_seed(tmp_path: Path) -> None:
    request = (
        MODELS / "chirps_int8.tflite",
        MODELS / "sine_int8.tflite",
        "--board=esp32-s3-box-3",
        f"--golden={MODELS / 'chirps_int8_golden.npz'}",
        f"--golden={MODELS / 'sine_int8_golden.npz'}",
        f"--labels=chirps_int8={MODELS / 'chirps_labels.txt'}",
        "--ci=github",
    )
    first = tmp_path / "here" / "one"
    second = tmp_path / "a much longer path with spaces" / "two"
    first.parent.mkdir()
    second.parent.mkdir()
    run(first, *request, PYTHONHASHSEED="1", LC_ALL="C", TZ="UTC")
    fake = shutil.which("faketime")
    run(
        second,
        *request,
        prefix=(fake, "2031-03-04 05:06:07") if fake else (),
        PYTHONHASHSEED="77",
        LC_ALL="C.UTF-8",
        LANG="tr_TR.UTF-8",
        TZ="Asia/Kathmandu",
        USER="somebody",
        HOME=str(tmp_path),
    )
    one, two = content(first), content(second)
    assert one.keys() == two.keys()
    assert [path for path in one if one[path] != two[path]] == []
    private = [str(tmp_path), "somebody", str(Path.home()), "2031"]
    for path, data in one.items():
        if not path.endswith((".tflite", ".npz")):
            assert not [word for word in private if word.encode() in data], path

    # from the folder alone, with everything it stores
    run(second)
    assert content(second) == two


def test_a_sample_gives_the_same_vectors_twice(tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro", reason="the extra `reference` is not installed")
    for name in ("one", "two"):
        run(
            tmp_path / name,
            MODELS / "digits_int8.tflite",
            "--board=esp32c3",
            f"--sample={MODELS / 'digits_int8_sample.npz'}",
        )
    one, two = content(tmp_path / "one"), content(tmp_path / "two")
    assert one == two
    assert "gen/digits_int8/golden.npz" in one
