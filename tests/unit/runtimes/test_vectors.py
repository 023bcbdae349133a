# SPDX-License-Identifier: Apache-2.0
"""Test vector files: what is accepted, what is refused, and identical bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gen_fw.errors import UsageError
from gen_fw.program import Io, Program
from gen_fw.runtimes.golden import (
    load_golden,
    load_sample,
    make_golden,
    read_golden,
    seeded_inputs,
)

LOGITS = Io(0, "x", "int8", "int8_t", "i8", (1, 4), 4, 4, 0.5, -10)
ODDS = Io(0, "y", "float32", "float", "f32", (2,), 2, 8)


def program(*, stateful: bool = False, inputs: tuple[Io, ...] = (LOGITS,)) -> Program:
    return Program("p", "tflm", "reference", inputs, (ODDS,), (), stateful=stateful)


def save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


X = np.array([[-128, 0, 1, 127]], np.int8)
Y = np.array([0.25, -1.5], np.float32)


@pytest.mark.parametrize("prefix", ["", "tflm_"])
def test_a_golden_file(tmp_path: Path, prefix: str) -> None:
    arrays = {"in0": X, f"{prefix}out0": Y, "litert_out0": Y + 1}
    golden = load_golden(save(tmp_path / "g.npz", **arrays), program())
    assert golden.inputs == (X.tobytes(),)
    assert golden.outputs == (Y.tobytes(),)
    assert golden.run2_outputs == ()
    assert golden.origin == "golden file"


def test_the_second_run_counts_for_stateful_programs_only(tmp_path: Path) -> None:
    path = save(tmp_path / "g.npz", in0=X, out0=Y, run2_out0=Y * 2)
    assert load_golden(path, program()).run2_outputs == ()
    assert load_golden(path, program(stateful=True)).run2_outputs == ((Y * 2).tobytes(),)


def test_a_second_run_on_overwritten_inputs_is_ignored(tmp_path: Path) -> None:
    path = save(tmp_path / "g.npz", in0=X, out0=Y, tflm_run2_out0=Y * 2)
    assert load_golden(path, program(stateful=True)).run2_outputs == ()


def test_our_npz_is_readable_and_repeats() -> None:
    golden = make_golden(
        program(stateful=True), [X.tobytes()], [Y.tobytes()], [Y.tobytes()], origin="x"
    )
    with np.load(io.BytesIO(golden.npz), allow_pickle=False) as arrays:
        assert sorted(arrays) == ["in0", "out0", "run2_out0"]
        assert np.array_equal(arrays["in0"], X) and arrays["in0"].dtype == np.int8
        assert np.array_equal(arrays["out0"], Y) and arrays["out0"].dtype == np.float32
    again = read_golden(golden.npz, program(stateful=True), where="x", origin="x")
    assert again == golden


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"out0": Y}, "no array in0"),
        ({"in0": X}, "no array out0"),
        ({"in0": X, "in1": X, "out0": Y}, "2 in array"),
        ({"in0": X, "out0": Y, "out2": Y}, "out1 is missing"),
        ({"in0": X.astype(np.int16), "out0": Y}, "element type int16"),
        ({"in0": X.astype(np.float32), "out0": Y}, "element type float32"),
        ({"in0": X[:, :3], "out0": Y}, "shape [1, 3]"),
        ({"in0": X, "out0": Y.astype(np.float64)}, "element type float64"),
        ({"in0": np.array([{}], object), "out0": Y}, "no readable .npy"),
        ({"in0": np.zeros(400_000, np.int8), "out0": Y}, "far too large"),
    ],
)
def test_what_a_golden_file_may_not_have(
    tmp_path: Path, arrays: dict[str, np.ndarray], text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_golden(save(tmp_path / "g.npz", **arrays), program())
    assert text in str(caught.value)


def test_damaged_files(tmp_path: Path) -> None:
    good = save(tmp_path / "g.npz", in0=X, out0=Y).read_bytes()
    path = tmp_path / "bad.npz"
    contents = [b"", b"PK", b"\x93NUMPY", good[:-30], good[: len(good) // 2]]
    contents += [good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :] for at in range(0, 200, 3)]
    for content in contents:
        path.write_bytes(content)
        try:
            load_golden(path, program())
        except UsageError as error:
            assert error.what and str(path) in error.where
    with pytest.raises(UsageError, match="no such file"):
        load_golden(tmp_path / "absent.npz", program())
    with pytest.raises(UsageError, match="a folder"):
        load_golden(tmp_path, program())


def test_a_zip_bomb_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in0.npy", bytes(50_000_000))
    with pytest.raises(UsageError, match="far too large"):
        load_golden(path, program())


def test_samples(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    assert load_sample(tmp_path / "x.npy", program()) == (X.tobytes(),)
    assert load_sample(save(tmp_path / "x.npz", anything=X), program()) == (X.tobytes(),)
    np.save(tmp_path / "flat.npy", X[0])
    assert load_sample(tmp_path / "flat.npy", program()) == (X.tobytes(),)


def test_real_values_are_quantized(tmp_path: Path) -> None:
    """q = round(x / 0.5) - 10, half away from zero, clipped to int8."""
    np.save(tmp_path / "x.npy", np.array([[0.25, -0.25, 100.0, -1e30]], np.float64))
    expected = np.array([1 - 10, -1 - 10, 127, -128], np.int8)
    assert load_sample(tmp_path / "x.npy", program()) == (expected.tobytes(),)
    np.save(tmp_path / "x.npy", np.array([[np.nan, 0, 0, 0]], np.float32))
    with pytest.raises(UsageError, match="not finite"):
        load_sample(tmp_path / "x.npy", program())


def test_a_sample_for_two_inputs_needs_two_arrays(tmp_path: Path) -> None:
    two = program(inputs=(LOGITS, LOGITS))
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(UsageError, match="1 input"):
        load_sample(tmp_path / "x.npy", two)
    assert len(load_sample(save(tmp_path / "x.npz", in0=X, in1=X), two)) == 2


def test_seeded_inputs_match_recorded_ones(shared: Path) -> None:
    """The same draw as the recordings': default_rng(0), inputs in order."""
    io_ = Io(0, "x", "int8", "int8_t", "i8", (1, 49, 10, 1), 490, 490)
    recorded = np.load(shared / "models" / "mlperf_kws_ref_model.npz")["in0"]
    assert seeded_inputs(program(inputs=(io_,))) == (recorded.tobytes(),)
